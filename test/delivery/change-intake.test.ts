import fc from 'fast-check';
import { isRight, left } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Accounts } from '../../src/commands/accounts.ts';
import type { ReportedChange } from '../../src/commands/reported-change.ts';
import { changeGuid } from '../../src/domain/ids.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { CAUSE, COMPANY, World } from '../support/engine-world.ts';

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => auditWorld(world));

const send = (...changes: ReadonlyArray<ReportedChange>) =>
  world.process.intake.report(changes, 'platform', world.random.uuid());

const statuses = (result: Awaited<ReturnType<typeof send>>): ReadonlyArray<string> | string =>
  isRight(result) ? result.right.map(({ status }) => status) : result.left._tag;

/** Ids of the changes in the log, in its order. */
const stored = async (): Promise<ReadonlyArray<string>> =>
  (await world.log()).flatMap(({ event }) =>
    'identifier' in event && 'fingerprint' in event ? [event.id] : [],
  );

describe('a report', () => {
  it('is answered with the guid of its event, which is on disk by then', async () => {
    const change = world.change('event.update', '7', { id: 'x' });
    const guid = changeGuid(COMPANY, '/tests', 'x');
    expect(await send(change)).toEqual({
      _tag: 'Right',
      right: [{ id: 'x', source: '/tests', change: guid, status: 'accepted' }],
    });
    expect((await world.log()).at(-1)).toMatchObject({
      id: guid,
      event: { type: 'ResourceChanged', id: 'x' },
    });
  });

  it('opens the account with the first one only', async () => {
    await Promise.all([send(world.change()), send(world.change()), send(world.change('shop.update', '1'))]);
    const opened = (await world.log()).filter(({ event }) => event.type === 'AccountOpened');
    expect(opened).toHaveLength(1);
  });

  it('the same again is a duplicate: at once, when the read models show it and after a restart', async () => {
    const change = world.change();
    const seen = [statuses(await send(change)), statuses(await send(change))];
    await world.clock.advance(1_000);
    seen.push(statuses(await send(change)));
    await world.restart();
    seen.push(statuses(await send(change)));
    expect(seen).toEqual([['accepted'], ['duplicate'], ['duplicate'], ['duplicate']]);
    expect(await stored()).toHaveLength(1);
  });

  it('the same again is a duplicate even before the log has been read after a restart', async () => {
    const change = world.change();
    await send(change);
    world.kill();
    const { engine } = world.build();
    const early = send(change);
    await world.clock.advance(100);
    expect(await stored()).toHaveLength(1);
    await Promise.all([engine.start(), world.clock.advance(1_000)]);
    expect(statuses(await early)).toEqual(['duplicate']);
  });

  it('the same again keeps the hash chain whole when a shared store takes the first after all', async () => {
    const memory = openMemoryStore();
    const late: Array<() => Promise<unknown>> = [];
    let isLost = false;
    world = await World.started({
      store: {
        ...memory,
        positions: 'opaque',
        append: (batch) => async () => {
          if (isLost && batch[0]?.stream.startsWith('event-')) {
            isLost = false;
            late.push(memory.append(batch));
            return left({ _tag: 'OutcomeUnknown', message: 'no answer' });
          }
          // Just before the next one.
          await late.shift()?.();
          return memory.append(batch)();
        },
      },
    });
    await send(world.change());
    isLost = true;
    const change = world.change();
    expect(statuses(await send(change))).toBe('OutcomeUnknown');
    await world.clock.advance(1_000);
    expect(statuses(await send(change))).toEqual(['accepted']);
    await Promise.all([send(world.change()), send(world.change())]);
    // The chain is verified after each test.
    expect(await stored()).toHaveLength(4);
  });

  it('is refused while the log cannot be read after a restart', async () => {
    const change = world.change();
    await send(change);
    world.kill();
    world.build();
    world.store.readsFail = true;
    expect(statuses(await send(change))).toBe('StoreUnavailable');
    world.store.readsFail = false;
    expect(await stored()).toHaveLength(1);
  });

  it('with the same id and other content is a conflict, now and later', async () => {
    const change = world.change('event.update', '7', { id: 'x', data: { a: 1 } });
    const other = { ...change, data: { a: 2 } };
    await send(change);
    expect(statuses(await send(other))).toBe('ChangeConflict');
    await world.clock.advance(1_000);
    expect(statuses(await send({ ...change, identifier: '8' }))).toBe('ChangeConflict');
    expect(statuses(await send({ ...change, occurredAtMs: 1 }))).toBe('ChangeConflict');
    expect(statuses(await send({ ...change, data: { a: 1 } }))).toEqual(['duplicate']);
  });

  it('is the same however its JSON was ordered', async () => {
    const change = world.change('event.update', '7', { data: { a: 1, b: { c: 2, d: [3] } } });
    await send(change);
    expect(statuses(await send({ ...change, data: { b: { d: [3], c: 2 }, a: 1 } }))).toEqual(['duplicate']);
  });

  it('with the same id from another source or for another company is another one', async () => {
    const change = world.change('event.update', '7', { id: 'x' });
    const results = [
      await send(change),
      await send({ ...change, source: '/other' }),
      await send({ ...change, companyId: '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a99' }),
    ];
    expect(results.map(statuses)).toEqual([['accepted'], ['accepted'], ['accepted']]);
  });
});

