import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import { renderSavedBody } from '../../src/domain/moshtix-request.ts';
import { endpointOf, partitionOf } from '../../src/domain/partitions.ts';
import type { ResourceChange } from '../../src/domain/resource-change.ts';
import type { ResourceRef, Trigger } from '../../src/domain/resources.ts';
import type { SystemEvent, WebhookEvent, WebhookSettings } from '../../src/domain/webhook.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { changed, COMPANY, created, follow, SETTINGS, START_MS } from './story.ts';

const WEBHOOK = guidOf(1);
const ORDER = { resource: 'order', identifier: '7' } as const;
const EVENT = { resource: 'event', identifier: '1' } as const;
const TICKET = { resource: 'ticket', identifier: '2' } as const;

const start = (): { models: ReadModels; log: ReturnType<typeof follow> } => {
  const models = openReadModels({ path: ':memory:' });
  return { models, log: follow(models) };
};

describe('subscribersTo', () => {
  it('gives what an invocation takes over from an active webhook', () => {
    const { models, log } = start();
    log.webhook(
      WEBHOOK,
      created(WEBHOOK, { retries: 7, retryBaseMs: 50, ordering: 'per_resource', coalesce: true }),
    );
    log.catchUp();
    expect(models.subscribersTo(COMPANY, 1, 'order', 'paid', '')).toEqual([
      {
        webhook: WEBHOOK,
        triggeredByChildResources: false,
        retries: 7,
        retryBaseMs: 50,
        ordering: 'per_resource',
        coalesce: true,
      },
    ]);
    models.close();
  });

  it('tells companies, resources, triggers and identifiers apart', () => {
    const { models, log } = start();
    log.webhook(WEBHOOK, created(WEBHOOK, { selection: { ...SETTINGS.selection, identifier: '7' } }));
    log.catchUp();
    const found = (companyId: string, ...rest: ['order' | 'event', 'paid' | 'update', string]) =>
      models.subscribersTo(companyId, 1, ...rest).length;
    expect(found(COMPANY, 'order', 'paid', '7')).toBe(1);
    expect(found(COMPANY, 'order', 'paid', '')).toBe(0);
    expect(found(COMPANY, 'order', 'paid', '70')).toBe(0);
    expect(found(COMPANY, 'event', 'paid', '7')).toBe(0);
    expect(found(COMPANY, 'order', 'update', '7')).toBe(0);
    expect(found(guidOf(99), 'order', 'paid', '7')).toBe(0);
    expect(found('not a guid', 'order', 'paid', '7')).toBe(0);
    models.close();
  });

  it('finds a webhook while it is enabled and not deleted', () => {
    const { models, log } = start();
    const atMs = START_MS;
    const events: ReadonlyArray<WebhookEvent> = [
      created(WEBHOOK),
      { type: 'WebhookDisabled', reason: { kind: 'by_request' }, atMs },
      { type: 'WebhookEnabled', atMs },
      { type: 'SecretRotated', sealedSecret: 'new', previousUntilMs: 0, atMs },
      { type: 'WebhookDeleted', atMs },
    ];
    for (const event of events) log.webhook(WEBHOOK, event);
    log.catchUp();
    const counts = [0, 1, 2, 3, 4, 5, 6].map(
      (at) => models.subscribersTo(COMPANY, at, 'order', 'paid', '').length,
    );
    expect(counts).toEqual([0, 1, 0, 1, 1, 0, 0]);
    models.close();
  });

  it.each<[keyof typeof SETTINGS, Partial<WebhookSettings>]>([
    ['retries', { retries: 9 }],
    ['retryBaseMs', { retryBaseMs: 99 }],
    ['ordering', { ordering: 'per_resource' }],
    ['coalesce', { coalesce: true }],
  ])('keeps %s as it was at each position', (name, changes) => {
    const { models, log } = start();
    log.webhook(WEBHOOK, created(WEBHOOK));
    log.webhook(WEBHOOK, { type: 'WebhookUpdated', changes, atMs: START_MS });
    log.catchUp();
    const asOf = (at: number): unknown => {
      const [webhook] = models.subscribersTo(COMPANY, at, 'order', 'paid', '');
      return webhook?.[name as 'retries'];
    };
    expect([asOf(2), asOf(1), asOf(2)]).toEqual([changes[name], SETTINGS[name], changes[name]]);
    models.close();
  });

  it('follows a webhook to what it listens to now', () => {
    const { models, log } = start();
    const selection = { ...SETTINGS.selection, identifier: '7', triggeredByChildResources: true };
    log.webhook(WEBHOOK, created(WEBHOOK));
    log.catchUp();
    expect(models.subscribersTo(COMPANY, 1, 'order', 'paid', '')).toHaveLength(1);
    expect(models.subscribersTo(COMPANY, 1, 'order', 'paid', '7')).toEqual([]);
    log.webhook(WEBHOOK, { type: 'WebhookUpdated', changes: { selection }, atMs: START_MS });
    log.catchUp();
    expect(models.subscribersTo(COMPANY, 2, 'order', 'paid', '')).toEqual([]);
    expect(models.subscribersTo(COMPANY, 2, 'order', 'paid', '7')).toMatchObject([
      { triggeredByChildResources: true },
    ]);
    expect(models.subscribersTo(COMPANY, 1, 'order', 'paid', '')).toHaveLength(1);
    models.close();
  });

  it('refuses an event of a webhook that the log does not create', () => {
    const { models, log } = start();
    log.webhook(WEBHOOK, { type: 'WebhookEnabled', atMs: START_MS });
    expect(() => log.catchUp()).toThrow('was never created');
    models.close();
  });
});

