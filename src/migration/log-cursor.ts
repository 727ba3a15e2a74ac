import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { STREAM_PREFIXES } from '../domain/ids.ts';
import type { EventStore, Position, ReadFailure, RecordedEvent } from '../eventstore/event-store.ts';
import { isOurs } from '../eventstore/ours.ts';
import { RESTORATIONS_STREAM } from '../eventstore/restorations.ts';

/** What reading a history takes. */
export type LogSource = Pick<EventStore, 'readAll' | 'readStream'>;

/** Events read at once; a store ends a page of large ones earlier. */
const PAGE = 500;
const FILTER = { streamPrefixes: [...STREAM_PREFIXES, RESTORATIONS_STREAM] };

/** No projection reads restorations, but the numbers that were given out before them stay given out wherever the history goes. */
const isHistory = (recorded: RecordedEvent): boolean =>
  isOurs(recorded) || recorded.stream === RESTORATIONS_STREAM;

/** Goes through the history, all events of ours in the order of the log, one page in memory. At the end it may be asked again. */
export class LogCursor {
  readonly #log: Pick<LogSource, 'readAll'>;
  #after: Position = 0;
  #page: ReadonlyArray<RecordedEvent> = [];
  #next = 0;

  constructor(log: Pick<LogSource, 'readAll'>) {
    this.#log = log;
  }

  /** Undefined: there are no more now. */
  async next(): Promise<Either<ReadFailure, RecordedEvent | undefined>> {
    for (;;) {
      const event = this.#page[this.#next];
      if (event !== undefined) {
        this.#next += 1;
        return right(event);
      }
      const page = await this.#log.readAll({ after: this.#after, limit: PAGE, filter: FILTER })();
      if (isLeft(page)) return page;
      this.#page = page.right.events.filter(isHistory);
      this.#next = 0;
      this.#after = page.right.next;
      if (this.#page.length === 0 && page.right.atEnd) return right(undefined);
    }
  }
}
