import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLeft, left } from 'fp-ts/lib/Either.js';
import { urlPolicy, NO_TARGETS } from '../../src/adapters/address-guard.ts';
import { issueToken, type TokenClaims, verifyToken } from '../../src/adapters/jwt.ts';
import { openMetrics } from '../../src/adapters/prometheus.ts';
import { newNonce, newWebhookSecret, openSecretBox } from '../../src/adapters/secret-box.ts';
import { systemRandom } from '../../src/adapters/system-random.ts';
import { differenceOf } from '../../src/audit/conservation.ts';
import {
  getInvocation,
  type InvocationDeps,
  retryAllFailed,
  retryInvocation,
  testWebhook,
} from '../../src/commands/invocations.ts';
import { askForJob, previewJob, steerJob } from '../../src/commands/jobs.ts';
import { ChangeClaims } from '../../src/commands/change-claims.ts';
import { ChangeIntake } from '../../src/commands/report-changes.ts';
import { Accounts } from '../../src/commands/accounts.ts';
import { Webhooks } from '../../src/commands/webhooks.ts';
import { STREAM_PREFIXES } from '../../src/domain/ids.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { BUILT_IN_RULES } from '../../src/domain/rules.ts';
import type { EventStore, ReadFailure } from '../../src/eventstore/event-store.ts';
import { createApp, SERVER_OPTIONS } from '../../src/http/app.ts';
import { noteWrites } from '../../src/eventstore/written.ts';
import type { Health, HttpDeps, NodeStatus } from '../../src/http/deps.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { LogFields } from '../../src/ports/log.ts';
import { decodeAll } from '../../src/projections/projector.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { openTestStore, TEST_STORE } from '../support/test-store.ts';
import { assertDocumented } from './answers.ts';

export const COMPANY = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48';
export const OTHER_COMPANY = '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a03';
export const START_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
export const RETRY_BASE_MS = 30_000;

export interface Got {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed when it is JSON, else the text. */
  readonly body: Json;
}

export interface Sent {
  /** A token, or null for none; the partner's when absent. */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | FormData | ReadableStream<Uint8Array>;
}

const OURS = { streamPrefixes: STREAM_PREFIXES };

/** The app behind a real server, with an empty store, its read models, and time that stands still. */
export interface World {
  readonly origin: string;
  readonly store: EventStore;
  readonly deps: HttpDeps;
  readonly invocationDeps: InvocationDeps;
  readonly tokenKey: Uint8Array;
  readonly tokens: Readonly<Record<'partner' | 'platform' | 'admin' | 'stranger', string>>;
  /** What was logged as a warning or an error. */
  readonly logged: Array<{ readonly fields: LogFields; readonly message: string }>;
  nowMs: number;
  health: Health;
  nodes: ReadonlyArray<NodeStatus>;
  /** While true, the store answers nothing. */
  storeIsAway: boolean;
  /** Sends a request and checks the answer against the OpenAPI description. */
  api(method: string, path: string, sent?: Sent): Promise<Got>;
  issue(claims: Partial<TokenClaims>): Promise<string>;
  /** Position of the newest event. */
  head(): Promise<number>;
  close(): Promise<void>;
}

