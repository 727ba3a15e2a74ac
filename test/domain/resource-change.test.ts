import { isRight } from 'fp-ts/lib/Either.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import {
  belongsTo,
  decideResource,
  evolveResource,
  initialResource,
  ORDER_LIFE,
  relationsOfOrder,
  type ReportChange,
  type ResourceChange,
  type ResourceState,
} from '../../src/domain/resource-change.ts';
import { type Resource, RESOURCES, TRIGGERS } from '../../src/domain/resources.ts';
import { fold, frozen, specificationOf } from '../support/decider-spec.ts';
import { ref, text } from './worlds.ts';

const decider = { initial: initialResource, evolve: evolveResource, decide: decideResource };
const { given } = specificationOf(decider);

const report = (
  of: string,
  triggers: ReportChange['triggers'],
  more: Partial<ReportChange> = {},
): ReportChange => ({
  type: 'ReportChange',
  companyId: 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48',
  ...ref(of),
  changeType: `${of}.${triggers.join()}`,
  eventType: 'ResourceChanged',
  triggers,
  source: 'https://tickets.example',
  id: '1',
  fingerprint: 'f',
  occurredAtMs: 500,
  data: { name: 'N' },
  declared: undefined,
  atMs: 1_000,
  ...more,
});

/** The one event that a report becomes. */
const changed = (state: ResourceState, command: ReportChange): ResourceChange => {
  const decision = decideResource(state, frozen(command));
  const [event, ...more] = isRight(decision) ? decision.right : [];
  if (event === undefined || more.length > 0) throw new Error('a report is one event');
  return frozen(event);
};

const after = (...commands: ReadonlyArray<ReportChange>): ResourceState =>
  commands.reduce<ResourceState>(
    (state, command) => evolveResource(state, changed(state, command)),
    initialResource,
  );

/** What fires on the last of these reports. */
const fired = (...commands: ReadonlyArray<ReportChange>): ReadonlyArray<string> => {
  const state = after(...commands);
  return state.situation === 'known' ? state.lastChange.triggers : [];
};

const edges = (...commands: ReadonlyArray<ReportChange>): ReadonlyArray<string> => {
  const state = after(...commands);
  return state.situation === 'known' ? belongsTo(state.relations).map(text) : [];
};

const declared = (...of: ReadonlyArray<string>) => ({ declared: of.map(ref) });

const orderData = (event: Json, ...ticketTypes: ReadonlyArray<Json>): Json => ({
  id: 37228036,
  event: { id: event, name: 'Test API Event' },
  tickets: {
    items: ticketTypes.map((id) => ({ id: 29734124, barcode: 'F2D7', ticketType: { id, name: 'free' } })),
  },
});

describe('a report', () => {
  it('becomes one event that holds all of it', () => {
    given()
      .when(report('shop:1', ['update'], declared('event:3')))
      .decides({
        type: 'ResourceChanged',
        companyId: 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48',
        resource: 'shop',
        identifier: '1',
        changeType: 'shop:1.update',
        triggers: ['update'],
        source: 'https://tickets.example',
        id: '1',
        fingerprint: 'f',
        occurredAtMs: 500,
        data: { name: 'N' },
        relations: { declared: [ref('event:3')], derived: [] },
        atMs: 1_000,
      });
  });

  it('is never refused, in whatever state and order reports come', () => {
    const command = fc.record({
      of: fc.constantFrom(...RESOURCES.map((resource) => `${resource}:1`)),
      triggers: fc.subarray([...TRIGGERS], { minLength: 1 }),
      data: fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
    });
    fc.assert(
      fc.property(fc.array(command), (reports) => {
        const commands = reports.map(({ of, triggers, data }) => report(of, triggers, { data }));
        const state = after(...commands);
        expect(state.situation).toBe(commands.length === 0 ? 'unseen' : 'known');
        if (state.situation === 'known') expect(state.lastChange.data).toEqual(commands.at(-1)?.data);
      }),
    );
  });

  it('of a life not known before, a refund without a sale, is kept as it was reported', () => {
    const refund = changed(
      initialResource,
      report('order:1', ['update'], { eventType: 'TicketsRefunded', changeType: 'order.refunded' }),
    );
    expect(refund).toMatchObject({
      type: 'TicketsRefunded',
      changeType: 'order.refunded',
      triggers: ['update'],
    });
  });
});

