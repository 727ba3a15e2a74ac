import type { SlowWebhook } from '../../projections/read-models.ts';
import type { HttpDeps } from '../deps.ts';

type Deps = Pick<HttpDeps, 'clock'> & { readonly readModels: Pick<HttpDeps['readModels'], 'slowest'> };

/** Every webhook that was busy has to be looked at: not often, and never so many at once that anybody waits. */
const KEPT_MS = 30_000;
export const AMONG = 2_000;
/** A page does not wait longer. */
const WAIT_MS = 50;

/** The slowest webhooks, looked for when somebody wants to know. */
export class SlowList {
  readonly #deps: Deps;
  readonly #limit: number;
  #rows: ReadonlyArray<SlowWebhook> | undefined;
  #foundAtMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  constructor(deps: Deps, limit: number) {
    this.#deps = deps;
    this.#limit = limit;
  }

  /** What is known soon: as of half a minute ago at most, or as it was last found. Undefined: nothing yet. */
  async soon(): Promise<ReadonlyArray<SlowWebhook> | undefined> {
    const { clock } = this.#deps;
    if (clock.monotonicMs() - this.#foundAtMs >= KEPT_MS) {
      this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
      // Whoever waits is told of a failure; when nobody does any more, the next one looks again.
      this.#looking.catch(() => undefined);
      const waiting = new Promise<void>((resolve) => clock.setTimer(WAIT_MS, resolve));
      await Promise.race([this.#looking, waiting]);
    }
    return this.#rows;
  }

  async #look(): Promise<void> {
    const { readModels, clock } = this.#deps;
    const nowMs = clock.nowMs();
    let best: ReadonlyArray<SlowWebhook> = [];
    for (let after: number | undefined = 0; after !== undefined;) {
      const { rows, next }: ReturnType<Deps['readModels']['slowest']> = readModels.slowest(
        nowMs,
        this.#limit,
        after,
        AMONG,
      );
      best = [...best, ...rows].toSorted((a, b) => b.averageMs - a.averageMs).slice(0, this.#limit);
      after = next;
      await new Promise<void>((resolve) => clock.setTimer(0, resolve));
    }
    this.#rows = best;
    this.#foundAtMs = clock.monotonicMs();
  }
}
