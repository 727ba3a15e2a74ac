import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import {
  at,
  COMPANY,
  errorsOf,
  makeWebhook,
  NEW_WEBHOOK,
  openWorld,
  OTHER_COMPANY,
  textAt,
  type World,
} from './harness.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const PRINTED_KEYS = [
  'guid',
  'created_at',
  'updated_at',
  'deleted_at',
  'company_id',
  'name',
  'url',
  'retries',
  'resource',
  'identifier',
  'nonce',
  'trigger',
  'triggered_by_child_resources',
  'invocations',
];

/** As PHP's cURL sends an array in CURLOPT_POSTFIELDS. */
const multipart = (fields: Readonly<Record<string, string>>) => {
  const boundary = '------------------------d74496d66958873e';
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: `${parts.join('')}--${boundary}--\r\n`,
  };
};

describe('POST /webhook', () => {
  it('answers with the printed keys, in the printed order', async () => {
    const made = await world.api('POST', '/webhook', { json: NEW_WEBHOOK });
    expect(made.status).toBe(201);
    expect(Object.keys(made.body as object)).toEqual(PRINTED_KEYS);
    expect(made.body).toMatchObject({
      created_at: '2026-01-02T03:04:05Z',
      updated_at: '2026-01-02T03:04:05Z',
      deleted_at: null,
      company_id: COMPANY,
      ...NEW_WEBHOOK,
      identifier: '',
      triggered_by_child_resources: false,
      invocations: null,
    });
    expect(at(made, 'nonce')).toMatch(/^[A-Za-z0-9]{20}$/);
    expect(made.headers.get('location')).toBe(`/webhook/${textAt(made, 'guid')}`);
    expect(made.headers.get('cache-control')).toBe('no-store');
  });

  it('takes the body that cURL sends for PHP', async () => {
    const made = await world.api('POST', '/webhook', multipart({ ...NEW_WEBHOOK, retries: '3' }));
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject(NEW_WEBHOOK);
  });

  it('refuses the typing error of the printed request, on url', async () => {
    const before = await world.head();
    const url = 'https =>//example.com/webhook/receive';
    const got = await world.api('POST', '/webhook', multipart({ ...NEW_WEBHOOK, url, retries: '3' }));
    expect(got.status).toBe(422);
    expect(Object.keys(errorsOf(got))).toEqual(['url']);
    expect(await world.head()).toBe(before);
  });

  it('takes forms with the same fields as JSON', async () => {
    const form = {
      ...NEW_WEBHOOK,
      retries: '0',
      identifier: 'Zürich & co',
      triggered_by_child_resources: '1',
    };
    const made = await world.api('POST', '/webhook', { form: { ...form, resource: 'event' } });
    expect(made.body).toMatchObject({
      retries: 0,
      resource: 'event',
      identifier: 'Zürich & co',
      triggered_by_child_resources: true,
    });
  });

  it.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
    ['', false],
  ])('reads the form boolean %j as %j', async (text, expected) => {
    const form = { ...NEW_WEBHOOK, retries: '3', triggered_by_child_resources: text };
    const made = await world.api('POST', '/webhook', { form });
    expect(at(made, 'triggered_by_child_resources')).toBe(expected);
  });

  it('has defaults for what is absent or null, and drops what it does not know', async () => {
    const { retries: _retries, ...needed } = NEW_WEBHOOK;
    const json = { ...needed, identifier: null, colour: 'blue', guid: 'mine', deleted_at: 'now' };
    const made = await world.api('POST', '/webhook', { json });
    expect(made.body).toMatchObject({ ...needed, retries: 3, identifier: '', deleted_at: null });
    expect(Object.keys(made.body as object)).toEqual(PRINTED_KEYS);
  });

  it('takes the bounds of every field', async () => {
    const name = '🎟'.repeat(255);
    const made = await world.api('POST', '/webhook', {
      json: { ...NEW_WEBHOOK, name, retries: 30, identifier: 'i'.repeat(255) },
    });
    expect(made.body).toMatchObject({ name, retries: 30, identifier: 'i'.repeat(255) });
  });

  it('takes a trigger that only related resources bring, when asked for', async () => {
    const json = { ...NEW_WEBHOOK, resource: 'ticket', trigger: 'paid', triggered_by_child_resources: true };
    expect((await world.api('POST', '/webhook', { json })).status).toBe(201);
  });

  it('takes the company of its own token, in any case of letters', async () => {
    const json = { ...NEW_WEBHOOK, company_id: COMPANY.toUpperCase() };
    const made = await world.api('POST', '/webhook', { json });
    expect(at(made, 'company_id')).toBe(COMPANY);
  });

  it('takes the company that an administrator names, and asks for it', async () => {
    const { admin: token } = world.tokens;
    const made = await world.api('POST', '/webhook', {
      token,
      json: { ...NEW_WEBHOOK, company_id: OTHER_COMPANY },
    });
    expect(at(made, 'company_id')).toBe(OTHER_COMPANY);
    const before = await world.head();
    const refused = await world.api('POST', '/webhook', { token, json: NEW_WEBHOOK });
    expect(refused.status).toBe(422);
    expect(Object.keys(errorsOf(refused))).toEqual(['company_id']);
    expect(await world.head()).toBe(before);
  });

  it('refuses another company than the token stands for', async () => {
    const before = await world.head();
    const got = await world.api('POST', '/webhook', { json: { ...NEW_WEBHOOK, company_id: OTHER_COMPANY } });
    expect(got.status).toBe(403);
    expect(await world.head()).toBe(before);
  });
});

