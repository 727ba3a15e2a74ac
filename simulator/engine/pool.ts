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
  readonly hash: string;
  readonly marks: ReadonlyArray<readonly [string, number]>;
  readonly attempts: number;
  readonly simulatedMs: number;
  /** CPU time of the run. */
  readonly cpuMs: number;
}

/** In a checkout the source itself, in the published package what was compiled from it. */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/**
 * Runs jobs in so many processes, each taking the next as soon as it is free. Verdicts come in the order in which they are
 * done; `onVerdict` says whether to go on. Rejects when a worker ends by itself.
 */
export const runJobs = async (
  jobs: Iterable<Job>,
  workers: number,
  onVerdict: (verdict: Verdict) => boolean,
): Promise<void> => {
  const queue = jobs[Symbol.iterator]();
  let stopped = false;
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child: ChildProcess = fork(WORKER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      let done = false;
      let running: Job | undefined;
      const next = (): void => {
        const { value, done: none } = queue.next() as IteratorResult<Job, undefined>;
        done = stopped || none === true;
        running = value;
        if (done) child.disconnect();
        else child.send(value as Job);
      };
      child.on('message', (verdict: Verdict) => {
        if (!stopped && !onVerdict(verdict)) stopped = true;
        next();
      });
      child.on('error', reject);
      child.on('exit', (code, signal) => {
        if (done) resolve();
        else
          reject(new Error(`the worker of seed ${running?.seed ?? ''} ended with ${signal ?? code ?? ''}`));
      });
      next();
    });
  await Promise.all(Array.from({ length: workers }, work));
};
