import { isLeft, right } from 'fp-ts/lib/Either.js';
import { PREVIOUS_SECRETS_MAX, runningSecrets, SECRET_OVERLAP_MS } from '../../domain/webhook.ts';
import type { HttpDeps } from '../deps.ts';
import type { FoundWebhook } from '../find-webhook.ts';
import { html } from '../html.ts';
import { causeOf } from '../routing.ts';
import { notice, time } from './parts.ts';
import { type DashboardRoute, page, redirect, type Reply } from './visit.ts';
import { ask, type WebhookAct, webhookRoute } from './webhook-act.ts';
import { nameOf } from './webhook-words.ts';

type Deps = Pick<HttpDeps, 'webhooks' | 'invocations' | 'openSecret' | 'clock'>;

type Act = WebhookAct<Deps>;

/** What can be done to a webhook from its page; what cannot be taken back is asked for on a page of its own. */
export const webhookActionPages = (deps: Deps): ReadonlyArray<DashboardRoute> => {
  const at = (method: 'GET' | 'POST', what: string, act: Act): DashboardRoute =>
    webhookRoute(deps, method, what, act);
  return [
    at('POST', 'enable', enable),
    at('GET', 'disable', confirmDisable),
    at('POST', 'disable', disable),
    at('GET', 'delete', confirmDelete),
    at('POST', 'delete', remove),
    at('GET', 'secret', showSecret),
    at('POST', 'secret', rotate),
    at('POST', 'test', test),
  ];
};

const backTo = ({ webhook }: FoundWebhook, said: string): Reply =>
  redirect(`/dashboard/webhooks/${webhook.facts.guid}?said=${said}`);

const enable: Act = async (deps, visit, found) => {
  const { guid, companyId } = found.webhook.facts;
  const enabled = await deps.webhooks.enable(guid, causeOf(visit, companyId));
  return isLeft(enabled) ? enabled : right(backTo(found, 'enabled'));
};

const disable: Act = async (deps, visit, found) => {
  const { guid, companyId } = found.webhook.facts;
  const disabled = await deps.webhooks.disable(guid, causeOf(visit, companyId));
  return isLeft(disabled) ? disabled : right(backTo(found, 'disabled'));
};

const remove: Act = async (deps, visit, { webhook }) => {
  const { guid, companyId } = webhook.facts;
  const deleted = await deps.webhooks.delete(guid, causeOf(visit, companyId));
  return isLeft(deleted) ? deleted : right(redirect(`/?company=${companyId}&deleted=${guid}`));
};

const test: Act = async (deps, visit, found) => {
  const { guid, companyId } = found.webhook.facts;
  const sent = await deps.invocations.test(guid, causeOf(visit, companyId));
  return isLeft(sent) ? sent : right(redirect(`/dashboard/invocations/${sent.right.facts.scheduled.guid}`));
};

// ---------------------------------------------------------------- asked for again

const confirmDisable: Act = async (_deps, _visit, found) =>
  right(
    ask(found, {
      title: 'Disable this webhook?',
      content: html`<p>
        Nothing is sent to it until it is enabled again, and what happens meanwhile is not made up for. What
        waits now is cancelled; after enabling it you can retry that by hand.
      </p>`,
      action: 'disable',
      button: 'Disable',
    }),
  );

const confirmDelete: Act = async (_deps, _visit, found) =>
  right(
    ask(found, {
      title: 'Delete this webhook?',
      content: html`<p>
        <b>${nameOf(found.webhook)}</b> is never told of anything again, and what waits for it is cancelled.
        This cannot be taken back. Its history stays.
      </p>`,
      action: 'delete',
      button: 'Delete',
      danger: true,
    }),
  );

// ---------------------------------------------------------------- secret

const showSecret: Act = async (deps, visit, found) => right(secretPage(deps, found, visit.query.get('said')));

const rotate: Act = async (deps, visit, found) => {
  const { guid, companyId } = found.webhook.facts;
  const rotated = await deps.webhooks.rotateSecret(guid, causeOf(visit, companyId));
  return isLeft(rotated) ? rotated : right(redirect(`/dashboard/webhooks/${guid}/secret?said=rotated`));
};

const HOURS = SECRET_OVERLAP_MS / 3_600_000;

const secretPage = (deps: Deps, { webhook }: FoundWebhook, said: string | null): Reply => {
  const { facts } = webhook;
  const running = runningSecrets(facts, deps.clock.nowMs());
  return page(
    'Signing secret',
    html`<section class="narrow">
      <p class="crumbs"><a href="/dashboard/webhooks/${facts.guid}">${nameOf(webhook)}</a></p>
      <h1>Signing secret</h1>
      ${
        said === 'rotated'
          ? notice(
              'good',
              html`<p>There is a new secret. Give it to the receiver; until then the old one signs too.</p>`,
            )
          : null
      }
      <p>
        Every request is signed as
        <a href="https://www.standardwebhooks.com" rel="noreferrer">Standard Webhooks</a> has it: the receiver
        checks <code>webhook-signature</code> with this secret.
      </p>
      <dl class="facts">
        <dt>Secret</dt>
        <dd><code class="secret">${deps.openSecret(facts.sealedSecret)}</code></dd>
        ${running.map(
          ({ sealedSecret, untilMs }, index) =>
            html`<dt>${index === 0 ? 'Before it' : 'Older'}</dt>
              <dd>
                <code class="secret">${deps.openSecret(sealedSecret)}</code><br />also signs until
                ${time(untilMs)}
              </dd>`,
        )}
      </dl>
      <div class="card">
        <h2>Rotate it</h2>
        <p>
          Makes a new secret. Both sign for ${HOURS} hours, so no request goes unverified while you put it in
          place. At most ${PREVIOUS_SECRETS_MAX} old ones can sign at a time.
        </p>
        <form method="post" action="/dashboard/webhooks/${facts.guid}/secret">
          <button class="button">Rotate the secret</button>
        </form>
      </div>
    </section>`,
    facts.companyId,
  );
};
