import { left, right } from 'fp-ts/lib/Either.js';
import { assertBatch, assertLimit, bytesOf, passes } from './batch.ts';
import {
  type Appended,
  type AppendFailure,
  type EventData,
  type EventStore,
  type RecordedEvent,
  type StreamAppend,
} from './event-store.ts';
import { liveFeed, subscriptionsTo } from './subscription.ts';

const APPEND_BYTES_MAX = 16 * 1024 * 1024;

/** The whole log in memory: for tests, simulations and demonstrations. Nothing outlives the process. */
export const openMemoryStore = (): EventStore => {
  const streams = new Map<string, RecordedEvent[]>();
  const log: RecordedEvent[] = [];
  const feed = liveFeed(0);
  let closed = false;

  const unavailable = { _tag: 'StoreUnavailable', message: 'the store is closed' } as const;

  /** The place of events that are stored already, the failure, or undefined when they can be written. */
  const judge = ({
    stream,
    expectedRevision,
    events,
  }: StreamAppend): Appended | AppendFailure | undefined => {
    const stored = streams.get(stream) ?? [];
    const actual = stored.length - 1;
    if (expectedRevision === actual) return undefined;
    const same = stored.slice(expectedRevision + 1, expectedRevision + 1 + events.length);
    const last = same.at(-1);
    return last !== undefined && sameIds(same, events)
      ? { revision: last.revision, position: last.position }
      : { _tag: 'WrongExpectedRevision', stream, expected: expectedRevision, actual };
  };

  const write = ({ stream, events }: StreamAppend): Appended => {
    const stored = streams.get(stream) ?? [];
    streams.set(stream, stored);
    for (const event of events) {
      const recorded = { stream, revision: stored.length, position: log.length + 1, event };
      stored.push(recorded);
      log.push(recorded);
    }
    return { revision: stored.length - 1, position: log.length };
  };

  const append: EventStore['append'] = (batch) => async () => {
    assertBatch(batch);
    const bytes = bytesOf(batch, APPEND_BYTES_MAX);
    if (bytes > APPEND_BYTES_MAX) return left({ _tag: 'AppendTooLarge', bytes, bytesMax: APPEND_BYTES_MAX });
    if (closed) return left(unavailable);
    await Promise.resolve();
    const written = new Set<string>();
    const verdicts = batch.map((part) => {
      const verdict = written.has(part.stream) ? undefined : judge(part);
      if (verdict === undefined) written.add(part.stream);
      return verdict;
    });
    for (const verdict of verdicts) if (verdict !== undefined && '_tag' in verdict) return left(verdict);
    const before = log.length;
    const appended = batch.map((part, index) => (verdicts[index] as Appended | undefined) ?? write(part));
    feed.publish(log.slice(before));
    return right(appended);
  };

  const readStream: EventStore['readStream'] = (stream, options) => async () => {
    assertLimit(options.limit);
    await Promise.resolve();
    if (closed) return left(unavailable);
    const stored = streams.get(stream) ?? [];
    if (options.direction === 'backwards') {
      const end = Math.min(options.fromRevision ?? stored.length - 1, stored.length - 1) + 1;
      return right(stored.slice(Math.max(end - options.limit, 0), Math.max(end, 0)).reverse());
    }
    const from = Math.max(options.fromRevision ?? 0, 0);
    return right(stored.slice(from, from + options.limit));
  };

  const readAll: EventStore['readAll'] =
    ({ after, limit, filter }) =>
    async () => {
      assertLimit(limit);
      await Promise.resolve();
      if (closed) return left(unavailable);
      const events: RecordedEvent[] = [];
      let next = Math.min(after, log.length);
      while (next < log.length && events.length < limit) {
        const event = log[next] as RecordedEvent;
        if (passes(event.stream, filter?.streamPrefixes)) events.push(event);
        next += 1;
      }
      return right({ events, next: Math.max(next, after), atEnd: next >= log.length });
    };

  const subscriptions = subscriptionsTo(readAll, feed);
  return {
    id: 'memory',
    atomicBatches: true,
    positions: 'dense',
    appendBytesMax: APPEND_BYTES_MAX,
    append,
    readStream,
    readAll,
    head: () => async () => {
      await Promise.resolve();
      return closed ? left(unavailable) : right(log.length);
    },
    subscribe: subscriptions.subscribe,
    close: async () => {
      closed = true;
      await subscriptions.stopAll();
    },
  };
};

const sameIds = (stored: ReadonlyArray<RecordedEvent>, events: ReadonlyArray<EventData>): boolean =>
  stored.length === events.length && events.every(({ id }, index) => stored[index]?.event.id === id);
