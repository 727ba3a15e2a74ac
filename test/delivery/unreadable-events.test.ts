import { beforeEach, describe, expect, it } from 'vitest';
import { streamOf } from '../../src/domain/ids.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import type { LogFields } from '../../src/ports/log.ts';
import { silentLog } from '../../src/ports/log.ts';
import { UndecodableEvent } from '../../src/projections/projector.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { COMPANY, type Process, World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';
import {
  type NewerReader,
  newerReader,
  REASONS,
  type Unreadable,
  unreadableAfter,
} from '../support/unreadable.ts';

const LEASE_MS = 6_000;
const STREAM = streamOf.resource(COMPANY, 'order', '5');
const KINDS = Object.keys(REASONS) as ReadonlyArray<Unreadable>;

let store: NewerReader;
let world: World;
let errors: Array<{ readonly fields: LogFields; readonly message: string }>;

const open = (options: { readonly leaseMs?: number } = {}): void => {
  store = newerReader(openMemoryStore());
  world = new World({ ...options, store });
  errors = [];
  world.operatorLog = {
    ...silentLog,
    error: (fields, message) => void errors.push({ fields, message }),
  };
};

/** Writes such an event behind all that the stream holds. Answers its id. */
const disturb = async (kind: Unreadable = 'an unknown type', stream = STREAM): Promise<string> => {
  const id = world.random.uuid();
  const appended = await store.append([await unreadableAfter(store, stream, kind, id)])();
  if (appended._tag === 'Left') throw new Error(appended.left._tag);
  await world.clock.advance(100);
  return id;
};

/** From now on the store is read as a version does that knows the event. */
const learn = (id: string): void => {
  store.reads = (event) => (event.id === id ? undefined : event);
};

describe('an event that cannot be read', () => {
  beforeEach(async () => {
    open();
    await world.start();
  });

  it.each(KINDS)('of %s stops the reading and says where, but nothing fails', async (kind) => {
    await world.webhook();
    const [before] = await world.report(world.change());
    await world.clock.advance(1_000);
    await disturb(kind);
    const { engine, readModels } = world.process;
    expect(engine.stoppedAt).toMatchObject({ stream: STREAM, revision: 0, reason: REASONS[kind] });
    expect(engine.ready).toBe(false);
    expect(world.defects).toEqual([]);
    expect(errors).toHaveLength(1);
    const [told] = errors;
    expect(told?.fields).toMatchObject(engine.stoppedAt ?? {});
    expect(told?.fields['position']).toBeGreaterThan(0);
    for (const text of [STREAM, 'revision 0', String(engine.stoppedAt?.type), REASONS[kind]])
      expect(told?.message).toContain(text);
    expect(String(told?.fields['todo'])).toMatch(/upgrade this server.*audit verify/);
    // What stands before it is known as ever, and nobody waits for more.
    expect(readModels.change(before ?? '')).toBeDefined();
    await engine.settled();
    expect(await engine.caughtUp()).toBe(false);
  });

  it('is the end of fan-out and attempts, and what is in flight is recorded', async () => {
    const [slow, failing] = ['https://slow.example/hook', 'https://failing.example/hook'];
    world.sender.at(slow, answers(200, { afterMs: 5_000 }));
    world.sender.at(failing, answers(500));
    await world.webhook({ url: slow });
    await world.webhook({ url: failing });
    await world.report(world.change());
    await world.clock.advance(500);
    expect((await world.situations()).toSorted()).toEqual(['in_flight', 'waiting']);
    const id = await disturb();
    await world.report(world.change());
    await world.clock.advance(60_000);
    learn(id);
    expect((await world.situations()).toSorted()).toEqual(['delivered', 'waiting']);
    expect(world.sender.seen).toHaveLength(2);
    expect(world.process.engine.inFlight).toBe(0);

    // A version that knows the event goes on where this one stood.
    await world.restart(world.process.readModels);
    await world.clock.advance(60_000);
    expect(world.process.engine.ready).toBe(true);
    expect((await world.situations()).toSorted()).toEqual([
      'delivered',
      'delivered',
      'exhausted',
      'exhausted',
    ]);
    await auditWorld(world);
  });

  it('ends the fan-out of what was read before it as well, and leaves that to the next process', async () => {
    await world.webhook();
    world.store.appendFault = (batch) =>
      batch.some(({ stream }) => stream.startsWith('invocation-')) ? 'unavailable' : undefined;
    await world.report(world.change());
    await world.clock.advance(1_000);
    const id = await disturb();
    world.store.appendFault = () => undefined;
    await world.clock.advance(60_000);
    learn(id);
    expect(await world.situations()).toEqual([]);
    let drained = false;
    void world.process.engine.drain(1_000).then(() => (drained = true));
    await world.clock.advance(100);
    expect(drained).toBe(true);
    await world.restart(world.process.readModels);
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['delivered']);
    await auditWorld(world);
  });

  it('hides nothing that stands before it in the same append', async () => {
    await world.webhook();
    const quiet = world.change('shop.update', '1');
    await world.report(quiet);
    const change = world.change();
    // The change itself, as another process would have stored it, and the event right behind it.
    const other = new World({ store: openMemoryStore() });
    await other.start();
    await other.report(change);
    const page = await other.store.readAll({ after: 0, limit: 100 })();
    if (page._tag === 'Left') throw new Error(page.left.message);
    const stored = page.right.events.find(({ event }) => event.type === 'ResourceChanged');
    if (stored === undefined) throw new Error('it was stored');
    const id = world.random.uuid();
    await store.append([
      { stream: stored.stream, expectedRevision: -1, events: [stored.event] },
      await unreadableAfter(store, STREAM, 'an unknown type', id),
    ])();
    await world.clock.advance(1_000);
    const { engine, readModels } = world.process;
    expect(engine.stoppedAt?.stream).toBe(STREAM);
    expect(readModels.change(stored.event.id)).toBeDefined();
    expect(engine.shownUpTo).toBe((engine.stoppedAt?.position ?? 0) - 1);
    expect(world.sender.seen).toEqual([]);
    learn(id);
    await world.restart(readModels);
    await world.clock.advance(1_000);
    expect(world.sender.seen).toHaveLength(1);
  });

  it.each([true, false])('is met again at every start, kept read models: %s', async (kept) => {
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(1_000);
    const id = await disturb();
    const { readModels } = world.process;
    await world.report(world.change());
    await world.restart(kept ? readModels : undefined);
    expect(world.process.engine.ready).toBe(false);
    expect(world.process.engine.stoppedAt?.stream).toBe(STREAM);
    await world.process.engine.settled();
    expect(world.process.readModels.webhooksOf(COMPANY, 'openticket', 0, 10)).toHaveLength(1);
    await world.clock.advance(60_000);
    expect(world.sender.seen).toHaveLength(1);
    expect(world.defects).toEqual([]);
    await world.process.engine.drain(1_000);

    learn(id);
    await world.restart(kept ? world.process.readModels : undefined);
    await world.clock.advance(1_000);
    expect(world.process.engine.ready).toBe(true);
    expect(await world.situations()).toEqual(['delivered', 'delivered']);
    await auditWorld(world);
  });

  it('leaves a stop its bound: what runs longer is interrupted', async () => {
    world.sender.at('https://receiver.example/hook', 'hangs');
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(100);
    const id = await disturb();
    let drained = false;
    void world.process.engine.drain(2_000).then(() => (drained = true));
    await world.clock.advance(1_000);
    expect(drained).toBe(false);
    await world.clock.advance(1_500);
    expect(drained).toBe(true);
    learn(id);
    const [invocation] = await world.invocations();
    expect(invocation?.facts.attempts[0]?.ended?.outcome).toBe('interrupted');
  });
});

