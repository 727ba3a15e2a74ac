import { left } from 'fp-ts/lib/Either.js';
import { afterEach, expect, it } from 'vitest';
import { noAdmission } from '../../src/delivery/admission.ts';
import { fanOut, type FanOutDeps } from '../../src/delivery/fan-out.ts';
import type { ResourceRef } from '../../src/domain/resources.ts';
import { BUILT_IN_RULES } from '../../src/domain/rules.ts';
import { bytesOf } from '../../src/eventstore/batch.ts';
import type { EventStore, StreamAppend } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { type LogFields, silentLog } from '../../src/ports/log.ts';
import { decodedLog, guidOf } from '../arbitraries/decoded-log.ts';
import { changed } from '../projections/story.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { World } from '../support/engine-world.ts';

const MIB = 1024 * 1024;

let world: World;
/** What the fan-out asked the store to append. */
let appends: Array<ReadonlyArray<StreamAppend>>;
let errors: LogFields[];
afterEach(() => auditWorld(world));

const begin = async (store: EventStore = openMemoryStore()): Promise<void> => {
  world = new World({ store });
  appends = [];
  errors = [];
  world.operatorLog = { ...silentLog, error: (fields) => errors.push(fields) };
  await world.start();
  world.store.appendFault = (batch) => {
    if (batch[0]?.events[0]?.type === 'InvocationScheduled') appends.push(batch);
    return undefined;
  };
};

/** A store that takes so many bytes at once. */
const taking = (appendBytesMax: number): EventStore => {
  const store = openMemoryStore();
  return {
    ...store,
    appendBytesMax,
    append: (batch) => {
      const bytes = bytesOf(batch, appendBytesMax);
      if (bytes <= appendBytesMax) return store.append(batch);
      return async () => left({ _tag: 'AppendTooLarge', bytes, bytesMax: appendBytesMax });
    },
  };
};

const webhooks = async (count: number, on = 'event.update'): Promise<void> => {
  for (let n = 0; n < count; n += 1) await world.webhook({ on, url: `https://r${n}.example/` });
};

const twos = (count: number): ReadonlyArray<number> => Array.from({ length: count }, () => 2);

const delivered = (count: number): ReadonlyArray<string> => Array.from({ length: count }, () => 'delivered');

it('a large change that many hear of reaches all of them, in appends that the store takes', async () => {
  await begin();
  await webhooks(17);
  await world.report(world.change('event.update', '7', { data: 'x'.repeat(MIB) }));
  await world.clock.advance(10_000);
  expect(await world.situations()).toEqual(delivered(17));
  expect(Math.max(...appends.map((batch) => bytesOf(batch, 0)))).toBeLessThanOrEqual(4 * MIB);
});

it('many changes of middling size reach all, too', async () => {
  await begin();
  await webhooks(17);
  const changes = Array.from({ length: 40 }, (_, n) =>
    world.change('event.update', String(n), { data: '§'.repeat(27_000) }),
  );
  await world.report(...changes);
  await world.clock.advance(60_000);
  expect(await world.situations()).toEqual(delivered(17 * 40));
  expect(Math.max(...appends.map((batch) => bytesOf(batch, 0)))).toBeLessThanOrEqual(12 * MIB);
});

it('an invocation that no append can hold is cancelled and said so; all others are delivered', async () => {
  await begin(taking(20_000));
  await webhooks(2);
  const [tooLarge] = await world.report(
    world.change('event.update', '1', { data: '"'.repeat(7_000) }),
    world.change('event.update', '2'),
  );
  await world.clock.advance(10_000);
  await world.report(world.change('event.update', '3'));
  await world.clock.advance(10_000);
  const outcomes = (await world.invocations()).map((invocation) =>
    invocation.situation === 'cancelled'
      ? `${invocation.facts.scheduled.identifier} ${invocation.reason}`
      : `${invocation.facts.scheduled.identifier} ${invocation.situation}`,
  );
  expect(outcomes.sort()).toEqual([
    '1 body_too_large',
    '1 body_too_large',
    '2 delivered',
    '2 delivered',
    '3 delivered',
    '3 delivered',
  ]);
  expect(errors).toMatchObject([
    { change: tooLarge, bytesMax: 20_000 },
    { change: tooLarge, bytesMax: 20_000 },
  ]);
  expect(new Set(errors.map((fields) => fields['webhook'])).size).toBe(2);
  expect(await world.process.engine.caughtUp()).toBe(true);
});

