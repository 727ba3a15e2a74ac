import { describe, expect, it } from 'vitest';
import type { AttemptResult, InvocationEvent } from '../../src/domain/invocation.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { changed, COMPANY, created, follow, scheduled, started } from './story.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = 1_700_000 * 1_000_000 - ((1_700_000 * 1_000_000) % HOUR_MS) + 1_000;
const NOW_HOUR = Math.floor(NOW_MS / HOUR_MS);
const [QUICK, SLOW] = [guidOf(1), guidOf(2)];

const result = (durationMs: number): AttemptResult => ({
  statusCode: 200,
  error: null,
  durationMs,
  address: null,
  responseExcerpt: null,
});

/** Each attempt is an invocation of its own, in a batch of its own unless the caller waits. */
const story = () => {
  const models = openReadModels({ path: ':memory:' });
  const log = follow(models);
  let number = 0x100;
  const attempt = (webhook: string, isDelivered: boolean, atMs: number, durationMs = 5): void => {
    const guid = guidOf((number += 1));
    log.invocation(guid, scheduled(guid, webhook));
    log.invocation(guid, started);
    const ended: InvocationEvent = isDelivered
      ? { type: 'InvocationDelivered', number: 1, result: result(durationMs), atMs }
      : {
          type: 'AttemptFailed',
          number: 1,
          outcome: 'failed',
          result: result(durationMs),
          nextAttemptAtMs: atMs + 1,
          atMs,
        };
    log.invocation(guid, ended);
  };
  return { models, log, attempt };
};

const sums = (models: ReadModels, webhook: string, nowMs = NOW_MS) =>
  models
    .health(webhook, nowMs)
    .hours.map(({ hour, delivered, failed }) => [hour - NOW_HOUR, delivered, failed]);

describe('health', () => {
  it('counts attempts by hour over several batches, and knows the last of each kind', () => {
    const { models, log, attempt } = story();
    expect(models.health(QUICK, NOW_MS)).toEqual({ deliveredAtMs: null, failedAtMs: null, hours: [] });
    attempt(QUICK, true, NOW_MS - 2 * HOUR_MS);
    attempt(QUICK, false, NOW_MS);
    log.catchUp();
    attempt(QUICK, true, NOW_MS - 500);
    attempt(QUICK, true, NOW_MS - 400);
    log.catchUp();
    expect(sums(models, QUICK)).toEqual([
      [-2, 1, 0],
      [0, 2, 1],
    ]);
    expect(models.health(QUICK, NOW_MS)).toMatchObject({ deliveredAtMs: NOW_MS - 400, failedAtMs: NOW_MS });
    models.close();
  });

  it('keeps two days: a new hour takes the place of the one 48 hours before, an older one never', () => {
    const { models, log, attempt } = story();
    attempt(QUICK, true, NOW_MS - 48 * HOUR_MS);
    attempt(QUICK, true, NOW_MS - 47 * HOUR_MS);
    log.catchUp();
    attempt(QUICK, false, NOW_MS);
    log.catchUp();
    // The clock was set back by two days.
    attempt(QUICK, true, NOW_MS - 48 * HOUR_MS);
    log.catchUp();
    expect(sums(models, QUICK)).toEqual([
      [-47, 1, 0],
      [0, 0, 1],
    ]);
    models.close();
  });

  it('names the slowest of this hour and the last, and counts all by minute and duration', () => {
    const { models, log, attempt } = story();
    attempt(QUICK, true, NOW_MS, 3);
    attempt(SLOW, true, NOW_MS - HOUR_MS, 900);
    attempt(SLOW, false, NOW_MS, 300);
    attempt(guidOf(3), true, NOW_MS - 3 * HOUR_MS, 9_000);
    log.catchUp();
    const slow = { webhook: SLOW, attempts: 2, averageMs: 600 };
    const quick = { webhook: QUICK, attempts: 1, averageMs: 3 };
    expect(models.slowest(NOW_MS, 5)).toEqual({ rows: [slow, quick], next: undefined });
    expect(models.slowest(NOW_MS, 1).rows).toEqual([slow]);
    // The same one webhook after the other, in the order in which they were told first.
    const first = models.slowest(NOW_MS, 5, 0, 1);
    const second = models.slowest(NOW_MS, 5, first.next, 1);
    const third = models.slowest(NOW_MS, 5, second.next, 1);
    expect([first.rows, second.rows, third]).toEqual([[quick], [slow], { rows: [], next: undefined }]);
    const minute = Math.floor(NOW_MS / 60_000);
    expect(models.minutes(NOW_MS - 60_000, NOW_MS)).toEqual([
      { minute, bucket: 0, delivered: 1, failed: 0 },
      { minute, bucket: 6, delivered: 0, failed: 1 },
    ]);
    expect(models.minutes(NOW_MS - HOUR_MS, NOW_MS)).toHaveLength(3);
    expect(models.scheduledInAll()).toBe(4);
    models.close();
  });
});

describe('lists for people', () => {
  it('has the changes of a company newest first, page by page', () => {
    const models = openReadModels({ path: ':memory:' });
    const log = follow(models);
    for (const number of [1, 2, 3])
      log.change(changed({ resource: 'order', identifier: String(number) }), guidOf(number));
    log.catchUp();
    expect(models.changesOf(guidOf(0xd), undefined, 10)).toEqual([]);
    const [newest, second] = models.changesOf(COMPANY, undefined, 2);
    expect(newest).toEqual(models.change(guidOf(3)));
    expect(models.changesOf(COMPANY, second?.position, 2).map(({ change }) => change)).toEqual([guidOf(1)]);
    models.close();
  });

  it('has the webhooks of both dialects newest first, without deleted ones, and every company', () => {
    const models = openReadModels({ path: ':memory:' });
    const log = follow(models);
    const moshtix = {
      selection: { dialect: 'moshtix', id: 1, clientId: 1, systemEvents: [] },
      request: { headers: [], body: '' },
    } as const;
    log.webhook(guidOf(1), created(guidOf(1)));
    log.webhook(guidOf(2), created(guidOf(2), moshtix));
    log.webhook(guidOf(3), created(guidOf(3)));
    log.webhook(guidOf(4), created(guidOf(4)));
    log.webhook(guidOf(3), { type: 'WebhookDeleted', atMs: NOW_MS });
    log.catchUp();
    const all = models.liveWebhooksOf(COMPANY, undefined, 10);
    expect(all.map(({ guid }) => guid)).toEqual([guidOf(4), guidOf(2), guidOf(1)]);
    expect(models.liveWebhooksOf(COMPANY, all[0]?.cursor, 1).map(({ guid }) => guid)).toEqual([guidOf(2)]);
    expect(models.companies(0, 10).map(({ guid }) => guid)).toEqual([COMPANY]);
    expect(models.companies(models.companies(0, 10)[0]?.cursor ?? 0, 10)).toEqual([]);
    models.close();
  });
});
