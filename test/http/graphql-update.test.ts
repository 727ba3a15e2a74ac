import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_TEMPLATE } from '../../src/domain/moshtix-request.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { COMPANY, openWorld, OTHER_COMPANY, type World } from './harness.ts';
import { CLIENT, clientsOf, errorsIn, field, NEW, post, refused, save, trySave } from './graphql.ts';

let world: World;
let token: string;
beforeEach(async () => {
  world = await openWorld();
  token = (await clientsOf(world, OTHER_COMPANY)).own;
});
afterEach(() => world.close());

const NOT_NULL = 'is required and cannot be null';

const eventsOf = async (guid: unknown): Promise<ReadonlyArray<string>> => {
  const read = await world.store.readStream(`webhook-${String(guid)}`, { fromRevision: 0, limit: 100 })();
  return read._tag === 'Right' ? read.right.map(({ event }) => event.type) : [];
};

const refusedFields = (webhook: unknown) => refused(world, token, webhook);

describe('saving with an id', () => {
  const FULL = {
    ...NEW,
    headers: {
      items: [
        { name: 'Content-Type', value: 'application/json' },
        { name: 'X-Key', value: 'secret' },
      ],
    },
    body: '[@data]',
  };
  let made: JsonObject;
  beforeEach(async () => {
    made = await save(world, token, FULL);
    world.nowMs += 1_000;
  });

  it('changes only what is given', async () => {
    const changes = [
      { url: 'https://example.com/other' },
      { body: '{"all": @data}' },
      { enabled: false },
      { enabled: true },
      { client: { id: CLIENT } },
    ];
    let expected: JsonObject = { ...made };
    for (const change of changes) {
      const saved = await save(world, token, { id: 1, ...change });
      expected = { ...expected, ...change, updatedDate: saved['updatedDate'] ?? null };
      expect(saved).toEqual(expected);
    }
    expect(expected['updatedDate']).toBe('2026-01-02T03:04:06.678Z');
    expect(await eventsOf(made['guid'])).toEqual([
      'WebhookCreated',
      'WebhookUpdated',
      'WebhookUpdated',
      'WebhookDisabled',
      'WebhookEnabled',
    ]);
  });

  it('writes nothing when all is so already', async () => {
    const before = await world.head();
    expect(await save(world, token, { id: 1 })).toEqual(made);
    expect(await save(world, token, { id: 1, ...FULL, enabled: true })).toEqual(made);
    expect(await world.head()).toBe(before);
  });

  it('puts back the defaults of headers and body with null', async () => {
    expect(await save(world, token, { id: 1, body: null })).toMatchObject({ body: DEFAULT_TEMPLATE });
    expect(await save(world, token, { id: 1, headers: null })).toMatchObject({ headers: { items: [] } });
    expect(await save(world, token, { id: 1, systemEventTypes: undefined })).toMatchObject({
      systemEventTypes: { totalCount: 1 },
    });
  });

  it.each([
    [{ url: null }, { url: NOT_NULL }],
    [{ client: null }, { client: NOT_NULL }],
    [{ client: { id: null } }, { 'client.id': NOT_NULL }],
    [{ systemEventTypes: null }, { systemEventTypes: NOT_NULL }],
    [{ enabled: null }, { enabled: NOT_NULL }],
    [{ headers: { items: [{ name: 'X', value: null }] } }, { 'headers.items[0].value': NOT_NULL }],
    [{ headers: { items: [{ name: null, value: 'x' }] } }, { 'headers.items[0].name': NOT_NULL }],
  ])('refuses %j', async (change, fields) => {
    expect(await refusedFields({ id: 1, ...change })).toEqual(fields);
  });

  it('keeps the ids of headers by name, and numbers new ones', async () => {
    const saved = await save(world, token, {
      id: 1,
      headers: {
        items: [
          { name: 'x-key', value: 'new' },
          { name: 'X-More', value: '1' },
        ],
      },
    });
    expect(field(saved, 'headers', 'items')).toEqual([
      { id: 3, name: 'x-key', value: 'new' },
      { id: 5, name: 'X-More', value: '1' },
    ]);
    const back = await save(world, token, {
      id: 1,
      headers: { items: [{ name: 'Content-Type', value: 'application/json' }] },
    });
    expect(field(back, 'headers', 'items')).toEqual([
      { id: 6, name: 'Content-Type', value: 'application/json' },
    ]);
  });

  it('finds headers by id: renamed, or with only the value given', async () => {
    const items = [
      { id: 3, name: 'Content-Type' },
      { id: 2, value: 'text/plain' },
    ];
    // The value of the third header is no media type under which the template could be filled.
    expect(Object.keys(await refusedFields({ id: 1, headers: { items } })).sort()).toEqual([
      'body',
      'headers.items[1].name',
    ]);
    const saved = await save(world, token, {
      id: 1,
      headers: {
        items: [
          { id: 3, name: 'X-Renamed' },
          { id: 2, value: 'text/json' },
          { name: 'X-Key', value: 'a' },
        ],
      },
    });
    expect(field(saved, 'headers', 'items')).toEqual([
      { id: 3, name: 'X-Renamed', value: 'secret' },
      { id: 2, name: 'Content-Type', value: 'text/json' },
      { id: 5, name: 'X-Key', value: 'a' },
    ]);
  });

  it('refuses ids that the webhook does not have, or that come twice', async () => {
    const items = [
      { id: 4, name: 'X-A', value: '1' },
      { id: 99, name: 'X-B', value: '1' },
      { id: 2, name: 'X-C' },
      { id: 2, name: 'X-D' },
    ];
    expect(Object.keys(await refusedFields({ id: 1, headers: { items } }))).toEqual([
      'headers.items[0].id',
      'headers.items[1].id',
      'headers.items[3].id',
    ]);
  });

  it('keeps the ids of system event types', async () => {
    const both = { items: [{ systemEventType: 'EVENT_SAVED' }, { systemEventType: 'ORDER_SAVED' }] };
    expect(
      field(await save(world, token, { id: 1, systemEventTypes: both }), 'systemEventTypes', 'items'),
    ).toEqual([
      { id: 5, systemEventType: 'EVENT_SAVED' },
      { id: 4, systemEventType: 'ORDER_SAVED' },
    ]);
    const one = { items: [{ id: 5 }] };
    expect(
      field(await save(world, token, { id: 1, systemEventTypes: one }), 'systemEventTypes', 'items'),
    ).toEqual([{ id: 5, systemEventType: 'EVENT_SAVED' }]);
    const gone = { items: [{ id: 4, systemEventType: 'ORDER_SAVED' }] };
    expect(Object.keys(await refusedFields({ id: 1, systemEventTypes: gone }))).toEqual([
      'systemEventTypes.items[0].id',
    ]);
  });

  it('checks the body that stays under a new Content-Type', async () => {
    await save(world, token, {
      id: 1,
      body: 'id=@contextId',
      headers: { items: [{ id: 2, value: 'text/plain' }] },
    });
    const { body } = await refusedFields({
      id: 1,
      headers: { items: [{ id: 2, value: 'application/json' }] },
    });
    expect(body).toMatch(/^stays, but does not fit the Content-Type: line 1, column 1: /);
    expect(Object.keys(await refusedFields({ id: 1, headers: null }))).toEqual(['body']);
    await save(world, token, { id: 1, headers: null, body: null });
  });

  it.each([0, -1, 2, 99, 2_147_483_647])('of none is refused: %i', async (id) => {
    const before = await world.head();
    const got = await trySave(world, token, { ...NEW, id });
    expect(errorsIn(got)).toMatchObject([
      { message: `There is no webhook ${id} in the client account 6080.`, extensions: { code: 'not-found' } },
    ]);
    expect(await world.head()).toBe(before);
  });

  it('loses nothing that others change at the same time', async () => {
    await Promise.all([
      save(world, token, { id: 1, url: 'https://example.com/a' }),
      save(world, token, { id: 1, headers: { items: [{ name: 'X-New', value: '1' }] } }),
      save(world, token, { id: 1, body: '{"b": @data}' }),
      save(world, token, { id: 1, enabled: false }),
    ]);
    expect(await save(world, token, { id: 1 })).toMatchObject({
      url: 'https://example.com/a',
      headers: { items: [{ name: 'X-New', value: '1' }] },
      body: '{"b": @data}',
      enabled: false,
    });
  });

  it('happens in the order in which one request asks for it', async () => {
    const query = `mutation { viewer {
      a: saveWebhook(webhook: { id: 1, url: "https://example.com/a" }) { url }
      d: deleteWebhook(id: 1) { url }
      b: saveWebhook(webhook: { id: 1, url: "https://example.com/b" }) { url }
    } }`;
    const got = await post(world, query, { token });
    expect(got.body).toMatchObject({
      data: { viewer: { a: { url: 'https://example.com/a' }, d: { url: 'https://example.com/a' }, b: null } },
    });
    expect(errorsIn(got)).toMatchObject([{ path: ['viewer', 'b'], extensions: { code: 'not-found' } }]);
  });

  it('leaves a webhook that answered 410 disabled until it is enabled', async () => {
    const cause = { correlationId: 'x', causationId: 'x', actor: 'engine', companyId: COMPANY };
    const gone = { invocation: '1e0c4a3e-0000-5000-8000-000000000001', attempt: 1 };
    await world.deps.webhooks.disableGone(made['guid'] as string, gone, cause);
    expect(await save(world, token, { id: 1, url: 'https://example.com/x' })).toMatchObject({
      enabled: false,
    });
    expect(await save(world, token, { id: 1, enabled: true })).toMatchObject({ enabled: true });
  });
});
