import { isLeft } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { rootFault } from '../../src/audit/kept-root.ts';
import { checkProof, wrap } from '../../src/audit/proof-check.ts';
import { prove, type ProvenLog, rootAt } from '../../src/audit/prove.ts';
import { sealHistory } from '../../src/audit/seal-history.ts';
import type { HistorySealed } from '../../src/domain/seal.ts';
import type { ChainBreak } from '../../src/eventstore/decoded.ts';
import type { EventStore, RecordedEvent } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { type SealCounts, SealWatch } from '../../src/eventstore/seal-watch.ts';
import { readSeals } from '../../src/eventstore/seals.ts';
import { openRemovalIndex } from '../../src/eventstore/sqlite-removals.ts';
import { checkLog } from '../../src/migration/check-log.ts';
import { compareLogs } from '../../src/migration/compare-logs.ts';
import { copyLog } from '../../src/migration/copy-log.ts';
import { AT_MS, Writer } from '../eventstore/events.ts';
import { contents, nameOf, plain, write } from '../migration/logs.ts';
import { append, get } from './event-store.ts';

/** What seals promise on every store. */

let ids = 0;
const newId = (): string => `00000000-0000-4000-8000-${String((ids += 1)).padStart(12, '0')}`;

export const sealingDeps = (store: EventStore, atMs = AT_MS) => ({
  store,
  clock: { nowMs: () => atMs, monotonicMs: () => 0, setTimer: () => ({ cancel: () => undefined }) },
  random: { uuid: newId, bytes: (length: number) => new Uint8Array(length) },
  signer: undefined,
  breathe: async () => true,
});

export const sealNow = async (store: EventStore, eventsMax?: number): Promise<ReadonlyArray<HistorySealed>> =>
  get(await sealHistory(sealingDeps(store), eventsMax));

type Log = Pick<EventStore, 'id' | 'readAll' | 'readStream'>;

export interface Verified {
  readonly breaks: ReadonlyArray<ChainBreak>;
  readonly counts: SealCounts;
}

/** As `audit verify` does where the log is gone through in order. */
export const verifyInOrder = async (log: Log): Promise<Verified> => {
  const { seals, broken } = get(await readSeals(log));
  const watch = new SealWatch(seals, log.id);
  const checked = get(await checkLog(log, { breaksMax: 100, watch }));
  return {
    breaks: [...(broken === undefined ? [] : [broken]), ...checked.breaks],
    counts: watch.counts(),
  };
};

/** The log as it would be without some of its events. */
const without = (log: Log, gone: (recorded: RecordedEvent) => boolean): Log => ({
  id: log.id,
  readAll: (options) => async () => {
    const page = await log.readAll(options)();
    return isLeft(page)
      ? page
      : { ...page, right: { ...page.right, events: page.right.events.filter((event) => !gone(event)) } };
  },
  readStream: (stream, options) => async () => {
    const page = await log.readStream(stream, options)();
    return isLeft(page) ? page : { ...page, right: page.right.filter((event) => !gone(event)) };
  },
});

const TEST_MS = 60_000;

