import { describe, expect, it } from 'vitest';
import type { ReadModels, WebhookSearchFilter } from '../../src/projections/read-models.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { SEARCHED_MAX } from '../../src/projections/webhook-search.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { COMPANY, created, delivered, failed, follow, scheduled, started, START_MS } from './story.ts';

/** 1 sells, 2 scans and fails, 3 is disabled, 4 is deleted; 5 is another company's. */
const story = () => {
  const models = openReadModels({ path: ':memory:' });
  const log = follow(models);
  log.webhook(guidOf(1), created(guidOf(1), { name: 'Box Office ÉTÉ', url: 'https://Sales.example/Hook' }));
  log.webhook(guidOf(2), created(guidOf(2), { name: 'Gate', url: 'https://gate.example/scan' }));
  log.webhook(guidOf(3), created(guidOf(3), { name: 'Old office', url: 'https://old.example/' }));
  log.webhook(guidOf(4), created(guidOf(4), { name: 'Gone office' }));
  log.webhook(guidOf(5), { ...created(guidOf(5), { name: 'Their office' }), companyId: guidOf(0xd) });
  log.webhook(guidOf(3), { type: 'WebhookDisabled', reason: { kind: 'by_request' }, atMs: START_MS });
  log.webhook(guidOf(4), { type: 'WebhookDeleted', atMs: START_MS });
  log.catchUp();
  const attempt = (invocation: number, webhook: number, isDelivered: boolean, atMs: number): void => {
    const guid = guidOf(invocation);
    log.invocation(guid, scheduled(guid, guidOf(webhook)));
    log.invocation(guid, started);
    log.invocation(guid, { ...(isDelivered ? delivered : failed(null)), atMs });
  };
  return { models, log, attempt };
};

const numbers = (models: ReadModels, filter: Partial<WebhookSearchFilter>) =>
  models
    .searchWebhooks(COMPANY, { words: '', ...filter }, undefined, 10)
    .rows.map(({ guid }) => [1, 2, 3, 4, 5].find((n) => guidOf(n) === guid));

describe('searchWebhooks', () => {
  it('finds every word in the name or the URL, whatever its case, newest first', () => {
    const { models } = story();
    expect(numbers(models, { words: 'OFFICE' })).toEqual([3, 1]);
    expect(numbers(models, { words: ' office  sales.EXAMPLE ' })).toEqual([1]);
    expect(numbers(models, { words: 'été' })).toEqual([1]);
    expect(numbers(models, { words: 'office gate' })).toEqual([]);
    expect(numbers(models, { words: '%' })).toEqual([]);
    expect(numbers(models, { words: guidOf(2) })).toEqual([2]);
    expect(models.searchWebhooks(guidOf(99), { words: 'office' }, undefined, 10).rows).toEqual([]);
    models.close();
  });

  it('follows what webhooks are renamed to, moved to and switched to', () => {
    const { models, log } = story();
    log.webhook(guidOf(2), { type: 'WebhookUpdated', changes: { name: 'Turnstile' }, atMs: START_MS });
    log.webhook(guidOf(1), {
      type: 'WebhookUpdated',
      changes: { url: 'https://new.example/' },
      atMs: START_MS,
    });
    log.webhook(guidOf(1), { type: 'WebhookUpdated', changes: { retries: 1 }, atMs: START_MS });
    log.webhook(guidOf(3), { type: 'WebhookEnabled', atMs: START_MS });
    log.catchUp();
    expect(numbers(models, { words: 'gate' })).toEqual([2]);
    expect(numbers(models, { words: 'turnstile' })).toEqual([2]);
    expect(numbers(models, { words: 'sales' })).toEqual([]);
    expect(numbers(models, { words: 'new.example office' })).toEqual([1]);
    expect(numbers(models, { state: 'disabled' })).toEqual([]);
    models.close();
  });

  it('tells apart what is enabled, disabled and failing', () => {
    const { models, log, attempt } = story();
    expect(numbers(models, { state: 'enabled' })).toEqual([2, 1]);
    expect(numbers(models, { state: 'disabled' })).toEqual([3]);
    expect(numbers(models, { state: 'failing' })).toEqual([]);
    attempt(11, 1, false, START_MS);
    attempt(12, 1, true, START_MS + 1);
    attempt(13, 2, true, START_MS);
    attempt(14, 2, false, START_MS + 1);
    // Disabled: nothing is sent to it, so nothing fails.
    attempt(15, 3, false, START_MS);
    log.catchUp();
    expect(numbers(models, { state: 'failing' })).toEqual([2]);
    expect(numbers(models, { state: 'failing', words: 'office' })).toEqual([]);
    models.close();
  });

  it('gives pages, and says how far it looked when that was not all', () => {
    const { models, log, attempt } = story();
    const first = models.searchWebhooks(COMPANY, { words: 'office' }, undefined, 1);
    expect(first.searchedTo).toBeUndefined();
    const rest = models.searchWebhooks(COMPANY, { words: 'office' }, first.rows[0]?.cursor, 5);
    expect(rest.rows.map(({ guid }) => guid)).toEqual([guidOf(1)]);

    for (let number = 0; number < SEARCHED_MAX.failing; number += 1)
      log.webhook(guidOf(1000 + number), created(guidOf(1000 + number)));
    log.catchUp();
    const some = models.searchWebhooks(COMPANY, { words: 'box', state: 'failing' }, undefined, 5);
    expect(some.rows).toEqual([]);
    attempt(11, 1, false, START_MS);
    log.catchUp();
    const further = models.searchWebhooks(COMPANY, { words: 'box', state: 'failing' }, some.searchedTo, 5);
    expect(further.rows.map(({ guid }) => guid)).toEqual([guidOf(1)]);
    expect(further.searchedTo).toBeUndefined();
    models.close();
  });
});
