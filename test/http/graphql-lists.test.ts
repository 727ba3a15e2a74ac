import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { invocation as aggregate } from '../../src/commands/aggregates.ts';
import { streamOf } from '../../src/domain/ids.ts';
import type { AttemptResult, InvocationCommand } from '../../src/domain/invocation.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { transact } from '../../src/eventstore/transact.ts';
import { COMPANY, makeWebhook, openWorld, OTHER_COMPANY, type World } from './harness.ts';
import { clientsOf, errorsIn, field, NEW, post, save, viewerIn, wrongFields } from './graphql.ts';

let world: World;
let token: string;
beforeEach(async () => {
  world = await openWorld();
  token = (await clientsOf(world, OTHER_COMPANY)).own;
});
afterEach(() => world.close());

const ask = async (query: string, variables?: unknown): Promise<JsonObject> =>
  viewerIn(await post(world, query, { token, variables }));
const idsIn = (list: Json | undefined): ReadonlyArray<Json | undefined> =>
  (field(list, 'items') as ReadonlyArray<JsonObject>).map(({ id }) => id);

const PAGE = 'totalCount pageInfo { hasPreviousPage hasNextPage pageIndex pageSize } items { id }';

describe('the list of webhooks', () => {
  it('is empty before there is one, and reading writes nothing', async () => {
    const { webhooks } = await ask(`{ viewer { webhooks { ${PAGE} } } }`);
    expect(webhooks).toEqual({
      items: [],
      totalCount: 0,
      pageInfo: { hasPreviousPage: false, hasNextPage: false, pageIndex: 0, pageSize: 50 },
    });
    expect(await world.head()).toBe(0);
  });

  it('has pages', async () => {
    for (let made = 0; made < 5; made += 1) await save(world, token, NEW);
    const page = async (pageIndex: number, pageSize: number) => {
      const { webhooks } = await ask(
        `query ($i: Int, $s: Int) { viewer { webhooks(pageIndex: $i, pageSize: $s) { ${PAGE} } } }`,
        { i: pageIndex, s: pageSize },
      );
      const { hasPreviousPage, hasNextPage } = field(webhooks, 'pageInfo') as JsonObject;
      return [idsIn(webhooks), hasPreviousPage, hasNextPage, field(webhooks, 'totalCount')];
    };
    expect(await page(0, 2)).toEqual([[1, 3], false, true, 5]);
    expect(await page(1, 2)).toEqual([[5, 7], true, true, 5]);
    expect(await page(2, 2)).toEqual([[9], true, false, 5]);
    expect(await page(3, 2)).toEqual([[], true, false, 5]);
    expect(await page(0, 5)).toEqual([[1, 3, 5, 7, 9], false, false, 5]);
    expect(await page(2_147_483_647, 200)).toEqual([[], true, false, 5]);
  });

  it('is sorted by what it can be sorted by, both ways', async () => {
    for (const enabled of [true, false, true, false]) await save(world, token, { ...NEW, enabled });
    const sorted = async (by: string): Promise<ReadonlyArray<Json | undefined>> =>
      idsIn((await ask(`{ viewer { webhooks(${by}) { items { id } } } }`))['webhooks']);
    expect(await sorted('sortBy: ID')).toEqual([1, 3, 5, 7]);
    expect(await sorted('sortBy: null, sortByDirection: DESC')).toEqual([7, 5, 3, 1]);
    expect(await sorted('sortBy: CREATEDDATE, sortByDirection: DESC')).toEqual([7, 5, 3, 1]);
    expect(await sorted('sortBy: ENABLED, sortByDirection: ASC')).toEqual([3, 7, 1, 5]);
    expect(await sorted('sortBy: ENABLED, sortByDirection: DESC')).toEqual([5, 1, 7, 3]);
    expect(await sorted('sortBy: ENABLED, sortByDirection: DESC, pageSize: 1, pageIndex: 1')).toEqual([1]);
  });

  it.each([
    ['pageSize: 201', ['pageSize']],
    ['pageSize: 0', ['pageSize']],
    ['pageSize: -5', ['pageSize']],
    ['pageIndex: -1', ['pageIndex']],
    ['pageIndex: -1, pageSize: 1000', ['pageIndex', 'pageSize']],
  ])('refuses %s', async (asked, fields) => {
    const got = await post(world, `{ viewer { webhooks(${asked}) { totalCount } } }`, { token });
    expect(Object.keys(wrongFields(got))).toEqual(fields);
    expect(got.body).toMatchObject({ data: { viewer: { webhooks: null } } });
  });

  it('holds the webhooks of its own dialect', async () => {
    await makeWebhook(world);
    await save(world, token, NEW);
    expect(await ask('{ viewer { webhooks { totalCount } } }')).toEqual({ webhooks: { totalCount: 1 } });
    expect(field((await world.api('GET', '/webhook')).body, 'items')).toHaveLength(1);
  });
});

