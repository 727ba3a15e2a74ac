import { describe, expect, it } from 'vitest';
import { matchChange, type Reported } from '../../src/domain/matching.ts';
import type { BelongsTo } from '../../src/domain/relations.ts';
import type { Trigger } from '../../src/domain/resources.ts';
import { BUILT_IN_RULES } from '../../src/domain/rules.ts';
import { graph, type Listener, listener, listening, ref, text } from './worlds.ts';

const change = (of: string, ...triggers: ReadonlyArray<Trigger>): Reported => ({ ref: ref(of), triggers });

/** Who is told, through what: `{ webhook: ['event:1', …] }`. */
const told = (
  reported: Reported,
  belongsTo: BelongsTo,
  ...listeners: ReadonlyArray<Listener>
): Readonly<Record<string, ReadonlyArray<string>>> =>
  Object.fromEntries(
    matchChange(BUILT_IN_RULES, reported, belongsTo, listening(...listeners)).map(
      ({ subscriber, matched }) => [subscriber.webhook, matched.map(({ ref }) => text(ref))],
    ),
  );

/** The ways by which webhook `w` was reached. */
const paths = (
  reported: Reported,
  belongsTo: BelongsTo,
  on: Listener,
): ReadonlyArray<ReadonlyArray<string>> =>
  matchChange(BUILT_IN_RULES, reported, belongsTo, listening(on)).flatMap(({ matched }) =>
    matched.map(({ path }) => path.map(text)),
  );

describe('direct matches', () => {
  it('a webhook without an identifier hears of every resource of its type', () => {
    expect(told(change('event:1', 'update'), graph(), listener('w', 'event:', 'update'))).toEqual({
      w: ['event:1'],
    });
  });

  it('a webhook with an identifier hears of that resource alone', () => {
    const on = listener('w', 'event:1', 'update');
    expect(told(change('event:1', 'update'), graph(), on)).toEqual({ w: ['event:1'] });
    expect(told(change('event:10', 'update'), graph(), on)).toEqual({});
  });

  it('the path of a direct match is the origin alone', () => {
    expect(paths(change('event:1', 'update'), graph(), listener('w', 'event:', 'update'))).toEqual([
      ['event:1'],
    ]);
  });

  it('another trigger of the same resource is not heard of', () => {
    expect(told(change('event:1', 'update'), graph(), listener('w', 'event:', 'delete'))).toEqual({});
  });

  it('the same identifier under another type is another resource', () => {
    expect(told(change('event:1', 'update'), graph(), listener('w', 'ticket:1', 'update'))).toEqual({});
  });

  it('identifiers are compared as they are: no case, no trimming, no prefixes', () => {
    const on = ['event:a', 'event:A ', 'event:A:1', 'event:'].map((name) =>
      listener(`<${name}>`, name, 'update'),
    );
    expect(told(change('event:A', 'update'), graph(), ...on)).toEqual({ '<event:>': ['event:A'] });
  });
});

describe('propagation', () => {
  const orderOfTicket = graph('order:1 -> ticket:7', 'ticket:7 -> event:3');

  it('reaches what the origin belongs to over several relations', () => {
    expect(paths(change('order:1', 'scan'), orderOfTicket, listener('w', 'event:', 'scan'))).toEqual([
      ['order:1', 'ticket:7', 'event:3'],
    ]);
  });

  it('passes through resources of types that the rule does not name', () => {
    const belongsTo = graph('order:1 -> scanner:2', 'scanner:2 -> shop:4', 'shop:4 -> event:3');
    expect(told(change('order:1', 'create'), belongsTo, listener('w', 'event:', 'create'))).toEqual({
      w: ['event:3'],
    });
  });

  it('an identifier is then that of the reached resource', () => {
    const reported = change('order:1', 'scan');
    expect(told(reported, orderOfTicket, listener('w', 'ticket:7', 'scan'))).toEqual({ w: ['ticket:7'] });
    expect(told(reported, orderOfTicket, listener('w', 'ticket:8', 'scan'))).toEqual({});
    expect(told(reported, orderOfTicket, listener('w', 'ticket:1', 'scan'))).toEqual({});
  });

  it('is switched off by triggered_by_child_resources', () => {
    const off = { triggeredByChildResources: false };
    const reported = change('order:1', 'scan');
    expect(told(reported, orderOfTicket, listener('w', 'ticket:', 'scan', off))).toEqual({});
    expect(told(reported, orderOfTicket, listener('w', 'ticket:7', 'scan', off))).toEqual({});
    expect(told(reported, orderOfTicket, listener('w', 'order:', 'scan', off))).toEqual({ w: ['order:1'] });
  });

  it('goes from child to parent only', () => {
    expect(
      told(change('ticket:7', 'update'), graph('event:3 -> ticket:7'), listener('w', 'event:', 'update')),
    ).toEqual({});
  });

  it('a propagated trigger does not propagate again', () => {
    // The order reaches the shop on no trigger; a paid shop would reach the event, which the order does not belong to.
    const rules = {
      direct: [],
      propagation: [
        { origin: 'order', trigger: 'paid', reaches: ['shop'], source: 'operator' },
        { origin: 'shop', trigger: 'paid', reaches: ['event'], source: 'operator' },
      ],
      reissueScanned: false,
    } as const;
    const belongsTo = graph('order:1 -> shop:2', 'shop:2 -> event:3');
    const on = listening(listener('shop', 'shop:', 'paid'), listener('event', 'event:', 'paid'));
    const matches = matchChange(rules, change('order:1', 'paid'), belongsTo, on);
    expect(matches.map(({ subscriber }) => subscriber.webhook)).toEqual(['shop']);
  });

  it("an order's update reaches nobody but webhooks on orders, whatever its ticket's update would reach", () => {
    const on = ['order:', 'ticket:', 'event:'].map((name) => listener(name, name, 'update'));
    expect(told(change('order:1', 'update'), orderOfTicket, ...on)).toEqual({ 'order:': ['order:1'] });
  });
});

