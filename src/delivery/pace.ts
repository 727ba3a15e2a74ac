import type { Clock } from '../ports/clock.ts';

/** So many slots are worth an append of the fan-out: a quarter of what one endpoint has at most. */
const FREED_SLOTS = 64;
/** At most so long is waited: however long an endpoint keeps its slots, it delays others by no more. */
const WAIT_MS = 50;

/**
 * Keeps the fan-out from running ahead of the deliveries. What is scheduled when a slot is free starts its attempt in
 * the same append; what is scheduled earlier needs one more, and waits in memory with its body. Until then the change
 * alone waits, and the log has it.
 */
export class Pace {
  readonly #clock: Pick<Clock, 'setTimer'>;
  #short = false;
  #waitedInVain = false;
  #freed = 0;
  #onFreed: () => void = () => undefined;

  constructor(clock: Pick<Clock, 'setTimer'>) {
    this.#clock = clock;
  }

  /** An invocation found no slot, though its endpoint gives them back quickly. */
  foundNoSlot(): void {
    this.#short = true;
  }

  /** A slot was given back, and nothing in memory took it. */
  slotFreed(): void {
    this.#freed += 1;
    if (this.#freed === FREED_SLOTS) this.#onFreed();
  }

  /** Whether to schedule on, rather than to wait for room first. */
  hasRoom(): boolean {
    return !this.#short || this.#waitedInVain;
  }

  /** Resolves at once unless slots ran short since the last time; then when some are free again. */
  async room(): Promise<void> {
    if (!this.#short) return;
    this.#short = false;
    this.#freed = 0;
    this.#waitedInVain = await new Promise<boolean>((resolve) => {
      const timer = this.#clock.setTimer(WAIT_MS, () => resolve(true));
      this.#onFreed = () => {
        timer.cancel();
        resolve(false);
      };
    });
  }
}
