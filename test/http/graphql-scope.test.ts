import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMPANY, openWorld, OTHER_COMPANY, START_MS, type World } from './harness.ts';
import {
  CLIENT,
  type Clients,
  clientsOf,
  errorsIn,
  NEW,
  OTHER_CLIENT,
  post,
  save,
  trySave,
  viewerIn,
  wrongFields,
} from './graphql.ts';

let world: World;
let clients: Clients;
beforeEach(async () => {
  world = await openWorld();
  clients = await clientsOf(world, OTHER_COMPANY);
});
afterEach(() => world.close());

const LIST = '{ viewer { webhooks { totalCount } } }';
const listOf = (token: string): string =>
  `{ viewer(token: ${JSON.stringify(token)}) { webhooks { totalCount } } }`;

/** Every field of both viewers, on the webhook 1. */
const FIELDS = [
  LIST,
  '{ viewer { webhook(id: 1) { id } } }',
  '{ viewer { webhook(id: 1) { invocations { items { id } } } } }',
  'mutation { viewer { saveWebhook(webhook: { id: 1, enabled: false }) { id } } }',
  'mutation { viewer { deleteWebhook(id: 1) { id } } }',
  `mutation { viewer { saveWebhook(webhook: {
    client: { id: 6080 }, url: "https://example.com/", systemEventTypes: { items: { systemEventType: ORDER_SAVED } }
  }) { id } } }`,
];

describe('a token', () => {
  it('is needed for every field of both viewers', async () => {
    for (const query of FIELDS) {
      const got = await post(world, query, { token: null });
      expect(got.body, query).toMatchObject({ data: { viewer: null } });
      expect(errorsIn(got)).toMatchObject([{ path: ['viewer'], extensions: { code: 'not-authenticated' } }]);
      expect(errorsIn(got)[0]?.message).toContain('viewer(token: "…")');
    }
    expect(await world.head()).toBe(0);
  });

  it('is taken from the argument, from a variable or from the header', async () => {
    expect(viewerIn(await post(world, listOf(clients.own), { token: null }))).toEqual({
      webhooks: { totalCount: 0 },
    });
    expect(viewerIn(await post(world, LIST, { token: clients.own }))).toEqual({
      webhooks: { totalCount: 0 },
    });
    const query = 'query ($t: String) { viewer(token: $t) { webhooks { totalCount } } }';
    for (const variables of [{ t: clients.own }, undefined, { t: null }]) {
      const token = variables?.t === clients.own ? null : clients.own;
      expect(viewerIn(await post(world, query, { token, variables }))).toEqual({
        webhooks: { totalCount: 0 },
      });
    }
  });

  it('in both places must be one and the same', async () => {
    expect(errorsIn(await post(world, listOf(clients.own), { token: clients.own }))).toEqual([]);
    for (const token of [clients.admin, 'nonsense']) {
      const got = await post(world, listOf(clients.own), { token });
      expect(errorsIn(got)).toMatchObject([
        {
          message: expect.stringContaining('Two different tokens') as string,
          extensions: { code: 'not-authenticated' },
        },
      ]);
    }
    const basic = await world.api('POST', '/graphql', {
      token: null,
      headers: { authorization: 'Basic eDp5' },
      json: { query: listOf(clients.own) },
    });
    expect(errorsIn(basic)).toMatchObject([{ extensions: { code: 'not-authenticated' } }]);
  });

  it('that is broken or expired is not taken, in either place', async () => {
    const expired = await world.issue({ client: CLIENT, expiresAtMs: START_MS - 1_000 });
    const [header = '', payload = ''] = clients.own.split('.');
    const bad = [
      '',
      ' ',
      'nonsense',
      'a.b.c',
      `${header}.${payload}.`,
      `${clients.own}x`,
      'x'.repeat(90_000),
      'ä\n',
    ];
    for (const token of [...bad, expired]) {
      const got = await post(world, listOf(token), { token: null });
      expect(errorsIn(got), token).toMatchObject([{ extensions: { code: 'not-authenticated' } }]);
    }
    for (const token of ['nonsense', expired]) {
      expect(errorsIn(await post(world, LIST, { token }))).toMatchObject([
        { extensions: { code: 'not-authenticated' } },
      ]);
    }
    expect(errorsIn(await post(world, LIST, { token: expired }))[0]?.message).toContain('expired');
  });

  it('speaks for one viewer only', async () => {
    await save(world, clients.own, NEW);
    const query = `{
      own: viewer(token: "${clients.own}") { webhooks { totalCount } }
      other: viewer(token: "${clients.other}") { webhooks { totalCount } }
      bad: viewer(token: "x") { webhooks { totalCount } }
    }`;
    expect((await post(world, query, { token: null })).body).toMatchObject({
      errors: [{ path: ['bad'] }],
      data: { own: { webhooks: { totalCount: 1 } }, other: { webhooks: { totalCount: 0 } }, bad: null },
    });
  });
});

describe('a token without what a client account needs', () => {
  it.each([
    ['of a platform', { role: 'platform', client: CLIENT }, 'role'],
    ['without a client account', {}, 'stands for no client account'],
    ['for several companies', { client: CLIENT, companies: [COMPANY, OTHER_COMPANY] }, 'single company'],
    ['for all companies', { client: CLIENT, companies: '*' }, 'single company'],
  ] as const)('%s is refused by every field', async (_name, claims, words) => {
    await save(world, clients.own, NEW);
    const before = await world.head();
    const token = await world.issue(claims);
    for (const query of FIELDS) {
      const got = await post(world, query, { token });
      expect(errorsIn(got), query).toMatchObject([
        { extensions: { code: 'not-allowed' }, unhandledException: false },
      ]);
      expect(errorsIn(got)[0]?.message).toContain(words);
    }
    expect(await world.head()).toBe(before);
  });
});

