import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { invocation as aggregate } from '../../src/commands/aggregates.ts';
import { streamOf } from '../../src/domain/ids.ts';
import type { AttemptResult, InvocationCommand } from '../../src/domain/invocation.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { transact } from '../../src/eventstore/transact.ts';
import { at, COMPANY, errorsOf, type Got, makeWebhook, openWorld, textAt, type World } from './harness.ts';

let world: World;
let webhook: string;
beforeEach(async () => {
  world = await openWorld();
  webhook = await makeWebhook(world, { retries: 1, identifier: 's-1' });
});
afterEach(() => world.close());

const does = async (invocation: string, command: InvocationCommand): Promise<void> => {
  const cause = { correlationId: invocation, causationId: invocation, actor: 'tests', companyId: COMPANY };
  const done = await transact(
    world.invocationDeps,
    streamOf.invocation(invocation),
    aggregate,
    command,
    cause,
  );
  if (isLeft(done)) throw new Error(JSON.stringify(done.left));
};

/** Schedules a test invocation over the API. */
const schedule = async (of = webhook): Promise<string> => {
  const got = await world.api('POST', `/webhook/${of}/test`);
  expect(got.status).toBe(202);
  return textAt(got, 'guid');
};

const start = (invocation: string, number: number): Promise<void> =>
  does(invocation, {
    type: 'StartAttempt',
    number,
    url: 'https://example.com/webhook/receive',
    webhookRevision: 0,
    atMs: world.nowMs,
  });

const RESULT: AttemptResult & { readonly statusCode: number } = {
  statusCode: 500,
  error: null,
  durationMs: 12.5,
  address: '93.184.216.34',
  responseExcerpt: 'x'.repeat(300),
};

const answer = (invocation: string, number: number, statusCode: number): Promise<void> =>
  does(invocation, {
    type: 'RecordAnswer',
    number,
    result: { ...RESULT, statusCode },
    retryAfter: null,
    atMs: world.nowMs + 20,
  });

const exhaust = async (invocation: string): Promise<void> => {
  for (const number of [1, 2]) {
    await start(invocation, number);
    await answer(invocation, number, 500);
    world.nowMs += 60_000;
  }
};

const read = (invocation: string): Promise<Got> => world.api('GET', `/invocations/${invocation}`);
const guids = (got: Got): ReadonlyArray<unknown> =>
  (at(got, 'items') as ReadonlyArray<JsonObject>).map(({ guid }) => guid);

