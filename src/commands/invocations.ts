import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Cause } from '../domain/events.ts';
import { streamOf } from '../domain/ids.ts';
import {
  type InvocationEvent,
  type InvocationRejection,
  type InvocationScheduled,
  type InvocationState,
  mayRetryAsFailed,
} from '../domain/invocation.ts';
import { compileRequest, renderSavedBody } from '../domain/moshtix-request.ts';
import { renderBody } from '../domain/openticket-request.ts';
import type { Resource } from '../domain/resources.ts';
import type { MoshtixSelection, WebhookFacts } from '../domain/webhook.ts';
import { decode } from '../eventstore/codec.ts';
import { load, type Loaded, transact, type Transacted, type TransactDeps } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { DueList } from '../projections/read-models.ts';
import { invocation as aggregate } from './aggregates.ts';
import type { KnownWebhook, WebhookFailure, Webhooks } from './webhooks.ts';

export interface InvocationDeps extends TransactDeps {
  readonly clock: Clock;
  readonly webhooks: Webhooks;
  readonly dueList: Pick<DueList, 'failedOf'>;
  readonly defaultRetryBaseMs: number;
}

export type KnownInvocation = Exclude<InvocationState, { situation: 'unscheduled' }>;

export type InvocationFailure =
  | InvocationRejection
  | WebhookFailure
  /** It was settled long ago, and its company's policy has removed all but its last event; null: nobody can tell when. */
  | { readonly _tag: 'InvocationRemoved'; readonly companyId: string; readonly removedAtMs: number | null }
  /** A retry would be cancelled at once: enable the webhook first. */
  | { readonly _tag: 'WebhookNotEnabled'; readonly deleted: boolean };

/** Retried at the same time by "retry all failed": the store takes them together. */
const RETRY_PAGE = 50;

export const getInvocation = async (
  { store }: Pick<InvocationDeps, 'store'>,
  guid: string,
): Promise<Either<InvocationFailure, KnownInvocation>> => {
  const stream = streamOf.invocation(guid);
  const loaded = await load(store, stream, aggregate);
  if (isLeft(loaded)) return loaded;
  const isRemoved = loaded.right.state.situation === 'unscheduled' && loaded.right.head.revision >= 0;
  return isRemoved ? removed(store, stream) : known(loaded.right);
};

/** Its scheduling is gone from the log; what is left of it tells whose it was. */
const removed = async (
  store: InvocationDeps['store'],
  stream: string,
): Promise<Either<InvocationFailure, never>> => {
  const newest = await store.readStream(stream, { direction: 'backwards', limit: 1 })();
  if (isLeft(newest)) return newest;
  const [last] = newest.right;
  const decoded = last === undefined ? undefined : decode(last);
  if (decoded === undefined || isLeft(decoded)) return left({ _tag: 'InvocationUnknown' });
  const at = store.removedAtMs === undefined ? right(undefined) : await store.removedAtMs(stream)();
  if (isLeft(at)) return at;
  const { companyId } = decoded.right.metadata;
  return left({ _tag: 'InvocationRemoved', companyId, removedAtMs: at.right ?? null });
};

/** Opens a new round by hand, with the webhook's retries of today; its first attempt is due at once. */
export const retryInvocation = async (
  deps: InvocationDeps,
  guid: string,
  cause: Cause,
): Promise<Either<InvocationFailure, KnownInvocation>> => {
  const retried = await retryUnder(aggregate, deps, guid, cause);
  return isLeft(retried) ? retried : known(retried.right);
};

/**
 * Retries what is exhausted and what waits after a failure. Answers how many new rounds were opened; after a Left some
 * may have been opened, and doing it again takes the rest.
 */
export const retryAllFailed = async (
  deps: InvocationDeps,
  webhook: string,
  cause: Cause,
): Promise<Either<InvocationFailure, number>> => {
  let retried = 0;
  let after = 0;
  for (;;) {
    const rows = deps.dueList.failedOf(webhook, after, RETRY_PAGE);
    const outcomes = await Promise.all(rows.map(({ guid }) => retryUnder(failedOnly, deps, guid, cause)));
    for (const outcome of outcomes) {
      // Its scheduling, with the body, was removed from the log: the list of failed ones does not know that.
      if (isLeft(outcome) && outcome.left._tag === 'InvocationUnknown') continue;
      if (isLeft(outcome)) return outcome;
      if (outcome.right.events.length > 0) retried += 1;
    }
    if (rows.length < RETRY_PAGE) return right(retried);
    after = rows.at(-1)?.position ?? after;
  }
};