export const sealsContract = (name: string, open: () => Promise<EventStore>): void => {
  describe(`seals on ${name}`, () => {
    it(
      'cover what is new, each event once, and nothing where nothing is new',
      async () => {
        const store = await open();
        expect(await sealNow(store)).toEqual([]);
        await write(store, plain(30));
        const theirs = new Writer('somebody-else-1');
        await append(store, theirs.next([1]));
        const [first, ...more] = await sealNow(store);
        expect(more).toEqual([]);
        expect(first).toMatchObject({ number: 1, count: 30, events: 30, streams: 4, signature: null });
        expect(await sealNow(store)).toEqual([]);

        await write(store, plain(25), 'b');
        const cut = await sealNow(store, 10);
        expect(cut.map(({ number, count, events }) => [number, count, events])).toEqual([
          [2, 10, 40],
          [3, 10, 50],
          [4, 5, 55],
        ]);
        await write(store, plain(3), 'c');
        const { breaks, counts } = await verifyInOrder(store);
        expect(breaks).toEqual([]);
        expect(counts).toEqual({ holding: 4, thinned: 0, unprovable: 0, unsealed: 3 });
        await store.close();
      },
      TEST_MS,
    );

    it(
      'are made once by two who seal at the same time',
      async () => {
        const store = await open();
        await write(store, plain(40));
        const made = await Promise.all([sealNow(store, 7), sealNow(store, 7), sealNow(store, 7)]);
        await sealNow(store, 7);
        const { seals } = get(await readSeals(store));
        expect(made.flat().length).toBeLessThanOrEqual(seals.length);
        expect(seals.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6]);
        expect((await verifyInOrder(store)).breaks).toEqual([]);
        await store.close();
      },
      TEST_MS,
    );

    it(
      'find a cut end, a stream that is gone, and the newest seals cut off by the root that was kept',
      async () => {
        const store = await open();
        await write(store, plain(20));
        await sealNow(store);
        await write(store, plain(20), 'b');
        const [sealed] = await sealNow(store);
        await write(store, plain(4), 'c');
        if (sealed === undefined) throw new Error('nothing was sealed');
        const events = await contents(store);
        const stream = nameOf(1, 'b');
        const last = events.findLast((event) => event.stream === stream)?.revision ?? -1;
        const cut = await verifyInOrder(
          without(store, (event) => event.stream === stream && event.revision === last),
        );
        expect(cut.breaks).toEqual([
          expect.objectContaining({
            stream: 'callboard-seals',
            revision: 1,
            reason: expect.stringMatching(
              /^seal 2 of .*, which covers events 21 to 40, does not hold: 19 events are there instead of 20$/,
            ) as unknown,
          }),
        ]);
        const gone = await verifyInOrder(without(store, (event) => event.stream === stream));
        expect(gone.breaks).toEqual([expect.objectContaining({ stream: 'callboard-seals', revision: 1 })]);
        const end = await verifyInOrder(
          without(
            store,
            ({ stream: at, revision }) => at === sealed.last.stream && revision === sealed.last.revision,
          ),
        );
        expect(end.breaks).toContainEqual(
          expect.objectContaining({
            revision: 1,
            reason: expect.stringContaining('the event that it ends with is not there') as unknown,
          }),
        );

        const { seals } = get(await readSeals(store));
        const root = rootAt(seals);
        expect(rootFault(root, seals)).toBeUndefined();
        expect(rootFault(root, seals.slice(0, 1))).toContain('the history was truncated, it has 1 seals');
        await store.close();
      },
      TEST_MS,
    );

    it(
      'go along when a history moves, and hold there; the next one goes on there',
      async () => {
        const store = await open();
        await write(store, plain(20));
        await sealNow(store, 6);
        await write(store, plain(5), 'b');
        const target = openMemoryStore();
        const moved = get(
          await copyLog(store, target, { beforeCopying: async () => ({ _tag: 'Right', right: undefined }) }),
        );
        get(await compareLogs(store, target, moved.copied));
        const kept = rootAt(get(await readSeals(store)).seals);
        const there = await verifyInOrder(target);
        expect(there).toEqual({ breaks: [], counts: { holding: 4, thinned: 0, unprovable: 0, unsealed: 5 } });
        expect(rootFault(kept, get(await readSeals(target)).seals)).toBeUndefined();
        expect(await sealNow(target)).toMatchObject([
          { number: 5, count: 5, events: 25, hint: { store: target.id } },
        ]);
        expect((await verifyInOrder(target)).counts.holding).toBe(5);
        await store.close();
      },
      TEST_MS,
    );

    it(
      'give a proof of every event, which leads to any root since',
      async () => {
        const store = await open();
        await write(store, plain(12));
        await sealNow(store, 5);
        const middle = rootAt(get(await readSeals(store)).seals);
        await write(store, plain(12), 'b');
        await sealNow(store);
        await write(store, plain(2), 'c');
        const { seals } = get(await readSeals(store));
        const newest = rootAt(seals);
        const all = await contents(store);
        const removals = openRemovalIndex();
        const log: ProvenLog = store;
        for (const [at, { stream, revision, event }] of all.entries()) {
          if (event.type === 'HistorySealed') continue;
          const subject = { kind: 'change', guid: event.id, stream, revision } as const;
          const proven = await prove({ log, seals, removals }, subject);
          if (at >= all.length - 2) {
            expect(proven).toMatchObject({
              _tag: 'Left',
              left: expect.stringContaining('no seal covers') as unknown,
            });
            continue;
          }
          const text = wrap('callboardProof', get(proven).proof);
          expect(checkProof(text, wrap('callboardRoot', { root: newest }))).toMatchObject({ holds: true });
          expect(checkProof(text, wrap('callboardRoot', { root: middle }))).toMatchObject({ holds: false });
          if (at > 11) continue;
          const earlier = get(await prove({ log, seals: seals.slice(0, middle.number), removals }, subject));
          const other = wrap('callboardProof', earlier.proof);
          expect(checkProof(other, wrap('callboardRoot', { root: middle }))).toMatchObject({ holds: true });
        }
        removals.close();
        await store.close();
      },
      TEST_MS,
    );
  });
};
