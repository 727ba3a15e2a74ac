import { availableParallelism } from 'node:os';
import { runJobs } from '../../simulator/engine/pool.ts';
import type { Figure } from '../support/figure.ts';

/** The same seeds in every run and on every machine. */
const FIRST_SEED = 1_000_000;
const HOUR_MS = 3_600_000;

/** How fast the whole engine is simulated under faults, with every promise checked after every step. */
export const simulation: Figure = {
  name: 'simulation',
  async measure(bench) {
    const seeds = Array.from({ length: bench.size.simulatedSeeds }, (_, index) => FIRST_SEED + index);
    const attempts: number[] = [];
    const hours: number[] = [];
    const seconds: number[] = [];
    // Each run takes a minute or more; their number is that of the long figures.
    const runs = Math.min(bench.runs, bench.size.longRuns);
    for (let run = 1; run <= runs; run += 1) {
      const startedMs = performance.now();
      let [made, cpuMs, simulatedMs] = [0, 0, 0];
      const workers = Math.min(availableParallelism(), seeds.length);
      await runJobs(
        seeds.map((seed) => ({ seed })),
        workers,
        (verdict) => {
          const { seed, violation, error } = verdict;
          if (violation !== undefined)
            throw new Error(`seed ${seed}: ${violation.invariant} ${violation.message}`);
          if (error !== undefined) throw new Error(`seed ${seed}: ${error}`);
          made += verdict.attempts;
          cpuMs += verdict.cpuMs;
          simulatedMs += verdict.simulatedMs;
          return true;
        },
      );
      const tookMs = performance.now() - startedMs;
      attempts.push((made / cpuMs) * 1000);
      hours.push((simulatedMs / HOUR_MS / tookMs) * 1000);
      seconds.push(tookMs / 1000);
      bench.progress(`run ${run}: ${made} attempts, ${(tookMs / 1000).toFixed(1)} s`);
    }
    const cores = availableParallelism();
    return [
      {
        figure: 'Simulated attempts in a second of CPU time, all promises checked',
        unit: 'per s',
        runs: attempts,
        baseline: null,
        goal: { of: 'value', atLeast: 5_000 },
      },
      {
        figure: `Simulated hours in a second, ${cores} processes`,
        unit: 'per s',
        runs: hours,
        baseline: null,
        goal: { of: 'value', atLeast: 150 },
      },
      {
        figure: `${seeds.length} seeds from beginning to end, ${cores} processes`,
        unit: 's',
        runs: seconds,
        baseline: null,
        goal: { of: 'value', atMost: (120 * seeds.length) / 400 },
      },
    ];
  },
};
