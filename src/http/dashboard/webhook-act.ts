import { type Either, isLeft } from 'fp-ts/lib/Either.js';
import type { HttpDeps } from '../deps.ts';
import type { Failure } from '../failure.ts';
import type { FoundWebhook } from '../find-webhook.ts';
import { html, type Html } from '../html.ts';
import { isReply, webhookOr } from './find.ts';
import { type DashboardRoute, page, type Replied, type Reply, type Visit, OWNERS } from './visit.ts';
import { nameOf } from './webhook-words.ts';

/** Something that is done to a webhook that is not deleted. */
export type WebhookAct<Deps> = (deps: Deps, visit: Visit, found: FoundWebhook) => Replied;

export const webhookRoute = <Deps extends Pick<HttpDeps, 'webhooks'>>(
  deps: Deps,
  method: 'GET' | 'POST',
  what: string,
  act: WebhookAct<Deps>,
): DashboardRoute => ({
  method,
  path: `/dashboard/webhooks/:guid/${what}`,
  roles: OWNERS,
  handle: async (visit) => {
    const found = await webhookOr(deps, visit);
    return isLeft(found) || isReply(found.right)
      ? (found as Either<Failure, Reply>)
      : act(deps, visit, found.right);
  },
});

export interface Question {
  readonly title: string;
  readonly content: Html;
  readonly action: string;
  readonly button: string;
  readonly danger?: boolean;
}

/** A page that asks once more before something is done. */
export const ask = (
  { webhook }: FoundWebhook,
  { title, content, action, button, danger = false }: Question,
): Reply => {
  const { guid, companyId } = webhook.facts;
  return page(
    title,
    html`<section class="narrow">
      <p class="crumbs"><a href="/dashboard/webhooks/${guid}">${nameOf(webhook)}</a></p>
      <h1>${title}</h1>
      ${content}
      <form method="post" action="/dashboard/webhooks/${guid}/${action}">
        <p class="actions">
          <button class="button ${danger ? 'danger' : 'primary'}">${button}</button>
          <a class="button" href="/dashboard/webhooks/${guid}">Cancel</a>
        </p>
      </form>
    </section>`,
    companyId,
  );
};
