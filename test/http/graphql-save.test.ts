import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_TEMPLATE } from '../../src/domain/moshtix-request.ts';
import { COMPANY, openWorld, OTHER_COMPANY, type World } from './harness.ts';
import { CLIENT, clientsOf, NEW, post, refused, save, viewerIn } from './graphql.ts';

let world: World;
let token: string;
beforeEach(async () => {
  world = await openWorld();
  token = (await clientsOf(world, OTHER_COMPANY)).own;
});
afterEach(() => world.close());

const refusedFields = (webhook: unknown) => refused(world, token, webhook);

describe('a new webhook', () => {
  it('has defaults for what is absent', async () => {
    expect(await save(world, token, NEW)).toMatchObject({
      id: 1,
      client: { id: CLIENT },
      url: NEW.url,
      headers: {
        items: [],
        totalCount: 0,
        pageInfo: { hasPreviousPage: false, hasNextPage: false, pageIndex: 0, pageSize: 1 },
      },
      body: DEFAULT_TEMPLATE,
      systemEventTypes: { items: [{ id: 2, systemEventType: 'ORDER_SAVED' }], totalCount: 1 },
      enabled: true,
      createdDate: '2026-01-02T03:04:05.678Z',
      updatedDate: '2026-01-02T03:04:05.678Z',
    });
  });

  it.each([{ id: null }, { headers: null }, { headers: { items: null } }, { body: null }])(
    'takes %j for absent',
    async (nothing) => {
      expect(await save(world, token, { ...NEW, ...nothing })).toMatchObject({
        id: 1,
        headers: { items: [] },
        body: DEFAULT_TEMPLATE,
      });
    },
  );

  it('has ids that no other thing of the account has', async () => {
    const webhook = {
      ...NEW,
      headers: {
        items: [
          { name: 'X-One', value: '1' },
          { name: 'X-Two', value: '' },
        ],
      },
      systemEventTypes: { items: [{ systemEventType: 'EVENT_SAVED' }, { systemEventType: 'ORDER_SAVED' }] },
    };
    for (const first of [1, 6]) {
      expect(await save(world, token, webhook)).toMatchObject({
        id: first,
        headers: { items: [{ id: first + 1 }, { id: first + 2 }] },
        systemEventTypes: { items: [{ id: first + 3 }, { id: first + 4 }] },
      });
    }
  });

  it('that is not enabled is disabled in the append that makes it', async () => {
    const saved = await save(world, token, { ...NEW, enabled: false });
    expect(saved['enabled']).toBe(false);
    const events = await world.store.readStream(`webhook-${saved['guid'] as string}`, {
      fromRevision: 0,
      limit: 9,
    })();
    const found = events._tag === 'Right' ? events.right : [];
    expect(found.map(({ event }) => event.type)).toEqual(['WebhookCreated', 'WebhookDisabled']);
    const log = await world.store.readAll({ after: 0, limit: 1_000 })();
    const stored = log._tag === 'Right' ? log.right.events : [];
    const created = stored.findIndex(({ event }) => event.id === found[0]?.event.id);
    expect(stored[created + 1]?.event.id).toBe(found[1]?.event.id);
  });

  it('is refused with all that is wrong at once', async () => {
    const fields = await refusedFields({
      client: null,
      url: 'http://10.0.0.1/',
      headers: { items: [{ name: 'Host', value: 'x' }, { name: 'A b', value: 'x' }, { value: 'x' }] },
      body: '{ "data": @data, }',
      systemEventTypes: { items: [] },
      enabled: null,
    });
    expect(Object.keys(fields)).toEqual([
      'client',
      'url',
      'headers.items[0].name',
      'headers.items[1].name',
      'headers.items[2].name',
      'body',
      'systemEventTypes',
      'enabled',
    ]);
  });

  it.each([
    [{}, ['client', 'url', 'systemEventTypes']],
    [{ ...NEW, client: undefined }, ['client']],
    [{ ...NEW, client: {} }, ['client.id']],
    [{ ...NEW, client: { id: null } }, ['client.id']],
    [{ ...NEW, url: null }, ['url']],
    [{ ...NEW, url: '' }, ['url']],
    [{ ...NEW, url: 'https://localhost/' }, ['url']],
    [{ ...NEW, url: 'ftp://example.com/' }, ['url']],
    [{ ...NEW, url: 'https://example.com/\n' }, ['url']],
    [{ ...NEW, url: 'https://example.com/\u0000' }, ['url']],
    [{ ...NEW, url: 'https://example.com/\ud800' }, ['url']],
    [{ ...NEW, url: `https://example.com/${'x'.repeat(3_000)}` }, ['url']],
    [{ ...NEW, systemEventTypes: null }, ['systemEventTypes']],
    [{ ...NEW, systemEventTypes: {} }, ['systemEventTypes']],
    [{ ...NEW, systemEventTypes: { items: null } }, ['systemEventTypes']],
    [{ ...NEW, systemEventTypes: { items: [{}] } }, ['systemEventTypes.items[0].systemEventType']],
    [
      { ...NEW, systemEventTypes: { items: [{ systemEventType: null }] } },
      ['systemEventTypes.items[0].systemEventType'],
    ],
    [
      { ...NEW, systemEventTypes: { items: [{ id: 1, systemEventType: 'ORDER_SAVED' }] } },
      ['systemEventTypes.items[0].id'],
    ],
    [
      { ...NEW, systemEventTypes: { items: [...NEW.systemEventTypes.items, ...NEW.systemEventTypes.items] } },
      ['systemEventTypes.items[1].systemEventType'],
    ],
    [{ ...NEW, headers: {} }, ['headers']],
    [{ ...NEW, enabled: null }, ['enabled']],
    [{ ...NEW, body: '' }, ['body']],
    [{ ...NEW, body: '@nonsense' }, ['body']],
    [{ ...NEW, body: '"\ud800"' }, ['body']],
    [{ ...NEW, body: '"\u0000"' }, ['body']],
    [{ ...NEW, body: `"${'x'.repeat(70_000)}"` }, ['body']],
  ])('is refused in part %#', async (webhook, fields) => {
    expect(Object.keys(await refusedFields(webhook))).toEqual(fields);
  });

  it('says where a template is broken', async () => {
    const { body } = await refusedFields({ ...NEW, body: '{\n  "a": @data,\n}' });
    expect(body).toMatch(/^cannot be used: line 3, column 1: /);
  });
});

describe('an account of a client', () => {
  it('is attached by the first webhook and told to the administrator', async () => {
    await save(world, token, NEW);
    const got = await world.api('GET', `/accounts/${COMPANY}`, { token: world.tokens.admin });
    expect(got.body).toEqual({ company_id: COMPANY, client_id: CLIENT, strict: false });
    expect(viewerIn(await post(world, '{ viewer { webhooks { totalCount } } }', { token }))).toEqual({
      webhooks: { totalCount: 1 },
    });
  });
});
