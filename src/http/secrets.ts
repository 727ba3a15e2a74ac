import { isLeft, right } from 'fp-ts/lib/Either.js';
import { runningSecrets, type WebhookFacts } from '../domain/webhook.ts';
import { ok } from './answer.ts';
import type { HttpDeps } from './deps.ts';
import { liveWebhook } from './find-webhook.ts';
import { type Call, causeOf, type Handled, type Route } from './routing.ts';

type Deps = Pick<HttpDeps, 'webhooks' | 'openSecret' | 'clock'>;

export const secretRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const path = '/webhook/:guid/secret';
  const roles = ['partner', 'admin'] as const;
  return [
    { method: 'GET', path, roles, handle: (call) => read(deps, call) },
    { method: 'POST', path: `${path}/rotate`, roles, handle: (call) => rotate(deps, call) },
  ];
};

const read = async (deps: Deps, call: Call): Handled => {
  const found = await liveWebhook(deps, call);
  return isLeft(found) ? found : right(ok(secretsOf(deps, found.right.webhook.facts)));
};

const rotate = async (deps: Deps, call: Call): Handled => {
  const found = await liveWebhook(deps, call);
  if (isLeft(found)) return found;
  const { guid, companyId } = found.right.webhook.facts;
  const rotated = await deps.webhooks.rotateSecret(guid, causeOf(call, companyId));
  return isLeft(rotated) ? rotated : right(ok(secretsOf(deps, rotated.right.webhook.facts)));
};

/** The newest previous secret is shown, and only while it still signs; older ones may sign beside it. */
const secretsOf = ({ openSecret, clock }: Deps, facts: WebhookFacts) => {
  const [previous] = runningSecrets(facts, clock.nowMs());
  return {
    secret: openSecret(facts.sealedSecret),
    previous: previous === undefined ? null : openSecret(previous.sealedSecret),
    previous_until: previous === undefined ? null : new Date(previous.untilMs).toISOString(),
  };
};
