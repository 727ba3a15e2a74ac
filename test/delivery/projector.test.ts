import { beforeEach, describe, expect, it } from 'vitest';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { decodeAll, Projector, UndecodableEvent } from '../../src/projections/projector.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';
import { change, Writer } from '../eventstore/events.ts';
import { faulty, type FaultyStore } from '../support/faulty-store.ts';
import { promisesDone, VirtualClock } from '../support/virtual-clock.ts';

let clock: VirtualClock;
let store: FaultyStore;
let applied: Array<{ readonly events: number; readonly position: number }>;
let defects: unknown[];
let projector: Projector;

const projectorOver = (apply: ReadModels['apply']): Projector =>
  new Projector({
    store,
    readModels: {
      apply,
      checkpoint: () => applied.at(-1)?.position ?? 0,
    } as Partial<ReadModels> as ReadModels,
    clock,
    onDefect: (error) => defects.push(error),
  });

beforeEach(() => {
  clock = new VirtualClock();
  store = faulty(openMemoryStore());
  applied = [];
  defects = [];
  projector = projectorOver((_group, events, position) => {
    applied.push({ events: events.length, position });
  });
});

/** Stores so many events and answers with all of them as they are read. */
const stored = async (count: number): Promise<ReadonlyArray<Decoded>> => {
  const writer = new Writer('event-a');
  await store.append([writer.next(Array.from({ length: count }, (_, n) => n))])();
  return decodeAll(await readAll(store));
};

const readAll = async (from: EventStore) => {
  const page = await from.readAll({ after: 0, limit: 10_000 })();
  if (page._tag === 'Left') throw new Error(page.left.message);
  return page.right.events;
};

describe('taking events', () => {
  it('shows them a moment later, together', async () => {
    const [one, two] = await stored(2);
    projector.take([one as Decoded], 1);
    projector.take([two as Decoded], 2);
    expect(applied).toEqual([]);
    await clock.advance(100);
    expect(applied).toEqual([{ events: 2, position: 2 }]);
    expect(clock.timers).toBe(0);
  });

  it('shows soon what others wait for, whether it was taken before or after', async () => {
    const [one, two, three] = await stored(3);
    const waitMs = async (): Promise<number> => {
      const [{ length }, startMs] = [applied, clock.monotonicMs()];
      while (applied.length === length) await clock.advance(1);
      return clock.monotonicMs() - startMs;
    };
    projector.take([one as Decoded], 1);
    const usualMs = await waitMs();
    projector.showSoon(1);
    expect(clock.timers).toBe(0);

    projector.take([two as Decoded], 2);
    await clock.advance(1);
    projector.showSoon(2);
    projector.showSoon(3);
    const soonMs = await waitMs();
    expect(soonMs).toBeLessThan(usualMs / 2);
    // What was asked for before it was read is not forgotten.
    await clock.advance(100);
    projector.take([three as Decoded], 3);
    expect(await waitMs()).toBe(soonMs);
    expect(applied.map(({ position }) => position)).toEqual([1, 2, 3]);
    expect(clock.timers).toBe(0);
  });

  it('shows many without waiting for more, in several batches that each end at their own position', async () => {
    projector.take(await stored(5_000), 5_000);
    expect(applied.length).toBeGreaterThan(1);
    let shown = 0;
    for (const { events, position } of applied) expect(position).toBe((shown += events));
    expect(shown).toBe(5_000);
  });

  it('tells its listeners what became visible', async () => {
    const heard: Array<readonly [number, number]> = [];
    projector.onProjected((events, position) => heard.push([events.length, position]));
    projector.take(await stored(3), 3);
    projector.flush();
    expect(heard).toEqual([[3, 3]]);
  });

  it('that the read models refuse is a defect, and nobody is told that they are visible', async () => {
    projector = projectorOver(() => {
      throw new Error('disk full');
    });
    projector.take(await stored(1), 1);
    let settled = false;
    void projector.settled().then(() => (settled = true));
    await clock.advance(100);
    expect(defects).toHaveLength(1);
    expect(settled).toBe(false);
  });
});

describe('waiting until all is shown', () => {
  it('takes no time when it is', async () => {
    expect(await projector.settled()).toBe(true);
  });

  it('shows what was taken at once', async () => {
    projector.take(await stored(2), 2);
    expect(await projector.settled()).toBe(true);
    expect(applied).toEqual([{ events: 2, position: 2 }]);
  });

  it('waits for what is stored and not taken yet, and shows it without delay', async () => {
    const events = await stored(2);
    let settled = false;
    void projector.settled().then(() => (settled = true));
    await promisesDone();
    expect(settled).toBe(false);
    projector.take(events, 2);
    await promisesDone();
    expect(settled).toBe(true);
  });

  it('says so when the store is away', async () => {
    store.readsFail = true;
    expect(await projector.settled()).toBe(false);
  });

  it('ends with the projector, and says that not all is shown', async () => {
    await stored(2);
    const waiting = projector.settled();
    await promisesDone();
    projector.stop();
    expect(await waiting).toBe(false);
    expect(await projector.settled()).toBe(false);
  });
});

it('an event that cannot be read is named', async () => {
  const writer = new Writer('event-a');
  const good = writer.next([1], change);
  const events = good.events.map((event) => ({ ...event, type: 'FromTheFuture' }));
  await store.append([{ ...good, events }])();
  const recorded = await readAll(store);
  expect(() => decodeAll(recorded)).toThrow(UndecodableEvent);
  expect(() => decodeAll(recorded)).toThrow(/event-a, revision 0: unknown event type 'FromTheFuture'/);
});
