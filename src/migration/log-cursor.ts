import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { HISTORY_PREFIXES } from '../domain/ids.ts';
import type { EventStore, Position, ReadFailure, RecordedEvent } from '../eventstore/event-store.ts';
import { oursOf } from '../eventstore/ours.ts';

/** What reading a history takes. */
export type LogSource = Pick<EventStore, 'readAll' | 'readStream'>;

/** Events read at once; a store ends a page of large ones earlier. */
const PAGE = 500;
const FILTER = { streamPrefixes: HISTORY_PREFIXES };

/** Goes through all events of ours, seals included, in the order of the log, one page in memory. At the end it may be asked again. */
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
      this.#page = oursOf(page.right.events);
      this.#next = 0;
      this.#after = page.right.next;
      if (this.#page.length === 0 && page.right.atEnd) return right(undefined);
    }
  }
}
