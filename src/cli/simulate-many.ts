import { BUGS } from '../../simulator/engine/bugs/bugs.ts';
import { findBug, seedsFor } from '../../simulator/engine/bugs/find.ts';
import { EXPECTED_MARKS } from '../../simulator/engine/expected-marks.ts';
import { type Job, runJobs, type Verdict } from '../../simulator/engine/pool.ts';
import { REGRESSION_SEEDS } from '../../simulator/engine/regression-seeds.ts';
import { progressOf, Tally } from '../../simulator/engine/tally.ts';
import { INVARIANTS } from '../../simulator/engine/violation.ts';
import { EXIT_FINDINGS, EXIT_OK, failed as failedFor } from './command.ts';
import { runOne } from './simulate-one.ts';

/** Of a nightly run. */
export const NIGHTLY_SEEDS = 7_000;
/** A planted bug has to be noticed within so many. */
export const BUG_SEEDS = 200;
const NIGHTLY_PAIRS = 200;
/** Where nobody looks on, as in the log of a nightly run. */
const PROGRESS_SECONDS = 30;

const print = (text: string): void => void process.stdout.write(text);

const range = (from: number, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, index) => from + index);

const regressions = (): ReadonlyArray<number> => REGRESSION_SEEDS.map(({ seed }) => seed);

/** On a terminal one line that changes; else a new one now and then. */
class Progress {
  readonly #isTerminal = process.stderr.isTTY;
  #toldSecond = 0;

