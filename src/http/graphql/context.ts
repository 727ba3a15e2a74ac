import type { HttpDeps } from '../deps.ts';
import type { OpenCall } from '../routing.ts';
import { settledSoon } from '../settled.ts';
import { orRefuse, Refusal } from './refusal.ts';

/** Invocations that one request reads at the same time, and before others have their turn: each comes with its body. */
export const READ_TOGETHER_MAX = 20;

export interface Deadline {
  readonly ms: number;
  /** Told once, as soon as it is known. */
  readonly passed: () => void;
}

/** What all resolvers of one request share. */
export class RequestContext {
  readonly call: OpenCall;
  readonly #deps: Pick<HttpDeps, 'settled' | 'clock'>;
  readonly #deadline: Deadline;
  readonly #begun: number;
  #late = false;
  #turn: Promise<unknown> = Promise.resolve();
  #settled: Promise<void> | undefined;
  #reading: Promise<unknown> = Promise.resolve();
  #sinceTurn = 0;

  constructor(deps: Pick<HttpDeps, 'settled' | 'clock'>, call: OpenCall, deadline: Deadline) {
    this.#deps = deps;
    this.call = call;
    this.#deadline = deadline;
    this.#begun = deps.clock.monotonicMs();
  }

  /** The answer is given: nothing more is begun. */
  endLate(): void {
    if (this.#late) return;
    this.#late = true;
    this.#deadline.passed();
  }

  /** To be asked before each piece of work. Looks at the clock itself: while there is work, a timer may have to wait. */
  goOn(): void {
    if (this.#deps.clock.monotonicMs() - this.#begun >= this.#deadline.ms) this.endLate();
    if (this.#late) throw new Refusal('The request ran out of time.', { code: 'store-not-available' });
  }

  /** Writes of one request happen in the order in which they stand there. GraphQL itself promises that to `viewer` only. */
  inTurn<T>(write: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(async () => {
      this.goOn();
      try {
        return await write();
      } finally {
        this.#settled = undefined;
      }
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /**
   * Reads the pieces of one request one after the other, whichever fields they are for, and lets the rest of the process
   * have its turn in between. The weight is in invocations.
   */
  reading<T>(weight: number, read: () => T | Promise<T>): Promise<T> {
    const done = this.#reading.then(async () => {
      if (!this.#late && this.#sinceTurn > 0 && this.#sinceTurn + weight > READ_TOGETHER_MAX) {
        await new Promise<void>((resolve) => this.#deps.clock.setTimer(0, resolve));
        this.#sinceTurn = 0;
      }
      this.goOn();
      this.#sinceTurn += weight;
      return read();
    });
    this.#reading = done.catch(() => undefined);
    return done;
  }

  /** Resolves when the read models show everything that was written, by this request too. */
  settled(): Promise<void> {
    this.goOn();
    this.#settled ??= settledSoon(this.#deps).then(orRefuse);
    return this.#settled;
  }
}
