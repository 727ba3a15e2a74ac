import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { KNOWN_MAX } from '../../src/projections/invocation-writer.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';
import { GENERATION_ROWS, TIME_BLOCK_ROWS } from '../../src/projections/schema.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { withScratchFile } from './scratch-file.ts';
import {
  changed,
  COMPANY,
  delivered,
  exhausted,
  failed,
  follow,
  scheduled,
  START_MS,
  started,
} from './story.ts';

const WEBHOOK = guidOf(1);
const ORDER = { resource: 'order', identifier: '7' } as const;

const start = (): { models: ReadModels; log: ReturnType<typeof follow> } => {
  const models = openReadModels({ path: ':memory:' });
  return { models, log: follow(models) };
};

describe('changes', () => {
  it('are found by their guids, with the place of their event', () => {
    const { models, log } = start();
    log.change(changed(ORDER), guidOf(0x10));
    log.change({ ...changed(ORDER), fingerprint: 'of the second' }, guidOf(0x11));
    log.catchUp();
    expect(models.change(guidOf(0x11))).toEqual({
      change: guidOf(0x11),
      position: 2,
      stream: `order-${COMPANY}-7`,
      revision: 1,
      companyId: COMPANY,
      fingerprint: 'of the second',
    });
    expect(models.change(guidOf(0x12))).toBeUndefined();
    expect(models.change('not a guid')).toBeUndefined();
    models.close();
  });
});

describe('the newest change recorded up to a time', () => {
  it('is found over many blocks, also where the clock was set back', () => {
    const { models, log } = start();
    expect(models.positionAt(START_MS)).toBeUndefined();
    const count = 3 * TIME_BLOCK_ROWS;
    // The clock goes back for a while in the middle.
    const timeOf = (n: number): number => START_MS + (n >= 1_500 && n < 1_600 ? n - 700 : n);
    for (let n = 0; n < count; n += 1) log.change({ ...changed(ORDER), atMs: timeOf(n) });
    log.catchUp();
    for (const ms of [
      -1,
      0,
      1,
      799,
      800,
      850,
      899,
      900,
      1_499,
      1_500,
      1_599,
      1_600,
      2_047,
      2_048,
      count,
      1e6,
    ]) {
      const expected = Array.from({ length: count }, (_, n) => n).findLast((n) => timeOf(n) <= START_MS + ms);
      const position = models.positionAt(START_MS + ms);
      expect([ms, position]).toEqual([ms, expected === undefined ? undefined : expected + 1]);
    }
    expect(models.changesInAll()).toBe(count);
    models.close();
  });
});

