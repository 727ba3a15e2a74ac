import { describe, expect, it } from 'vitest';
import type { WebhookSettings } from '../../src/domain/webhook.ts';
import type { MoshtixPage, ReadModels } from '../../src/projections/read-models.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { COMPANY, created, follow, START_MS } from './story.ts';

const moshtix = (id: number): Partial<WebhookSettings> => ({
  selection: {
    dialect: 'moshtix',
    id,
    clientId: 6080,
    systemEvents: [{ id: id + 1, systemEvent: 'ORDER_SAVED' }],
  },
  request: { headers: [], body: '@data' },
});

const ALL: MoshtixPage = { sortBy: 'id', descending: false, offset: 0, limit: 10 };

/** Webhooks 30, 10 and 20 in the order of their creation, the second disabled; one deleted, one of the other dialect. */
const story = (): ReadModels => {
  const models = openReadModels({ path: ':memory:' });
  const log = follow(models);
  for (const id of [30, 10, 20, 40]) log.webhook(guidOf(id), created(guidOf(id), moshtix(id)));
  log.webhook(guidOf(50), created(guidOf(50)));
  log.webhook(guidOf(10), { type: 'WebhookDisabled', reason: { kind: 'by_request' }, atMs: START_MS });
  log.webhook(guidOf(40), { type: 'WebhookDeleted', atMs: START_MS });
  log.catchUp();
  return models;
};

const found = (models: ReadModels, page: Partial<MoshtixPage>) =>
  models
    .moshtixWebhooks(COMPANY, { ...ALL, ...page })
    .guids.map((guid) => [10, 20, 30].find((n) => guidOf(n) === guid));

describe('moshtixWebhooks', () => {
  it('lists and counts what is not deleted, of this dialect and company', () => {
    const models = story();
    expect(models.moshtixWebhooks(COMPANY, ALL)).toEqual({
      guids: [guidOf(10), guidOf(20), guidOf(30)],
      totalCount: 3,
    });
    expect(models.moshtixWebhooks(guidOf(99), ALL)).toEqual({ guids: [], totalCount: 0 });
    expect(models.webhooksOf(COMPANY, 'openticket', 0, 10).map(({ guid }) => guid)).toEqual([guidOf(50)]);
    models.close();
  });

  it('sorts by id, creation and whether it is enabled, both ways', () => {
    const models = story();
    expect(found(models, {})).toEqual([10, 20, 30]);
    expect(found(models, { descending: true })).toEqual([30, 20, 10]);
    expect(found(models, { sortBy: 'created' })).toEqual([30, 10, 20]);
    expect(found(models, { sortBy: 'created', descending: true })).toEqual([20, 10, 30]);
    expect(found(models, { sortBy: 'enabled' })).toEqual([10, 30, 20]);
    expect(found(models, { sortBy: 'enabled', descending: true })).toEqual([20, 30, 10]);
    models.close();
  });

  it('gives a part, and counts all', () => {
    const models = story();
    expect(found(models, { offset: 1, limit: 1 })).toEqual([20]);
    expect(found(models, { offset: 3 })).toEqual([]);
    expect(models.moshtixWebhooks(COMPANY, { ...ALL, offset: 2 ** 40, limit: 1 }).totalCount).toBe(3);
    models.close();
  });
});

describe('moshtixWebhook', () => {
  it('finds a webhook by its number, unless it is deleted or another company’s', () => {
    const models = story();
    expect(models.moshtixWebhook(COMPANY, 20)).toBe(guidOf(20));
    for (const id of [40, 50, 21, 0, -1, 2 ** 40]) expect(models.moshtixWebhook(COMPANY, id)).toBeUndefined();
    expect(models.moshtixWebhook(guidOf(99), 20)).toBeUndefined();
    models.close();
  });
});
