import { isLeft, right } from 'fp-ts/lib/Either.js';
import type { KnownInvocation } from '../../commands/invocations.ts';
import { type CancelReason, isErased, statusOf } from '../../domain/invocation.ts';
import { customHeaders } from '../../domain/moshtix-request.ts';
import { requestHeaders } from '../../domain/openticket-request.ts';
import { SIGNATURE_HEADER } from '../../domain/signature.ts';
import type { WebhookFacts } from '../../domain/webhook.ts';
import type { HttpDeps } from '../deps.ts';
import { html, type Html } from '../html.ts';
import { findInvocation } from '../invocations.ts';
import { printedInvocation } from '../print-invocation.ts';
import { causeOf } from '../routing.ts';
import { badge, notice, statusBadge, time, timeOr, preformatted } from './parts.ts';
import { type DashboardRoute, page, redirect, type Replied, type Visit, OWNERS } from './visit.ts';
import { nameOf } from './webhook-words.ts';

type Deps = Pick<HttpDeps, 'webhooks' | 'invocations' | 'version'>;

const PATH = '/dashboard/invocations/:guid';

/** One invocation: what was sent, every attempt with what was answered, and a retry by hand. */
export const invocationPages = (deps: Deps): ReadonlyArray<DashboardRoute> => {
  const roles = OWNERS;
  return [
    { method: 'GET', path: PATH, roles, handle: (visit) => show(deps, visit) },
    { method: 'POST', path: `${PATH}/retry`, roles, handle: (visit) => retry(deps, visit) },
  ];
};

const retry = async (deps: Deps, visit: Visit): Replied => {
  const found = await findInvocation(deps, visit);
  if (isLeft(found)) return found;
  const { guid, companyId } = found.right.facts.scheduled;
  const retried = await deps.invocations.retry(guid, causeOf(visit, companyId));
  return isLeft(retried) ? retried : right(redirect(`/dashboard/invocations/${guid}?said=retried`));
};

const show = async (deps: Deps, visit: Visit): Replied => {
  const found = await findInvocation(deps, visit);
  if (isLeft(found)) return found;
  const invocation = found.right;
  const { scheduled } = invocation.facts;
  const webhook = await deps.webhooks.get(scheduled.webhook);
  if (isLeft(webhook)) return webhook;
  const known = webhook.right.webhook;
  const status = statusOf(invocation);
  const running = status === 'waiting' || status === 'in_flight';
  return right(
    page(
      `Invocation of ${nameOf(known)}`,
      html`<p class="crumbs"><a href="/dashboard/webhooks/${scheduled.webhook}">${nameOf(known)}</a></p>
        ${visit.query.get('said') === 'retried' ? notice('good', html`<p>It is sent again now.</p>`) : null}
        <div class="head">
          <h1>Invocation ${statusBadge(status)} ${scheduled.test ? badge('plain', 'test') : null}</h1>
          <div class="actions">
            ${
              canRetry(invocation) && known.situation === 'enabled'
                ? html`<form method="post" action="/dashboard/invocations/${scheduled.guid}/retry">
                    <button class="button primary">Retry now</button>
                  </form>`
                : null
            }
            ${
              scheduled.change === null
                ? null
                : html`<a class="button" href="/dashboard/changes/${scheduled.change}">Why it was sent</a>`
            }
            ${running ? html`<a class="button" href="?">Look again</a>` : null}
          </div>
        </div>
        ${
          known.situation === 'enabled'
            ? null
            : notice('plain', html`<p>The webhook is ${known.situation}: this cannot be retried.</p>`)
        }
        ${factsOf(invocation)} ${attemptsOf(invocation)} ${requestOf(deps, invocation, known.facts)}`,
      scheduled.companyId,
    ),
  );
};

const canRetry = ({ situation, ...invocation }: KnownInvocation): boolean =>
  situation !== 'in_flight' &&
  situation !== 'superseded' &&
  !isErased(invocation.facts.scheduled) &&
  !('reason' in invocation && invocation.reason === 'body_too_large');

const CANCELLED: Readonly<Record<CancelReason, string>> = {
  webhook_disabled: 'the webhook was disabled',
  webhook_deleted: 'the webhook was deleted',
  body_too_large: 'its body would have been more than can be sent',
  erased: 'the personal data of its customer was erased',
};

