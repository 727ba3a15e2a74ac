import { setTimeout as sleep } from 'node:timers/promises';
import type { Shares } from '../../../simulator/load/behaviour.ts';
import type { RunResult, RunSettings } from '../../../simulator/load/run.ts';
import type { During } from './stage.ts';

export interface Plan extends RunSettings {
  readonly limitP99Ms: number | undefined;
}

export interface Outcome {
  readonly findings: ReadonlyArray<string>;
  readonly isGood: boolean;
}

type Run = (name: string, settings: RunSettings, during?: During) => Promise<RunResult>;

export interface LoadPreset {
  readonly summary: string;
  readonly rate: number;
  readonly seconds: number;
  readonly ownReceivers: boolean;
  readonly ownServer: boolean;
  readonly play: (plan: Plan, run: Run) => Promise<Outcome>;
}

const GOOD: Shares = { good: 100, slow: 0, failing: 0, dead: 0 };
const TENTH_DEAD: Shares = { good: 90, slow: 0, failing: 0, dead: 10 };
const DEAD_RATIO_MAX = 2;
const DEAD_PAIRS = 3;
const ON_SALE_P99_MAX_MS = 50;
const STEP = 1.25;
const STEPS_MAX = 30;
/** Less than that of what was due is not keeping up. */
const KEEPING_UP = 0.97;
const RESTARTS = 3;

const p99Of = ({ latencies }: RunResult): number => latencies.acceptedToFirstByte.p99Ms;
const ms = (value: number): string => `${value.toFixed(1)} ms`;

const lostIn = (results: ReadonlyArray<RunResult>): string | undefined => {
  const lost = results.reduce((sum, result) => sum + result.lost, 0);
  return lost === 0
    ? undefined
    : `${lost} changes did not reach their receiver within a minute after the run.`;
};

const outcomeOf = (
  results: ReadonlyArray<RunResult>,
  goal: { readonly text: string; readonly isReached: boolean } | undefined,
): Outcome => {
  const lost = lostIn(results);
  const twice = results.reduce((sum, { doubled }) => sum + doubled, 0);
  const all = results.reduce((sum, { accepted }) => sum + accepted, 0);
  return {
    findings: [
      ...(goal === undefined ? [] : [`${goal.text}: ${goal.isReached ? 'reached' : 'missed'}.`]),
      lost ??
        `Nothing was lost: of ${all} changes, all for receivers that work arrived, ${twice} of them twice.`,
    ],
    isGood: lost === undefined && goal?.isReached !== false,
  };
};

const plain: LoadPreset = {
  summary: 'one run as the options say (the default)',
  rate: 200,
  seconds: 20,
  ownReceivers: false,
  ownServer: false,
  async play(plan, run) {
    const result = await run('load', plan);
    const { limitP99Ms } = plan;
    const text = `p99 of 202 → first byte is ${ms(p99Of(result))}, at most ${limitP99Ms} ms asked for`;
    return outcomeOf(
      [result],
      limitP99Ms === undefined ? undefined : { text, isReached: p99Of(result) <= limitP99Ms },
    );
  },
};