describe('invocations', () => {
  it('that wait are found by their company alone, not by looking at those of all others', () => {
    withScratchFile((path) => {
      const models = openReadModels({ path });
      const log = follow(models);
      const other = guidOf(9);
      log.invocation(guidOf(0x20), scheduled(guidOf(0x20), WEBHOOK));
      log.invocation(guidOf(0x21), scheduled(guidOf(0x21), guidOf(2), { companyId: other }));
      log.catchUp();
      const filter = { companyId: other, status: 'waiting' } as const;
      expect(models.invocations(filter, undefined, 10).map(({ guid }) => guid)).toEqual([guidOf(0x21)]);
      models.close();

      const db = new DatabaseSync(path);
      db.exec('DROP INDEX due_by_company');
      db.close();
      const without = openReadModels({ path });
      expect(() => without.invocations(filter, undefined, 10)).toThrow('due_by_company');
      without.close();
    });
  });

  it('are found by their guids, also when their first bytes are the same', () => {
    const { models, log } = start();
    for (const n of [0x20, 0x21]) log.invocation(guidOf(n), scheduled(guidOf(n), WEBHOOK));
    log.catchUp();
    expect(models.invocation(guidOf(0x21))).toEqual({
      position: 2,
      guid: guidOf(0x21),
      companyId: COMPANY,
      webhook: WEBHOOK,
      status: 'waiting',
    });
    expect(models.invocation(guidOf(0x22))).toBeUndefined();
    expect(models.invocation('not a guid')).toBeUndefined();
    models.close();
  });

  it('are listed by the change that they tell of', () => {
    const { models, log } = start();
    const change = log.change(changed(ORDER), guidOf(0x10)).id;
    log.invocation(guidOf(0x20), scheduled(guidOf(0x20), WEBHOOK, { change, test: false }));
    log.invocation(guidOf(0x21), scheduled(guidOf(0x21), WEBHOOK));
    log.catchUp();
    const of = (wanted: string) => models.invocations({ companyId: null, change: wanted }, undefined, 10);
    expect(of(change).map(({ guid }) => guid)).toEqual([guidOf(0x20)]);
    expect(of(guidOf(0x99))).toEqual([]);
    expect(of('not a guid')).toEqual([]);
    models.close();
  });

  it('count the last failure of a round as exhausted, whether or not the event that says so has come', () => {
    const { models, log } = start();
    const guid = guidOf(0x20);
    for (const event of [scheduled(guid, WEBHOOK), started, failed(null)]) log.invocation(guid, event);
    log.catchUp();
    expect(models.invocation(guid)?.status).toBe('exhausted');
    log.invocation(guid, exhausted);
    log.catchUp();
    expect(models.counts()).toEqual({
      waiting: 0,
      in_flight: 0,
      delivered: 0,
      exhausted: 1,
      cancelled: 0,
      superseded: 0,
    });
    models.close();
  });

  it('are counted where they stand, however many more wait than are kept in memory', () => {
    const { models, log } = start();
    const count = KNOWN_MAX + 100;
    const guidAt = (n: number): string => guidOf(0x10000 + n);
    for (let n = 0; n < count; n += 1) {
      log.invocation(guidAt(n), scheduled(guidAt(n), WEBHOOK));
      if (n % 10_000 === 0) log.catchUp();
    }
    log.catchUp();
    // The oldest were forgotten, the newest not; both are settled in one batch, one of each in two.
    for (const n of [0, 1, count - 2, count - 1]) log.invocation(guidAt(n), started);
    for (const n of [0, count - 1]) log.invocation(guidAt(n), delivered);
    log.catchUp();
    expect(models.counts()).toMatchObject({ waiting: count - 4, in_flight: 2, delivered: 2 });
    for (const n of [1, count - 2]) log.invocation(guidAt(n), delivered);
    log.catchUp();
    expect(models.counts()).toMatchObject({ waiting: count - 4, in_flight: 0, delivered: 4 });
    for (const n of [0, 1, count - 2, count - 1])
      expect(models.invocation(guidAt(n))).toMatchObject({ status: 'delivered' });
    models.close();
  });

  it('are found by time over many blocks, also where the clock was set back', () => {
    const { models, log } = start();
    const count = 3 * TIME_BLOCK_ROWS;
    // The second block begins an hour before the first and ends after it.
    const atMsOf = (n: number): number =>
      START_MS + n - (n >= TIME_BLOCK_ROWS && n < TIME_BLOCK_ROWS + 100 ? 3_600_000 : 0);
    for (let n = 0; n < count; n += 1) {
      const guid = guidOf(0x10000 + n);
      log.invocation(guid, scheduled(guid, WEBHOOK, { atMs: atMsOf(n) }));
      // In three batches whose edges are not those of the blocks.
      if (n % 1100 === 0) log.catchUp();
    }
    log.catchUp();
    const found = (fromMs: number, toMs: number): ReadonlyArray<number> =>
      models
        .invocations({ companyId: COMPANY, fromMs, toMs }, undefined, count)
        .map(({ position }) => position - 1)
        .reverse();
    const expected = (fromMs: number, toMs: number): ReadonlyArray<number> =>
      Array.from({ length: count }, (_, n) => n).filter((n) => atMsOf(n) >= fromMs && atMsOf(n) < toMs);
    const places = [
      -3_600_000,
      -3_600_000 + TIME_BLOCK_ROWS + 50,
      0,
      10,
      TIME_BLOCK_ROWS,
      2500,
      count,
      count + 1,
    ];
    for (const from of places) {
      for (const to of places) {
        expect(found(START_MS + from, START_MS + to)).toEqual(expected(START_MS + from, START_MS + to));
      }
    }
    models.close();
  });

  it('are found across generations', () => {
    withScratchFile((path) => {
      const first = openReadModels({ path });
      const log = follow(first);
      const schedule = (n: number): void => {
        log.invocation(guidOf(n), scheduled(guidOf(n), WEBHOOK, { identifier: '8' }));
      };
      schedule(0x20);
      log.catchUp();
      first.close();
      // As if so many had been scheduled in between that the next but one begins a generation.
      const db = new DatabaseSync(path);
      db.prepare("UPDATE counters SET value = ? WHERE name = 'invocations'").run(GENERATION_ROWS - 1);
      db.close();

      const models = openReadModels({ path });
      for (const n of [0x21, 0x22, 0x23]) schedule(n);
      log.invocation(guidOf(0x20), started);
      log.invocation(guidOf(0x22), started);
      log.invocation(guidOf(0x22), delivered);
      const applied = log.events.filter(({ position }) => position > 1);
      models.apply('log', applied, 7);
      expect(models.invocation(guidOf(0x20))?.status).toBe('in_flight');
      expect(models.invocation(guidOf(0x22))?.status).toBe('delivered');
      const filters = [
        { companyId: COMPANY },
        { companyId: null, webhook: WEBHOOK },
        { companyId: null, identifier: '8' },
      ];
      for (const filter of filters) {
        const page = models.invocations(filter, undefined, 3).map(({ guid }) => guid);
        expect(page).toEqual([0x23, 0x22, 0x21].map(guidOf));
        expect(models.invocations(filter, 3, 3).map(({ guid }) => guid)).toEqual([0x21, 0x20].map(guidOf));
      }
      models.close();
      const after = new DatabaseSync(path);
      expect(
        after.prepare('SELECT position, generation FROM invocations ORDER BY position').all(),
      ).toMatchObject([0, 0, 1, 1].map((generation, n) => ({ position: n + 1, generation })));
      after.close();
    });
  });

  it('are refused when the log does not hold what they refer to', () => {
    const { models, log } = start();
    log.invocation(guidOf(0x20), started);
    expect(() => log.catchUp()).toThrow('was never scheduled');
    const other = start();
    other.log.invocation(
      guidOf(0x20),
      scheduled(guidOf(0x20), WEBHOOK, { change: guidOf(0x10), test: false }),
    );
    expect(() => other.log.catchUp()).toThrow('was never recorded');
    models.close();
    other.models.close();
  });
});

