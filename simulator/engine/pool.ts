import { type ChildProcess, fork } from 'node:child_process';
import type { Violation } from './violation.ts';

/** One run for a worker. */
export interface Job {
  readonly seed: number;
  readonly bug?: string | undefined;
}

/** What a worker says of a run. */
export interface Verdict extends Job {
  readonly violation: Violation | undefined;
  /** Why the run has no end: what it threw, or how its process ended. */
  readonly error?: string | undefined;
  readonly hash: string;
  readonly marks: ReadonlyArray<readonly [string, number]>;
  readonly attempts: number;
  readonly simulatedMs: number;
  /** CPU time of the run. */
  readonly cpuMs: number;
}

/** In a checkout the source itself, in the published package what was compiled from it. */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
/** A run takes a second. One that takes so long never ends. */
const RUN_MS_MAX = 20 * 60_000;

/**
 * Runs jobs in so many processes, each taking the next as soon as it is free. Verdicts come in the order in which they are
 * done; `onVerdict` says whether to go on. A process that ends by itself is a verdict too, and another one takes its place.
 */
export const runJobs = async (
  jobs: Iterable<Job>,
  workers: number,
  onVerdict: (verdict: Verdict) => boolean,
): Promise<void> => {
  const queue = jobs[Symbol.iterator]();
  let stopped = false;
  const judge = (verdict: Verdict): void => {
    if (!stopped && !onVerdict(verdict)) stopped = true;
  };
  const next = (): Job | undefined => {
    if (stopped) return undefined;
    const { value, done } = queue.next() as IteratorResult<Job, undefined>;
    return done === true ? undefined : value;
  };
  const work = async (): Promise<void> => {
    for (let job = next(); job !== undefined;) {
      const left = await runInProcess(job, next, judge);
      if (left !== undefined) judge(withoutEnd(left.job, left.error));
      job = left === undefined ? undefined : next();
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
};

/** Answers undefined when there are no more jobs, and which one it was at when its process ended by itself. */
const runInProcess = (
  first: Job,
  next: () => Job | undefined,
  judge: (verdict: Verdict) => void,
): Promise<{ readonly job: Job; readonly error: string } | undefined> =>
  new Promise((resolve, reject) => {
    const child: ChildProcess = fork(WORKER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    let running: Job | undefined = first;
    let timer: NodeJS.Timeout | undefined;
    const send = (job: Job): void => {
      timer = setTimeout(() => child.kill('SIGKILL'), RUN_MS_MAX);
      child.send(job);
    };
    child.on('message', (verdict: Verdict) => {
      clearTimeout(timer);
      judge(verdict);
      running = next();
      if (running === undefined) child.disconnect();
      else send(running);
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      resolve(
        running && {
          job: running,
          error: `its process ended with ${signal ?? code ?? 'nothing'}`,
        },
      );
    });
    send(first);
  });

const withoutEnd = (job: Job, error: string): Verdict => ({
  ...job,
  error,
  violation: undefined,
  hash: '',
  marks: [],
  attempts: 0,
  simulatedMs: 0,
  cpuMs: 0,
});