it('met in the middle of a stop leaves the stop its bound', async () => {
  open();
  await world.start();
  world.sender.at('https://receiver.example/hook', 'hangs');
  await world.webhook();
  await world.report(world.change());
  await world.clock.advance(100);
  let drained = false;
  void world.process.engine.drain(2_000).then(() => (drained = true));
  await world.clock.advance(500);
  const at = { stream: STREAM, revision: 0, position: 99, type: 'Unheard', reason: 'of another version' };
  world.process.engine.failed(new UndecodableEvent(at));
  await world.clock.advance(2_000);
  expect(drained).toBe(true);
  expect(world.process.engine.inFlight).toBe(0);
});

describe('on a shared store', () => {
  beforeEach(() => open({ leaseMs: LEASE_MS }));

  const startTwo = async (): Promise<readonly [Process, Process]> => {
    const nodes = [await world.start(), await world.start()] as const;
    await world.clock.advance(LEASE_MS);
    return nodes;
  };

  it('every node of the version stops and leaves; one that reads the event does all that was left', async () => {
    const nodes = await startTwo();
    await world.webhook({ url: 'https://one.example/hook' });
    await world.webhook({ url: 'https://two.example/hook' });
    await world.report(world.change());
    await world.clock.advance(1_000);
    expect(world.sender.seen).toHaveLength(2);
    const id = await disturb();
    await world.clock.advance(1_000);
    expect(nodes.map(({ engine }) => engine.stoppedAt?.stream)).toEqual([STREAM, STREAM]);
    expect(errors).toHaveLength(2);
    expect(nodes.at(-1)?.membership?.state.members.size).toBe(0);
    // No node of the version comes further, nor does one that is started now.
    const third = await world.start();
    expect(third.engine.stoppedAt?.stream).toBe(STREAM);
    expect(third.engine.ready).toBe(false);

    learn(id);
    const newer = await world.start();
    await world.report(world.change());
    await world.clock.advance(2 * LEASE_MS);
    expect(newer.engine.ready).toBe(true);
    expect(await world.situations()).toEqual(['delivered', 'delivered', 'delivered', 'delivered']);
    expect(world.sender.seen).toHaveLength(4);
    await auditWorld(world);
  });

  it('one in the stream of nodes stops them as well, and their leases run out', async () => {
    const nodes = await startTwo();
    const id = await disturb('an unknown type', streamOf.cluster);
    await world.clock.advance(LEASE_MS);
    for (const { engine, membership } of nodes) {
      expect(engine.stoppedAt?.stream).toBe(streamOf.cluster);
      expect(membership?.isHeld).toBe(false);
    }
    expect(world.defects).toEqual([]);
    const third = await world.start();
    await world.clock.advance(LEASE_MS);
    expect(third.engine.stoppedAt?.stream).toBe(streamOf.cluster);
    expect(third.engine.ready).toBe(false);

    // A version that knows it; to this test's world it is something that changes nothing.
    store.reads = (event) =>
      event.id === id
        ? {
            ...event,
            type: 'NodeLeft',
            data: JSON.stringify({ node: '10000000-0000-4000-8000-00000000dead', atMs: 1 }),
          }
        : event;
    await world.webhook();
    const newer = await world.start();
    await world.report(world.change());
    await world.clock.advance(3 * LEASE_MS);
    expect(newer.engine.ready).toBe(true);
    expect(newer.membership?.state.members.size).toBe(1);
    expect(await world.situations()).toEqual(['delivered']);
    expect(world.defects).toEqual([]);
  });
});
