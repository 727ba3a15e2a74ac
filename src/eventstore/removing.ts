import type { TaskEither } from 'fp-ts/lib/TaskEither.js';
import type {
  Appended,
  AppendFailure,
  Position,
  ReadFailure,
  RecordedEvent,
  StreamAppend,
} from './event-store.ts';
import type { Removal } from './removals.ts';

export interface StreamEnds {
  /** The newest events of streams with that beginning and one of the types; none of a stream that lost its beginning before. */
  readonly ends: ReadonlyArray<RecordedEvent>;
  /** Looked at up to here. */
  readonly next: Position;
  /** The event there; undefined: the log holds nothing more. */
  readonly last: RecordedEvent | undefined;
}

/** A store that can take the beginnings of streams out of itself, for good. */
export interface RemovingStore {
  /** In the order of the log. Looks at a bounded piece of it. */
  ends(options: {
    readonly after: Position;
    readonly streamPrefix: string;
    readonly types: ReadonlyArray<string>;
  }): TaskEither<ReadFailure, StreamEnds>;
  /**
   * The record is durable and what it says is gone, or neither. `WrongExpectedRevision` of a stream: it does not end right behind
   * what is to go, or lost its beginning before. Nothing is ever appended to such a stream again.
   */
  remove(
    record: StreamAppend,
    removals: ReadonlyArray<Removal>,
  ): TaskEither<AppendFailure, ReadonlyArray<Appended>>;
  /** All streams whose names begin so. Goes through the names of all streams. */
  streamNames(prefix: string): TaskEither<ReadFailure, ReadonlyArray<string>>;
  /** Where the event stood, if it was removed. */
  removedPosition(stream: string, revision: number): TaskEither<ReadFailure, Position | undefined>;
}
