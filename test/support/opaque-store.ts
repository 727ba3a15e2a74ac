import { isLeft, type Left, right } from 'fp-ts/lib/Either.js';
import type {
  Appended,
  AppendFailure,
  EventStore,
  Position,
  RecordedEvent,
} from '../../src/eventstore/event-store.ts';

/** Strictly growing, with gaps of different widths. */
const opaque = (position: Position): Position =>
  position === 0 ? 0 : position * 1_000 + ((position * 7) % 100);
const dense = (position: Position): Position => {
  const found = Math.floor(position / 1_000);
  if (opaque(found) !== position) throw new Error(`position ${position} was not given by the store`);
  return found;
};

/**
 * A store as EventStoreDB is: batches are stored one stream after the other, and may be cut off in between; positions
 * have gaps, only such as it gave are taken, and events read from one stream do not tell theirs.
 */
export const opaqueStore = (store: EventStore): EventStore => {
  const shown = (event: RecordedEvent): RecordedEvent => ({ ...event, position: opaque(event.position) });
  return {
    ...store,
    id: `${store.id}, opaque`,
    atomicBatches: false,
    positions: 'opaque',
    append: (batch) => async () => {
      const appended: Appended[] = [];
      for (const part of batch) {
        const result = await store.append([part])();
        if (isLeft(result)) return appended.length === 0 ? result : partly(result);
        appended.push(...result.right.map((one) => ({ ...one, position: opaque(one.position) })));
      }
      return right(appended);
    },
    readStream: (stream, options) => async () => {
      const read = await store.readStream(stream, options)();
      return isLeft(read) ? read : right(read.right.map((event) => ({ ...event, position: 0 })));
    },
    readAll: (options) => async () => {
      const read = await store.readAll({ ...options, after: dense(options.after) })();
      if (isLeft(read)) return read;
      const { events, next, atEnd } = read.right;
      return right({ events: events.map(shown), next: opaque(next), atEnd });
    },
    head: () => async () => {
      const head = await store.head()();
      return isLeft(head) ? head : right(opaque(head.right));
    },
    subscribe: (options) =>
      store.subscribe({
        ...options,
        after: dense(options.after),
        onEvents: (events, upTo) => options.onEvents(events.map(shown), opaque(upTo)),
      }),
  };
};

const partly = (result: Left<AppendFailure>): Left<AppendFailure> =>
  result.left._tag === 'StoreUnavailable'
    ? { ...result, left: { ...result.left, _tag: 'OutcomeUnknown' } }
    : result;