describe('the life of an order', () => {
  it('sold is created and paid, refunded and reissued are updates, cancelled is deleted, scanned is scanned', () => {
    expect(ORDER_LIFE).toEqual({
      'order.sold': { event: 'OrderSold', triggers: ['create', 'paid'] },
      'order.refunded': { event: 'TicketsRefunded', triggers: ['update'] },
      'order.reissued': { event: 'TicketsReissued', triggers: ['update'] },
      'order.cancelled': { event: 'OrderCancelled', triggers: ['delete'] },
      'order.scanned': { event: 'TicketsScanned', triggers: ['scan'] },
    });
  });
});

describe('declared relations', () => {
  it('stay when a change says nothing of them', () => {
    expect(
      edges(report('ticket:7', ['create'], declared('event:3')), report('ticket:7', ['update'])),
    ).toEqual(['event:3']);
  });

  it('are replaced as a whole when it does, by none at all too', () => {
    const before = report('ticket:7', ['create'], declared('event:3', 'shop:1'));
    expect(edges(before, report('ticket:7', ['update'], declared('event:4')))).toEqual(['event:4']);
    expect(edges(before, report('ticket:7', ['update'], declared()))).toEqual([]);
  });

  it('stay when the resource is deleted', () => {
    expect(
      edges(report('ticket:7', ['create'], declared('event:3')), report('ticket:7', ['delete'])),
    ).toEqual(['event:3']);
  });

  it('named twice are one', () => {
    expect(edges(report('ticket:7', ['create'], declared('event:3', 'shop:3', 'event:3')))).toEqual([
      'event:3',
      'shop:3',
    ]);
  });
});

describe('relations from the data of an order', () => {
  it('are its event and its ticket types, each once, numbers as text', () => {
    expect(relationsOfOrder(orderData(132218, 360875, '360876', 360875, 'vip'))).toEqual(
      ['event:132218', 'ticket:360875', 'ticket:360876', 'ticket:vip'].map(ref),
    );
  });

  it('a number and the same as text are one resource', () => {
    expect(relationsOfOrder(orderData('1', 360875, '360875'))).toEqual([
      ref('event:1'),
      ref('ticket:360875'),
    ]);
  });

  it.each([
    ['nothing', {}],
    ['no object', [1, 'text']],
    ['null', null],
    ['an event without an id', { event: { name: 'N' } }],
    ['an event with an empty id', { event: { id: '' } }],
    [
      'an id of another type',
      { event: { id: { id: 1 } }, tickets: { items: [{ ticketType: { id: true } }] } },
    ],
    ['tickets without types', { tickets: { items: [{ id: 1 }, null, 'x'] } }],
    ['tickets that are no list', { tickets: { items: { ticketType: { id: 1 } } } }],
    ['the event of a prototype', JSON.parse('{"__proto__":{"event":{"id":1}}}') as Json],
  ])('data with %s names none', (_what, data: Json) => {
    expect(relationsOfOrder(data)).toBeUndefined();
  });

  it('stay when a change does not carry them, and are replaced when it does', () => {
    const sold = report('order:1', ['create', 'paid'], { data: orderData(3, 7, 8) });
    expect(edges(sold, report('order:1', ['scan'], { data: { gate: 'B' } }))).toEqual([
      'event:3',
      'ticket:7',
      'ticket:8',
    ]);
    expect(edges(sold, report('order:1', ['update'], { data: orderData(3, 9) }))).toEqual([
      'event:3',
      'ticket:9',
    ]);
  });

  it('and declared ones are two sets, each replaced only when carried; the order belongs to their union', () => {
    const sold = report('order:1', ['create', 'paid'], {
      data: orderData(3, 7),
      ...declared('shop:1', 'event:3'),
    });
    const union = ['shop:1', 'event:3', 'ticket:7'];
    expect(edges(sold)).toEqual(union);
    expect(edges(sold, report('order:1', ['update'], declared('shop:2')))).toEqual([
      'shop:2',
      'event:3',
      'ticket:7',
    ]);
    expect(edges(sold, report('order:1', ['update'], { data: orderData(4) }))).toEqual([
      'shop:1',
      'event:3',
      'event:4',
    ]);
    expect(edges(sold, report('order:1', ['delete']))).toEqual(union);
    expect(edges(sold, report('order:1', ['update'], declared()))).toEqual(['event:3', 'ticket:7']);
  });

  it.each(RESOURCES.filter((resource) => resource !== 'order'))(
    'are not taken from the data of a %s',
    (resource) => {
      expect(edges(report(`${resource}:1`, ['update'], { data: orderData(3, 7) }))).toEqual([]);
    },
  );
});

