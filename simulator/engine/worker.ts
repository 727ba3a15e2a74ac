import { findBug } from './bugs/find.ts';
import type { Job, Verdict } from './pool.ts';
import { runSeed } from './run.ts';

/** A process that runs one seed after the other, as it is told to over its channel. */
const verdictOf = async ({ seed, bug }: Job): Promise<Verdict> => {
  const before = process.cpuUsage();
  const { violation, hash, marks, attempts, simulatedMs } = await runSeed(seed, { bug: findBug(bug) });
  const { user, system } = process.cpuUsage(before);
  return {
    seed,
    bug,
    violation,
    hash,
    marks: [...marks],
    attempts,
    simulatedMs,
    cpuMs: (user + system) / 1000,
  };
};

process.on('message', (job: Job) => {
  verdictOf(job).then(
    (verdict) => process.send?.(verdict),
    (error: unknown) => {
      process.stderr.write(
        `seed ${job.seed}: ${error instanceof Error ? (error.stack ?? '') : String(error)}\n`,
      );
      process.exit(3);
    },
  );
});