export const openWorld = async (change: (deps: HttpDeps) => HttpDeps = (deps) => deps): Promise<World> => {
  const { store: near, newest } = noteWrites(await openTestStore());
  const away: ReadFailure = { _tag: 'StoreUnavailable', message: 'inner words' };
  const store: EventStore = {
    ...near,
    append: (batch) => async () => (world.storeIsAway ? left(away) : near.append(batch)()),
    readStream: (stream, options) => async () =>
      world.storeIsAway ? left(away) : near.readStream(stream, options)(),
  };
  const readModels = openReadModels({ path: ':memory:', eventStoreId: 'tests' });
  const random = systemRandom();
  const clock: Clock = {
    nowMs: () => world.nowMs,
    monotonicMs: () => world.nowMs,
    // Time stands still: only what is due at once comes.
    setTimer: (delayMs, callback) => {
      const timer = delayMs <= 0 ? setImmediate(callback) : undefined;
      return { cancel: () => clearImmediate(timer) };
    },
  };
  const box = openSecretBox('a master secret for tests', random);
  const tokenKey = box.tokenKey();
  const accounts = new Accounts({ store, random, clock });
  const webhooks = new Webhooks({
    accounts,
    store,
    clock,
    random,
    rules: BUILT_IN_RULES,
    secrets: {
      newSealedSecret: () => box.seal(newWebhookSecret(random)),
      newNonce: () => newNonce(random),
    },
  });
  let applied = 0;
  const settled = async (): Promise<void> => {
    const page = await store.readAll({ after: applied, limit: 10_000, filter: OURS })();
    if (isLeft(page)) throw new Error(page.left.message);
    const events = decodeAll(page.right.events);
    readModels.apply('routing', events, page.right.next);
    readModels.apply('log', events, page.right.next);
    applied = page.right.next;
    intake.projectedUpTo(applied);
  };

  const intake = new ChangeIntake({
    store,
    clock,
    changes: readModels,
    caughtUp: async () => {
      await settled();
      return true;
    },
    openAccount: (companyId, cause) => accounts.open(companyId, cause),
    isStrict: (companyId) => accounts.isStrict(companyId),
    rules: BUILT_IN_RULES,
    ...(TEST_STORE === 'double' && { claims: new ChangeClaims({ store, clock, random }) }),
  });
  const invocationDeps: InvocationDeps = {
    store,
    clock,
    random,
    webhooks,
    dueList: readModels,
    defaultRetryBaseMs: RETRY_BASE_MS,
  };

  const metrics = openMetrics('1.2.3', async () => {
    const places = readModels.counts();
    const scheduled = readModels.scheduledInAll();
    return {
      ready: world.health.ready,
      changes: readModels.changesInAll(),
      scheduled,
      places,
      difference: differenceOf({ scheduled, ...places }),
      lateMs: 0,
      lag: 0,
      inFlight: 0,
      nodes: 1,
      partitions: 256,
    };
  });
  const jobDeps = { store, clock, random, webhooks, readModels, rules: BUILT_IN_RULES };
  const logged: World['logged'] = [];
  const record = (fields: LogFields, message: string): void => void logged.push({ fields, message });
  const deps = change({
    version: '1.2.3',
    defaultRetryBaseMs: RETRY_BASE_MS,
    rules: BUILT_IN_RULES,
    webhooks,
    accounts,
    intake,
    invocations: {
      get: (guid) => getInvocation(invocationDeps, guid),
      retry: (guid, cause) => retryInvocation(invocationDeps, guid, cause),
      retryAllFailed: (webhook, cause) => retryAllFailed(invocationDeps, webhook, cause),
      test: (webhook, cause) => testWebhook(invocationDeps, webhook, cause),
    },
    jobs: {
      preview: (request) => previewJob(jobDeps, request),
      ask: (request, cause) => askForJob(jobDeps, request, cause),
      steer: (guid, asked, cause) => steerJob(jobDeps, guid, asked, cause),
    },
    readModels,
    store,
    verifyToken: verifyToken(tokenKey, clock),
    openSecret: (sealed) => box.open(sealed),
    cookies: { seal: (plain) => box.seal(plain), open: (sealed) => box.open(sealed) },
    publicUrl: null,
    checkUrl: urlPolicy(NO_TARGETS),
    settled,
    shownUpTo: () => readModels.checkpoint('log'),
    writtenUpTo: newest,
    nodes: () => world.nodes,
    health: () => world.health,
    metrics,
    development: false,
    removesByPolicy: true,
    clock,
    random,
    log: { debug: () => undefined, info: () => undefined, warn: record, error: record },
  });

  const issue = (claims: Partial<TokenClaims>): Promise<string> =>
    issueToken(
      tokenKey,
      {
        subject: 'tester',
        role: 'partner',
        companies: [COMPANY],
        expiresAtMs: START_MS + 3_600_000,
        ...claims,
      },
      START_MS,
    );
  const tokens = {
    partner: await issue({}),
    platform: await issue({ subject: 'platform', role: 'platform' }),
    admin: await issue({ subject: 'admin', role: 'admin', companies: '*' }),
    stranger: await issue({ subject: 'stranger', companies: [OTHER_COMPANY] }),
  };

  const answer = createApp(deps).callback();
  const server = createServer(SERVER_OPTIONS, (request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const world: World = {
    origin,
    store,
    deps,
    invocationDeps,
    tokenKey,
    tokens,
    logged,
    nowMs: START_MS,
    health: { ready: true, reasons: [] },
    nodes: [],
    storeIsAway: false,
    api: (method, path, sent = {}) => send(world, method, path, sent),
    issue,
    head: async () => {
      const page = await store.readAll({ after: 0, limit: 10_000, filter: OURS })();
      if (isLeft(page)) throw new Error(page.left.message);
      return page.right.events.at(-1)?.position ?? 0;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await store.close();
      readModels.close();
    },
  };
  return world;
};

const send = async (world: World, method: string, path: string, sent: Sent): Promise<Got> => {
  const { token = world.tokens.partner, json, form } = sent;
  const headers = new Headers(sent.headers);
  if (token !== null) headers.set('authorization', `Bearer ${token}`);
  if (json !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json');
  if (form !== undefined) headers.set('content-type', 'application/x-www-form-urlencoded');
  const body =
    json !== undefined
      ? JSON.stringify(json)
      : form !== undefined
        ? new URLSearchParams(form).toString()
        : sent.body;
  const init: RequestInit = { method, headers, redirect: 'manual' };
  const response = await fetch(`${world.origin}${path}`, {
    ...init,
    ...(body !== undefined && { body: body as NonNullable<RequestInit['body']>, duplex: 'half' }),
  });
  const text = await response.text();
  const contentType = response.headers.get('content-type') ?? '';
  const got = {
    status: response.status,
    headers: response.headers,
    body: (/[/+]json/.test(contentType) ? JSON.parse(text) : text) as Json,
  };
  const { pathname } = new URL(path, world.origin);
  assertDocumented({ method, pathname, status: got.status, contentType, body: got.body });
  return got;
};

/** The fields of a problem, by name. */
export const errorsOf = (got: Got): Readonly<Record<string, string>> => {
  const errors = (got.body as JsonObject)['errors'] as
    ReadonlyArray<{ field: string; message: string }> | undefined;
  return Object.fromEntries((errors ?? []).map(({ field, message }) => [field, message]));
};

export const NEW_WEBHOOK = {
  name: 'My Example Webhook',
  url: 'https://example.com/webhook/receive',
  resource: 'shop',
  trigger: 'create',
  retries: 3,
};

/** Makes a webhook through the API and gives its guid. */
export const makeWebhook = async (world: World, fields: JsonObject = {}, token?: string): Promise<string> => {
  const made = await world.api('POST', '/webhook', {
    json: { ...NEW_WEBHOOK, ...fields },
    ...(token !== undefined && { token }),
  });
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  return (made.body as JsonObject)['guid'] as string;
};

/** Keeps tests short: what an object of the answer holds. */
export const at = (got: Got, key: string): Json | undefined => (got.body as JsonObject)[key];
export const textAt = (got: Got, key: string): string => at(got, key) as string;
