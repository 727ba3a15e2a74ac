import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { at, COMPANY, type Got, openWorld, START_MS, type World } from './harness.ts';

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
