import { describe, expect, it } from 'vitest';
import { findBug, seedsFor } from '../../../simulator/engine/bugs/find.ts';
import { drawOptions } from '../../../simulator/engine/plan/options.ts';
import { drawPlan } from '../../../simulator/engine/plan/plan.ts';
import { type Job, runJobs, type Verdict } from '../../../simulator/engine/pool.ts';
import { REGRESSION_SEEDS } from '../../../simulator/engine/regression-seeds.ts';
import { runPlan, runSeed } from '../../../simulator/engine/run.ts';
import { shrink } from '../../../simulator/engine/shrink.ts';

const MINUTES = 60_000;
const FRESH = 24;
/** The same every time, so that a change alone can break it; `SIMULATE_FROM=<seed>` and the nightly run draw others. */
const FROM = Number(process.env['SIMULATE_FROM'] ?? 20_000);

const verdictsOf = async (
  jobs: ReadonlyArray<Job>,
  goOn = (_: Verdict) => true,
): Promise<ReadonlyArray<Verdict>> => {
  const verdicts: Verdict[] = [];
  await runJobs(jobs, 2, (verdict) => {
    verdicts.push(verdict);
    return goOn(verdict);
  });
  return verdicts;
};

describe('the engine under faults', () => {
  it(
    'keeps every promise: seeds that once failed, and others',
    async () => {
      const fresh = Array.from({ length: FRESH }, (_, index) => FROM + index);
      const seeds = [...REGRESSION_SEEDS.map(({ seed }) => seed), ...fresh];
      const verdicts = await verdictsOf(seeds.map((seed) => ({ seed })));
      const broken = verdicts.flatMap(({ seed, violation, error }) => {
        const what = violation === undefined ? error : `${violation.invariant} ${violation.message}`;
        return what === undefined ? [] : [`npm run -s callboard -- simulate --seed ${seed}: ${what}`];
      });
      expect(broken).toEqual([]);
      expect(verdicts).toHaveLength(seeds.length);
      expect(verdicts.reduce((sum, { attempts }) => sum + attempts, 0)).toBeGreaterThan(FRESH * 20);
    },
    5 * MINUTES,
  );

  it.each([
    ['embedded', undefined, 2],
    ['remote', 1, 4],
    ['remote', 3, 3],
    ['sqlite', undefined, 11],
  ])(
    'leaves the same trace when a seed runs again: %s, nodes: %s',
    async (store, nodes, seed) => {
      const [once, again] = [await runSeed(seed), await runSeed(seed)];
      expect([once.options.store, once.options.cluster?.nodes]).toEqual([store, nodes]);
      expect(again.hash).toBe(once.hash);
      expect([again.attempts, again.steps]).toEqual([once.attempts, once.steps]);
    },
    2 * MINUTES,
  );

  it('leaves another trace for another seed', async () => {
    expect((await runSeed(5)).hash).not.toBe((await runSeed(6)).hash);
  });
});

describe('a planted bug', () => {
  it.each([
    'ack-before-append',
    'early-retry',
    'sent-while-disabled',
    'subscription-gap',
    'tenant-filter-dropped',
    'zombie-sends',
    'standstill-not-counted',
    'takeover-without-attempts',
    'claims-ignored',
  ])(
    'is noticed: %s',
    async (name) => {
      const bug = findBug(name);
      if (bug === undefined) throw new Error('there is no such bug');
      const seeds = Array.from({ length: 200 }, (_, index) => index + 1);
      const jobs = seedsFor(bug, seeds).map((seed) => ({ seed, bug: name }));
      const verdicts = await verdictsOf(jobs, ({ violation }) => violation === undefined);
      const noticed = verdicts.find(({ violation }) => violation !== undefined);
      expect(bug.breaks).toContain(noticed?.violation?.invariant);
    },
    2 * MINUTES,
  );

  it(
    'is shown with a plan of a few steps that has it, too',
    async () => {
      const bug = findBug('terminal-twice');
      const options = drawOptions(2);
      const plan = drawPlan(options);
      const failing = await runPlan(options, plan, { bug });
      expect(failing.violation?.invariant).toBe('S7');
      const shrunk = await shrink(failing, plan, { bug, budgetMs: MINUTES, nowMs: Date.now });
      expect(shrunk.plan.length).toBeLessThan(10);
      const replayed = await runPlan(shrunk.result.options, shrunk.plan, { bug });
      expect(replayed.violation?.invariant).toBe('S7');
      expect(replayed.hash).toBe(shrunk.result.hash);
    },
    3 * MINUTES,
  );
});
