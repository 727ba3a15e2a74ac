import { isLeft } from 'fp-ts/lib/Either.js';
import { STREAM_PREFIXES } from '../domain/ids.ts';
import type { EventStore, Position, RecordedEvent, StreamFilter } from '../eventstore/event-store.ts';
import { oursOf } from '../eventstore/ours.ts';
import type { Log } from '../ports/log.ts';
import type { Patience } from './patience.ts';

export interface LogPagesDeps {
  readonly store: Pick<EventStore, 'readAll'>;
  readonly log: Log;
  readonly patience: Pick<Patience, 'pause'>;
  readonly stopped: () => boolean;
}

/** Events read at once. */
export const PAGE = 1000;
export const FILTER = { streamPrefixes: STREAM_PREFIXES };

interface Wanted {
  readonly filter: StreamFilter;
  readonly count: number;
}

/** The part of the log that is ours, page by page. */
export class LogPages {
  readonly #deps: LogPagesDeps;
  #toldOfOthers = false;

  constructor(deps: LogPagesDeps) {
    this.#deps = deps;
  }

  /**
   * Events of the range after < position ≤ upTo, and up to where that is all. Ends early when the engine stops. `count`: so many
   * events pass the filter there, so that not more than these are asked for.
   */
  async *between(
    from: Position,
    upTo = Number.POSITIVE_INFINITY,
    { filter = FILTER, count = Number.POSITIVE_INFINITY }: Partial<Wanted> = {},
  ): AsyncGenerator<{ readonly events: ReadonlyArray<RecordedEvent>; readonly next: Position }> {
    let after = from;
    let left = count;
    while (left > 0 && !this.#deps.stopped()) {
      const page = await this.#deps.store.readAll({ after, limit: Math.min(PAGE, left), filter })();
      if (isLeft(page)) {
        this.#deps.log.warn({ reason: page.left.message }, 'event store not available, trying again');
        await this.#deps.patience.pause();
        continue;
      }
      const { next, atEnd } = page.right;
      const events = this.ours(page.right.events).filter(({ position }) => position <= upTo);
      left -= events.length;
      yield { events, next };
      if (atEnd) return;
      after = next;
    }
  }

  /** What others keep in the same store under names that begin as ours is passed over. */
  ours(events: ReadonlyArray<RecordedEvent>): ReadonlyArray<RecordedEvent> {
    const ours = oursOf(events);
    if (ours.length < events.length && !this.#toldOfOthers) {
      this.#toldOfOthers = true;
      this.#deps.log.info({}, 'the store holds streams of other programs with names like ours: passed over');
    }
    return ours;
  }
}
