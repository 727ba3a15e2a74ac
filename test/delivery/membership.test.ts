import { afterEach, describe, expect, it } from 'vitest';
import { PARTITIONS } from '../../src/domain/partitions.ts';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { streamOf } from '../../src/domain/ids.ts';
import { type LogFields, silentLog } from '../../src/ports/log.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { type Process, World } from '../support/engine-world.ts';

let world: World;
afterEach(() => auditWorld(world));

const heldBy = ({ membership }: Process): ReadonlyArray<number> =>
  Array.from({ length: PARTITIONS }, (_, partition) => partition).filter((partition) =>
    membership?.mayAttempt(partition),
  );

/** Lets time go by; nobody may hold what another one holds at any moment that is looked at. */
const pass = async (ms: number, nodes: ReadonlyArray<Process>, stepMs = 50): Promise<void> => {
  for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
    await world.clock.advance(stepMs);
    const held = nodes.flatMap(heldBy);
    expect(new Set(held).size).toBe(held.length);
  }
};

const expiredNodes = async (): Promise<ReadonlyArray<string>> => {
  const events = await world.log();
  return events.flatMap(({ event }) => (event.type === 'NodeExpired' ? [event.node] : []));
};

const warnings = (): LogFields[] => {
  const warned: LogFields[] = [];
  world.operatorLog = { ...silentLog, warn: (fields, message) => warned.push({ ...fields, message }) };
  return warned;
};

describe('leases of unequal length', () => {
  it.each([
    [5_000, 1_000],
    [1_000, 5_000],
    [60_000, 1_000],
    [1_000, 60_000],
  ])('of %i and %i ms hold each as long as its own node says', async (first, second) => {
    world = new World({ leaseMs: first });
    const a = await world.start();
    await pass(first, [a]);
    world.leaseMs = second;
    const b = await world.start();
    const ids = [a, b].map(({ membership }) => membership?.node);
    await pass(2 * Math.max(first, second), [a, b], 100);
    expect(heldBy(a).length + heldBy(b).length).toBe(PARTITIONS);
    expect([a, b].map(({ membership }) => membership?.node)).toEqual(ids);
    expect(await expiredNodes()).toEqual([]);
  });

  it('are waited for when their node is gone, and no longer', async () => {
    world = new World({ leaseMs: 5_000 });
    const a = await world.start();
    world.leaseMs = 1_000;
    const b = await world.start();
    const c = await world.start();
    await pass(10_000, [a, b, c]);
    a.mortal.die();
    c.mortal.die();
    await pass(3_000, [b]);
    expect(await expiredNodes()).toEqual([c.membership?.node]);
    await pass(5_000, [b]);
    expect(await expiredNodes()).toEqual([c.membership?.node, a.membership?.node]);
    expect(heldBy(b)).toHaveLength(PARTITIONS);
  });

  it('are known to a newcomer of a node that spoke long before all the others', async () => {
    world = new World({ leaseMs: 60_000 });
    const a = await world.start();
    world.leaseMs = 1_000;
    const others: Process[] = [];
    while (others.length < 6) others.push(await world.start());
    await pass(30_000, [a, ...others], 500);
    a.mortal.pause();
    // More than what is read in one go; its lease still holds.
    await pass(50_000, others, 500);
    const late = await world.start();
    await pass(2_000, [...others, late]);
    expect([...(late.membership?.state.members.keys() ?? [])]).toContain(a.membership?.node);
    a.mortal.resume();
    await pass(30_000, [a, ...others, late], 500);
    expect(world.defects).toEqual([]);
  });
});

interface TruncatableStore extends EventStore {
  cutBelow: number;
}

/** The stream of nodes, of which the beginning is gone. */
const truncatable = (store: EventStore): TruncatableStore => {
  const self: TruncatableStore = {
    ...store,
    cutBelow: 0,
    readStream: (stream, options) => {
      if (stream !== streamOf.cluster) return store.readStream(stream, options);
      const backwards = options.direction === 'backwards';
      const fromRevision = Math.max(options.fromRevision ?? 0, self.cutBelow);
      return async () => {
        const page = await store.readStream(stream, backwards ? options : { ...options, fromRevision })();
        if (page._tag === 'Left') return page;
        return { ...page, right: page.right.filter(({ revision }) => revision >= self.cutBelow) };
      };
    },
  };
  return self;
};