describe('one webhook', () => {
  it('is read by its id with all that it is', async () => {
    const made = await save(world, token, { ...NEW, headers: { items: [{ name: 'X-A', value: '1' }] } });
    const read = await ask(
      `{ viewer { webhook(id: 1) { id guid url body enabled client { id } createdDate headers { items { name } } } } }`,
    );
    const { id, guid, url, body, enabled, client, createdDate } = made;
    expect(read).toEqual({
      webhook: { id, guid, url, body, enabled, client, createdDate, headers: { items: [{ name: 'X-A' }] } },
    });
  });

  it('that is unknown is null, with an error', async () => {
    const got = await post(world, '{ viewer { webhook(id: 17) { id } } }', { token });
    expect(got.body).toEqual({
      errors: [
        {
          message: 'There is no webhook 17 in the client account 6080.',
          locations: [{ line: 1, column: 12 }],
          path: ['viewer', 'webhook'],
          extensions: { code: 'not-found' },
          unhandledException: false,
        },
      ],
      data: { viewer: { webhook: null } },
    });
  });
});

describe('deleting a webhook', () => {
  it('answers it as it was, and leaves nothing to be found', async () => {
    const { guid } = await save(world, token, NEW);
    await save(world, token, NEW);
    const gone = await ask('mutation { viewer { deleteWebhook(id: 1) { id url enabled } } }');
    expect(gone).toEqual({ deleteWebhook: { id: 1, url: NEW.url, enabled: false } });
    for (const query of [
      '{ viewer { webhook(id: 1) { id } } }',
      'mutation { viewer { deleteWebhook(id: 1) { id } } }',
      'mutation { viewer { saveWebhook(webhook: { id: 1, enabled: true }) { id } } }',
    ]) {
      const got = await post(world, query, { token });
      expect(errorsIn(got), query).toMatchObject([{ extensions: { code: 'not-found' } }]);
    }
    const { webhooks } = await ask('{ viewer { webhooks { totalCount items { id } } } }');
    expect(webhooks).toEqual({ totalCount: 1, items: [{ id: 3 }] });
    expect((await world.api('GET', `/webhook/${guid as string}/settings`)).status).toBe(404);
  });
});

