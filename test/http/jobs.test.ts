import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { invocation as aggregate } from '../../src/commands/aggregates.ts';
import { streamOf } from '../../src/domain/ids.ts';
import type { InvocationCommand } from '../../src/domain/invocation.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { transact } from '../../src/eventstore/transact.ts';
import {
  at,
  COMPANY,
  errorsOf,
  type Got,
  makeWebhook,
  openWorld,
  OTHER_COMPANY,
  START_MS,
  textAt,
  type World,
} from './harness.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const ask = (json: JsonObject, token?: string): Promise<Got> =>
  world.api('POST', '/jobs', { json, ...(token !== undefined && { token }) });

const does = async (guid: string, command: InvocationCommand): Promise<void> => {
  const cause = { correlationId: guid, causationId: guid, actor: 'tests', companyId: COMPANY };
  const done = await transact(world.invocationDeps, streamOf.invocation(guid), aggregate, command, cause);
  if (isLeft(done)) throw new Error(JSON.stringify(done.left));
};

/** An exhausted invocation of a webhook without retries. */
const failed = async (webhook: string): Promise<string> => {
  const guid = textAt(await world.api('POST', `/webhook/${webhook}/test`), 'guid');
  const url = 'https://example.com/webhook/receive';
  await does(guid, { type: 'StartAttempt', number: 1, url, webhookRevision: 0, atMs: world.nowMs });
  await does(guid, {
    type: 'RecordFailure',
    number: 1,
    outcome: 'failed',
    result: { statusCode: null, error: 'refused', durationMs: 1, address: null, responseExcerpt: null },
    atMs: world.nowMs,
  });
  return guid;
};

const report = async (id: string): Promise<string> => {
  const got = await world.api('POST', '/changes', {
    token: world.tokens.platform,
    headers: { 'content-type': 'application/cloudevents+json' },
    json: {
      specversion: '1.0',
      id,
      source: '/tests',
      type: 'shop.create',
      subject: id,
      companyid: COMPANY,
      data: {},
    },
  });
  expect(got.status).toBe(202);
  const [{ change } = {}] = at(got, 'changes') as ReadonlyArray<JsonObject>;
  return change as string;
};

const iso = (offsetMs: number): string => new Date(START_MS + offsetMs).toISOString();

describe('POST /jobs', () => {
  it('answers what it would do, and stores nothing', async () => {
    const webhook = await makeWebhook(world, { retries: 0 });
    const guids = [await failed(webhook), await failed(webhook)];
    const head = await world.head();
    const got = await ask({ kind: 'retry_failed', webhook });
    expect(got).toMatchObject({
      status: 200,
      body: {
        dry_run: true,
        kind: 'retry_failed',
        company_id: COMPANY,
        webhook,
        from: null,
        to: null,
        rate: 50,
        count: 2,
        complete: true,
        seconds: 1,
        examples: guids.map((invocation) => ({ invocation, webhook, status: 'exhausted' })),
      },
    });
    expect(await world.head()).toBe(head);
    expect(at(await world.api('GET', '/jobs'), 'items')).toEqual([]);
  });

  it('of a backfill tells what the webhook would have heard before it was there', async () => {
    const change = await report('before');
    const webhook = await makeWebhook(world);
    await report('after');
    const got = await ask({ kind: 'backfill', webhook, from: iso(-1_000), rate: 7 });
    expect(got).toMatchObject({
      status: 200,
      body: { count: 1, complete: true, from: iso(-1_000), rate: 7 },
    });
    expect(at(got, 'examples')).toMatchObject([
      { change, type: 'shop.create', resource: 'shop', identifier: 'before', recorded_at: iso(0) },
    ]);
    expect(at(await ask({ kind: 'backfill', webhook, to: iso(0) }), 'count')).toBe(0);
  });

  it('with dry_run false makes the job, once', async () => {
    const webhook = await makeWebhook(world, { retries: 0 });
    await failed(webhook);
    const [first, second] = await Promise.all([
      ask({ kind: 'retry_failed', webhook, dry_run: false }),
      ask({ kind: 'retry_failed', webhook, dry_run: false, rate: 3 }),
    ]);
    expect([first.status, second.status].toSorted()).toEqual([200, 202]);
    expect(textAt(first, 'guid')).toBe(textAt(second, 'guid'));
    const made = first.status === 202 ? first : second;
    expect(made.headers.get('location')).toBe(`/jobs/${textAt(made, 'guid')}`);
    expect(await ask({ kind: 'retry_failed', webhook, dry_run: false })).toMatchObject({
      status: 200,
      body: { guid: textAt(made, 'guid'), status: 'created', counted: 1, asked_by: 'tester' },
    });
    // Another period is another job.
    const other = await ask({ kind: 'retry_failed', webhook, from: iso(-1_000), dry_run: false });
    expect(other.status).toBe(202);
    expect(textAt(other, 'guid')).not.toBe(textAt(made, 'guid'));
  });

  it('refuses what makes no sense, and says all of it', async () => {
    const webhook = await makeWebhook(world);
    const got = await ask({ kind: 'backfill', from: iso(5_000), to: iso(4_000), rate: 7 });
    expect(got.status).toBe(422);
    expect(Object.keys(errorsOf(got)).toSorted()).toEqual(['from', 'to', 'webhook']);
    expect(errorsOf(await ask({ kind: 'retry_failed', from: iso(-1), to: iso(-1) }))).toEqual({
      to: 'must be later than "from"',
    });
    for (const [field, json] of [
      ['kind', {}],
      ['kind', { kind: 'retry' }],
      ['webhook', { kind: 'backfill', webhook: 'x' }],
      ['from', { kind: 'backfill', webhook, from: 'yesterday' }],
      ['rate', { kind: 'backfill', webhook, rate: 0 }],
      ['rate', { kind: 'backfill', webhook, rate: 1_001 }],
      ['dry_run', { kind: 'backfill', webhook, dry_run: 'no' }],
      ['company_id', { kind: 'retry_failed', company_id: '' }],
    ] as const)
      expect([json, Object.keys(errorsOf(await ask(json)))]).toEqual([json, [field]]);
    expect(
      (await world.api('POST', '/jobs', { body: '{', headers: { 'content-type': 'application/json' } }))
        .status,
    ).toBe(400);
    expect((await ask([] as unknown as JsonObject)).status).toBe(422);
  });

  it('is for webhooks of the own company, and not for deleted or disabled ones', async () => {
    const webhook = await makeWebhook(world);
    const unknown = '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3aff';
    expect((await ask({ kind: 'backfill', webhook: unknown })).status).toBe(404);
    expect((await ask({ kind: 'backfill', webhook }, world.tokens.stranger)).status).toBe(404);
    expect((await ask({ kind: 'retry_failed', company_id: COMPANY }, world.tokens.stranger)).status).toBe(
      403,
    );
    expect((await ask({ kind: 'backfill', webhook }, world.tokens.platform)).status).toBe(403);
    expect(errorsOf(await ask({ kind: 'retry_failed' }, world.tokens.admin))).toHaveProperty('company_id');
    expect((await ask({ kind: 'retry_failed', company_id: COMPANY }, world.tokens.admin)).status).toBe(200);
    expect(
      (await ask({ kind: 'backfill', webhook, company_id: OTHER_COMPANY }, world.tokens.admin)).status,
    ).toBe(404);
    expect((await ask({ kind: 'backfill', webhook }, world.tokens.admin)).status).toBe(200);
    await world.api('PATCH', `/webhook/${webhook}/settings`, { json: { enabled: false } });
    expect((await ask({ kind: 'backfill', webhook })).status).toBe(409);
    await world.api('DELETE', `/webhook/${webhook}`);
    expect((await ask({ kind: 'backfill', webhook })).status).toBe(404);
  });
});