describe('an invocation', () => {
  it('of a test is marked as such and waits', async () => {
    const got = await read(await schedule());
    expect(got.status).toBe(200);
    expect(Object.keys(got.body as object)).toEqual([
      'guid',
      'webhook',
      'change',
      'test',
      'status',
      'resource',
      'trigger',
      'identifier',
      'origin',
      'scheduled_at',
      'next_attempt_at',
      'settled_at',
      'attempts',
    ]);
    expect(got.body).toMatchObject({
      webhook,
      change: null,
      test: true,
      status: 'waiting',
      resource: 'shop',
      trigger: 'create',
      identifier: 's-1',
      origin: { resource: 'shop', identifier: 's-1', trigger: 'create' },
      scheduled_at: '2026-01-02T03:04:05.678Z',
      next_attempt_at: '2026-01-02T03:04:05.678Z',
      settled_at: null,
      attempts: [],
    });
  });

  it('in flight shows an attempt without an end', async () => {
    const invocation = await schedule();
    await start(invocation, 1);
    expect((await read(invocation)).body).toMatchObject({
      status: 'in_flight',
      next_attempt_at: null,
      attempts: [
        {
          number: 1,
          started_at: '2026-01-02T03:04:05.678Z',
          ended_at: null,
          outcome: null,
          status_code: null,
          error: null,
          duration_ms: null,
          url: 'https://example.com/webhook/receive',
          address: null,
          webhook_revision: 0,
          response_excerpt: null,
        },
      ],
    });
  });

  it('that failed waits for the next attempt, then is exhausted', async () => {
    const invocation = await schedule();
    await start(invocation, 1);
    await answer(invocation, 1, 503);
    const waiting = await read(invocation);
    expect(waiting.body).toMatchObject({
      status: 'waiting',
      settled_at: null,
      attempts: [
        {
          ended_at: '2026-01-02T03:04:05.698Z',
          outcome: 'failed',
          status_code: 503,
          duration_ms: 12.5,
          address: '93.184.216.34',
          response_excerpt: 'x'.repeat(300),
        },
      ],
    });
    world.nowMs = Date.parse(textAt(waiting, 'next_attempt_at'));
    await start(invocation, 2);
    await answer(invocation, 2, 500);
    const exhausted = await read(invocation);
    expect(exhausted.body).toMatchObject({
      status: 'exhausted',
      next_attempt_at: null,
      settled_at: new Date(world.nowMs + 20).toISOString(),
      attempts: [{ number: 1 }, { number: 2 }],
    });
  });

  it('that was cancelled says why', async () => {
    const invocation = await schedule();
    await does(invocation, { type: 'CancelInvocation', reason: 'webhook_disabled', atMs: world.nowMs });
    expect((await read(invocation)).body).toMatchObject({
      status: 'cancelled',
      settled_at: '2026-01-02T03:04:05.678Z',
      cancel_reason: 'webhook_disabled',
    });
  });

  it('that is unknown or another company’s is not found', async () => {
    const { stranger: token } = world.tokens;
    const invocation = await schedule();
    const before = await world.head();
    for (const guid of ['96007e9b-b570-454c-aa3b-66a33a88280a', 'mine']) {
      expect((await read(guid)).status).toBe(404);
      expect((await world.api('POST', `/invocations/${guid}/retry`)).status).toBe(404);
    }
    expect((await world.api('GET', `/invocations/${invocation}`, { token })).status).toBe(404);
    expect((await world.api('POST', `/invocations/${invocation}/retry`, { token })).status).toBe(404);
    expect(await world.head()).toBe(before);
  });
});

describe('the log', () => {
  it('lists newest first, page by page, with short excerpts', async () => {
    const made: string[] = [];
    for (let n = 0; n < 5; n += 1) made.push(await schedule());
    await exhaust(made[4] as string);

    const first = await world.api('GET', `/webhook/${webhook}/invocations?limit=3`);
    expect(guids(first)).toEqual(made.slice(2).reverse());
    expect(at(first, 'items')).toMatchObject([
      { attempts: [{ response_excerpt: 'x'.repeat(200) }, {}] },
      { attempts: [] },
      { attempts: [] },
    ]);
    const second = await world.api('GET', `/webhook/${webhook}/invocations?after=${textAt(first, 'next')}`);
    expect(guids(second)).toEqual(made.slice(0, 2).reverse());
    expect(at(second, 'next')).toBeNull();
  });

  it('covers all webhooks of the company, and no others', async () => {
    const other = await makeWebhook(world);
    const mine = [await schedule(), await schedule(other)];
    const { stranger: token } = world.tokens;
    const foreign = await makeWebhook(world, {}, token);
    const theirs = await world.api('POST', `/webhook/${foreign}/test`, { token });

    expect(guids(await world.api('GET', '/invocations'))).toEqual([...mine].reverse());
    expect(guids(await world.api('GET', '/invocations', { token }))).toEqual([at(theirs, 'guid')]);
    const { admin } = world.tokens;
    expect(guids(await world.api('GET', '/invocations', { token: admin }))).toHaveLength(3);
    const ofOne = await world.api('GET', `/invocations?company_id=${COMPANY}`, { token: admin });
    expect(guids(ofOne)).toEqual([...mine].reverse());
    expect(guids(await world.api('GET', `/invocations?webhook=${foreign}`))).toEqual([]);
    expect((await world.api('GET', `/webhook/${foreign}/invocations`)).status).toBe(404);
  });

  it('filters', async () => {
    const first = await schedule();
    await exhaust(first);
    const second = await schedule();
    const queries: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
      ['status=exhausted', [first]],
      ['status=waiting', [second]],
      ['status=delivered', []],
      [`webhook=${webhook}`, [second, first]],
      ['resource=shop', [second, first]],
      ['resource=order', []],
      ['identifier=s-1', [second, first]],
      ['identifier=s-2', []],
      ['change=96007e9b-b570-454c-aa3b-66a33a88280a', []],
      ['from=2026-01-02T03:04:05.679Z', [second]],
      ['to=2026-01-02T03:04:05.679Z', [first]],
      ['to=2026-01-02T03:04:05.678Z', []],
      ['from=2026-01-02T04:04:05.678%2B01:00', [second, first]],
    ];
    for (const [query, expected] of queries) {
      expect(guids(await world.api('GET', `/invocations?${query}`)), query).toEqual(expected);
    }
    expect(guids(await world.api('GET', `/webhook/${webhook}/invocations?status=waiting`))).toEqual([second]);
  });

  it.each([
    ['status=lost', 'status'],
    ['webhook=mine', 'webhook'],
    ['change=1', 'change'],
    ['resource=invoice', 'resource'],
    ['from=yesterday', 'from'],
    ['to=2026-02-30T00:00:00Z', 'to'],
    ['to=2026-01-01', 'to'],
    ['limit=0', 'limit'],
    ['status=waiting&status=delivered', 'status'],
  ])('refuses ?%s', async (query, field) => {
    const got = await world.api('GET', `/invocations?${query}`);
    expect([got.status, Object.keys(errorsOf(got))]).toEqual([422, [field]]);
  });
});