const deadEndpoint: LoadPreset = {
  summary: 'p99 of good receivers with 10 % of the traffic to a dead one ÷ without it, goal ≤ 2',
  rate: 200,
  seconds: 15,
  ownReceivers: true,
  ownServer: false,
  async play(plan, run) {
    const [without, withDead]: [RunResult[], RunResult[]] = [[], []];
    // In turns, so that what else the machine does meets both; the worse of three of each would be chance.
    for (let pair = 0; pair < DEAD_PAIRS; pair += 1) {
      const seed = plan.seed + 2 * pair;
      without.push(await run(`${pair + 1} all good`, { ...plan, shares: GOOD, seed }));
      withDead.push(await run(`${pair + 1} a tenth dead`, { ...plan, shares: TENTH_DEAD, seed: seed + 1 }));
    }
    const [bare, burdened] = [median(without.map(p99Of)), median(withDead.map(p99Of))];
    const ratio = burdened / bare;
    const text =
      `p99 of 202 → first byte at good receivers, median of ${DEAD_PAIRS}: ${ms(burdened)} with a tenth of the traffic to a ` +
      `dead endpoint, ${ms(bare)} without: ${ratio.toFixed(2)} times, goal at most ${DEAD_RATIO_MAX}`;
    return outcomeOf([...without, ...withDead], { text, isReached: ratio <= DEAD_RATIO_MAX });
  },
};

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const onSale: LoadPreset = {
  summary: '1,000 orders a second to good receivers, goal p99 ≤ 50 ms',
  rate: 1_000,
  seconds: 30,
  ownReceivers: true,
  ownServer: false,
  async play(plan, run) {
    const result = await run('on-sale', { ...plan, shares: GOOD });
    const limitMs = plan.limitP99Ms ?? ON_SALE_P99_MAX_MS;
    const text = `p99 of 202 → first byte is ${ms(p99Of(result))} at ${plan.rate}/s, goal at most ${limitMs} ms`;
    return outcomeOf([result], { text, isReached: p99Of(result) <= limitMs });
  },
};

const storeRestarts: LoadPreset = {
  summary: 'the server, and the embedded store in it, is killed with kill -9 three times under load',
  rate: 100,
  seconds: 30,
  ownReceivers: false,
  ownServer: true,
  async play(plan, run) {
    const readyAfterMs: number[] = [];
    const during: During = async (server) => {
      for (let kill = 0; kill < RESTARTS; kill += 1) {
        await sleep((plan.seconds * 1_000) / (RESTARTS + 1));
        readyAfterMs.push(await server.restart());
      }
    };
    const result = await run('restarts', plan, during);
    const back = readyAfterMs.map((after) => `${Math.round(after)} ms`).join(', ');
    const { findings, isGood } = outcomeOf([result], undefined);
    return {
      findings: [
        `Killed ${readyAfterMs.length} times under load; ready again after ${back}; ${result.unanswered} posts had to be sent again.`,
        ...findings,
      ],
      isGood,
    };
  },
};

const steps: LoadPreset = {
  summary: 'the highest rate with p99 under --limit-p99, in steps of a quarter (the same as --steps)',
  rate: 100,
  seconds: 10,
  ownReceivers: false,
  ownServer: false,
  async play(plan, run) {
    const limitMs = plan.limitP99Ms ?? ON_SALE_P99_MAX_MS;
    const held: RunResult[] = [];
    let why = `all ${STEPS_MAX} steps held`;
    for (let step = 0; step < STEPS_MAX; step += 1) {
      const rate = Math.round(plan.rate * STEP ** step);
      const result = await run(`step ${step + 1}`, { ...plan, rate, seed: plan.seed + step });
      const all = rate * (plan.warmUpSeconds + plan.seconds);
      // What the last second brought may still be under way.
      const isKeepingUp = (result.acceptedPerSecond / rate) * all + rate >= all * KEEPING_UP;
      if (p99Of(result) > limitMs || !isKeepingUp || result.lost > 0) {
        const reason = isKeepingUp
          ? `p99 ${ms(p99Of(result))}`
          : `${result.acceptedPerSecond.toFixed(0)}/s accepted`;
        why = `at ${rate}/s: ${reason}${result.lost > 0 ? `, ${result.lost} lost` : ''}`;
        break;
      }
      held.push(result);
    }
    const best = held.at(-1);
    if (best === undefined) return { findings: [`No rate held p99 ≤ ${limitMs} ms; ${why}.`], isGood: false };
    return {
      findings: [
        `The highest rate with p99 of 202 → first byte ≤ ${limitMs} ms is ${best.settings.rate}/s (p99 ${ms(p99Of(best))}); ${why}.`,
      ],
      isGood: true,
    };
  },
};

export const LOAD_PRESETS = {
  plain,
  'dead-endpoint': deadEndpoint,
  'festival-on-sale': onSale,
  'store-restarts': storeRestarts,
  steps,
} as const satisfies Readonly<Record<string, LoadPreset>>;
