import type { Clock, Timer } from '../ports/clock.ts';

/** What Node's timers can hold, about 24.8 days; anything longer would fire at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export const systemClock = (): Clock => ({
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (delayMs, callback) => startTimer(Math.min(Math.max(delayMs, 0), DELAY_MS_MAX), callback),
});

const startTimer = (delayMs: number, callback: () => void): Timer => {
  const dueMs = performance.now() + delayMs;
  const fire = (): void => {
    // Node rounds to whole milliseconds and may be a fraction early; the contract is never to be.
    const remainingMs = dueMs - performance.now();
    if (remainingMs > 0) timeout = setTimeout(fire, Math.ceil(remainingMs));
    else callback();
  };
  let timeout = setTimeout(fire, delayMs);
  return { cancel: () => clearTimeout(timeout) };
};