describe('a retry by hand', () => {
  it('opens a new round that is due at once', async () => {
    const invocation = await schedule();
    await exhaust(invocation);
    const retried = await world.api('POST', `/invocations/${invocation}/retry`);
    expect(retried.status).toBe(202);
    expect(retried.body).toMatchObject({
      guid: invocation,
      status: 'waiting',
      next_attempt_at: new Date(world.nowMs).toISOString(),
      settled_at: null,
      attempts: [{ number: 1 }, { number: 2 }],
    });
  });

  it('is refused while an attempt is in flight', async () => {
    const invocation = await schedule();
    await start(invocation, 1);
    const before = await world.head();
    expect((await world.api('POST', `/invocations/${invocation}/retry`)).status).toBe(409);
    expect(await world.head()).toBe(before);
  });

  it('is refused for what was superseded', async () => {
    const invocation = await schedule();
    await does(invocation, { type: 'SupersedeInvocation', by: webhook, atMs: world.nowMs });
    expect((await world.api('POST', `/invocations/${invocation}/retry`)).status).toBe(409);
  });

  it('of all failed takes what is exhausted or waits after a failure', async () => {
    const made = [await schedule(), await schedule(), await schedule()] as const;
    await exhaust(made[0]);
    await start(made[1], 1);
    await answer(made[1], 1, 500);
    const got = await world.api('POST', `/webhook/${webhook}/invocations/retry`);
    expect([got.status, got.body]).toEqual([202, { retried: 2 }]);
    const again = await world.api('GET', `/webhook/${webhook}/invocations?status=waiting`);
    expect(guids(again)).toHaveLength(3);
  });

  it('and a test are refused while the webhook is disabled', async () => {
    const invocation = await schedule();
    await exhaust(invocation);
    await world.api('PATCH', `/webhook/${webhook}/settings`, { json: { enabled: false } });
    const before = await world.head();
    for (const path of [
      `/invocations/${invocation}/retry`,
      `/webhook/${webhook}/invocations/retry`,
      `/webhook/${webhook}/test`,
    ]) {
      const got = await world.api('POST', path);
      expect([got.status, at(got, 'type')], path).toEqual([409, '/docs/errors/conflict']);
    }
    expect(await world.head()).toBe(before);
  });
});