describe('racing reports', () => {
  it('of the same change: one is accepted, all others are duplicates once it is on disk', async () => {
    const change = world.change();
    const results = await Promise.all(Array.from({ length: 10 }, () => send(change)));
    const all = results.map(statuses).flat().sort();
    expect(all).toEqual(['accepted', ...Array.from({ length: 9 }, () => 'duplicate')]);
    expect(await stored()).toHaveLength(1);
  });

  it('of the same change: when the first one fails, another one is accepted in its place', async () => {
    await send(world.change());
    let fail = true;
    world.store.appendFault = () => {
      const fault = fail ? ('unavailable' as const) : undefined;
      fail = false;
      return fault;
    };
    const change = world.change();
    const results = await Promise.all([send(change), send(change), send(change)]);
    expect(results.map(statuses)).toEqual(['StoreUnavailable', ['accepted'], ['duplicate']]);
  });

  it('with one id and two contents: one is accepted, the other a conflict', async () => {
    const change = world.change();
    const results = await Promise.all([send(change), send({ ...change, data: { other: true } })]);
    expect(results.map(statuses)).toEqual([['accepted'], 'ChangeConflict']);
  });

  it('of one resource are all stored, in the order they came', async () => {
    const changes = Array.from({ length: 20 }, (_, n) =>
      world.change('event.update', '7', { id: String(n) }),
    );
    await Promise.all(changes.map((change) => send(change)));
    expect(await stored()).toEqual(changes.map(({ id }) => id));
  });

  it('that follow on one which failed are decided again and stored', async () => {
    await send(world.change());
    let appends = 0;
    world.store.appendFault = () => ((appends += 1) === 2 ? 'unavailable' : undefined);
    const changes = Array.from({ length: 6 }, (_, n) => world.change('event.update', '7', { id: `r${n}` }));
    const results = await Promise.all(changes.map((change) => send(change)));
    expect(results.map(statuses).filter((status) => status === 'StoreUnavailable')).toHaveLength(1);
    expect((await stored()).filter((id) => id.startsWith('r'))).toEqual(['r0', 'r2', 'r3', 'r4', 'r5']);
  });
});

describe('a report without an answer', () => {
  it.each(['unknown_stored', 'unknown_not_stored'] as const)(
    '(%s) can be sent again: stored once',
    async (fault) => {
      await send(world.change());
      world.store.appendFault = () => fault;
      const change = world.change();
      expect(statuses(await send(change))).toBe('OutcomeUnknown');
      world.store.appendFault = () => undefined;
      const again = send(change);
      await world.clock.advance(1_000);
      expect(statuses(await again)).toEqual([fault === 'unknown_stored' ? 'duplicate' : 'accepted']);
      expect((await stored()).filter((id) => id === change.id)).toHaveLength(1);
    },
  );

  it('sent again while it is still open: stored once', async () => {
    await send(world.change());
    let appends = 0;
    world.store.appendFault = () => ((appends += 1) === 1 ? 'unknown_stored' : undefined);
    const change = world.change();
    const sent = Promise.all([send(change), send(change)]);
    await world.clock.advance(1_000);
    expect((await sent).map(statuses)).toEqual(['OutcomeUnknown', ['duplicate']]);
    expect((await stored()).filter((id) => id === change.id)).toHaveLength(1);
  });
});