describe('GET /jobs', () => {
  it('lists the own ones, newest first, in pages; each can be read', async () => {
    const webhook = await makeWebhook(world);
    const guids: string[] = [];
    for (let n = 1; n <= 5; n += 1) {
      const got = await ask({ kind: 'backfill', webhook, to: iso(-n * 1_000), dry_run: false });
      guids.unshift(textAt(got, 'guid'));
    }
    const seen: unknown[] = [];
    let after = '';
    do {
      const got = await world.api('GET', `/jobs?limit=2${after}`);
      seen.push(...(at(got, 'items') as ReadonlyArray<JsonObject>).map(({ guid }) => guid));
      const next = at(got, 'next') as string | null;
      after = next === null ? '' : `&after=${next}`;
    } while (after !== '');
    expect(seen).toEqual(guids);
    const [first = ''] = guids;
    const got = await world.api('GET', `/jobs/${first}`);
    expect(got).toMatchObject({
      status: 200,
      body: { guid: first, kind: 'backfill', webhook, status: 'created', counted: 0, done: 0, left: 0 },
    });
    expect((await world.api('GET', `/jobs/${first}`, { token: world.tokens.stranger })).status).toBe(404);
    expect((await world.api('GET', '/jobs/x')).status).toBe(404);
    expect(at(await world.api('GET', '/jobs', { token: world.tokens.stranger }), 'items')).toEqual([]);
    expect(at(await world.api('GET', '/jobs', { token: world.tokens.admin }), 'items')).toHaveLength(5);
  });
});

describe('POST /jobs/{guid}/pause, resume and cancel', () => {
  it('take what makes sense, and answer 409 to the rest', async () => {
    const webhook = await makeWebhook(world);
    const guid = textAt(await ask({ kind: 'backfill', webhook, dry_run: false }), 'guid');
    const steer = async (asked: string, token?: string) => {
      const got = await world.api('POST', `/jobs/${guid}/${asked}`, token === undefined ? {} : { token });
      return [got.status, at(got, got.status === 200 ? 'status' : 'title')];
    };
    expect((await steer('pause', world.tokens.stranger))[0]).toBe(404);
    expect((await steer('resume'))[0]).toBe(409);
    expect(await steer('pause')).toEqual([200, 'paused']);
    expect(await steer('pause')).toEqual([200, 'paused']);
    await world.api('PATCH', `/webhook/${webhook}/settings`, { json: { enabled: false } });
    expect((await steer('resume'))[0]).toBe(409);
    await world.api('PATCH', `/webhook/${webhook}/settings`, { json: { enabled: true } });
    expect(await steer('resume')).toEqual([200, 'running']);
    expect(await steer('cancel')).toEqual([200, 'cancelled']);
    expect((await steer('pause'))[0]).toBe(409);
    expect((await steer('resume'))[0]).toBe(409);
    expect(await world.api('GET', `/jobs/${guid}`)).toMatchObject({
      body: { status: 'cancelled', reason: 'by_request', ended_at: iso(0), left: 0 },
    });
    // It is over: the same asked for again is a new one.
    const again = await ask({ kind: 'backfill', webhook, dry_run: false });
    expect(again.status).toBe(202);
    expect(textAt(again, 'guid')).not.toBe(guid);
  });
});
