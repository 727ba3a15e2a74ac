import type { TaskEither } from 'fp-ts/lib/TaskEither.js';

/**
 * A place in the order of all events. 0 stands before the first event. Positions grow strictly. On SQLite and memory they
 * are 1, 2, 3 …; on EventStoreDB the event's offset in the log in bytes (a safe integer up to 8 PiB), with gaps.
 */
export type Position = number;

/** As `expectedRevision`: the stream must not exist yet. The first event of a stream has revision 0. */
export const NO_STREAM = -1;

/** One event as it is written: `data` and `metadata` are JSON objects as text, never parsed by a store. */
export interface EventData {
  /** A UUID. The same append repeated with the same ids at the same expected revision changes nothing. */
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
}

/** One event as it was stored. `event` may be the very object that was appended. */
export interface RecordedEvent {
  readonly stream: string;
  readonly revision: number;
  /** 0 where the store does not tell: see {@link EventStore.positions}. */
  readonly position: Position;
  readonly event: EventData;
}

export interface StreamAppend {
  readonly stream: string;
  /** Revision of the stream's last event as the writer knows it, or {@link NO_STREAM}. Never "any". */
  readonly expectedRevision: number;
  /** At least one. */
  readonly events: ReadonlyArray<EventData>;
}

/**
 * Where the last event of one `StreamAppend` ended up. With opaque positions it may be that of a later event of the same
 * batch and stream, where several were written together.
 */
export interface Appended {
  readonly revision: number;
  readonly position: Position;
}

export type AppendFailure =
  /** Somebody else wrote first: read again, decide again. `actual` is −1 when the stream does not exist. */
  | {
      readonly _tag: 'WrongExpectedRevision';
      readonly stream: string;
      readonly expected: number;
      readonly actual: number;
    }
  /** Refused before anything was sent: one append holds more bytes than the store takes. */
  | { readonly _tag: 'AppendTooLarge'; readonly bytes: number; readonly bytesMax: number }
  /** Nothing was stored. */
  | { readonly _tag: 'StoreUnavailable'; readonly message: string }
  /** It may or may not be stored: repeat the identical append. */
  | { readonly _tag: 'OutcomeUnknown'; readonly message: string };

export type ReadFailure = { readonly _tag: 'StoreUnavailable'; readonly message: string };

/** Events whose stream name starts with one of the prefixes. */
export interface StreamFilter {
  readonly streamPrefixes: ReadonlyArray<string>;
}

export interface ReadStreamOptions {
  /** Forwards: the first revision wanted (default 0). Backwards: the last one wanted (default the newest). */
  readonly fromRevision?: number;
  readonly direction?: 'forwards' | 'backwards';
  readonly limit: number;
}

export interface ReadAllOptions {
  /** Exclusive. */
  readonly after: Position;
  readonly limit: number;
  readonly filter?: StreamFilter;
}

export interface Page {
  readonly events: ReadonlyArray<RecordedEvent>;
  /** Continue after this position; with a filter it may lie behind the last event returned. */
  readonly next: Position;
  /** Nothing more was there when it was read. */
  readonly atEnd: boolean;
}

export interface SubscribeOptions {
  /** Exclusive. */
  readonly after: Position;
  readonly filter?: StreamFilter;
  /** Most events handed over at once. */
  readonly batchMax: number;
  /**
   * Batches in log order, one at a time: the next comes after the promise resolved. A rejection ends the
   * subscription through `onFailure`. Everything up to `upTo` was handed over or does not pass the filter; a batch
   * without events says only that.
   */
  readonly onEvents: (events: ReadonlyArray<RecordedEvent>, upTo: Position) => Promise<void>;
  /** Called once, when all that was stored at the time has been handed over. */
  readonly onCaughtUp?: () => void;
  readonly onFailure: (failure: unknown) => void;
}

export interface Subscription {
  /** Resolves when no handler runs any more. */
  stop(): Promise<void>;
}

/** Port to the log. Every adapter passes test/contract/event-store.ts. */
export interface EventStore {
  /** Tells one log from another: what was derived from a log with another id is of no use. */
  readonly id: string;
  /** Whether one append over several streams is all or nothing. Where not, streams are written in the given order. */
  readonly atomicBatches: boolean;
  /**
   * `dense`: 1, 2, 3 …, so one may reckon with them. `opaque`: only 0 and what the store gave may be handed back to it,
   * and events read from one stream need not tell theirs (0).
   */
  readonly positions: 'dense' | 'opaque';
  /** Bytes of data, metadata, ids and types that one append may hold; without `atomicBatches` what each stream of it may. */
  readonly appendBytesMax: number;
  /**
   * One answer per `StreamAppend`; the log has them in this order. A stream may stand there again, expecting the
   * revision that the batch itself has brought it to. Resolves only when all is durable.
   */
  append(batch: ReadonlyArray<StreamAppend>): TaskEither<AppendFailure, ReadonlyArray<Appended>>;
  /** A stream that does not exist reads as empty. */
  readStream(
    stream: string,
    options: ReadStreamOptions,
  ): TaskEither<ReadFailure, ReadonlyArray<RecordedEvent>>;
  readAll(options: ReadAllOptions): TaskEither<ReadFailure, Page>;
  /** When the beginning of the stream was removed by retention; undefined: it was not. Absent where the store cannot tell. */
  readonly removedAtMs?: (stream: string) => TaskEither<ReadFailure, number | undefined>;
  /** Position of the newest event, 0 when there is none. */
  head(): TaskEither<ReadFailure, Position>;
  subscribe(options: SubscribeOptions): Subscription;
  close(): Promise<void>;
}
