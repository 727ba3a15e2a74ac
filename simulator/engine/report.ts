import type { Bug } from './bugs/bug.ts';
import type { Step } from './plan/steps.ts';
import type { Shrunk } from './shrink.ts';
import { INVARIANTS } from './violation.ts';
import type { RunResult } from './world.ts';

const STEPS_SHOWN_MAX = 40;

export const hoursOf = (ms: number): string => `${Math.round(ms / 3_600_000).toLocaleString('en-US')} h`;

/** One line of what a seed drew, one of what it came to. */
export const summaryOf = ({ options, attempts, simulatedMs, hash }: RunResult): string => {
  const { seed, store, companies, webhooks, endpoints, faults, cluster } = options;
  const nodes =
    cluster === undefined ? '' : `, ${cluster.nodes} nodes, leases of ${cluster.leaseMs / 60_000} min`;
  return [
    `seed ${seed}: ${store} store${nodes}, ${companies} companies, ${webhooks} webhooks, ${endpoints} endpoints`,
    `  faults: ${faults.join(', ') || 'none'}`,
    `  ${attempts.toLocaleString('en-US')} attempts in ${hoursOf(simulatedMs)}, trace ${hash}`,
    '',
  ].join('\n');
};

/** Everything that is needed to look into it, the newest lines last. */
export const failureOf = (failing: RunResult, shrunk: Shrunk, bug: Bug | undefined): string => {
  const { violation, lastLines, options } = failing;
  if (violation === undefined) throw new Error('nothing has failed');
  const planted = bug === undefined ? '' : ` --bug ${bug.name}`;
  const { plan, result, runs } = shrunk;
  const faults = result.options.faults.join(',') || 'none';
  const steps = plan.map(({ id }) => id).join(',') || 'none';
  return `seed ${options.seed} breaks ${violation.invariant}: ${INVARIANTS[violation.invariant]}
  at ${violation.atMs} ms: ${violation.message}

The last lines of its trace (virtual milliseconds, what happened):
${lastLines.map((line) => `  ${line}`).join('\n')}

Made smaller in ${runs} runs, to ${plan.length} steps and these faults: ${result.options.faults.join(', ') || 'none'}
${stepsOf(plan)}
  ${result.violation?.invariant ?? ''} at ${result.violation?.atMs ?? 0} ms: ${result.violation?.message ?? ''}

Replay it:       callboard simulate --seed ${options.seed}${planted}
The smaller one: callboard simulate --seed ${options.seed}${planted} --faults ${faults} --steps ${steps}
`;
};

const stepsOf = (plan: ReadonlyArray<Step>): string => {
  const shown = plan
    .slice(0, STEPS_SHOWN_MAX)
    .map(({ id, atMs, ...action }) => `  ${id} at ${atMs}: ${JSON.stringify(action)}`);
  const more = plan.length - shown.length;
  return [...shown, ...(more > 0 ? [`  … and ${more} more`] : [])].join('\n');
};
