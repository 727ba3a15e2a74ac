import type { Position } from '../eventstore/event-store.ts';

/**
 * The invocations that this process has in hand: queued or in flight, or settled but not yet shown by the read models.
 * Until they show it, they must not be believed about those.
 */
export class Ledger {
  /** The position to wait for, or 'active' while it is queued or in flight. */
  readonly #mine = new Map<string, Position | 'active'>();
  readonly #unshown: Array<{ readonly guid: string; readonly position: Position }> = [];
  #shownUpTo: Position = 0;

  has(guid: string): boolean {
    return this.#mine.has(guid);
  }

  take(guid: string): void {
    this.#mine.set(guid, 'active');
  }

  letGo(guid: string): void {
    this.#mine.delete(guid);
  }

  /** It was recorded at this place in the log. True when the read models show that already: they were faster. */
  recorded(guid: string, position: Position): boolean {
    if (position <= this.#shownUpTo) {
      this.#mine.delete(guid);
      return true;
    }
    this.#mine.set(guid, position);
    this.#unshown.push({ guid, position });
    return false;
  }

  /** The read models show everything up to there. */
  shown(position: Position): void {
    this.#shownUpTo = position;
    let done = 0;
    for (const { guid, position: at } of this.#unshown) {
      if (at > position) break;
      if (this.#mine.get(guid) === at) this.#mine.delete(guid);
      done += 1;
    }
    if (done > 0) this.#unshown.splice(0, done);
  }
}
