import type { Bug } from './bugs/bug.ts';
import type { Options } from './plan/options.ts';
import { faultOf, type Step } from './plan/steps.ts';
import { runPlan } from './run.ts';
import type { RunResult } from './world.ts';

export interface Shrunk {
  readonly result: RunResult;
  readonly plan: ReadonlyArray<Step>;
  readonly runs: number;
}

/**
 * Leaves out kinds of faults, then steps, half of them, a quarter … one at a time, as long as the same invariant breaks.
 * Every step draws for itself what it needs, so that most of what is kept happens as before.
 */
export const shrink = async (
  failing: RunResult,
  plan: ReadonlyArray<Step>,
  {
    bug,
    budgetMs,
    nowMs,
  }: { readonly bug?: Bug | undefined; readonly budgetMs: number; readonly nowMs: () => number },
): Promise<Shrunk> => {
  const untilMs = nowMs() + budgetMs;
  let smallest: Shrunk = { result: failing, plan, runs: 0 };
  const attempt = async (options: Options, steps: ReadonlyArray<Step>): Promise<boolean> => {
    if (nowMs() > untilMs) return false;
    const result = await runPlan(options, steps, { bug });
    const runs = smallest.runs + 1;
    if (result.violation?.invariant !== failing.violation?.invariant) {
      smallest = { ...smallest, runs };
      return false;
    }
    smallest = { result, plan: steps, runs };
    return true;
  };

  // What comes after the violation has nothing to do with it.
  const brokenAtMs = failing.violation?.atMs ?? Infinity;
  await attempt(
    failing.options,
    plan.filter(({ atMs }) => atMs <= brokenAtMs),
  );
  for (const fault of failing.options.faults) {
    const { options } = smallest.result;
    const faults = options.faults.filter((one) => one !== fault);
    await attempt(
      { ...options, faults },
      smallest.plan.filter((step) => faultOf(step) !== fault),
    );
  }
  for (let size = Math.ceil(smallest.plan.length / 2); ; size = Math.ceil(size / 2)) {
    for (let start = 0; start < smallest.plan.length;) {
      const { plan: steps, result } = smallest;
      const fewer = [...steps.slice(0, start), ...steps.slice(start + size)];
      if (!(await attempt(result.options, fewer))) start += size;
    }
    if (size === 1 || nowMs() > untilMs) return smallest;
  }
};