describe('a batch', () => {
  it('is stored together, and may repeat itself', async () => {
    const [a, b] = [world.change('event.update', '1'), world.change('event.update', '2')];
    expect(statuses(await send(a, b, a))).toEqual(['accepted', 'accepted', 'duplicate']);
    expect(await stored()).toEqual([a.id, b.id]);
  });

  it('keeps the order of what it says of one resource', async () => {
    const changes = ['1', '2', '1', '1', '2'].map((identifier) => world.change('event.update', identifier));
    expect(statuses(await send(...changes))).toEqual(changes.map(() => 'accepted'));
    const log = (await world.log()).flatMap(({ event }) =>
      'identifier' in event && 'fingerprint' in event ? [event] : [],
    );
    for (const identifier of ['1', '2']) {
      const of = <T extends { readonly identifier: string; readonly id: string }>(all: ReadonlyArray<T>) =>
        all.filter((one) => one.identifier === identifier).map(({ id }) => id);
      expect(of(log)).toEqual(of(changes));
    }
  });

  it('decides each on what the ones before it in the batch left', async () => {
    const event = { resource: 'event', identifier: '1' } as const;
    await send(
      world.change('ticket.update', 't', { declared: [event] }),
      world.change('ticket.update', 't', { declared: [event] }),
    );
    const triggers = (await world.log()).flatMap(({ event: one }) =>
      'triggers' in one ? [one.triggers] : [],
    );
    expect(triggers).toEqual([['update', 'relation'], ['update']]);
  });

  it('with a conflict stores nothing of itself and names the place', async () => {
    const known = world.change();
    await send(known);
    const result = await send(world.change(), { ...known, data: { other: true } }, world.change());
    expect(result).toMatchObject({ left: { _tag: 'ChangeConflict', index: 1, id: known.id } });
    expect(await stored()).toEqual([known.id]);
  });

  it('that contradicts itself stores nothing', async () => {
    const change = world.change();
    expect(statuses(await send(change, { ...change, data: { other: true } }))).toBe('ChangeConflict');
    expect(await stored()).toEqual([]);
  });

  it('that the store refuses stores nothing, and can be sent again', async () => {
    await send(world.change());
    world.store.appendFault = () => 'unavailable';
    const batch = [world.change(), world.change('event.update', '8'), world.change('shop.update')];
    expect(statuses(await send(...batch))).toBe('StoreUnavailable');
    world.store.appendFault = () => undefined;
    expect(await stored()).toHaveLength(1);
    expect(statuses(await send(...batch))).toEqual(['accepted', 'accepted', 'accepted']);
  });

  it('partly known already stores the rest', async () => {
    const [a, b, c] = [world.change(), world.change(), world.change()];
    await send(b);
    expect(statuses(await send(a, b, c))).toEqual(['accepted', 'duplicate', 'accepted']);
  });
});

describe('reports of a strict account', () => {
  const tickets = (...ids: ReadonlyArray<number>) => ({ tickets: { items: ids.map((id) => ({ id })) } });
  const refund = (...ids: ReadonlyArray<number>): ReportedChange =>
    world.change('order.refunded', 'o', { data: tickets(...ids) });

  beforeEach(async () => {
    const { store, random, clock } = world;
    await new Accounts({ store, random, clock }).setStrict(COMPANY, true, CAUSE);
  });

  it('that contradict are refused as a whole, each with its place in the batch', async () => {
    await send(world.change('order.sold', 'o', { data: tickets(1, 2) }));
    const before = await stored();
    const result = await send(refund(1), refund(1), world.change(), refund(3));
    expect(result).toMatchObject({
      left: {
        _tag: 'ReportsContradict',
        contradictions: [
          { index: 1, kind: 'ticket_invalid', ticket: 1 },
          { index: 3, kind: 'ticket_unknown', ticket: 3 },
        ],
      },
    });
    expect(await stored()).toEqual(before);
    expect(statuses(await send(refund(1)))).toEqual(['accepted']);
  });

  it('are not refused because of one that was never stored', async () => {
    const memory = openMemoryStore();
    let failing: Promise<void> | undefined;
    let fail = (): void => undefined;
    world = await World.started({
      store: {
        ...memory,
        append: (batch) => async () => {
          if (failing === undefined) return memory.append(batch)();
          const slow = failing;
          failing = undefined;
          await slow;
          return left({ _tag: 'StoreUnavailable', message: 'slow, and then away' });
        },
      },
    });
    const { store, random, clock } = world;
    await new Accounts({ store, random, clock }).setStrict(COMPANY, true, CAUSE);
    await send(world.change('order.sold', 'o', { data: tickets(1) }));
    failing = new Promise((resolve) => {
      fail = resolve;
    });
    const sent = [send(refund(1)), send(refund(1)), send(refund(1))];
    await world.clock.advance(1_000);
    fail();
    const results = await Promise.all(sent);
    expect(results.map(statuses)).toEqual(['StoreUnavailable', ['accepted'], 'ReportsContradict']);
  });

  it('are not refused because another process knows more', async () => {
    await send(world.change('order.update', 'o'));
    const { intake } = world.process;
    const other = await world.start();
    const sale = world.change('order.sold', 'o', { data: tickets(1) });
    expect(statuses(await other.intake.report([sale], 'platform', world.random.uuid()))).toEqual([
      'accepted',
    ]);
    const sent = intake.report([refund(1)], 'platform', world.random.uuid());
    await world.clock.advance(1_000);
    expect(statuses(await sent)).toEqual(['accepted']);
  });
});