describe('GET /webhook', () => {
  it('lists the webhooks of the company page by page, oldest first, and shows what was just written', async () => {
    const made: string[] = [];
    for (let n = 0; n < 5; n += 1) made.push(await makeWebhook(world, { name: `webhook ${n}` }));
    await makeWebhook(world, {}, world.tokens.stranger);

    const listed: unknown[] = [];
    let query = '?limit=2';
    for (;;) {
      const page = await world.api('GET', `/webhook${query}`);
      const { items, next } = page.body as { items: JsonObject[]; next: string | null };
      expect(items.length).toBeLessThanOrEqual(2);
      for (const item of items) expect(Object.keys(item)).toEqual(PRINTED_KEYS);
      listed.push(...items.map(({ guid }) => guid));
      if (next === null) break;
      query = `?limit=2&after=${next}`;
    }
    expect(listed).toEqual(made);
  });

  it('leaves out what was deleted', async () => {
    const [kept, deleted] = [await makeWebhook(world), await makeWebhook(world)];
    await world.api('DELETE', `/webhook/${deleted}`);
    const page = await world.api('GET', '/webhook');
    expect(page.body).toMatchObject({ items: [{ guid: kept }], next: null });
  });

  it('asks an administrator for the company', async () => {
    const made = await makeWebhook(world);
    const { admin: token } = world.tokens;
    const page = await world.api('GET', `/webhook?company_id=${COMPANY}`, { token });
    expect(page.body).toMatchObject({ items: [{ guid: made }] });
    const refused = await world.api('GET', '/webhook', { token });
    expect([refused.status, Object.keys(errorsOf(refused))]).toEqual([422, ['company_id']]);
  });

  it('refuses another company', async () => {
    expect((await world.api('GET', `/webhook?company_id=${OTHER_COMPANY}`)).status).toBe(403);
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=201', 'limit'],
    ['limit=ten', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['after=', 'after'],
    ['after=nowhere', 'after'],
    ['after=YzEy!', 'after'],
    ['company_id=mine', 'company_id'],
  ])('refuses ?%s', async (query, field) => {
    const got = await world.api('GET', `/webhook?${query}`);
    expect([got.status, Object.keys(errorsOf(got))]).toEqual([422, [field]]);
  });
});

describe('/webhook/{guid}', () => {
  it('reads one, whatever the case of its guid', async () => {
    const guid = await makeWebhook(world);
    const got = await world.api('GET', `/webhook/${guid.toUpperCase()}`);
    expect(got.status).toBe(200);
    expect(Object.keys(got.body as object)).toEqual(PRINTED_KEYS);
    expect(at(got, 'guid')).toBe(guid);
  });

  it('changes what is given and nothing else', async () => {
    const guid = await makeWebhook(world, { identifier: 's-1' });
    world.nowMs += 90_000;
    const got = await world.api('PATCH', `/webhook/${guid}`, { json: { trigger: 'paid', retries: '7' } });
    expect(got.body).toMatchObject({
      ...NEW_WEBHOOK,
      trigger: 'paid',
      retries: 7,
      identifier: 's-1',
      created_at: '2026-01-02T03:04:05Z',
      updated_at: '2026-01-02T03:05:35Z',
    });
    expect((await world.api('GET', `/webhook/${guid}`)).body).toEqual(got.body);
  });

  it('takes a merge patch, where null goes back to the default', async () => {
    const guid = await makeWebhook(world, { identifier: 's-1', retries: 9 });
    const got = await world.api('PATCH', `/webhook/${guid}`, {
      headers: { 'content-type': 'application/merge-patch+json' },
      json: { identifier: null, retries: null, name: 'Renamed' },
    });
    expect(got.body).toMatchObject({ identifier: '', retries: 3, name: 'Renamed' });
  });

  it('writes nothing when nothing changes', async () => {
    const guid = await makeWebhook(world);
    const before = await world.head();
    for (const json of [{}, NEW_WEBHOOK, { unknown: 1 }]) {
      expect((await world.api('PATCH', `/webhook/${guid}`, { json })).status).toBe(200);
    }
    expect(await world.head()).toBe(before);
  });

  it.each([
    [{ name: null }, 'name'],
    [{ url: null }, 'url'],
    [{ url: 'https://localhost/' }, 'url'],
    [{ resource: 'invoice' }, 'resource'],
    [{ trigger: 'scan' }, 'trigger'],
    [{ resource: 'scanner' }, 'trigger'],
    [{ retries: 31 }, 'retries'],
  ])('refuses the patch %j', async (json, field) => {
    const guid = await makeWebhook(world);
    const before = await world.head();
    const got = await world.api('PATCH', `/webhook/${guid}`, { json });
    expect([got.status, Object.keys(errorsOf(got))]).toEqual([422, [field]]);
    expect(await world.head()).toBe(before);
  });

  it('deletes: the webhook for the last time, then nothing', async () => {
    const guid = await makeWebhook(world);
    world.nowMs += 1_000;
    const deleted = await world.api('DELETE', `/webhook/${guid}`);
    expect(deleted.status).toBe(200);
    expect(Object.keys(deleted.body as object)).toEqual(PRINTED_KEYS);
    expect(deleted.body).toMatchObject({ guid, deleted_at: '2026-01-02T03:04:06Z' });

    const before = await world.head();
    const requests = [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['GET', '/settings'],
      ['PATCH', '/settings'],
      ['GET', '/secret'],
      ['POST', '/secret/rotate'],
      ['GET', '/invocations'],
      ['POST', '/invocations/retry'],
      ['POST', '/test'],
    ] as const;
    for (const [method, path] of requests) {
      const sent = method === 'PATCH' ? { json: {} } : {};
      expect((await world.api(method, `/webhook/${guid}${path}`, sent)).status, `${method} ${path}`).toBe(
        404,
      );
    }
    expect(await world.head()).toBe(before);
  });

  it.each(['96007e9b-b570-454c-aa3b-66a33a88280a', 'mine', '%E0%A4%A', '..%2fwebhook'])(
    'does not find %s',
    async (guid) => {
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        const sent = method === 'PATCH' ? { json: {} } : {};
        expect((await world.api(method, `/webhook/${guid}`, sent)).status).toBe(404);
      }
    },
  );
});