describe('one match per webhook', () => {
  it('a diamond reaches its far corner once, by a shortest path', () => {
    const diamond = graph(
      'order:1 -> ticket:b',
      'order:1 -> ticket:a',
      'ticket:a -> event:3',
      'ticket:b -> event:3',
      'ticket:b -> shop:0',
      'shop:0 -> event:3',
    );
    expect(paths(change('order:1', 'scan'), diamond, listener('w', 'event:', 'scan'))).toEqual([
      ['order:1', 'ticket:a', 'event:3'],
    ]);
  });

  it('a direct relation is preferred to a way round', () => {
    const both = graph('order:1 -> ticket:a', 'ticket:a -> event:3', 'order:1 -> event:3');
    expect(paths(change('order:1', 'scan'), both, listener('w', 'event:3', 'scan'))).toEqual([
      ['order:1', 'event:3'],
    ]);
  });

  it('several matched resources come nearest first, then by identifier in code unit order', () => {
    const belongsTo = graph(
      'order:1 -> ticket:b',
      'order:1 -> ticket:10',
      'order:1 -> ticket:9',
      'order:1 -> ticket:B',
      'order:1 -> ticket:\uff5e',
      'order:1 -> ticket:\u{1f3ab}',
      'order:1 -> ticket:é',
      'order:1 -> ticket:z',
      'ticket:b -> ticket:0',
    );
    expect(told(change('order:1', 'paid'), belongsTo, listener('w', 'ticket:', 'paid'))).toEqual({
      // A surrogate pair (d83c …) stands before ff5e, though its code point is greater.
      w: [
        ...[
          'ticket:10',
          'ticket:9',
          'ticket:B',
          'ticket:b',
          'ticket:z',
          'ticket:é',
          'ticket:\u{1f3ab}',
          'ticket:\uff5e',
        ],
        'ticket:0',
      ],
    });
  });

  it('a webhook with an identifier is matched through that resource alone', () => {
    const belongsTo = graph('order:1 -> ticket:a', 'order:1 -> ticket:b');
    expect(told(change('order:1', 'paid'), belongsTo, listener('w', 'ticket:b', 'paid'))).toEqual({
      w: ['ticket:b'],
    });
  });
});

describe('cycles', () => {
  it('a resource that belongs to itself ends, and is matched directly once', () => {
    const belongsTo = graph('event:1 -> event:1');
    expect(told(change('event:1', 'update'), belongsTo, listener('w', 'event:', 'update'))).toEqual({
      w: ['event:1'],
    });
  });

  it('a cycle through the origin ends; the origin does not reach itself', () => {
    const belongsTo = graph(
      'ticket:1 -> event:2',
      'event:2 -> ticket:1',
      'event:2 -> event:3',
      'event:3 -> event:2',
    );
    const on = [listener('event', 'event:', 'update'), listener('ticket', 'ticket:', 'update')];
    expect(told(change('ticket:1', 'update'), belongsTo, ...on)).toEqual({
      event: ['event:2', 'event:3'],
      ticket: ['ticket:1'],
    });
  });

  it('a long chain that closes on itself is walked once', () => {
    const length = 2_000;
    const ring = Array.from({ length }, (_, at) => `shop:${at} -> shop:${(at + 1) % length}`);
    const belongsTo = graph(...ring, `shop:${length - 1} -> event:x`);
    const [path = []] = paths(change('shop:0', 'paid'), belongsTo, listener('w', 'event:x', 'paid'));
    expect(path).toHaveLength(length + 1);
  });
});

describe('a change with two triggers', () => {
  const belongsTo = graph('order:1 -> ticket:7', 'order:1 -> event:3');

  it('an order sold is created and paid: each webhook hears of its own trigger', () => {
    const on = ['order:', 'ticket:', 'event:'].flatMap((name) =>
      (['create', 'paid', 'scan'] as const).map((trigger) => listener(`${name}${trigger}`, name, trigger)),
    );
    const matches = matchChange(
      BUILT_IN_RULES,
      change('order:1', 'create', 'paid'),
      belongsTo,
      listening(...on),
    );
    expect(
      matches.map(({ subscriber, trigger, matched }) => [subscriber.webhook, trigger, matched.length]),
    ).toEqual([
      ['event:create', 'create', 1],
      ['event:paid', 'paid', 1],
      ['order:create', 'create', 1],
      ['order:paid', 'paid', 1],
      ['ticket:paid', 'paid', 1],
    ]);
  });

  it('the relation trigger that an update brings along reaches webhooks on that resource only', () => {
    const on = [
      listener('event relation', 'event:', 'relation'),
      listener('event update', 'event:', 'update'),
      listener('ticket relation', 'ticket:', 'relation'),
    ];
    expect(told(change('ticket:7', 'update', 'relation'), graph('ticket:7 -> event:3'), ...on)).toEqual({
      'event update': ['event:3'],
      'ticket relation': ['ticket:7'],
    });
  });
});
