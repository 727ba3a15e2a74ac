import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { type Moment, webhookHistory, type WebhookStep } from '../audit/webhook-history.ts';
import type { KnownWebhook } from '../commands/webhooks.ts';
import { canonicalJson, type Json, type JsonObject } from '../domain/json.ts';
import type { WebhookState } from '../domain/webhook.ts';
import { ok } from './answer.ts';
import { optional } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import type { Failure } from './failure.ts';
import { codecOf, decodeQuery } from './fields.ts';
import { anyWebhook } from './find-webhook.ts';
import { type AskedMoment, moment, notAhead } from './moment.ts';
import { PAGE_FIELDS, pageOf } from './paging.ts';
import { printedIdentity } from './print-webhook.ts';
import type { Call, Handled, Route } from './routing.ts';

export type HistoryDeps = Pick<
  HttpDeps,
  'webhooks' | 'store' | 'readModels' | 'settled' | 'shownUpTo' | 'clock' | 'defaultRetryBaseMs'
>;

/** What happened to a webhook, and what it was at any moment. */
export const historyRoutes = (deps: HistoryDeps): ReadonlyArray<Route> => {
  const roles = ['partner', 'admin'] as const;
  return [
    { method: 'GET', path: '/webhook/:guid/history', roles, handle: (call) => webhookHistoryOf(deps, call) },
  ];
};

const QUERY = codecOf({ ...PAGE_FIELDS, at: optional(moment) });

/** Its steps; with `at` what it was then, and that after it was deleted, too. */
export const webhookHistoryOf = async (deps: HistoryDeps, call: Call): Handled => {
  const query = decodeQuery(QUERY, call.query);
  if (isLeft(query)) return query;
  const found = await anyWebhook(deps, call);
  if (isLeft(found)) return found;
  const { guid } = found.right.facts;
  const { limit, after = -1, at } = query.right;
  const upTo = at === undefined ? right(undefined) : await momentOf(deps, guid, at);
  if (isLeft(upTo)) return upTo;
  const steps = await webhookHistory(deps, guid, upTo.right);
  if (isLeft(steps)) return steps;
  if (upTo.right !== undefined) return asOf(deps, upTo.right, steps.right);
  const read = steps.right.filter(({ decoded }) => decoded.revision > after).slice(0, limit + 1);
  const { rows, next } = pageOf(read, limit, ({ decoded }) => decoded.revision);
  return right(ok({ items: rows.map((step) => printedStep(deps, step)), next }));
};

/** A revision for a position: the webhook's own stream does not tell positions on every store. */
const momentOf = async (
  deps: HistoryDeps,
  guid: string,
  at: AskedMoment,
): Promise<Either<Failure, Moment>> => {
  const past = await notAhead(deps, at);
  if (isLeft(past)) return past;
  return right('atMs' in at ? at : { revision: deps.readModels.revisionAt(guid, at.position) ?? -1 });
};

const asOf = (
  { defaultRetryBaseMs }: HistoryDeps,
  at: Moment,
  steps: ReadonlyArray<WebhookStep>,
): Either<Failure, ReturnType<typeof ok>> => {
  const last = steps.at(-1);
  if (last === undefined || last.after.situation === 'unknown') return left({ _tag: 'NothingThen' });
  const { decoded, after } = last;
  return right(
    ok({
      as_of: new Date('atMs' in at ? at.atMs : decoded.event.atMs).toISOString(),
      revision: decoded.revision,
      webhook: { ...printedIdentity(after), ...fieldsOf(after, defaultRetryBaseMs) },
    }),
  );
};

export const printedStep = (
  { defaultRetryBaseMs }: Pick<HistoryDeps, 'defaultRetryBaseMs'>,
  { decoded, before, after }: WebhookStep,
) => ({
  event: decoded.event.type,
  at: new Date(decoded.event.atMs).toISOString(),
  actor: decoded.metadata.actor,
  cause: decoded.metadata.causationId,
  revision: decoded.revision,
  changed: differences(fieldsIn(before, defaultRetryBaseMs), fieldsIn(after, defaultRetryBaseMs)),
});

/** Only what differs, each with what it was and what it is; null for what was not there. */
export const differences = (before: JsonObject, after: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(after).flatMap(([field, now]): ReadonlyArray<[string, Json]> => {
      const was = before[field] ?? null;
      return canonicalJson(was) === canonicalJson(now) ? [] : [[field, [was, now]]];
    }),
  );

const fieldsIn = (state: WebhookState, defaultRetryBaseMs: number): JsonObject =>
  state.situation === 'unknown' ? {} : fieldsOf(state, defaultRetryBaseMs);

/** Everything that can change about a webhook, by the names that the API gives it; of secrets only that one was replaced. */
export const fieldsOf = (webhook: KnownWebhook, defaultRetryBaseMs: number): JsonObject => {
  const { settings, previousSecrets } = webhook.facts;
  const { selection, request } = settings;
  const previousUntilMs = previousSecrets[0]?.untilMs;
  return {
    name: settings.name,
    url: settings.url,
    retries: settings.retries,
    ...(selection.dialect === 'openticket'
      ? {
          resource: selection.resource,
          trigger: selection.trigger,
          identifier: selection.identifier,
          triggered_by_child_resources: selection.triggeredByChildResources,
        }
      : { id: selection.id, system_events: selection.systemEvents.map(({ systemEvent }) => systemEvent) }),
    ...(request !== undefined && {
      headers: request.headers.map(({ name, value }) => ({ name, value })),
      body: request.body,
    }),
    enabled: webhook.situation === 'enabled',
    deleted: webhook.situation === 'deleted',
    ordering: settings.ordering,
    coalesce: settings.coalesce,
    retry_base_ms: settings.retryBaseMs ?? defaultRetryBaseMs,
    previous_secret_until: previousUntilMs === undefined ? null : new Date(previousUntilMs).toISOString(),
  };
};