describe('checkpoints', () => {
  it('move on with what concerns a group and what does not', () => {
    const { models, log } = start();
    const opened = log.append(`account-${COMPANY}`, {
      type: 'AccountOpened',
      companyId: COMPANY,
      atMs: START_MS,
    });
    models.apply('log', [opened], 5);
    expect([models.checkpoint('log'), models.checkpoint('routing')]).toEqual([5, 0]);
    models.apply('log', [], 3);
    expect(models.checkpoint('log')).toBe(5);
    models.close();
  });
});

describe('fannedOutUpTo', () => {
  it('is what was recorded, or the last but one of the changes that the log shows somebody was told of', () => {
    const { models, log } = start();
    expect(models.fannedOutUpTo()).toBe(0);
    for (const n of [0x10, 0x11, 0x12]) log.change(changed(ORDER), guidOf(n));
    log.invocation(guidOf(0x20), scheduled(guidOf(0x20), WEBHOOK, { change: guidOf(0x11), test: false }));
    log.invocation(guidOf(0x21), scheduled(guidOf(0x21), WEBHOOK, { change: guidOf(0x10), test: false }));
    log.invocation(guidOf(0x22), scheduled(guidOf(0x22), WEBHOOK));
    log.catchUp();
    expect([models.fannedOutUpTo(), models.handledUpTo()]).toEqual([0, 0]);
    log.invocation(guidOf(0x23), scheduled(guidOf(0x23), WEBHOOK, { change: guidOf(0x12), test: false }));
    log.catchUp();
    expect([models.fannedOutUpTo(), models.handledUpTo()]).toEqual([2, 0]);
    models.recordFannedOut(5);
    expect([models.fannedOutUpTo(), models.handledUpTo()]).toEqual([5, 5]);
    models.recordFannedOut(4);
    expect(models.fannedOutUpTo()).toBe(5);
    models.close();
  });
});