it('a batch that the store would refuse for its size is refused before all of it is made', async () => {
  const wide = Array.from({ length: 5_000 }, (_, id) => ({ id, barcode: 'b'.repeat(40) + String(id) }));
  const sale = world.change('order.sold', 'o', { data: { tickets: { items: wide } } });
  const scans = Array.from({ length: 900 }, (_, id) =>
    world.change('order.scanned', 'o', { data: { tickets: { items: [{ id }] } } }),
  );
  expect(statuses(await send(sale, ...scans))).toBe('AppendTooLarge');
  expect(await stored()).toEqual([]);
  expect(statuses(await send(sale, ...scans.slice(0, 10)))).toHaveLength(11);
});

it('whatever is sent at the same time and whatever fails: each change is stored once, and what was accepted is', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.tuple(fc.nat(5), fc.nat(2)), { minLength: 1, maxLength: 4 }), {
        minLength: 1,
        maxLength: 8,
      }),
      fc.array(fc.constantFrom(undefined, undefined, 'unavailable', 'unknown_stored', 'unknown_not_stored'), {
        maxLength: 12,
      }),
      async (requests, faults) => {
        const drawn = await World.started();
        const next = [...faults];
        drawn.store.appendFault = () => next.shift();
        const change = (n: number, identifier: number): ReportedChange => ({
          ...drawn.change('event.update', String(identifier), { id: `c${n}-${identifier}`, data: { n } }),
          occurredAtMs: 1,
        });
        const batches = requests.map((batch) => batch.map(([n, identifier]) => change(n, identifier)));
        const accepted = new Set<string>();
        const report = async (batch: ReadonlyArray<ReportedChange>): Promise<void> => {
          const result = await drawn.process.intake.report(batch, 'platform', drawn.random.uuid());
          for (const { id } of isRight(result) ? result.right : []) accepted.add(id);
        };
        const sent = Promise.all(batches.map(report));
        await drawn.clock.advance(1_000);
        await sent;
        drawn.store.appendFault = () => undefined;
        const again = Promise.all(batches.map(report));
        await drawn.clock.advance(1_000);
        await again;
        const ids = (await drawn.log()).flatMap(({ event }) =>
          'identifier' in event && 'fingerprint' in event ? [event.id] : [],
        );
        expect(new Set(ids).size).toBe(ids.length);
        expect(new Set(ids)).toEqual(accepted);
        expect(accepted).toEqual(new Set(batches.flat().map(({ id }) => id)));
        await auditWorld(drawn);
      },
    ),
    {
      numRuns: 60,
      examples: [
        // A refusal that overtook the append before it: its stream was read again while that one was still under way.
        [
          [
            [
              [0, 0],
              [0, 2],
            ],
            [[2, 2]],
            [
              [1, 2],
              [0, 1],
            ],
            [[0, 2]],
            [[1, 0]],
          ],
          [undefined, undefined, 'unavailable'],
        ],
      ],
    },
  );
});
