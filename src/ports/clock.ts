/** A pending timer. Cancelling it after it fired, or twice, does nothing. */
export interface Timer {
  cancel(): void;
}

/** Time as the engine knows it. The only source of "now" and of waiting; virtual in simulations. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. May jump, also backwards. */
  nowMs(): number;
  /** Never goes backwards; only differences mean something. Milliseconds, with fractions. */
  monotonicMs(): number;
  /** Calls back once, not before `delayMs` have passed. Delays beyond 2^31 − 1 ms may fire early: ask again. */
  setTimer(delayMs: number, callback: () => void): Timer;
}