describe('belongsTo', () => {
  it('is the union of what a change declared and what follows from it, in order', () => {
    const { models, log } = start();
    log.change(changed(ORDER, [TICKET, EVENT], [EVENT]));
    log.catchUp();
    expect(models.belongsTo(COMPANY, 1, ORDER)).toEqual([EVENT, TICKET]);
    expect(models.belongsTo(COMPANY, 0, ORDER)).toEqual([]);
    expect(models.belongsTo(guidOf(99), 1, ORDER)).toEqual([]);
    models.close();
  });

  it('answers as of any position', () => {
    const { models, log } = start();
    for (const parents of [[EVENT], [EVENT], [EVENT, TICKET], [], [TICKET]])
      log.change(changed(ORDER, parents));
    log.catchUp();
    const asOf = [0, 1, 2, 3, 4, 5, 9].map((at) => models.belongsTo(COMPANY, at, ORDER));
    expect(asOf).toEqual([[], [EVENT], [EVENT], [EVENT, TICKET], [], [TICKET], [TICKET]]);
    models.close();
  });
});

describe('systemSubscribersTo', () => {
  const moshtix = (
    systemEvents: ReadonlyArray<SystemEvent>,
    body = '"@eventType"',
  ): Partial<WebhookSettings> => ({
    selection: {
      dialect: 'moshtix',
      id: 1,
      clientId: 6080,
      systemEvents: systemEvents.map((systemEvent, index) => ({ id: index + 2, systemEvent })),
    },
    request: { headers: [], body },
  });
  const bodyAt = (
    models: ReadModels,
    at: number,
    systemEvent: SystemEvent,
  ): ReadonlyArray<string | undefined> =>
    models
      .systemSubscribersTo(COMPANY, at, systemEvent)
      .map(({ request }) =>
        request === undefined
          ? 'none'
          : renderSavedBody(request, { systemEvent, contextId: '7', dataJson: '{}' }),
      );

  it('finds a webhook under every system event that it names, and under no resource', () => {
    const { models, log } = start();
    log.webhook(WEBHOOK, created(WEBHOOK, moshtix(['ORDER_SAVED', 'EVENT_SAVED'])));
    log.webhook(guidOf(2), created(guidOf(2), moshtix(['EVENT_SAVED'])));
    log.catchUp();
    const found = (systemEvent: SystemEvent, companyId = COMPANY) =>
      models.systemSubscribersTo(companyId, 2, systemEvent).map(({ webhook }) => webhook);
    expect(found('ORDER_SAVED')).toEqual([WEBHOOK]);
    expect(found('EVENT_SAVED')).toEqual([WEBHOOK, guidOf(2)]);
    expect(found('EVENT_SAVED', guidOf(99))).toEqual([]);
    expect(models.subscribersTo(COMPANY, 2, 'order', 'create', '')).toEqual([]);
    models.close();
  });

  it('answers with the template as of any position', () => {
    const { models, log } = start();
    const atMs = START_MS;
    log.webhook(WEBHOOK, created(WEBHOOK, moshtix(['EVENT_SAVED'])));
    log.webhook(WEBHOOK, {
      type: 'WebhookUpdated',
      changes: { request: { headers: [], body: '@contextId' } },
      atMs,
    });
    log.webhook(WEBHOOK, { type: 'WebhookDisabled', reason: { kind: 'by_request' }, atMs });
    log.webhook(WEBHOOK, { type: 'WebhookEnabled', atMs });
    log.webhook(WEBHOOK, { type: 'WebhookUpdated', changes: moshtix(['ORDER_SAVED'], '@data'), atMs });
    log.catchUp();
    const asOf = [0, 1, 2, 3, 4, 5].map((at) => bodyAt(models, at, 'EVENT_SAVED'));
    expect(asOf).toEqual([[], ['"event-saved-prepare-full-message"'], ['7'], [], ['7'], []]);
    expect(bodyAt(models, 5, 'ORDER_SAVED')).toEqual(['{}']);
    models.close();
  });
});