describe('another client account', () => {
  it('sees nothing: what is another’s looks like what is not there', async () => {
    await save(world, clients.own, NEW);
    await world.deps.accounts.attachClient(OTHER_COMPANY, OTHER_CLIENT, {
      correlationId: 'x',
      causationId: 'x',
      actor: 'tests',
      companyId: OTHER_COMPANY,
    });
    const before = await world.head();
    for (const query of FIELDS.slice(1, 5)) {
      const foreign = await post(world, query, { token: clients.other });
      const unknown = await post(world, query.replace('id: 1', 'id: 8'), { token: clients.other });
      expect(errorsIn(foreign), query).toMatchObject([{ extensions: { code: 'not-found' } }]);
      expect(JSON.stringify(foreign.body)).toBe(
        JSON.stringify(unknown.body).replaceAll('webhook 8', 'webhook 1'),
      );
    }
    expect(viewerIn(await post(world, LIST, { token: clients.other }))).toEqual({
      webhooks: { totalCount: 0 },
    });
    expect(await world.head()).toBe(before);
  });

  it('with the same numbers changes and deletes its own', async () => {
    await save(world, clients.own, NEW);
    await save(world, clients.other, {
      ...NEW,
      client: { id: OTHER_CLIENT },
      url: 'https://example.com/other',
    });
    await save(world, clients.other, { id: 1, enabled: false });
    const read = '{ viewer { webhook(id: 1) { client { id } url enabled } } }';
    expect(viewerIn(await post(world, read, { token: clients.own }))).toEqual({
      webhook: { client: { id: CLIENT }, url: NEW.url, enabled: true },
    });
    expect(viewerIn(await post(world, read, { token: clients.other }))).toEqual({
      webhook: { client: { id: OTHER_CLIENT }, url: 'https://example.com/other', enabled: false },
    });
    await post(world, 'mutation { viewer { deleteWebhook(id: 1) { id } } }', { token: clients.other });
    expect(viewerIn(await post(world, LIST, { token: clients.own }))).toEqual({
      webhooks: { totalCount: 1 },
    });
  });

  it('cannot be named by a partner, anywhere', async () => {
    await save(world, clients.own, NEW);
    const before = await world.head();
    for (const query of [
      '{ viewer { webhooks(client: { id: 7000 }) { totalCount } } }',
      '{ viewer { webhook(id: 1, client: { id: 7000 }) { id } } }',
      'mutation { viewer { deleteWebhook(id: 1, client: { id: 7000 }) { id } } }',
      'mutation { viewer { saveWebhook(webhook: { id: 1, client: { id: 7000 } }) { id } } }',
      'mutation { viewer { saveWebhook(webhook: { client: { id: 7000 } }) { id } } }',
    ]) {
      const got = await post(world, query, { token: clients.own });
      expect(errorsIn(got), query).toMatchObject([
        {
          message: expect.stringContaining(
            'Your token is for the client account 6080, not for 7000.',
          ) as string,
          extensions: { code: 'not-allowed' },
        },
      ]);
    }
    expect(await world.head()).toBe(before);
  });

  it('takes neither a company that has one nor a company’s own', async () => {
    await save(world, clients.own, NEW);
    const before = await world.head();
    const sameCompany = await world.issue({ client: OTHER_CLIENT });
    const sameClient = await world.issue({ client: CLIENT, companies: [OTHER_COMPANY] });
    for (const [token, id] of [
      [sameCompany, OTHER_CLIENT],
      [sameClient, CLIENT],
    ] as const) {
      const got = await trySave(world, token, { ...NEW, client: { id } });
      expect(errorsIn(got)).toMatchObject([
        { extensions: { code: 'conflict' }, path: ['viewer', 'saveWebhook'] },
      ]);
      const { message } = errorsIn(got)[0] ?? {};
      for (const query of FIELDS.slice(0, 5)) {
        const read = await post(world, query, { token });
        expect(errorsIn(read), query).toMatchObject([{ message, extensions: { code: 'conflict' } }]);
      }
    }
    expect(await world.head()).toBe(before);
  });
});

describe('an administrator', () => {
  it('names the client account, which must be attached', async () => {
    const { admin: token } = clients;
    for (const query of FIELDS.slice(0, 5)) {
      expect(Object.keys(wrongFields(await post(world, query, { token }))), query).toEqual(['client.id']);
    }
    const got = await trySave(world, token, NEW);
    expect(errorsIn(got)).toMatchObject([{ extensions: { code: 'not-found' } }]);
    expect(errorsIn(got)[0]?.message).toContain('PATCH /accounts/{company_id} with {"client_id": 6080}');
    expect(await world.head()).toBe(0);
  });

  it('does everything for it', async () => {
    const { admin: token } = clients;
    await world.api('PATCH', `/accounts/${COMPANY}`, { token, json: { client_id: CLIENT } });
    expect(await save(world, token, NEW)).toMatchObject({ id: 1, client: { id: CLIENT } });
    expect(await save(world, token, { id: 1, client: { id: CLIENT }, enabled: false })).toMatchObject({
      enabled: false,
    });
    const client = 'client: { id: 6080 }';
    for (const query of [
      `{ viewer { webhooks(${client}) { items { id } } } }`,
      `{ viewer { webhook(id: 1, ${client}) { id } } }`,
      `mutation { viewer { deleteWebhook(id: 1, ${client}) { id } } }`,
    ]) {
      expect(errorsIn(await post(world, query, { token }))).toEqual([]);
    }
  });
});
