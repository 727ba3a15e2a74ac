import type { Clock, Timer } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';

export interface OutageDeps {
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  readonly log: Log;
  /** One attempt may start, to find out whether the store takes it: no append waits that could. */
  readonly onChance: () => void;
  /** The store takes appends again. */
  readonly onOver: () => void;
}

/** So often one append finds out for all whether the store is back; and nothing is tried again sooner. */
const TRY_EVERY_MS = 500;
/** While it lasts, and however often it begins anew, the operator is told no more often than this. */
const SAY_EVERY_MS = 10_000;

interface Waiting {
  readonly go: () => void;
  readonly notBeforeMs: number;
}

/**
 * The time in which the event store takes no appends. All who have something to write wait for it together: one after
 * the other tries again, and as soon as one append is answered all go on. Without that every slot would ask, and say so,
 * twice a second. It begins with an append that failed and knows nothing else of the store: what cannot be read may be
 * damaged, which is no outage.
 */
export class Outage {
  readonly #deps: OutageDeps;
  #isOn = false;
  /** Since then no append was answered. */
  #sinceMs: number | undefined;
  #timer: Timer | undefined;
  /** Appends in the order in which they failed. */
  #appends: Waiting[] = [];
  #reads: Waiting[] = [];
  /** No append waits to be tried: one attempt may start instead. */
  #chance = false;
  #closed = false;
  #failures = 0;
  #said = false;
  #lastSaidMs = Number.NEGATIVE_INFINITY;

  constructor(deps: OutageDeps) {
    this.#deps = deps;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Whether an attempt may start: always, or during an outage the one that tries. */
  get mayStart(): boolean {
    return !this.#isOn || this.#chance;
  }

  /** One does. */
  starts(): void {
    this.#chance = false;
  }

  /** An append was not taken, or nobody knows. */
  failed(reason: string): void {
    const { clock, log } = this.#deps;
    const nowMs = clock.monotonicMs();
    this.#failures += 1;
    this.#sinceMs ??= nowMs;
    if (!this.#isOn && !this.#closed) {
      this.#isOn = true;
      this.#tryLater();
    }
    if (nowMs - this.#lastSaidMs < SAY_EVERY_MS) return;
    this.#said = true;
    this.#lastSaidMs = nowMs;
    const fields = { reason, forMs: Math.round(nowMs - this.#sinceMs), failures: this.#failures };
    log.warn(fields, 'the event store takes no appends: outcomes wait, no attempt starts');
  }

  /** The store answered an append: it took it, or knows better. */
  over(): void {
    if (this.#sinceMs === undefined) return;
    if (this.#said) {
      const forMs = Math.round(this.#deps.clock.monotonicMs() - this.#sinceMs);
      this.#deps.log.info({ forMs, failures: this.#failures }, 'the event store takes appends again');
      this.#said = false;
      this.#failures = 0;
    }
    this.#sinceMs = undefined;
    if (!this.#isOn) return;
    this.#end();
    this.#deps.onOver();
  }

  /** For an append that failed: resolves when it is its turn to be tried again. */
  turn(): Promise<void> {
    return this.#wait(this.#appends);
  }

  /** For whoever could not read or write something else: resolves when to ask again. */
  pause(): Promise<void> {
    return this.#wait(this.#reads);
  }

  /** Nothing waits any more, from now on: the process ends. */
  close(): void {
    this.#closed = true;
    const waiting = this.#takeAll();
    this.#end();
    for (const { go } of waiting) go();
  }

  #wait(among: Waiting[]): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((go) => {
      const waiting = { go, notBeforeMs: this.#deps.clock.monotonicMs() + TRY_EVERY_MS };
      if (this.isOn) among.push(waiting);
      else this.#letGo(waiting);
    });
  }

  #letGo({ go, notBeforeMs }: Waiting): void {
    const restMs = notBeforeMs - this.#deps.clock.monotonicMs();
    if (restMs > 0) this.#deps.clock.setTimer(restMs, go);
    else go();
  }

  #end(): void {
    this.#isOn = false;
    this.#chance = false;
    this.#timer?.cancel();
    for (const one of this.#takeAll()) this.#letGo(one);
  }

  #takeAll(): ReadonlyArray<Waiting> {
    const waiting = [...this.#appends, ...this.#reads];
    this.#appends = [];
    this.#reads = [];
    return waiting;
  }

  #tryLater(): void {
    this.#timer = this.#deps.clock.setTimer(TRY_EVERY_MS, () => this.#tryOne());
  }

  #tryOne(): void {
    const append = this.#appends.shift();
    // Nobody made use of the last chance: nothing waits for the store, and what comes next finds out by itself.
    if (append === undefined && this.#chance) return this.#end();
    this.#tryLater();
    const reads = this.#reads;
    this.#reads = [];
    for (const one of reads) this.#letGo(one);
    if (append !== undefined) return this.#letGo(append);
    this.#chance = true;
    this.#deps.onChance();
  }
}
