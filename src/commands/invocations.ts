import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Cause } from '../domain/events.ts';
import { streamOf } from '../domain/ids.ts';
import type { InvocationRejection, InvocationState } from '../domain/invocation.ts';
import { renderBody } from '../domain/openticket-request.ts';
import { load, type Loaded, transact, type TransactDeps } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { DueList } from '../projections/read-models.ts';
import { invocation as aggregate } from './aggregates.ts';
import type { WebhookFailure, Webhooks } from './webhooks.ts';

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
  /** A retry would be cancelled at once: enable the webhook first. */
  | { readonly _tag: 'WebhookNotEnabled' };

/** Retried at once by "retry all failed" before the next are read. */
const RETRY_PAGE = 200;

export const getInvocation = async (
  deps: Pick<InvocationDeps, 'store'>,
  guid: string,
): Promise<Either<InvocationFailure, KnownInvocation>> => {
  const loaded = await load(deps.store, streamOf.invocation(guid), aggregate);
  return isLeft(loaded) ? loaded : known(loaded.right);
};

/** Opens a new round by hand, with the webhook's retries of today; its first attempt is due at once. */
export const retryInvocation = async (
  deps: InvocationDeps,
  guid: string,
  cause: Cause,
): Promise<Either<InvocationFailure, KnownInvocation>> => {
  const { store, clock, webhooks, defaultRetryBaseMs } = deps;
  const stream = streamOf.invocation(guid);
  const loaded = await load(store, stream, aggregate);
  if (isLeft(loaded)) return loaded;
  const current = known(loaded.right);
  if (isLeft(current)) return current;

  const found = await webhooks.get(current.right.facts.scheduled.webhook);
  if (isLeft(found)) return found;
  const { webhook } = found.right;
  if (webhook.situation !== 'enabled') return left({ _tag: 'WebhookNotEnabled' });
  const { retries, retryBaseMs } = webhook.facts.settings;
  const written = await transact(
    deps,
    stream,
    aggregate,
    {
      type: 'RequestRetry',
      retries,
      retryBaseMs: retryBaseMs ?? defaultRetryBaseMs,
      atMs: clock.nowMs(),
    },
    cause,
    loaded.right,
  );
  return isLeft(written) ? written : known(written.right);
};

/** Retries what is exhausted and what waits after a failure. Answers how many new rounds were opened. */
export const retryAllFailed = async (
  deps: InvocationDeps,
  webhook: string,
  cause: Cause,
): Promise<Either<InvocationFailure, number>> => {
  let retried = 0;
  let after = 0;
  for (;;) {
    const rows = deps.dueList.failedOf(webhook, after, RETRY_PAGE);
    for (const row of rows) {
      const outcome = await retryInvocation(deps, row.guid, cause);
      if (outcome._tag === 'Right') retried += 1;
      // Started, delivered or superseded since the list was read: it needs no retry any more.
      else if (!MOVED_ON.has(outcome.left._tag)) return outcome;
      after = row.position;
    }
    if (rows.length < RETRY_PAGE) return right(retried);
  }
};

const MOVED_ON: ReadonlySet<string> = new Set(['InvocationInFlight', 'InvocationSupersededBefore']);

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
  if (webhook.situation !== 'enabled') return left({ _tag: 'WebhookNotEnabled' });
  const { facts } = webhook;
  const { selection, retries, retryBaseMs } = facts.settings;
  const { resource, trigger, identifier } = selection;
  const guid = random.uuid();
  const atMs = clock.nowMs();
  const origin = { resource, identifier, trigger };
  const matched = [{ resource, identifier, path: [{ resource, identifier }] }];
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
      resource,
      trigger,
      identifier,
      origin,
      matched,
      body,
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

const known = (loaded: Loaded<InvocationState>): Either<InvocationRejection, KnownInvocation> =>
  loaded.state.situation === 'unscheduled' ? left({ _tag: 'InvocationUnknown' }) : right(loaded.state);
