import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Appended,
  type AppendFailure,
  type EventStore,
  NO_STREAM,
  type Position,
  type RecordedEvent,
  type StreamAppend,
} from '../../src/eventstore/event-store.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { change, Writer } from '../eventstore/events.ts';
import { asInStream } from './as-in-stream.ts';
import { subscriptionContract } from './event-store-subscription.ts';

export interface OpenedStore {
  readonly store: EventStore;
}

export interface DurableStore extends OpenedStore {
  /** Closes the store and opens it again on the same data. */
  readonly reopen: () => Promise<EventStore>;
}

export const get = <L, A>(result: Either<L, A>): A => {
  if (isLeft(result)) throw new Error(`failed: ${JSON.stringify(result.left)}`);
  return result.right;
};

export const append = async (store: EventStore, ...batch: StreamAppend[]): Promise<ReadonlyArray<Appended>> =>
  get(await store.append(batch)());

export const readStream = async (store: EventStore, stream: string): Promise<ReadonlyArray<RecordedEvent>> =>
  asInStream(store, get(await store.readStream(stream, { limit: 1_000 })()));

/** What every adapter of the event store has to do. Streams have fresh names: the store may hold other things. */
export const describeEventStore = (name: string, open: () => Promise<OpenedStore>): void => {
  describe(`event store: ${name}`, () => {
    let store: EventStore;
    let prefix: string;
    const stream = (suffix: string): string => `${prefix}${suffix}`;
    const writer = (suffix = 'a'): Writer => new Writer(stream(suffix));

    beforeEach(async () => {
      ({ store } = await open());
      // No prefix of ours: what is written here fits no model, and the store may serve others, too.
      prefix = `contract-${randomUUID()}-`;
    });
    afterEach(() => store.close());

    describe('append', () => {
      it('answers with the place of the last event and gives every field back as it was written', async () => {
        const before = get(await store.head()());
        const batch = writer().next([1, 2]);
        const [appended] = await append(store, batch);
        expect(appended?.revision).toBe(1);
        expect(appended?.position).toBeGreaterThan(before);
        const page = get(
          await store.readAll({ after: before, limit: 10, filter: { streamPrefixes: [prefix] } })(),
        );
        const { events } = page;
        expect(events).toEqual([
          { stream: batch.stream, revision: 0, position: events[0]?.position, event: batch.events[0] },
          { stream: batch.stream, revision: 1, position: appended?.position, event: batch.events[1] },
        ]);
        expect(await readStream(store, batch.stream)).toEqual(asInStream(store, events));
        expect(events[0]?.position).toBeGreaterThan(before);
        expect(events[0]?.position).toBeLessThan(appended?.position ?? 0);
        expect(get(await store.head()())).toBeGreaterThanOrEqual(appended?.position ?? Infinity);
      });

      it('takes the exact revision and no other', async () => {
        const first = writer();
        await append(store, first.next([1, 2]));
        const refused = async (expectedRevision: number): Promise<void> => {
          const other = { ...first.peek([9]).append, expectedRevision };
          expect(await store.append([other])()).toEqual(
            left({
              _tag: 'WrongExpectedRevision',
              stream: other.stream,
              expected: expectedRevision,
              actual: 1,
            }),
          );
        };
        for (const expected of [NO_STREAM, 0, 2, 100]) await refused(expected);
        expect(await readStream(store, first.stream)).toHaveLength(2);
        const [appended] = await append(store, first.next([3]));
        expect(appended?.revision).toBe(2);
      });

      it('refuses a revision of a stream that does not exist', async () => {
        const missing = { ...writer().next([1]), expectedRevision: 0 };
        expect(await store.append([missing])()).toEqual(
          left({ _tag: 'WrongExpectedRevision', stream: missing.stream, expected: 0, actual: NO_STREAM }),
        );
        expect(await readStream(store, missing.stream)).toEqual([]);
      });

      it('lets exactly one of many racing writers win', async () => {
        const racers = writer();
        await append(store, racers.next([0]));
        const appends = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => racers.peek([n]).append);
        const results = await Promise.all(appends.map((racing) => store.append([racing])()));
        const winners = appends.filter((_, index) => results[index]?._tag === 'Right');
        expect(winners).toHaveLength(1);
        const losers = results.filter(isLeft).map((result) => result.left);
        expect(losers).toEqual(
          losers.map(() => ({
            _tag: 'WrongExpectedRevision',
            stream: racers.stream,
            expected: 0,
            actual: 1,
          })),
        );
        const events = await readStream(store, racers.stream);
        expect(events.map(({ event }) => event.id)).toEqual([guidOf(0), winners[0]?.events[0]?.id]);
      });

      it('changes nothing when the same append comes again, however late', async () => {
        const start = get(await store.head()());
        const repeated = writer();
        const first = repeated.next([1, 2]);
        const [appended] = await append(store, first);
        expect(await append(store, first)).toEqual([appended]);
        const [later] = await append(store, repeated.next([3]));
        expect(await append(store, first)).toEqual([appended]);
        const prefixOfIt = { ...first, events: first.events.slice(0, 1) };
        expect((await append(store, prefixOfIt))[0]?.revision).toBe(0);
        const events = await readStream(store, first.stream);
        expect(events.map(({ event }) => event.id)).toEqual([guidOf(1), guidOf(2), guidOf(3)]);
        const stored = get(
          await store.readAll({ after: start, limit: 10, filter: { streamPrefixes: [prefix] } })(),
        );
        expect(stored.events.at(-1)?.position).toBe(later?.position);
      });

      it('gives racing copies of one append the same answer', async () => {
        const first = writer().next([1, 2]);
        const results = await Promise.all([1, 2, 3].map(() => store.append([first])()));
        expect(new Set(results.map((result) => JSON.stringify(result)))).toHaveLength(1);
        expect(results[0]).toMatchObject(right([{ revision: 1 }]));
        expect(await readStream(store, first.stream)).toHaveLength(2);
      });

      it('refuses what only resembles an earlier append', async () => {
        const resembled = writer();
        const first = resembled.next([1, 2]);
        await append(store, first);
        const longer = { ...first, events: [...first.events, ...resembled.peek([3]).append.events] };
        const swapped = { ...first, events: first.events.toReversed() };
        const otherSecond = { ...first, events: [first.events[0], ...resembled.peek([4]).append.events] };
        for (const batch of [longer, swapped, otherSecond] as StreamAppend[]) {
          expect(await store.append([batch])()).toEqual(
            left({ _tag: 'WrongExpectedRevision', stream: first.stream, expected: NO_STREAM, actual: 1 }),
          );
        }
        expect(await readStream(store, first.stream)).toHaveLength(2);
      });

      it('takes the same event id in two streams', async () => {
        await append(store, writer('a').next([1]));
        await append(store, writer('b').next([1]));
        expect(await readStream(store, stream('b'))).toHaveLength(1);
      });

      it('writes a batch over several streams in the given order', async () => {
        const before = get(await store.head()());
        const batch = [writer('a').next([1]), writer('b').next([2, 3]), writer('c').next([4])];
        const appended = await append(store, ...batch);
        expect(appended.map(({ revision }) => revision)).toEqual([0, 1, 0]);
        const positions = appended.map(({ position }) => position);
        expect(positions).toEqual(positions.toSorted((a, b) => a - b));
        for (const [index, part] of batch.entries()) {
          const events = await readStream(store, part.stream);
          expect(events.map(({ event }) => event)).toEqual(part.events);
          const filter = { streamPrefixes: [part.stream] };
          const stored = get(await store.readAll({ after: before, limit: 10, filter })());
          expect(stored.events.at(-1)?.position).toBe(positions[index]);
        }
      });

      it('writes a batch whole or not at all, where it says so', async () => {
        const [a, b, c] = [writer('a'), writer('b'), writer('c')];
        await append(store, b.next([1]));
        const conflicting = { ...b.peek([3]).append, expectedRevision: NO_STREAM };
        const result = await store.append([a.peek([2]).append, conflicting, c.peek([4]).append])();
        expect(result).toEqual(
          left({ _tag: 'WrongExpectedRevision', stream: b.stream, expected: NO_STREAM, actual: 0 }),
        );
        const stored = [await readStream(store, a.stream), await readStream(store, c.stream)];
        expect(stored.map((events) => events.length)).toEqual(store.atomicBatches ? [0, 0] : [1, 0]);
      });

      it('completes a batch of which a part is stored already', async () => {
        const [a, b] = [writer('a').next([1]), writer('b').next([2])];
        const [first] = await append(store, a);
        const both = await append(store, a, b);
        expect(both[0]).toEqual(first);
        expect(both[1]?.revision).toBe(0);
        expect(await append(store, a, b)).toEqual(both);
        expect(await readStream(store, a.stream)).toHaveLength(1);
        expect(await readStream(store, b.stream)).toHaveLength(1);
      });

      it('keeps the order of a batch in which a stream stands again', async () => {
        const [a, b] = [writer('a'), writer('b')];
        const batch = [a.next([1]), b.next([2]), a.next([3, 4]), b.next([5])];
        const appended = await append(store, ...batch);
        expect(appended.map(({ revision }) => revision)).toEqual([0, 0, 2, 1]);
        const positions = appended.map(({ position }) => position);
        expect(positions).toEqual([...positions].sort((x, y) => x - y));
        expect((await readStream(store, a.stream)).map(({ event }) => event)).toEqual([
          ...(batch[0]?.events ?? []),
          ...(batch[2]?.events ?? []),
        ]);
        expect(await append(store, ...batch)).toEqual(appended);
        expect(await readStream(store, b.stream)).toHaveLength(2);
      });

      it('takes an event of 1 MiB, as far as its limit allows', async () => {
        const bytes = Math.min(1024 * 1024, store.appendBytesMax - 16 * 1024);
        const large = writer().next([1], (n) => change(n, 'x'.repeat(bytes)));
        await append(store, large);
        expect((await readStream(store, large.stream))[0]?.event).toEqual(large.events[0]);
      });

      it('refuses more than its limit before anything is stored, counted in UTF-8 bytes', async () => {
        const room = store.appendBytesMax / 3;
        const tooLarge = writer().next([1], (n) => change(n, '€'.repeat(room)));
        const result = await store.append([writer('b').next([2]), tooLarge])();
        const bytesMax = store.appendBytesMax;
        expect(result).toMatchObject(left({ _tag: 'AppendTooLarge', bytesMax }));
        const failure = isLeft(result) ? result.left : undefined;
        expect(failure?._tag === 'AppendTooLarge' ? failure.bytes : 0).toBeGreaterThan(bytesMax);
        expect(await readStream(store, stream('b'))).toEqual([]);
      });

      it.each([
        ['colons and percent signs', 'a:b%20c%:'],
        ['other alphabets', 'Zoë-東京-Ωμέγα-🎟️'],
        ['quotes and line feeds', `it's "so"\n\t\\`],
        ['a NUL', 'a\u0000b'],
        ['300 characters', 'x'.repeat(300)],
      ])('takes stream names with %s', async (_case, suffix) => {
        const unusual = writer(suffix);
        const neighbour = writer(suffix.slice(0, -1));
        const batch = unusual.next([1]);
        await append(store, batch, neighbour.next([2]));
        const [event] = await readStream(store, unusual.stream);
        expect(event).toEqual({
          stream: unusual.stream,
          revision: 0,
          position: event?.position,
          event: batch.events[0],
        });
        expect(await readStream(store, neighbour.stream)).toHaveLength(1);
      });

      it('keeps every character of data and metadata', async () => {
        const text = writer().next([1], (n) =>
          change(n, { '\u0000é東🎟️\ud800': ['\u2028', '\\', '"', 1e-7, {}] }),
        );
        await append(store, text);
        expect((await readStream(store, text.stream))[0]?.event).toEqual(text.events[0]);
      });

      it('throws at what only a defect can ask for', async () => {
        const good = writer().next([1]);
        const [event] = good.events;
        for (const batch of [
          [],
          [{ ...good, events: [] }],
          [good, good],
          [{ ...good, expectedRevision: -2 }],
          [{ ...good, stream: '' }],
          [{ ...good, stream: `${good.stream}\ud800` }],
          [{ ...good, events: [{ ...event, id: 'no-uuid' }] }],
        ] as StreamAppend[][]) {
          await expect(async () => store.append(batch)()).rejects.toThrow();
        }
        expect(await readStream(store, good.stream)).toEqual([]);
      });

      it('agrees with a plain model on any sequence of appends', async () => {
        const command = fc.record({
          suffix: fc.constantFrom('p', 'q'),
          expected: fc.integer({ min: -1, max: 4 }),
          ids: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
        });
        let runs = 0;
        await fc.assert(
          fc.asyncProperty(fc.array(command, { maxLength: 12 }), async (commands) => {
            runs += 1;
            const model = new Map<string, string[]>();
            for (const { suffix, expected, ids } of commands) {
              const sealed = writer(`${runs}-${suffix}`).next(ids);
              const result = await store.append([{ ...sealed, expectedRevision: expected }])();
              const outcome = modelAppend(model, sealed.stream, expected, ids.map(guidOf));
              expect(isLeft(result) ? result : right(get(result)[0]?.revision)).toEqual(outcome);
            }
            for (const [name, ids] of model) {
              expect((await readStream(store, name)).map(({ event }) => event.id)).toEqual(ids);
            }
          }),
          { numRuns: 60 },
        );
      });
    });

    describe('read a stream', () => {
      const ids = async (options: Parameters<EventStore['readStream']>[1]): Promise<ReadonlyArray<number>> =>
        get(await store.readStream(stream('a'), options)()).map(({ revision }) => revision);

      it('forwards and backwards, from anywhere, up to a limit', async () => {
        await append(store, writer().next([1, 2, 3, 4, 5]));
        expect(await ids({ limit: 2 })).toEqual([0, 1]);
        expect(await ids({ fromRevision: 3, limit: 10 })).toEqual([3, 4]);
        expect(await ids({ fromRevision: 5, limit: 10 })).toEqual([]);
        expect(await ids({ direction: 'backwards', limit: 2 })).toEqual([4, 3]);
        expect(await ids({ direction: 'backwards', fromRevision: 1, limit: 10 })).toEqual([1, 0]);
        expect(await ids({ direction: 'backwards', fromRevision: 99, limit: 1 })).toEqual([4]);
      });

      it('reads a stream that does not exist as empty', async () => {
        expect(await ids({ limit: 1 })).toEqual([]);
        expect(await ids({ direction: 'backwards', limit: 1 })).toEqual([]);
      });
    });

    describe('read all', () => {
      let start: Position;
      beforeEach(async () => {
        start = get(await store.head()());
      });
      const page = async (after: Position, limit: number, ...suffixes: string[]) =>
        get(await store.readAll({ after, limit, filter: { streamPrefixes: suffixes.map(stream) } })());

      it('gives all events in the order in which they were stored, page by page', async () => {
        const [a, b] = [writer('a'), writer('b')];
        for (const batch of [a.next([1]), b.next([2]), a.next([3, 4]), b.next([5])])
          await append(store, batch);
        const seen: RecordedEvent[] = [];
        let after = start;
        for (let atEnd = false; !atEnd;) {
          const { events, next, atEnd: end } = await page(after, 2, '');
          expect(events.length).toBeLessThanOrEqual(2);
          expect(next).toBeGreaterThanOrEqual(events.at(-1)?.position ?? after);
          seen.push(...events);
          [after, atEnd] = [next, end];
        }
        expect(seen.map(({ event }) => event.id)).toEqual([1, 2, 3, 4, 5].map(guidOf));
        const positions = seen.map(({ position }) => position);
        expect(positions).toEqual([...new Set(positions)].toSorted((x, y) => x - y));
        for (const name of [a.stream, b.stream]) {
          const inOrder = seen.filter((event) => event.stream === name);
          expect(await readStream(store, name)).toEqual(asInStream(store, inOrder));
        }
      });

      it('resumes after a position, never with it', async () => {
        const [appended] = await append(store, writer().next([1]));
        await append(store, writer('b').next([2]));
        const { events } = await page(appended?.position ?? 0, 10, '');
        expect(events.map(({ event }) => event.id)).toEqual([guidOf(2)]);
        expect(await page(events[0]?.position ?? 0, 10, '')).toMatchObject({ events: [], atEnd: true });
      });

      it('filters by prefixes of the stream name and goes on over what does not match', async () => {
        for (const [index, suffix] of ['x:1', 'y:1', 'x:2', 'z:1', 'X:1', 'y:2', 'y:3'].entries()) {
          await append(store, writer(suffix).next([index]));
        }
        const both = await page(start, 100, 'x:', 'z');
        expect(both.events.map((event) => event.stream)).toEqual(['x:1', 'x:2', 'z:1'].map(stream));
        expect(both.atEnd).toBe(true);
        expect(both.next).toBeGreaterThanOrEqual(get(await store.head()()));
        const one = await page(start, 1, 'x:2');
        expect(one.events.map((event) => event.stream)).toEqual([stream('x:2')]);
        const none = await page(one.next, 10, 'x:');
        expect(none).toMatchObject({ events: [], atEnd: true });
        expect(none.next).toBeGreaterThan(one.next);
      });

      it('reads without a filter, too', async () => {
        const batch = writer().next([1, 2, 3]);
        await append(store, batch);
        const { events } = get(await store.readAll({ after: start, limit: 1_000 })());
        expect(events.filter((event) => event.stream === batch.stream).map(({ event }) => event)).toEqual(
          batch.events,
        );
      });
    });

    describe('close', () => {
      it('waits for appends under way and then is unavailable', async () => {
        const appending = Promise.all([1, 2, 3].map((n) => store.append([writer(`c${n}`).next([n])])()));
        const closing = store.close();
        expect((await appending).map(({ _tag }) => _tag)).toEqual(['Right', 'Right', 'Right']);
        await closing;
        await store.close();
        const unavailable = { _tag: 'StoreUnavailable' };
        expect(await store.append([writer().next([1])])()).toMatchObject(left(unavailable));
        expect(await store.readStream(stream('a'), { limit: 1 })()).toMatchObject(left(unavailable));
        expect(await store.readAll({ after: 0, limit: 1 })()).toMatchObject(left(unavailable));
        expect(await store.head()()).toMatchObject(left(unavailable));
      });
    });

    subscriptionContract(() => ({ store, prefix, writer }));
  });
};

