import { availableParallelism } from 'node:os';
import { isLeft } from 'fp-ts/lib/Either.js';
import { BUGS } from '../../simulator/engine/bugs/bugs.ts';
import { findBug } from '../../simulator/engine/bugs/find.ts';
import { EXPECTED_MARKS } from '../../simulator/engine/expected-marks.ts';
import { drawOptions } from '../../simulator/engine/plan/options.ts';
import { drawPlan } from '../../simulator/engine/plan/plan.ts';
import { FAULTS, type Fault } from '../../simulator/engine/plan/steps.ts';
import { type Job, runJobs, type Verdict } from '../../simulator/engine/pool.ts';
import { REGRESSION_SEEDS } from '../../simulator/engine/regression-seeds.ts';
import { failureOf, hoursOf, summaryOf } from '../../simulator/engine/report.ts';
import { runPlan } from '../../simulator/engine/run.ts';
import { shrink } from '../../simulator/engine/shrink.ts';
import { INVARIANTS } from '../../simulator/engine/violation.ts';
import { type Command, EXIT_FINDINGS, EXIT_OK, misused, parseOptions } from './command.ts';

const HELP = `callboard simulate [--seed N | --seeds M [--from N]] [--bug NAME]
callboard simulate --bugs | --nightly | --bug list

Runs the production engine on virtual time against a store, a network, receivers and users that fail in every way they
can, and checks each promise after each step. The same seed is the same run. Exit code 1 when a promise is broken, with
the newest lines of the trace, a smaller plan that breaks it too, and the command that replays it.

  --seed N       one run, with its trace hash
  --seeds M      the seeds that once failed, then M others (20 when nothing is asked for)
  --from N       the first of them; drawn when it is not said
  --bug NAME     plants a bug; without a seed the first ${200} are searched for one that notices
  --bug list     names of the bugs that can be planted
  --bugs         plants one after the other: each has to be noticed within ${200} seeds
  --nightly      7,000 seeds, 200 of them twice, all bugs; every rare state has to be reached
  --workers K    processes (default: one for each core)
  --trace        prints every line of the trace (with --seed)
  --faults LIST  only these kinds of faults (with --seed): ${FAULTS.join(',')}, or none
  --steps LIST   only these steps of the plan (with --seed)
`;

const OPTIONS = {
  seed: { type: 'string' },
  seeds: { type: 'string' },
  from: { type: 'string' },
  bug: { type: 'string' },
  bugs: { type: 'boolean', default: false },
  nightly: { type: 'boolean', default: false },
  workers: { type: 'string' },
  trace: { type: 'boolean', default: false },
  faults: { type: 'string' },
  steps: { type: 'string' },
} as const;

const SEEDS = 20;
const BUG_SEEDS = 200;
const NIGHTLY_SEEDS = 7_000;
const NIGHTLY_PAIRS = 200;
const SHRINK_MS = 60_000;
const SEED_MAX = Number.MAX_SAFE_INTEGER;

