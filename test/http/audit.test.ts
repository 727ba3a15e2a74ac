import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { noAdmission } from '../../src/delivery/admission.ts';
import { fanOut } from '../../src/delivery/fan-out.ts';
import { STREAM_PREFIXES } from '../../src/domain/ids.ts';
import type { ResourceChange } from '../../src/domain/resource-change.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import { decodeAll } from '../../src/projections/projector.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';
import { at, COMPANY, type Got, openWorld, RETRY_BASE_MS, START_MS, type World } from './harness.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const WEBHOOK = {
  name: 'Box office',
  url: 'https://partner.example/hook',
  resource: 'event',
  trigger: 'update',
};

const created = async (more: JsonObject = {}): Promise<string> => {
  const got = await world.api('POST', '/webhook', { json: { ...WEBHOOK, ...more } });
  expect(got.status).toBe(201);
  return at(got, 'guid') as string;
};

const reported = async (id: string): Promise<string> => {
  const got = await world.api('POST', '/changes', {
    token: world.tokens.platform,
    headers: { 'content-type': 'application/cloudevents+json' },
    json: {
      specversion: '1.0',
      id,
      source: '/tickets',
      type: 'event.update',
      subject: 'e1',
      companyid: COMPANY,
    },
  });
  return ((at(got, 'changes') as ReadonlyArray<JsonObject>)[0]?.['change'] ?? '') as string;
};

/** What the engine would do, once. */
const fannedOut = async (): Promise<void> => {
  await world.deps.settled();
  const page = await world.store.readAll({
    after: 0,
    limit: 1_000,
    filter: { streamPrefixes: STREAM_PREFIXES },
  })();
  if (isLeft(page)) throw new Error(page.left.message);
  const changes = decodeAll(page.right.events).filter(
    ({ event }) => 'fingerprint' in event && 'triggers' in event,
  );
  const models = world.deps.readModels as ReadModels;
  await fanOut(
    {
      store: world.store,
      routing: models,
      known: models,
      rules: world.deps.rules,
      defaultRetryBaseMs: RETRY_BASE_MS,
      wait: () => Promise.resolve(false),
      isOurs: () => true,
      stopped: () => false,
      log: world.deps.log,
    },
    {
      changes: changes as ReadonlyArray<Decoded<ResourceChange>>,
      admission: noAdmission,
      repeated: true,
      done: 0,
      newest: 0,
    },
  );
};

const items = (got: Got): ReadonlyArray<JsonObject> => at(got, 'items') as ReadonlyArray<JsonObject>;

describe('GET /changes/{change}/explain', () => {
  it('says of every webhook why it was told or not, for people and for programs', async () => {
    const other = await created({ trigger: 'relation' });
    const gone = await created();
    await world.api('DELETE', `/webhook/${gone}`);
    const pending = await created();
    const change = await reported('1');
    const later = await created();
    const got = await world.api('GET', `/changes/${change}/explain`);
    expect(got).toMatchObject({ status: 200, body: { change, next: null } });
    expect(items(got).map(({ webhook, told, code }) => [webhook, told, code])).toEqual([
      [other, false, 'trigger_differs'],
      [gone, false, 'deleted'],
      // Nothing is fanned out here.
      [pending, false, 'pending'],
      [later, false, 'created_later'],
    ]);
    expect(items(got)[0]).toEqual({
      webhook: other,
      name: 'Box office',
      told: false,
      reason: 'it was not told: it listens to "relation", and the change fired "update"',
      code: 'trigger_differs',
      details: { wanted: 'relation', fired: ['update'] },
      path: [],
      invocation: null,
      status: null,
    });
    expect(items(got)[1]?.['details']).toEqual({
      at: new Date(START_MS).toISOString(),
      actor: 'tester',
      cause: expect.any(String) as string,
      revision: 1,
    });
  });

  it('comes in pages that leave nobody out, with a filter too', async () => {
    const webhooks: string[] = [];
    for (let n = 0; n < 7; n += 1) webhooks.push(await created());
    const change = await reported('1');
    for (const filter of ['', '&told=false']) {
      const seen: unknown[] = [];
      let after = '';
      do {
        const got = await world.api('GET', `/changes/${change}/explain?limit=3${filter}${after}`);
        seen.push(...items(got).map(({ webhook }) => webhook));
        const next = at(got, 'next') as string | null;
        after = next === null ? '' : `&after=${next}`;
      } while (after !== '');
      expect(seen).toEqual(webhooks);
    }
    const told = await world.api('GET', `/changes/${change}/explain?told=true&limit=3`);
    expect(told.body).toEqual({ change, items: [], next: null });
  });

  it('is for those who may see the change', async () => {
    const change = await reported('1');
    const path = `/changes/${change}/explain`;
    expect((await world.api('GET', path, { token: world.tokens.stranger })).status).toBe(404);
    expect((await world.api('GET', path, { token: world.tokens.admin })).status).toBe(200);
    expect((await world.api('GET', '/changes/nothing/explain')).status).toBe(404);
    expect((await world.api('GET', `${path}?told=perhaps`)).status).toBe(422);
  });
});

