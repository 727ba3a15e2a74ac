import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import { webhookHistory, type WebhookStep } from '../../audit/webhook-history.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { HttpDeps } from '../deps.ts';
import { anyWebhook } from '../find-webhook.ts';
import { fieldsOf, printedStep } from '../history.ts';
import { html, type Html } from '../html.ts';
import { scroll, time } from './parts.ts';
import { type DashboardRoute, page, type Replied, type Visit, OWNERS } from './visit.ts';
import { nameOf } from './webhook-words.ts';

type Deps = Pick<HttpDeps, 'webhooks' | 'store' | 'defaultRetryBaseMs'>;

/** What happened to a webhook and by whom, and what it was at any moment. Deleted ones have their history, too. */
export const historyPages = (deps: Deps): ReadonlyArray<DashboardRoute> => [
  {
    method: 'GET',
    path: '/dashboard/webhooks/:guid/history',
    roles: OWNERS,
    handle: (visit) => history(deps, visit),
  },
];

const EVENTS: Readonly<Record<string, string>> = {
  WebhookCreated: 'Created',
  WebhookUpdated: 'Changed',
  WebhookEnabled: 'Enabled',
  WebhookDisabled: 'Disabled',
  SecretRotated: 'Secret rotated',
  WebhookDeleted: 'Deleted',
};

/** The newest steps that are listed; the slider reaches all. */
const SHOWN = 100;

const history = async (deps: Deps, visit: Visit): Replied => {
  const found = await anyWebhook(deps, visit);
  if (isLeft(found)) return found;
  const { guid, companyId } = found.right.facts;
  const steps = await webhookHistory(deps, guid);
  if (isLeft(steps)) return steps;
  const last = steps.right.at(-1);
  if (last === undefined) return left({ _tag: 'NotFound' });
  const asked = visit.query.get('revision') ?? '';
  const revision = /^\d{1,9}$/.test(asked) ? Number(asked) : last.decoded.revision;
  const at = steps.right.findLast((step) => step.decoded.revision <= revision) ?? last;
  const shown = steps.right.slice(-SHOWN).toReversed();
  return right(
    page(
      `History of ${nameOf(found.right)}`,
      html`<p class="crumbs"><a href="/dashboard/webhooks/${guid}">${nameOf(found.right)}</a></p>
        <h1>History</h1>
        ${asOf(deps, guid, steps.right, at)}
        <section aria-labelledby="steps">
          <h2 id="steps">What happened</h2>
          <ol class="steps">
            ${shown.map((step) => stepOf(deps, guid, step))}
          </ol>
          ${
            steps.right.length > SHOWN
              ? html`<p class="quiet">
                  The newest ${SHOWN} of ${steps.right.length}; the slider above reaches all.
                </p>`
              : null
          }
        </section>`,
      companyId,
    ),
  );
};

const asOf = (deps: Deps, guid: string, steps: ReadonlyArray<WebhookStep>, at: WebhookStep): Html => {
  const max = steps.at(-1)?.decoded.revision ?? 0;
  const { revision, event, metadata } = at.decoded;
  const fields: JsonObject =
    at.after.situation === 'unknown' ? {} : fieldsOf(at.after, deps.defaultRetryBaseMs);
  return html`<section class="card" aria-labelledby="as-of-title">
    <h2 id="as-of-title">As of</h2>
    ${
      max === 0
        ? html`<p>Nothing happened to it since it was created.</p>`
        : html`<form method="get" action="/dashboard/webhooks/${guid}/history" data-live="as-of">
            <label for="revision">Step in its history: 0, when it was created, to ${max}</label>
            <div class="slider">
              <input type="range" id="revision" name="revision" min="0" max="${max}" value="${revision}" />
              <button class="button no-script">Show</button>
            </div>
          </form>`
    }
    <div id="as-of" aria-live="polite">
      <p>
        After step ${revision} (${(EVENTS[event.type] ?? event.type).toLowerCase()} by ${metadata.actor}),
        ${time(event.atMs)}:
      </p>
      ${scroll(
        'The webhook at that moment',
        html`<table>
          <tbody>
            ${Object.entries(fields).map(
              ([name, value]) =>
                html`<tr>
                  <th scope="row">${name.replaceAll('_', ' ')}</th>
                  <td class="wrap">${shownValue(value)}</td>
                </tr>`,
            )}
          </tbody>
        </table>`,
      )}
    </div>
  </section>`;
};

const stepOf = (deps: Deps, guid: string, step: WebhookStep): Html => {
  const { event, at, actor, revision, changed } = printedStep(deps, step);
  const rows = Object.entries(changed) as unknown as ReadonlyArray<[string, readonly [unknown, unknown]]>;
  return html`<li>
    <h3>
      <a href="/dashboard/webhooks/${guid}/history?revision=${revision}">${EVENTS[event] ?? event}</a>
      <span class="quiet">by ${actor}, ${time(Date.parse(at))}</span>
    </h3>
    ${
      event === 'WebhookCreated' || rows.length === 0
        ? null
        : html`<ul class="changes">
            ${rows.map(
              ([name, [was, now]]) =>
                html`<li class="wrap">
                  ${name.replaceAll('_', ' ')}: <del>${shownValue(was)}</del>
                  <span aria-hidden="true">→</span>
                  <ins>${shownValue(now)}</ins>
                </li>`,
            )}
          </ul>`
    }
  </li>`;
};

const shownValue = (value: unknown): string => {
  if (value === null || value === '') return 'none';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'string' ? value : JSON.stringify(value);
};
