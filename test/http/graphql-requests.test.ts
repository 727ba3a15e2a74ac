import { getIntrospectionQuery } from 'graphql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorld, OTHER_COMPANY, type World } from './harness.ts';
import {
  type Clients,
  clientsOf,
  errorsIn,
  NEW,
  post,
  save,
  trySave,
  viewerIn,
  wrongFields,
} from './graphql.ts';

let world: World;
let clients: Clients;

const SAVE = 'mutation ($w: WebhookInput!) { viewer { saveWebhook(webhook: $w) { id } } }';
const LIST = '{ viewer { webhooks { totalCount } } }';

describe('the transport', () => {
  beforeEach(async () => {
    world = await openWorld();
    clients = await clientsOf(world, OTHER_COMPANY);
  });
  afterEach(() => world.close());

  it.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
    ['application/graphql', 415],
    ['application/json; charset=utf-16', 415],
    ['', 415],
    ['application/json; charset=utf-8', 200],
  ])('answers the media type %j with %i', async (contentType, status) => {
    const got = await world.api('POST', '/graphql', {
      token: clients.own,
      headers: { 'content-type': contentType },
      body: JSON.stringify({ query: LIST }),
    });
    expect(got.status).toBe(status);
  });

  it('takes no more than 256 KiB, in UTF-8 and in JSON', async () => {
    const send = async (body: string | Uint8Array): Promise<number> =>
      (
        await world.api('POST', '/graphql', {
          token: clients.own,
          headers: { 'content-type': 'application/json' },
          body,
        })
      ).status;
    const padded = (bytes: number): string => JSON.stringify({ query: LIST }).padEnd(bytes);
    expect(await send(padded(256 * 1024))).toBe(200);
    expect(await send(padded(256 * 1024 + 1))).toBe(413);
    expect(await send('{')).toBe(400);
    expect(await send('')).toBe(400);
    expect(await send(new Uint8Array([0x22, 0xff, 0x22]))).toBe(400);
  });

  it.each([
    [[{ query: LIST }], ['body']],
    [[], ['body']],
    ['x', ['body']],
    [null, ['body']],
    [{}, ['query']],
    [{ query: null }, ['query']],
    [{ query: 5, variables: [], operationName: {} }, ['query', 'variables', 'operationName']],
    [{ query: LIST, variables: 'x' }, ['variables']],
  ])('says what is wrong with the request %j', async (json, fields) => {
    const got = await world.api('POST', '/graphql', { token: clients.own, json });
    expect(got.status).toBe(200);
    expect(Object.keys(wrongFields(got))).toEqual(fields);
    expect(got.body).not.toHaveProperty('data');
  });

  it('refuses keys that reach a prototype, and JSON that is too deep', async () => {
    const deep = `${'['.repeat(70)}${']'.repeat(70)}`;
    for (const variables of ['{"__proto__": 1}', `{"w": ${deep}}`]) {
      const body = `{"query": ${JSON.stringify(SAVE)}, "variables": ${variables}}`;
      const headers = { 'content-type': 'application/json' };
      const got = await world.api('POST', '/graphql', { token: clients.own, headers, body });
      expect([got.status, errorsIn(got).length]).toEqual([200, 1]);
    }
  });

  it('knows neither queries nor mutations by GET', async () => {
    const query = encodeURIComponent('mutation { viewer { deleteWebhook(id: 1) { id } } }');
    for (const path of ['/graphql', `/graphql?query=${query}`]) {
      const got = await world.api('GET', path, { token: clients.own });
      expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
    }
    expect((await world.api('GET', '/graphql/explorer.js', { token: null })).status).toBe(404);
  });

  it('takes variables and operationName that are null or absent', async () => {
    for (const rest of [
      {},
      { variables: null, operationName: null },
      { operationName: '' },
      { extensions: {} },
    ]) {
      const got = await world.api('POST', '/graphql', { token: clients.own, json: { query: LIST, ...rest } });
      expect(viewerIn(got)).toEqual({ webhooks: { totalCount: 0 } });
    }
  });
});

describe('the schema', () => {
  afterEach(() => world.close());
  const asked = [
    getIntrospectionQuery(),
    '{ __schema { types { name } } }',
    '{ __type(name: "Webhook") { name } }',
  ];
  const hidden = '{ ...a } fragment a on Query { __schema { types { name } } }';

  it('is shown to administrators only', async () => {
    world = await openWorld();
    clients = await clientsOf(world, OTHER_COMPANY);
    for (const query of [...asked, hidden]) {
      for (const token of [null, 'nonsense', clients.own, world.tokens.platform]) {
        const got = await post(world, query, { token });
        expect(errorsIn(got), query).toMatchObject([{ extensions: { code: 'not-allowed' } }]);
        expect(got.body).not.toHaveProperty('data');
      }
      expect(errorsIn(await post(world, query, { token: clients.admin })), query).toEqual([]);
    }
    expect(
      errorsIn(await post(world, '{ __typename viewer { __typename } }', { token: clients.own })),
    ).toEqual([]);
  });

  it('is open on a developer’s machine, with a page that runs its own script only', async () => {
    world = await openWorld((deps) => ({ ...deps, development: true }));
    for (const query of asked) expect(errorsIn(await post(world, query, { token: null }))).toEqual([]);
    const page = await fetch(`${world.origin}/graphql`);
    const text = await page.text();
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none';.* script-src 'self';/);
    expect(text).not.toMatch(/\son\w+=|style=|<script>/i);
    for (const [, target] of text.matchAll(/(?:src|href)="([^"]*)"/g)) {
      const linked = await fetch(`${world.origin}${target ?? ''}`);
      expect(linked.status, target).toBe(200);
    }
  });
});