describe('GET /webhook/{guid}/history', () => {
  it('lists who changed what, and keeps it after the webhook was deleted', async () => {
    const guid = await created();
    world.nowMs += 1_000;
    await world.api('PATCH', `/webhook/${guid}`, { json: { retries: 5, trigger: 'relation' } });
    await world.api('PATCH', `/webhook/${guid}/settings`, { json: { enabled: false } });
    await world.api('POST', `/webhook/${guid}/secret/rotate`);
    await world.api('DELETE', `/webhook/${guid}`, { token: world.tokens.admin });
    const got = await world.api('GET', `/webhook/${guid}/history`);
    expect(items(got).map(({ event, revision, actor, at: time }) => [event, revision, actor, time])).toEqual([
      ['WebhookCreated', 0, 'tester', new Date(START_MS).toISOString()],
      ['WebhookUpdated', 1, 'tester', new Date(START_MS + 1_000).toISOString()],
      ['WebhookDisabled', 2, 'tester', new Date(START_MS + 1_000).toISOString()],
      ['SecretRotated', 3, 'tester', new Date(START_MS + 1_000).toISOString()],
      ['WebhookDeleted', 4, 'admin', new Date(START_MS + 1_000).toISOString()],
    ]);
    expect(items(got).map(({ changed }) => changed)).toEqual([
      expect.objectContaining({ name: [null, 'Box office'], retries: [null, 3], enabled: [null, true] }),
      { retries: [3, 5], trigger: ['update', 'relation'] },
      { enabled: [true, false] },
      { previous_secret_until: [null, new Date(START_MS + 1_000 + 86_400_000).toISOString()] },
      { deleted: [false, true] },
    ]);
    expect(JSON.stringify(got.body)).not.toContain('whsec_');
  });

  it('tells what the webhook was at a time, or at a position', async () => {
    const guid = await created();
    const position = (await world.head()).toString();
    world.nowMs += 60_000;
    await world.api('PATCH', `/webhook/${guid}`, { json: { name: 'New name' } });
    const asOf = (moment: string): Promise<Got> =>
      world.api('GET', `/webhook/${guid}/history?at=${encodeURIComponent(moment)}`);
    const before = new Date(START_MS + 59_999).toISOString();
    expect((await asOf(before)).body).toMatchObject({
      as_of: before,
      revision: 0,
      webhook: { guid, name: 'Box office', resource: 'event', enabled: true, deleted_at: null },
    });
    expect((await asOf(position)).body).toMatchObject({ revision: 0, webhook: { name: 'Box office' } });
    expect((await asOf(new Date(START_MS + 60_000).toISOString())).body).toMatchObject({
      revision: 1,
      webhook: { name: 'New name' },
    });
    expect((await asOf(new Date(START_MS - 1).toISOString())).status).toBe(404);
    const asWebhook = await world.api('GET', `/webhook/${guid}?at=${position}`);
    expect(asWebhook.body).toEqual((await asOf(position)).body);
    expect((await world.api('GET', `/webhook/${guid}?at=999999`)).status).toBe(422);
    expect((await asOf('yesterday')).status).toBe(422);
  });

  it('comes in pages', async () => {
    const guid = await created();
    for (let retries = 4; retries < 10; retries += 1) {
      await world.api('PATCH', `/webhook/${guid}`, { json: { retries } });
    }
    const first = await world.api('GET', `/webhook/${guid}/history?limit=4`);
    expect(items(first).map(({ revision }) => revision)).toEqual([0, 1, 2, 3]);
    const second = await world.api(
      'GET',
      `/webhook/${guid}/history?limit=4&after=${at(first, 'next') as string}`,
    );
    expect(items(second).map(({ revision }) => revision)).toEqual([4, 5, 6]);
    expect(at(second, 'next')).toBeNull();
  });

  it('is for those who may see the webhook', async () => {
    const guid = await created();
    const path = `/webhook/${guid}/history`;
    expect((await world.api('GET', path, { token: world.tokens.stranger })).status).toBe(404);
    expect((await world.api('GET', path, { token: world.tokens.platform })).status).toBe(403);
  });
});