describe('the relation trigger', () => {
  const firing: ReadonlyArray<Resource> = ['event', 'ticket', 'product'];

  it.each(firing)('fires too when the first relations of a %s are reported', (resource) => {
    expect(fired(report(`${resource}:1`, ['create'], declared('event:3')))).toEqual(['create', 'relation']);
  });

  it.each(firing)(
    'fires too when what a %s belongs to is altered: other, more, fewer or none',
    (resource) => {
      const before = report(`${resource}:1`, ['create'], declared('event:3', 'shop:1'));
      for (const relations of [['event:3', 'shop:2'], ['event:3', 'shop:1', 'shop:2'], ['event:3'], []]) {
        expect(fired(before, report(`${resource}:1`, ['update'], declared(...relations)))).toEqual([
          'update',
          'relation',
        ]);
      }
    },
  );

  it('tells two resources of the same identifier apart', () => {
    const before = report('ticket:1', ['create'], declared('event:3'));
    expect(fired(before, report('ticket:1', ['update'], declared('shop:3')))).toEqual(['update', 'relation']);
  });

  it('does not fire when they stay as they are: not carried, the same, or the same in another order', () => {
    const before = report('ticket:1', ['create'], declared('event:3', 'shop:3'));
    expect(fired(before, report('ticket:1', ['update']))).toEqual(['update']);
    expect(fired(before, report('ticket:1', ['update'], declared('event:3', 'shop:3')))).toEqual(['update']);
    expect(fired(before, report('ticket:1', ['update'], declared('shop:3', 'event:3', 'shop:3')))).toEqual([
      'update',
    ]);
  });

  it('does not fire for a resource that belongs to nothing and says so', () => {
    expect(fired(report('ticket:1', ['create'], declared()))).toEqual(['create']);
    expect(fired(report('ticket:1', ['create']))).toEqual(['create']);
  });

  it('fires once when it was the change itself', () => {
    expect(fired(report('ticket:1', ['relation'], declared('event:3')))).toEqual(['relation']);
    expect(fired(report('ticket:1', ['relation']))).toEqual(['relation']);
  });

  it('compares with what was in force, however long ago it was said', () => {
    const before = [report('ticket:1', ['create'], declared('event:3')), report('ticket:1', ['update'])];
    expect(fired(...before, report('ticket:1', ['reorder'], declared('event:3')))).toEqual(['reorder']);
    expect(fired(...before, report('ticket:1', ['delete'], declared('event:4')))).toEqual([
      'delete',
      'relation',
    ]);
  });

  it.each(['shop', 'order', 'scanner'] as const)('never fires for a %s', (resource) => {
    const before = report(`${resource}:1`, ['update'], { ...declared('event:3'), data: orderData(3, 7) });
    expect(fired(before)).toEqual(['update']);
    expect(fired(before, report(`${resource}:1`, ['update'], declared('event:4')))).toEqual(['update']);
  });
});

it('the newest event alone tells the state', () => {
  const of = fc.subarray(['event:3', 'event:4', 'shop:1']).map((refs) => declared(...refs));
  const command = fc
    .tuple(
      fc.constantFrom('create', 'update', 'delete', 'relation'),
      fc.option(of, { nil: {} }),
      fc.boolean(),
    )
    .map(([trigger, more, data]) =>
      report('order:1', [trigger as 'create'], { ...more, data: data ? orderData(3, 7) : null }),
    );
  fc.assert(
    fc.property(fc.array(command, { minLength: 1, maxLength: 8 }), (commands) => {
      const state = after(...commands);
      if (state.situation !== 'known') throw new Error('unseen after a report');
      expect(fold(decider, [state.lastChange])).toEqual(state);
    }),
  );
});

it('the same report again alters nothing that the first one settled, and fires no relation of its own', () => {
  const of = fc.subarray(['event:3', 'event:4', 'shop:1']).map((refs) => declared(...refs));
  const resource = fc.constantFrom(...RESOURCES);
  fc.assert(
    fc.property(resource, of, of, fc.boolean(), (name, first, second, data) => {
      const again = report(`${name}:1`, ['update'], { ...second, data: data ? orderData(3, 7) : null });
      const commands = [report(`${name}:1`, ['create'], first), again];
      expect(edges(...commands, again)).toEqual(edges(...commands));
      expect(fired(...commands, again)).toEqual(['update']);
    }),
  );
});
