import { findBug } from './bugs/find.ts';
import type { Job, Verdict } from './pool.ts';
import { runSeed } from './run.ts';

/** A process that runs one seed after the other, as it is told to over its channel. */
const verdictOf = async ({ seed, bug }: Job): Promise<Verdict> => {
  const before = process.cpuUsage();
  const run = await runSeed(seed, { bug: findBug(bug) }).catch((error: unknown) => ({
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    violation: undefined,
    hash: '',
    marks: new Map<string, number>(),
    attempts: 0,
    simulatedMs: 0,
  }));
  const { user, system } = process.cpuUsage(before);
  const { violation, hash, marks, attempts, simulatedMs } = run;
  return {
    seed,
    bug,
    violation,
    error: 'error' in run ? run.error : undefined,
    hash,
    marks: [...marks],
    attempts,
    simulatedMs,
    cpuMs: (user + system) / 1000,
  };
};

// A terminal interrupts the whole group: whoever gave the jobs says when there are no more.
process.on('SIGINT', () => undefined);
process.on('message', (job: Job) => void verdictOf(job).then((verdict) => process.send?.(verdict)));
