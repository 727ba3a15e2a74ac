import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { NotStored } from './not-stored.ts';

export interface PatienceDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Ends all waiting. */
  readonly stopped: () => boolean;
}

const STORE_RETRY_MS = 500;

/** Tries again while the store does not answer, until it does or the engine stops. */
export class Patience {
  readonly #deps: PatienceDeps;

  constructor(deps: PatienceDeps) {
    this.#deps = deps;
  }

  /** The time between two tries. */
  pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.clock.setTimer(STORE_RETRY_MS, resolve);
    });
  }

  /** The same; false: do not try again. */
  async wait(): Promise<boolean> {
    if (!this.#deps.stopped()) await this.pause();
    return !this.#deps.stopped();
  }

  /** Does it again while the store does not take it. Undefined: the engine was stopped before. */
  async untilStored<A>(what: string, work: () => Promise<A>): Promise<A | undefined> {
    while (!this.#deps.stopped()) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof NotStored)) throw error;
        this.#deps.log.warn({ reason: error.message }, `${what}: trying again`);
        await this.pause();
      }
    }
    return undefined;
  }
}
