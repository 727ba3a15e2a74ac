import { isLeft, right } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { Sealer } from '../../src/audit/sealer.ts';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { readSeals } from '../../src/eventstore/seals.ts';
import { silentLog } from '../../src/ports/log.ts';
import { get } from '../contract/event-store.ts';
import { sealingDeps } from '../contract/seals.ts';
import { plain, write } from '../migration/logs.ts';
import { promisesDone, VirtualClock } from '../support/virtual-clock.ts';

const HOUR_MS = 3_600_000;

const sealerOn = (store: EventStore, clock: VirtualClock, everyMs = HOUR_MS): Sealer =>
  new Sealer({ ...sealingDeps(store), clock, log: silentLog, everyMs });

const counts = async (store: EventStore): Promise<ReadonlyArray<number>> =>
  get(await readSeals(store)).seals.map(({ count }) => count);

describe('the sealer', () => {
  it('seals what is new when the newest seal is old enough, and when it stops', async () => {
    const [store, clock] = [openMemoryStore(), new VirtualClock()];
    const sealer = sealerOn(store, clock);
    sealer.start();
    await write(store, plain(5));
    await clock.advance(59_000);
    expect(await counts(store)).toEqual([]);
    await clock.advance(2_000);
    expect(await counts(store)).toEqual([5]);
    await write(store, plain(6), 'b');
    await clock.advance(HOUR_MS - 5_000);
    expect(await counts(store)).toEqual([5]);
    await clock.advance(10_000);
    expect(await counts(store)).toEqual([5, 6]);
    await clock.advance(3 * HOUR_MS);
    expect(await counts(store)).toEqual([5, 6]);
    await write(store, plain(2), 'c');
    await sealer.stop();
    expect(await counts(store)).toEqual([5, 6, 2]);
    await clock.advance(3 * HOUR_MS);
  });

  it('of several nodes lets one do it', async () => {
    const [store, clock] = [openMemoryStore(), new VirtualClock()];
    const nodes = [sealerOn(store, clock), sealerOn(store, clock), sealerOn(store, clock)];
    for (const node of nodes) node.start();
    for (let hour = 1; hour <= 5; hour += 1) {
      await write(store, plain(10), String(hour));
      await clock.advance(HOUR_MS);
    }
    const made = await counts(store);
    expect(made.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(40);
    expect(made.length).toBeLessThanOrEqual(6);
    await Promise.all(nodes.map((node) => node.stop()));
    expect((await counts(store)).reduce((sum, count) => sum + count, 0)).toBe(50);
  });

  it('with 0 never does, and outlives a store that is away', async () => {
    const [store, clock] = [openMemoryStore(), new VirtualClock()];
    const never = sealerOn(store, clock, 0);
    never.start();
    await write(store, plain(5));
    await clock.advance(3 * HOUR_MS);
    await never.stop();
    expect(await counts(store)).toEqual([]);

    let isAway = true;
    const away: EventStore = {
      ...store,
      readStream: (stream, options) => async () => {
        const read = await store.readStream(stream, options)();
        return isAway || isLeft(read)
          ? { _tag: 'Left', left: { _tag: 'StoreUnavailable', message: 'away' } }
          : right(read.right);
      },
    };
    const sealer = sealerOn(away, clock);
    sealer.start();
    await clock.advance(2 * HOUR_MS);
    expect(await counts(store)).toEqual([]);
    isAway = false;
    await clock.advance(HOUR_MS + 60_000);
    await promisesDone();
    expect(await counts(store)).toEqual([5]);
    await sealer.stop();
  });
});
