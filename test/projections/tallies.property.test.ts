import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differenceOf, everyTally } from '../../src/audit/conservation.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { ReadModels, Tally } from '../../src/projections/read-models.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { COMPANIES, legalLog } from '../arbitraries/legal-log.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { plainInvocations } from './plain-models.ts';
import { COMPANY, delivered, exhausted, failed, follow, scheduled, START_MS, started } from './story.ts';

const DAY_MS = 86_400_000;
const DAYS = { fromDay: 0, toDay: 1e9 };
const NOTHING: Tally = {
  scheduled: 0,
  waiting: 0,
  in_flight: 0,
  delivered: 0,
  exhausted: 0,
  cancelled: 0,
  superseded: 0,
};

/** By company, webhook and day, folded from the streams. */
const plainly = (log: ReadonlyArray<Decoded>): ReadonlyMap<string, Tally> => {
  const plain = plainInvocations(log);
  const tallies = new Map<string, Tally>();
  for (const { event } of log) {
    if (event.type !== 'InvocationScheduled') continue;
    const { companyId, webhook, guid, atMs } = event;
    const status = plain.invocation(guid)?.status;
    if (status === undefined) throw new Error('it was scheduled');
    const day = Math.floor(atMs / DAY_MS);
    for (const key of [
      `${companyId}`,
      `${companyId} ${webhook}`,
      `${companyId} ${day}`,
      `${companyId} ${webhook} ${day}`,
    ]) {
      const tally = tallies.get(key) ?? NOTHING;
      tallies.set(key, { ...tally, scheduled: tally.scheduled + 1, [status]: tally[status] + 1 });
    }
  }
  return tallies;
};

const asked = (models: ReadModels): ReadonlyMap<string, Tally> => {
  const found = new Map<string, Tally>();
  for (const by of ['company', 'webhook', 'day'] as const) {
    for (const { companyId = '', webhook, day, tally } of everyTally(models, by)) {
      found.set([companyId, webhook, day].filter((part) => part !== undefined).join(' '), tally);
      if (webhook === undefined) continue;
      for (const one of models.talliesByDay({ ...DAYS, companyId, webhook }, -1, 1_000)) {
        found.set(`${companyId} ${webhook} ${one.day}`, one.tally);
      }
    }
  }
  return found;
};

describe('tallies', () => {
  it('are after every batch what a fold of the streams says, and add up', () => {
    fc.assert(
      fc.property(legalLog(120), fc.integer({ min: 1, max: 20 }), ({ events }, size) => {
        const models = openReadModels({ path: ':memory:' });
        for (let end = size; end < events.length + size; end += size) {
          const applied = events.slice(0, end);
          models.apply('log', applied, applied.at(-1)?.position ?? 0);
          const found = asked(models);
          expect(found).toEqual(plainly(applied));
          for (const tally of found.values()) expect(differenceOf(tally)).toBe(0);
          for (const companyId of COMPANIES) {
            expect(models.tallyOf({ ...DAYS, companyId })).toEqual(found.get(companyId) ?? NOTHING);
          }
          const { scheduled: all, ...places } = models.tallyOf({ ...DAYS, companyId: null });
          expect([all, places]).toEqual([models.scheduledInAll(), models.counts()]);
        }
        models.close();
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it('count an invocation for the day of its scheduling, however long it takes', () => {
    const models = openReadModels({ path: ':memory:' });
    const log = follow(models);
    const webhook = guidOf(1);
    const day = Math.floor(START_MS / DAY_MS);
    for (const n of [0, 1, 2]) {
      const guid = guidOf(0x20 + n);
      log.invocation(guid, scheduled(guid, webhook, { atMs: START_MS + n * DAY_MS }));
    }
    log.catchUp();
    log.invocation(guidOf(0x20), { ...started, atMs: START_MS + 9 * DAY_MS });
    log.invocation(guidOf(0x20), { ...delivered, atMs: START_MS + 9 * DAY_MS });
    log.catchUp();
    const days = models.talliesByDay({ ...DAYS, companyId: COMPANY }, 0, 10);
    expect(days.map((row) => [row.day, row.tally.scheduled, row.tally.delivered, row.tally.waiting])).toEqual(
      [
        [day, 1, 1, 0],
        [day + 1, 1, 0, 1],
        [day + 2, 1, 0, 1],
      ],
    );
    const two = { companyId: COMPANY, fromDay: day + 1, toDay: day + 2 };
    expect(models.tallyOf(two)).toEqual({ ...NOTHING, scheduled: 1, waiting: 1 });
    expect(models.talliesByWebhook(two, 0, 10)).toEqual([
      expect.objectContaining({ webhook, tally: { ...NOTHING, scheduled: 1, waiting: 1 } }),
    ]);
    expect(models.tallyOf({ ...DAYS, companyId: guidOf(99) })).toEqual(NOTHING);
    expect(models.talliesByDay({ ...DAYS, companyId: COMPANY, webhook: guidOf(99) }, 0, 10)).toEqual([]);
    models.close();
  });

  it('add up where the beginning of an invocation was removed from the log', () => {
    const models = openReadModels({ path: ':memory:', beginningsMayBeGone: true });
    const log = follow(models);
    const whole = guidOf(0x20);
    const beheaded = guidOf(0x21);
    for (const event of [scheduled(whole, guidOf(1)), started, failed(null)]) log.invocation(whole, event);
    for (const event of [delivered, exhausted]) log.invocation(beheaded, event);
    log.invocation(whole, exhausted);
    log.catchUp();
    expect(models.tallyOf({ ...DAYS, companyId: null })).toEqual({ ...NOTHING, scheduled: 1, exhausted: 1 });
    models.close();
  });
});