/** What every adapter has to do whose events outlive the process. */
export const describeDurability = (name: string, open: () => Promise<DurableStore>): void => {
  describe(`event store, opened again: ${name}`, () => {
    it('keeps everything and goes on where it was', async () => {
      const { store, reopen } = await open();
      const start = get(await store.head()());
      const writer = new Writer(`contract-${randomUUID()}-a`);
      const batch = writer.next([1, 2]);
      const [appended] = await append(store, batch);
      const before = await readStream(store, batch.stream);
      const again = await reopen();
      expect(await readStream(again, batch.stream)).toEqual(before);
      expect(await append(again, batch)).toEqual([appended]);
      const [after] = await append(again, writer.next([3]));
      expect(after?.revision).toBe(2);
      expect(after?.position).toBeGreaterThan(appended?.position ?? Infinity);
      const { events } = get(await again.readAll({ after: start, limit: 1_000 })());
      expect(events.filter(({ stream }) => stream === batch.stream)).toHaveLength(3);
      await again.close();
    });
  });
};

/** What the port's documentation says, in a few lines. */
const modelAppend = (
  streams: Map<string, string[]>,
  stream: string,
  expected: number,
  ids: ReadonlyArray<string>,
): Either<AppendFailure, number> => {
  const stored = streams.get(stream) ?? [];
  const actual = stored.length - 1;
  if (expected === actual) {
    streams.set(stream, [...stored, ...ids]);
    return right(actual + ids.length);
  }
  const repeated = ids.every((id, index) => stored[expected + 1 + index] === id);
  return repeated
    ? right(expected + ids.length)
    : left({ _tag: 'WrongExpectedRevision', stream, expected, actual });
};