export const simulate: Command = {
  summary: 'run the whole engine deterministically under faults',
  help: HELP,
  async run(args) {
    const options = parseOptions(args, OPTIONS);
    if (isLeft(options)) return misused(options.left, HELP);
    const { values } = options.right;
    const numbers = { seed: values.seed, seeds: values.seeds, from: values.from, workers: values.workers };
    for (const [name, text] of Object.entries(numbers)) {
      const least = name === 'seeds' || name === 'workers' ? 1 : 0;
      if (text !== undefined && !isWhole(text, least))
        return misused(`--${name} must be a whole number from ${least}, not "${text}"`, HELP);
    }
    if (values.seed !== undefined && (values.seeds !== undefined || values.from !== undefined))
      return misused('--seed is one run: it goes with neither --seeds nor --from', HELP);
    if (
      values.seed === undefined &&
      (values.trace || values.faults !== undefined || values.steps !== undefined)
    )
      return misused('--trace, --faults and --steps go with --seed', HELP);
    if (values.bug === 'list') return list();
    if (values.bug !== undefined && findBug(values.bug) === undefined)
      return misused(`there is no bug "${values.bug}"; --bug list names them`, HELP);
    const faults = values.faults === undefined ? undefined : listed(values.faults);
    const unknown = faults?.find((fault) => !FAULTS.includes(fault as Fault));
    if (unknown !== undefined) return misused(`there is no kind of fault "${unknown}"`, HELP);
    const steps = values.steps === undefined ? undefined : listed(values.steps);
    const notStep = steps?.find((step) => !isWhole(step, 0));
    if (notStep !== undefined) return misused(`--steps takes numbers, not "${notStep}"`, HELP);

    const workers = Number(values.workers ?? availableParallelism());
    if (values.seed !== undefined) {
      return runOne(Number(values.seed), {
        bug: values.bug,
        trace: values.trace,
        faults: faults as Fault[],
        steps,
      });
    }
    if (values.nightly) return nightly(workers);
    if (values.bugs) return plantAll(Number(values.seeds ?? BUG_SEEDS), workers);
    if (values.bug !== undefined) {
      return hunt(range(Number(values.from ?? 1), Number(values.seeds ?? BUG_SEEDS)), workers, values.bug);
    }
    const from = Number(values.from ?? Date.now());
    return hunt([...regressions(), ...range(from, Number(values.seeds ?? SEEDS))], workers);
  },
};

const isWhole = (text: string, least: number): boolean =>
  /^\d{1,16}$/.test(text) && Number(text) >= least && Number(text) <= SEED_MAX;

const listed = (text: string): ReadonlyArray<string> => (text === 'none' ? [] : text.split(','));

const range = (from: number, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, index) => from + index);

const regressions = (): ReadonlyArray<number> => REGRESSION_SEEDS.map(({ seed }) => seed);

const print = (text: string): void => void process.stdout.write(text);

const list = (): number => {
  for (const { name } of BUGS) print(`${name}\n`);
  return EXIT_OK;
};

interface One {
  readonly bug: string | undefined;
  readonly trace: boolean;
  readonly faults: ReadonlyArray<Fault> | undefined;
  readonly steps: ReadonlyArray<string> | undefined;
}

const runOne = async (seed: number, { bug: name, trace, faults, steps }: One): Promise<number> => {
  const bug = findBug(name);
  const drawn = drawOptions(seed);
  // Steps first: they are drawn with all the faults that the seed has.
  const plan = drawPlan(drawn).filter(({ id }) => steps === undefined || steps.includes(String(id)));
  const options = { ...drawn, faults: faults ?? drawn.faults };
  const result = await runPlan(options, plan, {
    bug,
    ...(trace && { onLine: (line: string) => print(`${line}\n`) }),
  });
  print(summaryOf(result));
  if (result.violation === undefined) return EXIT_OK;
  const shrunk = await shrink(result, plan, { bug, budgetMs: SHRINK_MS, nowMs: Date.now });
  print(`\n${failureOf(result, shrunk, bug)}`);
  return EXIT_FINDINGS;
};

/** Counts of a whole hunt. */
class Tally {
  readonly marks = new Map<string, number>();
  seeds = 0;
  attempts = 0;
  simulatedMs = 0;
  cpuMs = 0;
  readonly #startedMs = performance.now();

  add({ marks, attempts, simulatedMs, cpuMs }: Verdict): void {
    this.seeds += 1;
    this.attempts += attempts;
    this.simulatedMs += simulatedMs;
    this.cpuMs += cpuMs;
    for (const [name, times] of marks) this.marks.set(name, (this.marks.get(name) ?? 0) + times);
  }

  get line(): string {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const perCpuSecond = (this.attempts / this.cpuMs) * 1000;
    return (
      `${this.seeds} seeds, ${this.attempts.toLocaleString('en-US')} attempts, ${hoursOf(this.simulatedMs)} simulated ` +
      `in ${seconds.toFixed(1)} s (${Math.round(perCpuSecond).toLocaleString('en-US')} attempts a second of CPU time, ` +
      `${Math.round(this.simulatedMs / 3_600_000 / seconds)} h a second)`
    );
  }
}