  tell(seconds: number, text: string): void {
    if (this.#isTerminal) process.stderr.write(`\r\u001b[K${text}`);
    else if (seconds - this.#toldSecond >= PROGRESS_SECONDS) {
      this.#toldSecond = seconds;
      process.stderr.write(`${text}\n`);
    }
  }

  end(): void {
    if (this.#isTerminal) process.stderr.write('\r\u001b[K');
  }
}

const isBroken = ({ violation, error }: Verdict): boolean => violation !== undefined || error !== undefined;

const whatBroke = ({ violation, error }: Verdict): string =>
  violation === undefined
    ? `has no end: ${error ?? ''}`
    : `breaks ${violation.invariant}: ${violation.message}`;

const replayOf = ({ seed, bug }: Job): string =>
  `callboard simulate --seed ${seed}${bug === undefined ? '' : ` --bug ${bug}`}`;

/** Runs until one fails, and shows that one. Without `from` the seeds that once failed come first. */
export const hunt = async (
  from: number | undefined,
  count: number,
  workers: number,
  bugName?: string,
): Promise<number> => {
  const bug = findBug(bugName);
  const seeds =
    bug === undefined
      ? [...regressions(), ...range(from ?? Date.now(), count)]
      : seedsFor(bug, range(from ?? 1, count));
  const tally = new Tally();
  const progress = new Progress();
  let failed: Verdict | undefined;
  await runJobs(
    seeds.map((seed) => ({ seed, bug: bugName })),
    Math.min(workers, Math.max(seeds.length, 1)),
    (verdict) => {
      tally.add(verdict);
      if (isBroken(verdict)) failed ??= verdict;
      progress.tell(tally.seconds, progressOf(tally.seeds, seeds.length, tally.seconds, 0));
      return failed === undefined;
    },
  );
  progress.end();
  if (failed?.error !== undefined) return failedFor(`${replayOf(failed)}: ${failed.error}`);
  if (failed !== undefined) return runOne(failed.seed, { bug: bugName });
  print(`${tally.line}: every promise was kept\n`);
  return EXIT_OK;
};

/** The table of the planted bugs, with the lowest seed that notices each. */
export const plantAll = async (count: number, workers: number): Promise<number> => {
  const noticed = new Map<string, Verdict>();
  const open = new Map<string, number>();
  function* jobs(): Generator<Job> {
    for (const bug of BUGS) {
      for (const seed of seedsFor(bug, range(1, count))) {
        if (noticed.has(bug.name)) break;
        open.set(bug.name, (open.get(bug.name) ?? 0) + 1);
        yield { seed, bug: bug.name };
      }
      ended.add(bug.name);
    }
  }
  const ended = new Set<string>();
  let rows = 0;
  let found = 0;
  /** In the order of the list, as soon as no run of a bug is under way that could still notice it earlier. */
  const printRows = (all: boolean): void => {
    for (let bug = BUGS[rows]; bug !== undefined; bug = BUGS[rows]) {
      if (!all && (!ended.has(bug.name) || (open.get(bug.name) ?? 0) > 0)) return;
      rows += 1;
      const verdict = noticed.get(bug.name);
      const isRight = verdict?.violation !== undefined && bug.breaks.includes(verdict.violation.invariant);
      if (isRight) found += 1;
      print(`${bug.name.padEnd(30)} ${rowOf(verdict, isRight, count)}\n`);
    }
  };
  await runJobs(jobs(), workers, (verdict) => {
    const name = verdict.bug ?? '';
    open.set(name, (open.get(name) ?? 0) - 1);
    const before = noticed.get(name);
    if (isBroken(verdict) && (before === undefined || verdict.seed < before.seed)) noticed.set(name, verdict);
    printRows(false);
    return true;
  });
  printRows(true);
  print(`${found} of ${BUGS.length} planted bugs noticed\n`);
  return found === BUGS.length ? EXIT_OK : EXIT_FINDINGS;
};

const rowOf = (verdict: Verdict | undefined, isRight: boolean, count: number): string => {
  if (verdict === undefined) return `NOT noticed within ${count} seeds`;
  const seed = `seed ${String(verdict.seed).padStart(3)}`;
  if (verdict.violation === undefined) return `${seed}  ${whatBroke(verdict)}`;
  const { invariant } = verdict.violation;
  return `${seed}  ${invariant.padEnd(3)}  ${INVARIANTS[invariant]}${isRight ? '' : ' (not what it breaks)'}`;
};

/**
 * The seeds that once failed and many others, some of them twice; then all planted bugs. A seed that fails is told at once
 * and again at the end, and the others go on. Interrupted, it tells what it has seen and how to go on.
 */
export const nightly = async (from: number, count: number, workers: number): Promise<number> => {
  const twice = range(from, Math.min(NIGHTLY_PAIRS, count));
  const seeds = [...regressions(), ...range(from, count), ...twice];
  print(`seeds that once failed, then ${from} to ${from + count - 1}, and ${twice.length} of them again\n`);
  const tally = new Tally();
  const progress = new Progress();
  const hashes = new Map<number, string>();
  const failures: string[] = [];
  let firstBroken: Verdict | undefined;
  let interrupted = false;
  const interrupt = (): void => void (interrupted = true);
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);

  const fail = (verdict: Verdict, what: string): void => {
    const line = `seed ${verdict.seed} ${what}\n  ${replayOf(verdict)}\n`;
    failures.push(line);
    progress.end();
    print(line);
  };
  await runJobs(
    seeds.map((seed) => ({ seed })),
    workers,
    (verdict) => {
      tally.add(verdict);
      const { seed, hash, violation } = verdict;
      if (isBroken(verdict)) fail(verdict, whatBroke(verdict));
      if (violation !== undefined) firstBroken ??= verdict;
      const before = hashes.get(seed);
      hashes.set(seed, hash);
      if (before !== undefined && before !== hash)
        fail(verdict, `has the trace ${before} once and ${hash} another time`);
      progress.tell(tally.seconds, progressOf(tally.seeds, seeds.length, tally.seconds, failures.length));
      return !interrupted;
    },
  );
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  progress.end();
  print(`${tally.line}\n`);
  print(
    failures.length === 0 ? 'every promise was kept\n' : `${failures.length} failed:\n${failures.join('')}`,
  );
  const unreached = EXPECTED_MARKS.filter((mark) => !tally.marks.has(mark));
  for (const mark of unreached) print(`never reached: ${mark}\n`);
  print(`${EXPECTED_MARKS.length - unreached.length} of ${EXPECTED_MARKS.length} rare states reached\n`);
  if (interrupted) {
    const next = range(from, count).find((seed) => !hashes.has(seed)) ?? from + count;
    const left = from + count - next;
    if (left > 0)
      print(`interrupted; go on with: callboard simulate --nightly --from ${next} --seeds ${left}\n`);
    return EXIT_FINDINGS;
  }
  const planted = await plantAll(BUG_SEEDS, workers);
  if (firstBroken !== undefined) await runOne(firstBroken.seed);
  return failures.length === 0 && unreached.length === 0 ? planted : EXIT_FINDINGS;
};
