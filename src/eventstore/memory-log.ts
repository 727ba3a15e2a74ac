import { type Either, left, right } from 'fp-ts/lib/Either.js';
import { passes } from './batch.ts';
import type {
  Appended,
  AppendFailure,
  EventData,
  Page,
  Position,
  ReadAllOptions,
  ReadStreamOptions,
  RecordedEvent,
  StreamAppend,
} from './event-store.ts';

export interface Written {
  /** One answer per `StreamAppend`. */
  readonly appended: ReadonlyArray<Appended>;
  /** What is new in the log; empty when all of it was stored before. */
  readonly stored: ReadonlyArray<RecordedEvent>;
}

/** The whole log as it stands, without waiting: the rules of the port about revisions, ids and order, and nothing else. */
export interface MemoryLog {
  readonly head: Position;
  /** All or nothing. The same ids at the same expected revision change nothing. */
  append(batch: ReadonlyArray<StreamAppend>): Either<AppendFailure, Written>;
  readStream(stream: string, options: ReadStreamOptions): ReadonlyArray<RecordedEvent>;
  readAll(options: ReadAllOptions): Page;
}

/** `following` tells the position after one; it must grow. */
export const memoryLog = (following = (position: Position): Position => position + 1): MemoryLog => {
  const streams = new Map<string, RecordedEvent[]>();
  const log: RecordedEvent[] = [];
  let head: Position = 0;

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
      head = following(head);
      const recorded = { stream, revision: stored.length, position: head, event };
      stored.push(recorded);
      log.push(recorded);
    }
    return { revision: stored.length - 1, position: head };
  };

  /** Index of the first event behind the position. */
  const indexAfter = (position: Position): number => {
    let [low, high] = [0, log.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((log[middle]?.position ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  return {
    get head() {
      return head;
    },
    append: (batch) => {
      const written = new Set<string>();
      const verdicts = batch.map((part) => {
        const verdict = written.has(part.stream) ? undefined : judge(part);
        if (verdict === undefined) written.add(part.stream);
        return verdict;
      });
      for (const verdict of verdicts) if (verdict !== undefined && '_tag' in verdict) return left(verdict);
      const before = log.length;
      const appended = batch.map((part, index) => (verdicts[index] as Appended | undefined) ?? write(part));
      return right({ appended, stored: log.slice(before) });
    },
    readStream: (stream, { fromRevision, direction, limit }) => {
      const stored = streams.get(stream) ?? [];
      if (direction === 'backwards') {
        const end = Math.min(fromRevision ?? stored.length - 1, stored.length - 1) + 1;
        return stored.slice(Math.max(end - limit, 0), Math.max(end, 0)).reverse();
      }
      const from = Math.max(fromRevision ?? 0, 0);
      return stored.slice(from, from + limit);
    },
    readAll: ({ after, limit, filter }) => {
      const events: RecordedEvent[] = [];
      let index = indexAfter(after);
      let next = after;
      while (index < log.length && events.length < limit) {
        const event = log[index] as RecordedEvent;
        if (passes(event.stream, filter?.streamPrefixes)) events.push(event);
        next = event.position;
        index += 1;
      }
      return { events, next, atEnd: index >= log.length };
    },
  };
};

const sameIds = (stored: ReadonlyArray<RecordedEvent>, events: ReadonlyArray<EventData>): boolean =>
  stored.length === events.length && events.every(({ id }, index) => stored[index]?.event.id === id);
