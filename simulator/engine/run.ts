import type { Bug } from './bugs/bug.ts';
import { guarded } from './guard.ts';
import { drawOptions, type Options } from './plan/options.ts';
import { drawPlan } from './plan/plan.ts';
import type { Step } from './plan/steps.ts';
import { type RunResult, World } from './world.ts';

export interface RunOptions {
  readonly bug?: Bug | undefined;
  readonly onLine?: (line: string) => void;
}

/** One seed from its first draw to its last audit. */
export const runSeed = (seed: number, more: RunOptions = {}): Promise<RunResult> => {
  const options = drawOptions(seed);
  return runPlan(options, drawPlan(options), more);
};

export const runPlan = (
  options: Options,
  plan: ReadonlyArray<Step>,
  { bug, onLine }: RunOptions = {},
): Promise<RunResult> => guarded(() => new World(options, bug, onLine).run(plan));