const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
};

const hunt = async (seeds: ReadonlyArray<number>, workers: number, bug?: string): Promise<number> => {
  const tally = new Tally();
  const failed = await firstFailure(seeds, workers, bug, tally);
  if (failed !== undefined)
    return runOne(failed.seed, { bug, trace: false, faults: undefined, steps: undefined });
  print(`${tally.line}: every promise was kept\n`);
  return EXIT_OK;
};

const firstFailure = async (
  seeds: ReadonlyArray<number>,
  workers: number,
  bug: string | undefined,
  tally: Tally,
): Promise<Verdict | undefined> => {
  let failed: Verdict | undefined;
  const jobs = seeds.map((seed): Job => ({ seed, bug }));
  await runJobs(jobs, Math.min(workers, seeds.length), (verdict) => {
    tally.add(verdict);
    progress(`${tally.seeds} of ${seeds.length} seeds`);
    if (verdict.violation !== undefined) failed ??= verdict;
    return failed === undefined;
  });
  progress('');
  return failed;
};

/** The table of the planted bugs; each seed is tried in turn until one notices. */
const plantAll = async (seeds: number, workers: number): Promise<number> => {
  let missed = 0;
  for (const { name, breaks } of BUGS) {
    const failed = await firstFailure(range(1, seeds), workers, name, new Tally());
    const { invariant } = failed?.violation ?? {};
    const noticed = invariant !== undefined && breaks.includes(invariant);
    if (!noticed) missed += 1;
    const verdict =
      failed === undefined || invariant === undefined
        ? `NOT noticed within ${seeds} seeds`
        : `seed ${String(failed.seed).padStart(3)}  ${invariant.padEnd(3)}  ${INVARIANTS[invariant]}${noticed ? '' : ' (not what it breaks)'}`;
    print(`${name.padEnd(30)} ${verdict}\n`);
  }
  print(`${BUGS.length - missed} of ${BUGS.length} planted bugs noticed\n`);
  return missed === 0 ? EXIT_OK : EXIT_FINDINGS;
};

const nightly = async (workers: number): Promise<number> => {
  const from = Date.now();
  const seeds = [...regressions(), ...range(from, NIGHTLY_SEEDS)];
  print(`seeds that once failed, then ${from} to ${from + NIGHTLY_SEEDS - 1}\n`);
  const tally = new Tally();
  const hashes = new Map<number, string>();
  const twice = range(from, NIGHTLY_PAIRS);
  const failures: Verdict[] = [];
  await runJobs(
    [...seeds, ...twice].map((seed) => ({ seed })),
    workers,
    (verdict) => {
      tally.add(verdict);
      progress(`${tally.seeds} of ${seeds.length + twice.length} seeds, ${failures.length} failed`);
      const { seed, hash, violation } = verdict;
      if (violation !== undefined) failures.push(verdict);
      const before = hashes.get(seed);
      hashes.set(seed, hash);
      if (before !== undefined && before !== hash) {
        print(`seed ${seed} has the trace ${before} once and ${hash} another time\n`);
        failures.push(verdict);
      }
      return true;
    },
  );
  progress('');
  print(`${tally.line}\n`);
  for (const { seed, violation } of failures)
    print(`seed ${seed} fails: ${violation?.invariant ?? 'trace'} ${violation?.message ?? ''}\n`);
  const unreached = EXPECTED_MARKS.filter((mark) => !tally.marks.has(mark));
  for (const mark of unreached) print(`never reached: ${mark}\n`);
  print(`${EXPECTED_MARKS.length - unreached.length} of ${EXPECTED_MARKS.length} rare states reached\n`);
  const planted = await plantAll(BUG_SEEDS, workers);
  const [first] = failures;
  if (first !== undefined)
    await runOne(first.seed, { bug: undefined, trace: false, faults: undefined, steps: undefined });
  return failures.length === 0 && unreached.length === 0 ? planted : EXIT_FINDINGS;
};