describe('lastReport and ticketTypesOf', () => {
  const says = (ref: ResourceRef, data: Json, trigger: Trigger = 'update'): ResourceChange => ({
    ...changed(ref, ref.resource === 'ticket' ? [EVENT] : []),
    data,
    triggers: [trigger],
  });

  it('is the newest one that says what the thing is like, as of any position', () => {
    const { models, log } = start();
    for (const data of [null, { name: 'a' }, null, { name: 'b' }]) log.change(says(EVENT, data));
    log.change(says(EVENT, null, 'delete'));
    log.catchUp();
    const asOf = [0, 1, 2, 3, 4, 5].map((at) => models.lastReport(COMPANY, at, EVENT));
    expect(asOf).toEqual([
      undefined,
      { revision: undefined, deleted: false },
      { revision: 1, deleted: false },
      { revision: 1, deleted: false },
      { revision: 3, deleted: false },
      { revision: 3, deleted: true },
    ]);
    expect(models.lastReport(guidOf(99), 5, EVENT)).toBeUndefined();
    models.close();
  });

  it('lists the ticket types of an event as of any position, and nothing else that belongs to it', () => {
    const { models, log } = start();
    const other: ResourceRef = { resource: 'ticket', identifier: '10' };
    log.change(says(TICKET, {}));
    log.change(says(other, {}));
    log.change(changed({ resource: 'product', identifier: '3' }, [EVENT]));
    log.change(changed(ORDER, [EVENT]));
    log.change({ ...changed(TICKET, []), triggers: ['relation'] });
    log.catchUp();
    const asOf = [0, 1, 2, 4, 5].map((at) => models.ticketTypesOf(COMPANY, at, EVENT.identifier));
    expect(asOf).toEqual([[], ['2'], ['10', '2'], ['10', '2'], ['10']]);
    expect(models.ticketTypesOf(COMPANY, 5, 'another')).toEqual([]);
    models.close();
  });
});

describe('webhooksOf', () => {
  it('leaves out deleted webhooks and those of others, and keeps disabled ones', () => {
    const { models, log } = start();
    for (const n of [1, 2, 3]) log.webhook(guidOf(n), created(guidOf(n)));
    log.webhook(guidOf(4), { ...created(guidOf(4)), companyId: guidOf(99) });
    log.webhook(guidOf(1), { type: 'WebhookDeleted', atMs: START_MS });
    log.webhook(guidOf(2), { type: 'WebhookDisabled', reason: { kind: 'by_request' }, atMs: START_MS });
    log.catchUp();
    expect(models.webhooksOf(COMPANY, 'openticket', 0, 10)).toEqual([
      { cursor: 2, guid: guidOf(2) },
      { cursor: 3, guid: guidOf(3) },
    ]);
    expect(models.webhooksOf(COMPANY, 'openticket', 2, 10)).toEqual([{ cursor: 3, guid: guidOf(3) }]);
    expect(models.webhooksOf(COMPANY, 'openticket', 0, 1)).toEqual([{ cursor: 2, guid: guidOf(2) }]);
    models.close();
  });
});

describe('partitionsOf', () => {
  it('tells where the endpoint of a webhook was in a range, in order; a move within the endpoint is none', () => {
    const { models, log } = start();
    const urls = [
      'https://a.example/',
      'https://b.example/x',
      'https://b.example/x?key=1',
      'https://a.example/',
    ];
    const [first, , third, fourth] = urls.map((url) => partitionOf(endpointOf(url)));
    for (const [n, url] of urls.entries()) {
      const moved = { type: 'WebhookUpdated', changes: { url }, atMs: START_MS } as const;
      log.webhook(WEBHOOK, n === 0 ? created(WEBHOOK, { url }) : moved);
    }
    log.catchUp();
    const at = [0, 1, 2, 3, 4, 5].map((position) => models.partitionsOf(WEBHOOK, position, position));
    expect(at).toEqual([[], [first], [third], [third], [fourth], [fourth]]);
    expect(models.partitionsOf(WEBHOOK, 0, 9)).toEqual([first, third, fourth]);
    expect(models.partitionsOf(WEBHOOK, 1, 2)).toEqual([first, third]);
    expect(models.partitionsOf(WEBHOOK, 2, 3)).toEqual([third]);
    expect(models.partitionsOf(WEBHOOK, 3, 4)).toEqual([third, fourth]);
    expect(models.partitionsOf(guidOf(2), 0, 9)).toEqual([]);
    models.close();
  });
});
