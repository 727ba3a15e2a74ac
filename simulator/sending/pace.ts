import { setTimeout as sleep } from 'node:timers/promises';

/** When the n-th of a steady stream is due. The schedule never shifts: who is late catches up. */
export class Pace {
  readonly #perMs: number;
  readonly #startedMs = performance.now();

  constructor(perSecond: number) {
    this.#perMs = perSecond / 1_000;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** How many of them should have come by now, at least one. */
  get due(): number {
    return 1 + Math.floor(this.elapsedMs * this.#perMs);
  }

  /** Until the one after `done` of them. */
  waitMs(done: number): number {
    return done / this.#perMs - this.elapsedMs;
  }

  async until(done: number, signal: AbortSignal): Promise<void> {
    const waitMs = this.waitMs(done);
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
  }
}
