import { describe, expect, it } from 'vitest';
import type { InvocationScheduled } from '../../src/domain/invocation.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import {
  cancelled,
  changed,
  delivered,
  exhausted,
  failed,
  follow,
  retryRequested,
  scheduled,
  START_MS,
  started,
} from './story.ts';

const WEBHOOK = guidOf(1);
const OTHER = guidOf(2);
const ORIGIN = { resource: 'order', identifier: '1' } as const;

interface World {
  readonly models: ReadModels;
  readonly log: ReturnType<typeof follow>;
  schedule(n: number, more?: Partial<InvocationScheduled>): string;
}

const start = (): World => {
  const models = openReadModels({ path: ':memory:' });
  const log = follow(models);
  const schedule = (n: number, more: Partial<InvocationScheduled> = {}): string => {
    const guid = guidOf(n);
    log.invocation(guid, scheduled(guid, WEBHOOK, more));
    return guid;
  };
  return { models, log, schedule };
};

const guidsDue = (models: ReadModels, nowMs = START_MS, limit = 100): ReadonlyArray<string> =>
  models.dueOf(WEBHOOK, nowMs, limit).map(({ guid }) => guid);

describe('dueOf', () => {
  it('puts first attempts before retries, then goes by due time and position', () => {
    const { models, log, schedule } = start();
    const retried = schedule(0x20);
    const late = schedule(0x21, { atMs: START_MS + 5 });
    const early = schedule(0x22, { atMs: START_MS + 1 });
    const sameTime = schedule(0x23, { atMs: START_MS + 5 });
    schedule(0x24, { webhook: OTHER });
    log.invocation(retried, started);
    log.invocation(retried, failed(START_MS + 2));
    log.catchUp();
    const later = START_MS + 10;
    expect(models.dueOf(WEBHOOK, later, 100)).toEqual([
      { guid: early, position: 3, retry: false, dueAtMs: START_MS + 1 },
      { guid: late, position: 2, retry: false, dueAtMs: START_MS + 5 },
      { guid: sameTime, position: 4, retry: false, dueAtMs: START_MS + 5 },
      { guid: retried, position: 1, retry: true, dueAtMs: START_MS + 2 },
    ]);
    expect(guidsDue(models, later, 2)).toEqual([early, late]);
    expect(guidsDue(models, START_MS + 2)).toEqual([early, retried]);
    expect(models.dueOf(guidOf(99), later, 100)).toEqual([]);
    models.close();
  });

  it('calls it a retry, too, when it was asked for by hand before the first attempt', () => {
    const { models, log, schedule } = start();
    log.invocation(schedule(0x20), retryRequested(START_MS));
    log.catchUp();
    expect(models.dueOf(WEBHOOK, START_MS, 10)).toMatchObject([{ retry: true }]);
    models.close();
  });

  const ordered = { ordering: 'per_resource' } as const;

  it('holds back ordered ones until older ones of the same origin are settled', () => {
    const { models, log, schedule } = start();
    const [first, second, third] = [
      schedule(0x20, ordered),
      schedule(0x21, ordered),
      schedule(0x22, ordered),
    ];
    const elsewhere = schedule(0x23, {
      ...ordered,
      origin: { resource: 'order', identifier: '2', trigger: 'paid' },
    });
    const unordered = schedule(0x24);
    log.catchUp();
    expect(guidsDue(models)).toEqual([first, elsewhere, unordered]);
    log.invocation(first, started);
    log.catchUp();
    expect(guidsDue(models)).toEqual([elsewhere, unordered]);
    log.invocation(first, failed(START_MS + 1000));
    log.catchUp();
    expect(guidsDue(models)).toEqual([elsewhere, unordered]);
    expect(models.nextDueAfter(START_MS)).toBe(START_MS + 1000);
    log.invocation(first, cancelled);
    log.catchUp();
    expect(guidsDue(models)).toEqual([second, elsewhere, unordered]);
    log.invocation(second, started);
    log.invocation(second, delivered);
    log.catchUp();
    expect(guidsDue(models)).toEqual([third, elsewhere, unordered]);
    models.close();
  });

  it('holds the newer one back again when an older one is retried by hand', () => {
    const { models, log, schedule } = start();
    const [first, second] = [schedule(0x20, ordered), schedule(0x21, ordered)];
    log.invocation(first, cancelled);
    log.catchUp();
    expect(guidsDue(models)).toEqual([second]);
    log.invocation(first, retryRequested(START_MS));
    log.catchUp();
    expect(guidsDue(models)).toEqual([first]);
    models.close();
  });
});

