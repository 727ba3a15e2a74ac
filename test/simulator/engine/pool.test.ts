import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type Job, runJobs, type Verdict } from '../../../simulator/engine/pool.ts';
import { progressOf } from '../../../simulator/engine/tally.ts';

describe('runs in processes', () => {
  it('tells of a process that ends by itself, and goes on with the next seed in another one', async () => {
    const pids: number[] = [];
    function* jobs(): Generator<Job> {
      yield { seed: 5 };
      yield { seed: 49 };
      yield { seed: 6 };
    }
    const verdicts: Verdict[] = [];
    await runJobs(jobs(), 1, (verdict) => {
      verdicts.push(verdict);
      if (verdict.seed === 5) {
        pids.push(...childrenWithWorker());
        // Seed 49 is a long one: it is under way by then.
        setTimeout(() => {
          for (const pid of pids) process.kill(pid, 'SIGKILL');
        }, 100);
      }
      return true;
    });
    expect(pids).toHaveLength(1);
    expect(verdicts.map(({ seed, error }) => [seed, error])).toEqual([
      [5, undefined],
      [49, 'its process ended with SIGKILL'],
      [6, undefined],
    ]);
    expect(verdicts.at(-1)?.hash).toMatch(/^[0-9a-f]{64}$/);
  }, 120_000);

  it('are told of with their rate and how long the others take', () => {
    expect(progressOf(60, 7_200, 30, 1)).toBe('60 of 7200 runs, 1 failed, 2.00 a second, 60 min left');
  });
});

const childrenWithWorker = (): ReadonlyArray<number> =>
  execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.includes('worker.ts'))
    .map((line) => Number.parseInt(line.trim(), 10));
