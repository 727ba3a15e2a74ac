import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import { assertBatch, assertLimit, bytesOf } from './batch.ts';
import type { EventStore } from './event-store.ts';
import { memoryLog } from './memory-log.ts';
import { liveFeed, subscriptionsTo } from './subscription.ts';

const APPEND_BYTES_MAX = 16 * 1024 * 1024;

/** The whole log in memory: for tests and demonstrations. Nothing outlives the process. */
export const openMemoryStore = (): EventStore => {
  const log = memoryLog();
  const feed = liveFeed(0);
  let closed = false;

  const unavailable = { _tag: 'StoreUnavailable', message: 'the store is closed' } as const;

  const append: EventStore['append'] = (batch) => async () => {
    assertBatch(batch);
    const bytes = bytesOf(batch, APPEND_BYTES_MAX);
    if (bytes > APPEND_BYTES_MAX) return left({ _tag: 'AppendTooLarge', bytes, bytesMax: APPEND_BYTES_MAX });
    if (closed) return left(unavailable);
    await Promise.resolve();
    const written = log.append(batch);
    if (isLeft(written)) return written;
    feed.publish(written.right.stored);
    return right(written.right.appended);
  };

  const readStream: EventStore['readStream'] = (stream, options) => async () => {
    assertLimit(options.limit);
    await Promise.resolve();
    return closed ? left(unavailable) : right(log.readStream(stream, options));
  };

  const readAll: EventStore['readAll'] = (options) => async () => {
    assertLimit(options.limit);
    await Promise.resolve();
    return closed ? left(unavailable) : right(log.readAll(options));
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
      return closed ? left(unavailable) : right(log.head);
    },
    subscribe: subscriptions.subscribe,
    close: async () => {
      closed = true;
      await subscriptions.stopAll();
    },
  };
};