describe('webhooksDue and nextDueAfter', () => {
  it('look at a range that is open below and closed above', () => {
    const { models, log, schedule } = start();
    schedule(0x20, { atMs: 100 });
    schedule(0x21, { atMs: 200, webhook: OTHER });
    log.catchUp();
    expect(models.webhooksDue(0, 100)).toEqual([WEBHOOK]);
    expect(models.webhooksDue(100, 200)).toEqual([OTHER]);
    expect(models.webhooksDue(Number.NEGATIVE_INFINITY, 200)).toEqual([WEBHOOK, OTHER]);
    expect(models.webhooksDue(200, 300)).toEqual([]);
    expect([0, 99, 100, 200].map((afterMs) => models.nextDueAfter(afterMs))).toEqual([
      100,
      100,
      200,
      undefined,
    ]);
    models.close();
  });

  it('find every webhook in a large backlog, and only those with something due', () => {
    const { models, log, schedule } = start();
    const retried = schedule(0x20, { webhook: OTHER });
    log.invocation(retried, started);
    log.invocation(retried, failed(START_MS + 10));
    schedule(0x21, { webhook: guidOf(3), atMs: START_MS + 20 });
    schedule(0x22, { webhook: guidOf(4), ordering: 'per_resource' });
    for (let n = 0; n < 10_050; n += 1) schedule(0x10000 + n);
    log.catchUp();
    const due = (afterMs: number, untilMs: number) =>
      models.webhooksDue(START_MS + afterMs, START_MS + untilMs);
    expect(due(-1, 5)).toEqual([guidOf(4), WEBHOOK]);
    expect(due(-1, 10)).toEqual([OTHER, guidOf(4), WEBHOOK]);
    expect(due(0, 20)).toEqual([OTHER, guidOf(3)]);
    expect(models.webhooksDue(START_MS, START_MS + 20, true)).toEqual([OTHER]);
    expect(models.webhooksDue(Number.NEGATIVE_INFINITY, START_MS + 20, true)).toEqual([OTHER]);
    expect(models.webhooksDue(Number.NEGATIVE_INFINITY, START_MS + 20)).toHaveLength(4);
    models.close();
  });
});

describe('the rows of a webhook', () => {
  it('waitingOf compares the position of the change, and of a test its own', () => {
    const { models, log, schedule } = start();
    const change = log.change(changed(ORIGIN), guidOf(0x10)).id;
    const test = schedule(0x20);
    const told = schedule(0x21, { change, test: false });
    log.invocation(schedule(0x22), started);
    log.catchUp();
    const waiting = (before: number, after = 0, limit = 10) =>
      models.waitingOf(WEBHOOK, before, after, limit).map(({ guid }) => guid);
    expect(waiting(1)).toEqual([]);
    expect(waiting(2)).toEqual([told]);
    expect(waiting(3)).toEqual([test, told]);
    expect(waiting(3, 2)).toEqual([told]);
    expect(waiting(3, 0, 1)).toEqual([test]);
    expect(models.waitingOf('not a guid', 9, 0, 10)).toEqual([]);
    models.close();
  });

  it('failedOf takes what is exhausted, and what waits after a failure of its round', () => {
    const { models, log, schedule } = start();
    const [gaveUp, waits, again, fresh] = [schedule(0x20), schedule(0x21), schedule(0x22), schedule(0x23)];
    for (const event of [started, failed(null), exhausted]) log.invocation(gaveUp, event);
    for (const event of [started, failed(START_MS + 1)]) log.invocation(waits, event);
    for (const event of [started, failed(START_MS + 1), retryRequested(START_MS)])
      log.invocation(again, event);
    log.catchUp();
    const failures = (after: number, limit: number) =>
      models.failedOf(WEBHOOK, after, limit).map(({ guid }) => guid);
    expect(failures(0, 10)).toEqual([gaveUp, waits]);
    expect(failures(0, 1)).toEqual([gaveUp]);
    expect(failures(1, 10)).toEqual([waits]);
    expect(models.invocation(fresh)?.status).toBe('waiting');
    models.close();
  });

  it('inFlight pages through what runs', () => {
    const { models, log, schedule } = start();
    const guids = [0x20, 0x21, 0x22].map((n) => schedule(n));
    for (const guid of guids) log.invocation(guid, started);
    log.invocation(guidOf(0x21), delivered);
    log.catchUp();
    expect(models.inFlight(0, 10).map(({ guid }) => guid)).toEqual([guidOf(0x20), guidOf(0x22)]);
    expect(models.inFlight(1, 10).map(({ guid }) => guid)).toEqual([guidOf(0x22)]);
    expect(models.inFlight(0, 1)).toMatchObject([
      { guid: guidOf(0x20), webhook: WEBHOOK, status: 'in_flight' },
    ]);
    models.close();
  });

  it('olderWaiting and newerThan look at what coalesces on the same origin', () => {
    const { models, log, schedule } = start();
    const coalesce = { coalesce: true };
    const [first, second, third] = [
      schedule(0x20, coalesce),
      schedule(0x21, coalesce),
      schedule(0x22, coalesce),
    ];
    schedule(0x23, { ...coalesce, webhook: OTHER });
    schedule(0x24, { ...coalesce, origin: { resource: 'order', identifier: '2', trigger: 'paid' } });
    log.invocation(second, started);
    log.catchUp();
    expect(models.olderWaiting(WEBHOOK, ORIGIN, 3).map(({ guid }) => guid)).toEqual([first]);
    expect(models.olderWaiting(WEBHOOK, ORIGIN, 1)).toEqual([]);
    expect(models.newerThan(WEBHOOK, ORIGIN, 1)?.guid).toBe(third);
    expect(models.newerThan(WEBHOOK, ORIGIN, 3)).toBeUndefined();
    models.close();
  });
});