const retryUnder = async (
  asked: typeof aggregate,
  deps: InvocationDeps,
  guid: string,
  cause: Cause,
): Promise<Either<InvocationFailure, Transacted<InvocationState, InvocationEvent>>> => {
  const { store, clock, webhooks, defaultRetryBaseMs } = deps;
  const stream = streamOf.invocation(guid);
  const loaded = await load(store, stream, aggregate);
  if (isLeft(loaded)) return loaded;
  const current = known(loaded.right);
  if (isLeft(current)) return current;

  const found = await webhooks.get(current.right.facts.scheduled.webhook);
  if (isLeft(found)) return found;
  const { webhook } = found.right;
  if (webhook.situation !== 'enabled') return left(notEnabled(webhook));
  const { retries, retryBaseMs } = webhook.facts.settings;
  return transact(
    deps,
    stream,
    asked,
    {
      type: 'RequestRetry',
      retries,
      retryBaseMs: retryBaseMs ?? defaultRetryBaseMs,
      atMs: clock.nowMs(),
    },
    cause,
    loaded.right,
  );
};

/** Decides nothing about what was started, delivered, cancelled or superseded since the list of failed ones was read. */
const failedOnly: typeof aggregate = {
  ...aggregate,
  decide: (state, command) => (mayRetryAsFailed(state) ? aggregate.decide(state, command) : right([])),
};

/** One invocation of a webhook that no change caused, marked as a test wherever it is seen. */
export const testWebhook = async (
  deps: InvocationDeps,
  webhookGuid: string,
  cause: Cause,
): Promise<Either<InvocationFailure, KnownInvocation>> => {
  const { clock, random, webhooks, defaultRetryBaseMs } = deps;
  const found = await webhooks.get(webhookGuid);
  if (isLeft(found)) return found;
  const { webhook } = found.right;
  if (webhook.situation !== 'enabled') return left(notEnabled(webhook));
  const { facts } = webhook;
  const { retries, retryBaseMs } = facts.settings;
  const guid = random.uuid();
  const atMs = clock.nowMs();
  const content = testContent(facts, guid, atMs);
  const written = await transact(
    deps,
    streamOf.invocation(guid),
    aggregate,
    {
      type: 'ScheduleInvocation',
      guid,
      webhook: facts.guid,
      companyId: facts.companyId,
      change: null,
      test: true,
      ...content,
      retries,
      retryBaseMs: retryBaseMs ?? defaultRetryBaseMs,
      // A test tells of no resource's state: it neither waits for nor supersedes anything.
      ordering: 'none',
      coalesce: false,
      atMs,
    },
    cause,
  );
  return isLeft(written) ? written : known(written.right);
};

type TestContent = Pick<
  InvocationScheduled,
  'resource' | 'trigger' | 'identifier' | 'origin' | 'matched' | 'systemEvent' | 'body'
>;

/** As if the first thing that the webhook hears of had happened to a resource that does not exist. */
const testContent = (facts: WebhookFacts, guid: string, atMs: number): TestContent => {
  const { selection, request } = facts.settings;
  const { resource, trigger, identifier, systemEvent } =
    selection.dialect === 'openticket' ? { ...selection, systemEvent: undefined } : testOf(selection);
  const origin = { resource, identifier, trigger };
  const matched = [{ resource, identifier, path: [{ resource, identifier }] }];
  if (systemEvent !== undefined && request !== undefined) {
    const dataJson = JSON.stringify({ test: true });
    const fields = { systemEvent, contextId: identifier, dataJson };
    const body = renderSavedBody(compileRequest(request), fields);
    if (body === undefined) throw new Error('a test has little to say');
    return { resource, trigger, identifier, origin, matched, systemEvent, body };
  }
  const body = renderBody({
    guid,
    webhook: facts.guid,
    companyId: facts.companyId,
    trigger,
    origin,
    matched,
    occurredAtMs: atMs,
    dataJson: '{}',
    test: true,
  });
  return { resource, trigger, identifier, origin, matched, body };
};

const testOf = ({ systemEvents }: MoshtixSelection) => {
  const [first] = systemEvents;
  if (first === undefined) throw new Error('a Moshtix webhook hears of something');
  const { systemEvent } = first;
  const resource: Resource = systemEvent === 'ORDER_SAVED' ? 'order' : 'event';
  return { resource, trigger: 'update', identifier: '0', systemEvent } as const;
};

const known = (loaded: Loaded<InvocationState>): Either<InvocationRejection, KnownInvocation> =>
  loaded.state.situation === 'unscheduled' ? left({ _tag: 'InvocationUnknown' }) : right(loaded.state);

const notEnabled = ({ situation }: KnownWebhook): InvocationFailure => ({
  _tag: 'WebhookNotEnabled',
  deleted: situation === 'deleted',
});