describe('a request that takes too long', () => {
  let isLate: boolean;
  let settle: () => void;
  beforeEach(async () => {
    isLate = false;
    settle = () => undefined;
    world = await openWorld((deps) => ({
      ...deps,
      settled: async () => {
        if (isLate) await new Promise<void>((resolve) => (settle = resolve));
        await deps.settled();
      },
      clock: {
        ...deps.clock,
        setTimer: (delayMs, callback) => {
          if (isLate && delayMs === 2_000) setTimeout(callback, 20);
          return { cancel: () => undefined };
        },
      },
    }));
    clients = await clientsOf(world, OTHER_COMPANY);
    await trySave(world, clients.own, NEW);
    isLate = true;
  });
  afterEach(() => world.close());

  it.each([
    ['{ viewer { webhook(id: 1) { id } } }', 'Ask for less at once'],
    ['mutation { viewer { deleteWebhook(id: 1) { id } } }', 'not known whether the change was made'],
    [
      'mutation { viewer { saveWebhook(webhook: { id: 1, enabled: false }) { id } } }',
      'not known whether the change was made',
    ],
  ])('is answered after two seconds, and begins nothing more: %s', async (query, words) => {
    const before = await world.head();
    const got = await post(world, query, { token: clients.own });
    expect(got.headers.get('retry-after')).toBe('5');
    expect(got.body).toMatchObject({
      data: null,
      errors: [{ extensions: { code: 'store-not-available' }, unhandledException: false }],
    });
    expect(errorsIn(got)[0]?.message).toContain('longer than 2 seconds');
    expect(errorsIn(got)[0]?.message).toContain(words);

    settle();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await world.head()).toBe(before);
  });
});

describe('the invocations of many webhooks', () => {
  const WEBHOOKS = 12;
  const TESTS = 3;
  let mostAtOnce: number;
  let reads: number;
  let turns: number;
  let msPerRead: number;

  beforeEach(async () => {
    mostAtOnce = reads = turns = msPerRead = 0;
    let atOnce = 0;
    let sinceTurn = 0;
    world = await openWorld((deps) => ({
      ...deps,
      invocations: {
        ...deps.invocations,
        get: async (guid) => {
          reads += 1;
          atOnce += 1;
          sinceTurn += 1;
          mostAtOnce = Math.max(mostAtOnce, atOnce, sinceTurn);
          world.nowMs += msPerRead;
          const got = await deps.invocations.get(guid);
          atOnce -= 1;
          return got;
        },
      },
      clock: {
        ...deps.clock,
        setTimer: (delayMs, callback) => {
          if (delayMs > 0) return deps.clock.setTimer(delayMs, callback);
          turns += 1;
          return deps.clock.setTimer(0, () => {
            sinceTurn = 0;
            callback();
          });
        },
      },
    }));
    clients = await clientsOf(world, OTHER_COMPANY);
    for (let made = 0; made < WEBHOOKS; made += 1) {
      const guid = (await save(world, clients.own, NEW))['guid'] as string;
      for (let sent = 0; sent < TESTS; sent += 1) {
        expect((await world.api('POST', `/webhook/${guid}/test`)).status).toBe(202);
      }
    }
    turns = 0;
  });
  afterEach(() => world.close());

  const asking = (fields: string): string =>
    `{ a: viewer { ...v } b: viewer { ...v } }
     fragment v on Viewer { webhooks { items { invocations(pageSize: 8) { ${fields} } } } }`;

  it('are read a few at a time over the whole request, and others have their turn in between', async () => {
    const got = await post(world, asking('items { id test }'), { token: clients.own });
    expect(errorsIn(got)).toEqual([]);
    expect(reads).toBe(2 * WEBHOOKS * TESTS);
    expect(mostAtOnce).toBeLessThanOrEqual(20);
    expect(turns).toBeGreaterThanOrEqual(Math.floor(reads / 20));
  });

  it('end with the deadline by the clock, though no timer came', async () => {
    msPerRead = 100;
    const got = await post(world, asking('items { id test }'), { token: clients.own });
    expect(got.body).toMatchObject({ data: null, errors: [{ extensions: { code: 'store-not-available' } }] });
    expect(errorsIn(got)[0]?.message).toContain('longer than 2 seconds');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(reads).toBeLessThan(2_000 / msPerRead + 20);
  });

  it.each([
    'totalCount',
    'items { __typename id status }',
    'x: items { id } ... on InvocationConnection { items { ... on Invocation { s: status } } }',
  ])('are not read for what the log tells by itself: %s', async (fields) => {
    const query = `{ viewer { webhooks { items { invocations(pageSize: 8) { ${fields} } } } } }`;
    const got = await post(world, query, { token: clients.own });
    expect(errorsIn(got)).toEqual([]);
    expect(JSON.stringify(got.body)).toMatch(/"totalCount":3|"(status|s)":"WAITING"/);
    expect(reads).toBe(0);
  });

  it('are read for anything else, behind a fragment too', async () => {
    const query = `{ viewer { webhook(id: 1) { invocations { items { id } ...r } } } }
      fragment r on InvocationConnection { items { ...i } } fragment i on Invocation { contextId }`;
    const got = await post(world, query, { token: clients.own });
    expect(errorsIn(got)).toEqual([]);
    expect(reads).toBe(TESTS);
  });
});