const factsOf = (invocation: KnownInvocation): Html => {
  const { scheduled } = invocation.facts;
  const { origin, matched } = scheduled;
  const [first] = matched;
  const { next_attempt_at: next, settled_at: settled } = printedInvocation(invocation, 0);
  return html`<dl class="facts card">
    <dt>About</dt>
    <dd>${scheduled.resource} ${scheduled.identifier} · ${scheduled.trigger}</dd>
    <dt>Because of</dt>
    <dd>
      ${origin.resource} ${origin.identifier} · ${origin.trigger}
      ${
        first !== undefined && first.path.length > 1
          ? html`<br /><span class="quiet"
                >by way of
                ${first.path.map(({ resource, identifier }) => `${resource} ${identifier}`).join(' → ')}</span
              >`
          : null
      }
    </dd>
    <dt>Scheduled</dt>
    <dd>${time(scheduled.atMs)}</dd>
    <dt>Next attempt</dt>
    <dd>${timeOr(next === null ? null : Date.parse(next), 'none')}</dd>
    <dt>Settled</dt>
    <dd>
      ${timeOr(settled === null ? null : Date.parse(settled), 'not yet')}${
        invocation.situation === 'cancelled' ? `: ${CANCELLED[invocation.reason]}` : ''
      }
    </dd>
    <dt>GUID</dt>
    <dd><code>${scheduled.guid}</code></dd>
  </dl>`;
};

const attemptsOf = (invocation: KnownInvocation): Html => {
  const { attempts } = printedInvocation(invocation);
  return html`<section aria-labelledby="attempts">
    <h2 id="attempts">Attempts</h2>
    ${attempts.length === 0 ? html`<p class="empty">None was made yet.</p>` : null}
    <ol class="attempts">
      ${attempts.toReversed().map(
        (attempt) =>
          html`<li class="card">
            <div class="head">
              <h3>Attempt ${attempt.number} ${outcomeBadge(attempt.outcome)}</h3>
              <span>${time(Date.parse(attempt.started_at))}</span>
            </div>
            <dl class="facts">
              <dt>Answer</dt>
              <dd class="wrap">
                ${attempt.status_code ?? attempt.error ?? html`<span class="quiet">not yet</span>`}
                ${attempt.duration_ms === null ? null : html`<span class="quiet">after ${attempt.duration_ms} ms</span>`}
              </dd>
              <dt>Sent to</dt>
              <dd class="wrap">
                ${attempt.url}
                ${attempt.address === null ? null : html`<span class="quiet">at ${attempt.address}</span>`}
              </dd>
            </dl>
            ${
              attempt.response_excerpt === null || attempt.response_excerpt === ''
                ? null
                : html`<details ${attempt.outcome === 'succeeded' ? null : html`open`}>
                    <summary>What the receiver answered</summary>
                    ${preformatted(`Answer of attempt ${attempt.number}`, attempt.response_excerpt)}
                  </details>`
            }
          </li>`,
      )}
    </ol>
  </section>`;
};

const outcomeBadge = (outcome: string | null): Html =>
  outcome === null
    ? badge('busy', 'running')
    : outcome === 'succeeded'
      ? badge('good', 'succeeded')
      : badge('bad', outcome);

/** The request as it is sent, with the headers that the webhook has now; the signature is made for each attempt. */
const requestOf = ({ version }: Deps, { facts }: KnownInvocation, webhook: WebhookFacts): Html => {
  const { scheduled, attempts } = facts;
  const { request, url } = webhook.settings;
  const last = attempts.at(-1);
  const common = {
    timestampSeconds: Math.floor((last?.startedAtMs ?? scheduled.atMs) / 1000),
    version,
  };
  const headers =
    request === undefined
      ? requestHeaders({ scheduled, nonce: webhook.nonce, ...common })
      : customHeaders({ request, invocation: scheduled.guid, ...common });
  const signed = { ...headers, [SIGNATURE_HEADER]: 'v1,… (made for each attempt)' };
  const lines = Object.entries(signed).map(([name, value]) => `${name}: ${value}`);
  return html`<section aria-labelledby="request">
    <h2 id="request">Request</h2>
    <p class="quiet">
      The body and the ids are the same on every attempt; URL and headers are those of the webhook at its
      time.
    </p>
    ${preformatted('Request', `POST ${last?.url ?? url}\n${lines.join('\n')}\n\n${pretty(scheduled.body)}`)}
  </section>`;
};

const pretty = (body: string): string => {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch (_notJson) {
    return body;
  }
};