describe('the invocations of a webhook', () => {
  let guid: string;
  beforeEach(async () => {
    guid = (await save(world, token, NEW))['guid'] as string;
  });

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

  const guidOf = (n: number): string => `1e0c4a3e-0000-5000-8000-${String(n).padStart(12, '0')}`;

  const schedule = (n: number): Promise<void> => {
    const order = { resource: 'order', identifier: `3722803${n}` } as const;
    return does(guidOf(n), {
      type: 'ScheduleInvocation',
      guid: guidOf(n),
      webhook: guid,
      companyId: COMPANY,
      change: null,
      test: false,
      ...order,
      trigger: 'create',
      origin: { ...order, trigger: 'create' },
      matched: [{ ...order, path: [order] }],
      systemEvent: 'ORDER_SAVED',
      body: '{}',
      retries: 1,
      retryBaseMs: 30_000,
      ordering: 'none',
      coalesce: false,
      atMs: world.nowMs,
    });
  };

  const RESULT: AttemptResult & { readonly statusCode: number } = {
    statusCode: 500,
    error: null,
    durationMs: 12.5,
    address: '93.184.216.34',
    responseExcerpt: 'x'.repeat(300),
  };

  const attempt = async (n: number, number: number, statusCode: number): Promise<void> => {
    const { url } = NEW;
    const atMs = world.nowMs;
    await does(guidOf(n), { type: 'StartAttempt', number, url, webhookRevision: 0, atMs });
    const result = { ...RESULT, statusCode };
    await does(guidOf(n), { type: 'RecordAnswer', number, result, retryAfter: null, atMs: atMs + 20 });
  };

  it('come with their attempts', async () => {
    await schedule(1);
    await attempt(1, 1, 500);
    world.nowMs += 60_000;
    await attempt(1, 2, 200);
    const { webhook } = await ask(`{ viewer { webhook(id: 1) { invocations {
      items { id status test systemEventType contextId scheduledAt nextAttemptAt settledAt
        attempts { totalCount items { number startedAt endedAt outcome statusCode error durationMs url address responseExcerpt } } }
      ${PAGE} } } } }`);
    const same = {
      error: null,
      durationMs: 12.5,
      url: NEW.url,
      address: '93.184.216.34',
      responseExcerpt: 'x'.repeat(200),
    };
    expect(field(webhook, 'invocations')).toEqual({
      items: [
        {
          id: guidOf(1),
          status: 'DELIVERED',
          test: false,
          systemEventType: 'ORDER_SAVED',
          contextId: '37228031',
          scheduledAt: '2026-01-02T03:04:05.678Z',
          nextAttemptAt: null,
          settledAt: '2026-01-02T03:05:05.698Z',
          attempts: {
            totalCount: 2,
            items: [
              {
                number: 1,
                startedAt: '2026-01-02T03:04:05.678Z',
                endedAt: '2026-01-02T03:04:05.698Z',
                outcome: 'FAILED',
                statusCode: 500,
                ...same,
              },
              {
                number: 2,
                startedAt: '2026-01-02T03:05:05.678Z',
                endedAt: '2026-01-02T03:05:05.698Z',
                outcome: 'SUCCEEDED',
                statusCode: 200,
                ...same,
              },
            ],
          },
        },
      ],
      totalCount: 1,
      pageInfo: { hasPreviousPage: false, hasNextPage: false, pageIndex: 0, pageSize: 20 },
    });
  });

  it('wait, or are in flight, with null for what is to come', async () => {
    for (const n of [1, 2]) await schedule(n);
    await does(guidOf(2), {
      type: 'StartAttempt',
      number: 1,
      url: NEW.url,
      webhookRevision: 0,
      atMs: world.nowMs,
    });
    const { webhook } = await ask(`{ viewer { webhook(id: 1) { invocations { items {
      status nextAttemptAt settledAt attempts { items { endedAt outcome statusCode durationMs } } } } } } }`);
    expect(field(webhook, 'invocations', 'items')).toEqual([
      {
        status: 'IN_FLIGHT',
        nextAttemptAt: null,
        settledAt: null,
        attempts: { items: [{ endedAt: null, outcome: null, statusCode: null, durationMs: null }] },
      },
      {
        status: 'WAITING',
        nextAttemptAt: '2026-01-02T03:04:05.678Z',
        settledAt: null,
        attempts: { items: [] },
      },
    ]);
  });

  it('are newest first, in pages, and counted on the last one', async () => {
    for (const n of [1, 2, 3, 4, 5]) await schedule(n);
    const page = async (asked: string) => {
      const { webhook } = await ask(`{ viewer { webhook(id: 1) { invocations(${asked}) { ${PAGE} } } } }`);
      const list = field(webhook, 'invocations');
      const { hasPreviousPage, hasNextPage } = field(list, 'pageInfo') as JsonObject;
      const ids = idsIn(list).map((id) => Number((id as string).slice(-2)));
      return [ids, hasPreviousPage, hasNextPage, field(list, 'totalCount')];
    };
    expect(await page('pageSize: 2')).toEqual([[5, 4], false, true, null]);
    expect(await page('pageSize: 2, pageIndex: 1')).toEqual([[3, 2], true, true, null]);
    expect(await page('pageSize: 2, pageIndex: 2')).toEqual([[1], true, false, 5]);
    expect(await page('pageSize: 2, pageIndex: 3')).toEqual([[], true, false, 5]);
    await attempt(3, 1, 200);
    expect(await page('status: DELIVERED')).toEqual([[3], false, false, 1]);
    expect(await page('status: EXHAUSTED')).toEqual([[], false, false, 0]);
    expect(await page('status: WAITING, pageSize: 1')).toEqual([[5], false, true, null]);
  });

  it('of a test are marked, and stand under their webhook alone', async () => {
    await save(world, token, NEW);
    expect((await world.api('POST', `/webhook/${guid}/test`)).status).toBe(202);
    const { webhooks } = await ask(
      '{ viewer { webhooks { items { id invocations { items { test systemEventType } } } } } }',
    );
    expect(field(webhooks, 'items')).toEqual([
      { id: 1, invocations: { items: [{ test: true, systemEventType: 'ORDER_SAVED' }] } },
      { id: 3, invocations: { items: [] } },
    ]);
  });

  it.each([
    ['pageSize: 201', ['pageSize']],
    ['pageSize: 0', ['pageSize']],
    ['pageIndex: 50, pageSize: 200', ['pageIndex']],
    ['pageIndex: 2147483647', ['pageIndex']],
  ])('refuse %s', async (asked, fields) => {
    const got = await post(world, `{ viewer { webhook(id: 1) { invocations(${asked}) { totalCount } } } }`, {
      token,
    });
    expect(Object.keys(wrongFields(got))).toEqual(fields);
  });
});
