import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { DisabledReason, Ordering, WebhookChanges } from '../domain/webhook.ts';
import { ok } from './answer.ts';
import { readFields } from './body.ts';
import { boolean, type Check, oneOf, required, wholeNumber } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import { decodeFields, patchCodecOf } from './fields.ts';
import { liveWebhook, type LiveWebhook } from './find-webhook.ts';
import { type Call, causeOf, type Handled, type Route } from './routing.ts';

type Deps = Pick<HttpDeps, 'webhooks' | 'defaultRetryBaseMs'>;

const RETRY_BASE_MIN_MS = 10;
const RETRY_BASE_MAX_MS = 3_600_000;

/** What the dialects do not have. */
export const settingsRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const path = '/webhook/:guid/settings';
  const roles = ['partner', 'admin'] as const;
  return [
    { method: 'GET', path, roles, handle: (call) => read(deps, call) },
    { method: 'PATCH', path, roles, handle: (call) => update(deps, call) },
  ];
};

const retryBase = wholeNumber(RETRY_BASE_MIN_MS, RETRY_BASE_MAX_MS);

/** Null goes back to the server's default. */
const retryBaseOrDefault: Check<number | null> = (value) => (value === null ? right(null) : retryBase(value));

const readOnly: Check<never> = () => left('is read only; disable or enable with "enabled"');

export const SETTINGS_PATCH = patchCodecOf({
  enabled: required(boolean),
  ordering: oneOf<Ordering>(['none', 'per_resource']),
  coalesce: required(boolean),
  retry_base_ms: retryBaseOrDefault,
  disabled_reason: readOnly,
});

const read = async (deps: Deps, call: Call): Handled => {
  const found = await liveWebhook(deps, call);
  return isLeft(found) ? found : right(ok(settingsOf(found.right.webhook, deps.defaultRetryBaseMs)));
};

const update = async (deps: Deps, call: Call): Handled => {
  const { webhooks, defaultRetryBaseMs } = deps;
  const found = await liveWebhook(deps, call);
  if (isLeft(found)) return found;
  const values = await readFields(call.request);
  if (isLeft(values)) return values;
  const decoded = decodeFields(SETTINGS_PATCH, values.right);
  if (isLeft(decoded)) return decoded;

  const { enabled, ordering, coalesce, retry_base_ms } = decoded.right;
  const { guid, companyId } = found.right.webhook.facts;
  const cause = causeOf(call, companyId);
  const changes: WebhookChanges = {
    ...(ordering !== undefined && { ordering }),
    ...(coalesce !== undefined && { coalesce }),
    ...(retry_base_ms !== undefined && { retryBaseMs: retry_base_ms }),
  };
  const updated = await webhooks.update(guid, changes, cause, enabled);
  if (isLeft(updated)) return updated;
  const { webhook } = updated.right;
  return webhook.situation === 'deleted'
    ? left({ _tag: 'NotFound' })
    : right(ok(settingsOf(webhook, defaultRetryBaseMs)));
};

const settingsOf = (webhook: LiveWebhook, defaultRetryBaseMs: number) => {
  const { ordering, coalesce, retryBaseMs } = webhook.facts.settings;
  return {
    enabled: webhook.situation === 'enabled',
    ordering,
    coalesce,
    retry_base_ms: retryBaseMs ?? defaultRetryBaseMs,
    disabled_reason: webhook.situation === 'disabled' ? disabledInWords(webhook.reason) : null,
  };
};

export const disabledInWords = (reason: DisabledReason): string => {
  switch (reason.kind) {
    case 'by_request':
      return 'by_request';
    case 'gone':
      return `the receiver answered 410 (Gone) to attempt ${reason.attempt} of the invocation ${reason.invocation}`;
  }
};
