import { findBug } from '../../simulator/engine/bugs/find.ts';
import { drawOptions } from '../../simulator/engine/plan/options.ts';
import { drawPlan } from '../../simulator/engine/plan/plan.ts';
import type { Fault } from '../../simulator/engine/plan/steps.ts';
import { failureOf, summaryOf } from '../../simulator/engine/report.ts';
import { runPlan } from '../../simulator/engine/run.ts';
import { shrink } from '../../simulator/engine/shrink.ts';
import { EXIT_FINDINGS, EXIT_OK } from './command.ts';

const SHRINK_MS = 60_000;

export interface One {
  readonly bug?: string | undefined;
  readonly trace?: boolean;
  /** Only these; undefined: whatever the seed draws. */
  readonly faults?: ReadonlyArray<Fault> | undefined;
  readonly steps?: ReadonlyArray<string> | undefined;
}

/** Runs a seed here and shows it; when it breaks a promise, with a smaller plan that does so, too. */
export const runOne = async (
  seed: number,
  { bug: name, trace = false, faults, steps }: One = {},
): Promise<number> => {
  const bug = findBug(name);
  const drawn = drawOptions(seed);
  // Steps first: they are drawn with all the faults that the seed has.
  const plan = drawPlan(drawn).filter(({ id }) => steps === undefined || steps.includes(String(id)));
  const options = { ...drawn, faults: faults ?? drawn.faults };
  const result = await runPlan(options, plan, {
    bug,
    ...(trace && { onLine: (line: string) => void process.stdout.write(`${line}\n`) }),
  });
  process.stdout.write(summaryOf(result));
  if (result.violation === undefined) return EXIT_OK;
  const shrunk = await shrink(result, plan, { bug, budgetMs: SHRINK_MS, nowMs: Date.now });
  process.stdout.write(`\n${failureOf(result, shrunk, bug)}`);
  return EXIT_FINDINGS;
};