it('renders what the next append takes, not all that a change leads to', async () => {
  await begin();
  const store = openMemoryStore();
  const change = decodedLog().change(changed({ resource: 'event', identifier: '7' }));
  const subscribers = Array.from({ length: 1_200 }, (_, n) => ({
    webhook: guidOf(n + 1),
    triggeredByChildResources: false,
    retries: 0,
    retryBaseMs: null,
    ordering: 'none' as const,
    coalesce: false,
  }));
  let rendered = 0;
  const renderedAtAppend: number[] = [];
  const deps: FanOutDeps = {
    store: {
      ...store,
      append: (batch) => {
        renderedAtAppend.push(rendered);
        return store.append(batch);
      },
    },
    routing: {
      belongsTo: () => [],
      systemSubscribersTo: () => [],
      lastReport: () => undefined,
      partitionsOf: () => [],
      ticketTypesOf: () => [],
      subscribersTo: (_company, _at, _resource, _trigger, identifier) =>
        identifier === '' ? subscribers : [],
    },
    known: { invocation: () => undefined },
    isOurs: () => true,
    rules: BUILT_IN_RULES,
    // Asked for once for each invocation that is rendered.
    get defaultRetryBaseMs() {
      rendered += 1;
      return 1_000;
    },
    wait: async () => false,
    stopped: () => false,
    log: silentLog,
  };
  await fanOut(deps, { changes: [change], admission: noAdmission, repeated: false, done: 0, newest: 0 });
  // One more than the append holds: the one that found it full.
  expect(renderedAtAppend).toEqual([257, 513, 769, 1_025, 1_200]);
});

it('goes on behind what was stored when a later append was refused', async () => {
  await begin();
  await webhooks(600);
  const fault = world.store.appendFault;
  world.store.appendFault = (batch) => {
    fault(batch);
    return appends.at(-1) === batch && appends.length === 2 ? 'unavailable' : undefined;
  };
  await world.report(world.change());
  await world.clock.advance(60_000);
  expect(appends.map(({ length }) => length)).toEqual([256, 256, 256, 88]);
  expect(await world.situations()).toEqual(delivered(600));
});

it('starts attempts in appends of their own where a batch may be stored in part', async () => {
  await begin({ ...openMemoryStore(), atomicBatches: false });
  await webhooks(3);
  const fault = world.store.appendFault;
  // The second is not stored at first, nor answered: the others go on, and it is tried again.
  world.store.appendFault = (batch) => {
    fault(batch);
    return appends.length === 2 && appends[1] === batch ? 'unknown_not_stored' : undefined;
  };
  await world.report(world.change());
  await world.clock.advance(10_000);
  const types = appends.map((batch) => batch.map(({ events }) => events.map(({ type }) => type)));
  expect(types).toEqual(Array.from({ length: 4 }, () => [['InvocationScheduled', 'AttemptStarted']]));
  expect(await world.situations()).toEqual(delivered(3));
  expect(world.sender.seen).toHaveLength(3);
});

it('cancels what is too large for such a store, and delivers the rest', async () => {
  await begin({ ...taking(20_000), atomicBatches: false });
  await webhooks(2);
  await world.report(world.change('event.update', '7', { data: { text: 'x'.repeat(19_000) } }));
  await world.report(world.change('event.update', '8'));
  await world.clock.advance(10_000);
  expect(await world.situations()).toEqual(['cancelled', 'cancelled', 'delivered', 'delivered']);
  expect(errors).toHaveLength(2);
});

it.each([
  // Both ends, then one more step each, up to 32.
  ['of 32 steps', { chain: 40, beside: 0 }, [...Array.from({ length: 31 }, (_, n) => 2 + n), ...twos(9)]],
  ['to the 100 nearest', { chain: 30, beside: 90 }, [...twos(91), 3, 4, 5, 6, 7, 8, 9, 10, 11, ...twos(20)]],
])('keeps whole paths %s, and tells of all resources', async (_, { chain, beside }, lengths) => {
  await begin();
  const selection = {
    dialect: 'openticket',
    resource: 'product',
    trigger: 'paid',
    identifier: '',
    triggeredByChildResources: true,
  } as const;
  await world.webhook({ selection });
  const product = (n: number): ResourceRef => ({ resource: 'product', identifier: String(n) });
  for (let n = 1; n < chain; n += 1) {
    await world.report(world.change('product.relation', String(n), { declared: [product(n + 1)] }));
  }
  const others = Array.from({ length: beside }, (_, n) => product(1_000 + n));
  await world.report(world.change('order.paid', 'o', { declared: [product(1), ...others] }));
  await world.clock.advance(1_000);
  const [invocation] = await world.invocations();
  const { matched = [], body = '' } = invocation?.facts.scheduled ?? {};
  expect(matched.map(({ path }) => path.length)).toEqual(lengths);
  for (const { path, resource, identifier } of matched) {
    const ends = [path[0], path.at(-1)];
    expect(ends).toEqual([
      { resource: 'order', identifier: 'o' },
      { resource, identifier },
    ]);
  }
  const told = JSON.parse(body) as { readonly matched: ReadonlyArray<unknown> };
  expect(told.matched).toHaveLength(chain + beside);
});