describe('a timeline', () => {
  it('tells what was reported of a resource, by whom, and what followed from it', async () => {
    const guid = await created();
    const changes = [await reported('1'), await reported('2')];
    await fannedOut();
    const got = await world.api('GET', '/resources/event/e1/timeline');
    expect(got).toMatchObject({ status: 200, body: { resource: 'event', identifier: 'e1', next: null } });
    expect(items(got).map(({ change, revision, actor }) => [change, revision, actor])).toEqual([
      [changes[0], 0, 'platform'],
      [changes[1], 1, 'platform'],
    ]);
    for (const item of items(got)) {
      expect(item).toMatchObject({
        type: 'event.update',
        source: '/tickets',
        more: false,
        invocations: [{ webhook: guid, change: item['change'], status: 'waiting', attempts: [] }],
      });
    }
    expect(items(await world.api('GET', `/changes/${changes[0]}/explain?told=true`))).toMatchObject([
      { webhook: guid, told: true, code: 'direct', status: 'waiting' },
    ]);
  });

  it('of an order has its contradictions, and comes in pages', async () => {
    const order = (id: string, type: string, ticket: number) => ({
      specversion: '1.0',
      id,
      source: '/tickets',
      type,
      subject: 'o1',
      companyid: COMPANY,
      data: { tickets: { items: [{ id: ticket }] } },
    });
    for (const event of [
      order('1', 'order.sold', 1),
      order('2', 'order.refunded', 7),
      order('3', 'order.scanned', 1),
    ]) {
      const got = await world.api('POST', '/changes', {
        token: world.tokens.platform,
        headers: { 'content-type': 'application/cloudevents+json' },
        json: event,
      });
      expect(got.status).toBe(202);
    }
    const first = await world.api('GET', '/orders/o1/timeline?limit=2');
    expect(items(first)).toMatchObject([
      { id: '1', type: 'order.sold', triggers: ['create', 'paid'], contradictions: [] },
      { id: '2', type: 'order.refunded', contradictions: [{ kind: 'ticket_unknown', ticket: 7 }] },
    ]);
    const second = await world.api('GET', `/orders/o1/timeline?limit=2&after=${at(first, 'next') as string}`);
    expect(items(second).map(({ id }) => id)).toEqual(['3']);
    expect(at(second, 'next')).toBeNull();
  });

  it('is for those who may see it', async () => {
    await reported('1');
    const path = '/resources/event/e1/timeline';
    expect((await world.api('GET', path, { token: world.tokens.stranger })).status).toBe(404);
    expect((await world.api('GET', '/resources/event/e2/timeline')).status).toBe(404);
    expect((await world.api('GET', '/resources/venue/e1/timeline')).status).toBe(404);
    expect((await world.api('GET', path, { token: world.tokens.admin })).status).toBe(422);
    expect(
      (await world.api('GET', `${path}?company_id=${COMPANY}`, { token: world.tokens.admin })).status,
    ).toBe(200);
  });
});
