import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { webhookHistory } from '../../audit/webhook-history.ts';
import { canonicalJson, type Json } from '../../domain/json.ts';
import type { WebhookSettings } from '../../domain/webhook.ts';
import type { KnownWebhook } from '../../commands/webhooks.ts';
import type { HttpDeps } from '../deps.ts';
import type { Failure } from '../failure.ts';
import { anyWebhook, liveWebhook, type FoundWebhook } from '../find-webhook.ts';
import { html } from '../html.ts';
import { time } from './parts.ts';
import { page, type Reply, type Visit } from './visit.ts';
import { nameOf } from './webhook-words.ts';

/** The webhook that the path names; where it was deleted meanwhile, a page that says so. */
export const webhookOr = async (
  deps: Pick<HttpDeps, 'webhooks'>,
  visit: Visit,
): Promise<Either<Failure, FoundWebhook | Reply>> => {
  const found = await anyWebhook(deps, visit);
  if (isLeft(found)) return found;
  return found.right.situation === 'deleted' ? right(deletedPage(found.right)) : liveWebhook(deps, visit);
};

export const isReply = (found: object): found is Reply => 'kind' in found;

const GONE = 410;

const deletedPage = (webhook: KnownWebhook): Reply => {
  const { guid, companyId } = webhook.facts;
  return page(
    'This webhook was deleted',
    html`<section class="narrow">
      <h1>This webhook was deleted</h1>
      <p>
        <b>${nameOf(webhook)}</b> was deleted
        ${webhook.situation === 'deleted' ? time(webhook.deletedAtMs) : null}. Nothing is sent to it any more,
        and nothing about it can be changed; nothing was changed just now.
      </p>
      <p class="actions">
        <a class="button primary" href="/dashboard/webhooks/${guid}/history">See its history</a>
        <a class="button" href="/?company=${companyId}">All webhooks</a>
      </p>
    </section>`,
    companyId,
    GONE,
  );
};

export interface Overtaken {
  readonly actor: string;
  readonly atMs: number;
}

/**
 * Who changed a webhook's settings since the revision that a form was filled in from; undefined when nobody did. A new
 * secret, or a switch on and off, does not touch what the form shows.
 */
export const overtakenSince = async (
  { store }: Pick<HttpDeps, 'store'>,
  { webhook, revision }: FoundWebhook,
  formRevision: number,
): Promise<Either<Failure, Overtaken | undefined>> => {
  if (formRevision === revision) return right(undefined);
  const steps = await webhookHistory({ store }, webhook.facts.guid);
  if (isLeft(steps)) return steps;
  const seen = steps.right.findLast(({ decoded }) => decoded.revision <= formRevision);
  const same =
    seen !== undefined &&
    seen.after.situation !== 'unknown' &&
    sameSettings(seen.after.facts.settings, webhook.facts.settings);
  const last = steps.right.findLast(({ decoded }) => decoded.event.type === 'WebhookUpdated');
  if (same || last === undefined) return right(undefined);
  return right({ actor: last.decoded.metadata.actor, atMs: last.decoded.event.atMs });
};

export const sameSettings = (a: WebhookSettings, b: WebhookSettings): boolean =>
  canonicalJson(a as unknown as Json) === canonicalJson(b as unknown as Json);
