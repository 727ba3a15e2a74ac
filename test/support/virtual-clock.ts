import type { Clock, Timer } from '../../src/ports/clock.ts';

/** A Monday morning. */
export const VIRTUAL_START_MS = Date.UTC(2026, 2, 2, 8, 0, 0);

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Lets everything that waits for promises alone run to its end. */
export const promisesDone = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * Time that passes only when told to. Timers fire in the order of their due time, then of their making, and whatever
 * follows from one over promises is done before the next.
 */
export class VirtualClock implements Clock {
  #elapsedMs = 0;
  #wallOffsetMs: number;
  #made = 0;
  #pending: Pending[] = [];

  constructor(startMs = VIRTUAL_START_MS) {
    this.#wallOffsetMs = startMs;
  }

  nowMs(): number {
    return this.#wallOffsetMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const pending = { dueMs: this.#elapsedMs + Math.max(delayMs, 0), order: (this.#made += 1), callback };
    this.#pending.push(pending);
    return { cancel: () => (this.#pending = this.#pending.filter((one) => one !== pending)) };
  }

  get timers(): number {
    return this.#pending.length;
  }

  /** The wall clock is set forward or back; no time passes, and timers keep their waits. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Lets so much time pass. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#elapsedMs + byMs;
    await promisesDone();
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.dueMs > untilMs) break;
      await this.#fire(next);
    }
    this.#elapsedMs = untilMs;
    await promisesDone();
  }

  /** Lets time pass until no timer is left; fails when that takes longer than `withinMs`. */
  async runUntilQuiet(withinMs: number): Promise<void> {
    const untilMs = this.#elapsedMs + withinMs;
    await promisesDone();
    for (;;) {
      const next = this.#next();
      if (next === undefined) return;
      if (next.dueMs > untilMs) throw new Error(`not quiet within ${withinMs} ms`);
      await this.#fire(next);
    }
  }

  async #fire(next: Pending): Promise<void> {
    this.#pending = this.#pending.filter((one) => one !== next);
    this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
    next.callback();
    await promisesDone();
  }

  #next(): Pending | undefined {
    let next: Pending | undefined;
    for (const one of this.#pending) {
      if (
        next === undefined ||
        one.dueMs < next.dueMs ||
        (one.dueMs === next.dueMs && one.order < next.order)
      ) {
        next = one;
      }
    }
    return next;
  }
}
