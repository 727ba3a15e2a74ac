import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { HISTORY_PREFIXES } from '../domain/ids.ts';
import type { EventStore, Page, Position, ReadFailure, RecordedEvent } from '../eventstore/event-store.ts';
import { isOurs } from '../eventstore/ours.ts';
import { RESTORATIONS_STREAM } from '../eventstore/restorations.ts';

/** What reading a history takes. */
export type LogSource = Pick<EventStore, 'readAll' | 'readStream'>;

/** Events read at once; a store ends a page of large ones earlier. */
const PAGE_EVENTS = 500;
const FILTER = { streamPrefixes: [...HISTORY_PREFIXES, RESTORATIONS_STREAM] };

/** No projection reads restorations, but the numbers that were given out before them stay given out wherever the history goes. */
const isHistory = (recorded: RecordedEvent): boolean =>
  isOurs(recorded) || recorded.stream === RESTORATIONS_STREAM;

/** Goes through the history, all events of ours and the seals, in the order of the log, two pages in memory. At the end it may be asked again. */
export class LogCursor {
  readonly #log: Pick<LogSource, 'readAll'>;
  #after: Position = 0;
  #page: ReadonlyArray<RecordedEvent> = [];
  #next = 0;
  /** Read while the page before it is worked on: elsewhere reading is waiting. */
  #ahead: Promise<Either<ReadFailure, Page>> | undefined;

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
      const page = await (this.#ahead ?? this.#read());
      this.#ahead = undefined;
      if (isLeft(page)) return page;
      this.#page = page.right.events.filter(isHistory);
      this.#next = 0;
      this.#after = page.right.next;
      if (!page.right.atEnd) this.#ahead = this.#read();
      else if (this.#page.length === 0) return right(undefined);
    }
  }

  #read(): Promise<Either<ReadFailure, Page>> {
    return this.#log.readAll({ after: this.#after, limit: PAGE_EVENTS, filter: FILTER })();
  }
}