describe('a node that was away for longer than the stream of nodes is kept', () => {
  const LEASE_MS = 6_000;

  const twoNodes = async () => {
    const store = truncatable(openMemoryStore());
    world = new World({ leaseMs: LEASE_MS, store });
    const warned = warnings();
    const a = await world.start();
    await pass(LEASE_MS, [a]);
    const b = await world.start();
    await pass(2 * LEASE_MS, [a, b]);
    const newest = (): number => b.membership?.state.revision ?? -1;
    return { store, a, b, newest, warned };
  };

  it('comes back as a new one, though it cannot read that it has expired', async () => {
    const { store, a, b, newest, warned } = await twoNodes();
    const before = a.membership?.node ?? '';
    a.mortal.pause();
    await pass(60_000, [b], 500);
    expect(heldBy(b)).toHaveLength(PARTITIONS);
    expect(await expiredNodes()).toEqual([before]);
    store.cutBelow = newest() - 3;
    a.mortal.resume();
    await pass(3 * LEASE_MS, [a, b]);
    expect(a.membership?.node).not.toBe(before);
    expect(world.fenced).toEqual([before]);
    expect([...(b.membership?.state.members.keys() ?? [])]).not.toContain(before);
    expect(heldBy(a).length).toBeGreaterThan(0);
    expect(heldBy(a).length + heldBy(b).length).toBe(PARTITIONS);
    expect(world.defects).toEqual([]);
    expect(warned.map(({ node, message }) => [node, message])).toEqual([
      [before, 'some of what nodes said is gone unread: joining anew'],
      [before, 'the lease has expired: others have taken over'],
    ]);
  });

  it('replaces itself when the others have not given it up', async () => {
    const { store, a, b, newest } = await twoNodes();
    const before = a.membership?.node ?? '';
    a.mortal.pause();
    await pass(LEASE_MS / 2, [b]);
    store.cutBelow = newest() + 1;
    a.mortal.resume();
    await pass(3 * LEASE_MS, [a, b]);
    expect(await expiredNodes()).toEqual([]);
    expect(a.membership?.node).not.toBe(before);
    expect(b.membership?.state.members.size).toBe(2);
    expect(heldBy(a).length + heldBy(b).length).toBe(PARTITIONS);
    expect(world.defects).toEqual([]);
  });

  it('leaves without a word when it is stopped then', async () => {
    const { store, a, b, newest } = await twoNodes();
    a.mortal.pause();
    await pass(60_000, [b], 500);
    store.cutBelow = newest() - 3;
    const drained = a.engine.drain(1_000);
    a.mortal.resume();
    await pass(LEASE_MS, [a, b]);
    await drained;
    expect(heldBy(b)).toHaveLength(PARTITIONS);
    expect(b.membership?.state.members.size).toBe(1);
    expect(world.defects).toEqual([]);
  });
});

describe('nodes that are set up differently', () => {
  it('name each what differs, once', async () => {
    world = new World({ leaseMs: 6_000 });
    const warned = warnings();
    world.setUp = { version: '1.0.0', settings: { CALLBOARD_RETRY_BASE_MS: '1000', CALLBOARD_RULES: 'a' } };
    const a = await world.start();
    const alike = await world.start();
    await pass(12_000, [a, alike]);
    expect(warned).toEqual([]);
    world.setUp = { version: '1.0.1', settings: { CALLBOARD_RETRY_BASE_MS: '2000', CALLBOARD_RULES: 'a' } };
    const other = await world.start();
    await pass(30_000, [a, alike, other]);
    const [here, there] = [a, other].map(({ membership }) => membership?.node);
    const said = warned.map(({ node, message }) => [node, message]);
    expect(said.filter(([node]) => node === there)).toHaveLength(2);
    expect(said.filter(([node]) => node === here)).toEqual([
      [
        here,
        "another node is set up differently, make it equal: version (here '1.0.1', there '1.0.0'), " +
          "CALLBOARD_RETRY_BASE_MS (here '2000', there '1000')",
      ],
    ]);
    expect(said).toHaveLength(4);
  });

  it('say nothing of what one of an older version does not tell', async () => {
    world = new World({ leaseMs: 6_000 });
    const warned = warnings();
    const older = await world.start();
    world.setUp = { version: '0.0.0', settings: { CALLBOARD_RETRY_BASE_MS: '2000' } };
    const newer = await world.start();
    await pass(12_000, [older, newer]);
    expect(warned).toEqual([]);
  });
});
