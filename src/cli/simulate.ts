import { availableParallelism } from 'node:os';
import { isLeft } from 'fp-ts/lib/Either.js';
import { BUGS } from '../../simulator/engine/bugs/bugs.ts';
import { findBug } from '../../simulator/engine/bugs/find.ts';
import { FAULTS, type Fault } from '../../simulator/engine/plan/steps.ts';
import { type Command, EXIT_OK, misused, nobodyReads, parseOptions } from './command.ts';
import { BUG_SEEDS, hunt, nightly, NIGHTLY_SEEDS, plantAll } from './simulate-many.ts';
import { runOne } from './simulate-one.ts';

const HELP = `callboard simulate [--seed N | --seeds M [--from N]] [--bug NAME]
callboard simulate --nightly [--seeds M] [--from N]
callboard simulate --bugs | --bug list

Runs the production engine on virtual time against a store, a network, receivers and users that fail in every way they
can, and checks each promise after each step. The same seed is the same run. Exit code 1 when a promise is broken, with
the newest lines of the trace, a smaller plan that breaks it too, and the command that replays it.

  --seed N       one run, with its trace hash
  --seeds M      the seeds that once failed, then M others (20 when nothing is asked for)
  --from N       the first of them; drawn when it is not said
  --bug NAME     plants a bug; without a seed the first ${BUG_SEEDS} are searched for one that notices
  --bug list     names of the bugs that can be planted
  --bugs         plants one after the other: each has to be noticed within ${BUG_SEEDS} seeds
  --nightly      7,000 seeds, 200 of them twice, all bugs; every rare state has to be reached. A seed that fails does not
                 end it; interrupted, it says with which --from and --seeds to go on
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
const SEED_MAX = 9_000_000_000_000_000;
const NUMBERS = {
  seed: [0, SEED_MAX],
  from: [0, SEED_MAX],
  seeds: [1, 1_000_000],
  workers: [1, 256],
} as const;

export const simulate: Command = {
  summary: 'run the whole engine deterministically under faults',
  help: HELP,
  async run(args) {
    const options = parseOptions(args, OPTIONS);
    if (isLeft(options)) return misused(options.left, HELP);
    const { values } = options.right;
    for (const [name, [least, most]] of Object.entries(NUMBERS)) {
      const text = values[name as keyof typeof NUMBERS];
      if (text !== undefined && !isWhole(text, least, most))
        return misused(`--${name} must be a whole number from ${least} to ${most}, not "${text}"`, HELP);
    }
    if (values.seed !== undefined && (values.seeds !== undefined || values.from !== undefined))
      return misused('--seed is one run: it goes with neither --seeds nor --from', HELP);
    if (
      [values.seed !== undefined || values.bug !== undefined, values.bugs, values.nightly].filter(Boolean)
        .length > 1
    )
      return misused('--nightly and --bugs go with neither each other nor --seed nor --bug', HELP);
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
    const notStep = steps?.find((step) => !isWhole(step, 0, SEED_MAX));
    if (notStep !== undefined) return misused(`--steps takes numbers, not "${notStep}"`, HELP);

    process.stdout.on('error', nobodyReads);
    const workers = Number(values.workers ?? availableParallelism());
    if (values.seed !== undefined) {
      const { bug, trace } = values;
      return runOne(Number(values.seed), { bug, trace, faults: faults as Fault[] | undefined, steps });
    }
    const from = values.from === undefined ? undefined : Number(values.from);
    if (values.nightly) return nightly(from ?? Date.now(), Number(values.seeds ?? NIGHTLY_SEEDS), workers);
    if (values.bugs) return plantAll(Number(values.seeds ?? BUG_SEEDS), workers);
    return hunt(
      from,
      Number(values.seeds ?? (values.bug === undefined ? SEEDS : BUG_SEEDS)),
      workers,
      values.bug,
    );
  },
};

const isWhole = (text: string, least: number, most: number): boolean =>
  /^\d{1,16}$/.test(text) && Number(text) >= least && Number(text) <= most;

const listed = (text: string): ReadonlyArray<string> => (text === 'none' ? [] : text.split(','));

const list = (): number => {
  for (const { name } of BUGS) process.stdout.write(`${name}\n`);
  return EXIT_OK;
};
