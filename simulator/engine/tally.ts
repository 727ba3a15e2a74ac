import type { Verdict } from './pool.ts';
import { hoursOf } from './report.ts';

/** Counts of many runs. */
export class Tally {
  readonly marks = new Map<string, number>();
  seeds = 0;
  attempts = 0;
  simulatedMs = 0;
  cpuMs = 0;
  readonly #startedMs = performance.now();

  add({ marks, attempts, simulatedMs, cpuMs }: Verdict): void {
    this.seeds += 1;
    this.attempts += attempts;
    this.simulatedMs += simulatedMs;
    this.cpuMs += cpuMs;
    for (const [name, times] of marks) this.marks.set(name, (this.marks.get(name) ?? 0) + times);
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  get line(): string {
    const perCpuSecond = (this.attempts / Math.max(this.cpuMs, 1)) * 1000;
    return (
      `${this.seeds} seeds, ${this.attempts.toLocaleString('en-US')} attempts, ${hoursOf(this.simulatedMs)} simulated ` +
      `in ${this.seconds.toFixed(1)} s (${Math.round(perCpuSecond).toLocaleString('en-US')} attempts a second of CPU time, ` +
      `${Math.round(this.simulatedMs / 3_600_000 / this.seconds)} h a second)`
    );
  }
}

/** How many are done, at which rate, and how long the others will take. */
export const progressOf = (done: number, total: number, seconds: number, failed: number): string => {
  const rate = done / Math.max(seconds, 0.001);
  const leftMinutes = Math.ceil((total - done) / Math.max(rate, 0.001) / 60);
  return `${done} of ${total} runs, ${failed} failed, ${rate.toFixed(2)} a second, ${leftMinutes} min left`;
};
