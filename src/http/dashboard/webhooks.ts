import { isLeft, right } from 'fp-ts/lib/Either.js';
import type { KnownWebhook } from '../../commands/webhooks.ts';
import type { WebhookHealth } from '../../projections/read-models.ts';
import type { HttpDeps } from '../deps.ts';
import { decodeQuery, codecOf } from '../fields.ts';
import { html, type Html } from '../html.ts';
import { formatCursor, PAGE_FIELDS, pageOf } from '../paging.ts';
import { settledSoon } from '../settled.ts';
import { onlyCompany } from '../access.ts';
import { companyIn } from './companies.ts';
import { healthBadge, healthBars } from './health.ts';
import { address, notice, pager, timeOr } from './parts.ts';
import { type DashboardRoute, page, redirect, type Replied, type Visit, EVERYBODY } from './visit.ts';
import { listensTo, nameOf } from './webhook-words.ts';

type Deps = Pick<HttpDeps, 'webhooks' | 'readModels' | 'settled' | 'clock'>;

/** All webhooks of a company, of both dialects. */
export const webhooksPages = (deps: Deps): ReadonlyArray<DashboardRoute> => [
  { method: 'GET', path: '/', roles: EVERYBODY, handle: (visit) => list(deps, visit) },
];

interface Listed {
  readonly webhook: KnownWebhook;
  readonly health: WebhookHealth;
}

const QUERY = codecOf({ after: PAGE_FIELDS.after });
const SHOWN = 25;

const list = async (deps: Deps, visit: Visit): Replied => {
  if (visit.principal.role === 'platform') return right(redirect('/dashboard/changes'));
  const company = companyIn(visit);
  if (isLeft(company)) return company;
  if (typeof company.right !== 'string') return right(company.right);
  const companyId = company.right;
  const named = visit.query.get('company') ?? undefined;
  const made = visit.query.get('made');
  const query = decodeQuery(QUERY, new URLSearchParams(afterOf(visit)));
  if (isLeft(query)) return query;

  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const found = deps.readModels.liveWebhooksOf(companyId, query.right.after, SHOWN + 1);
  const { rows, next } = pageOf(found, SHOWN, (row) => row.cursor);
  const nowMs = deps.clock.nowMs();
  const listed: Listed[] = [];
  for (const { guid } of rows) {
    const known = await deps.webhooks.get(guid);
    if (isLeft(known)) return known;
    listed.push({ webhook: known.right.webhook, health: deps.readModels.health(guid, nowMs) });
  }
  const create = address('/dashboard/webhooks/new', { company: named });
  const after = query.right.after === undefined ? undefined : formatCursor(query.right.after);
  return right(
    page(
      'Webhooks',
      html`<div class="head">
          <h1>Webhooks</h1>
          <a class="button primary" href="${create}">Create new</a>
        </div>
        ${onlyCompany(visit.principal) === undefined ? companyLine(companyId) : null}
        ${saidOf(made, visit.query.get('deleted'))}
        ${listed.length === 0 ? emptyList(create, after !== undefined) : table(listed, nowMs, made)}
        ${pager(next, '/', { company: named, after })}`,
      companyId,
    ),
  );
};

const afterOf = ({ query }: Visit): Record<string, string> => {
  const after = query.get('after');
  return after === null ? {} : { after };
};

export const companyLine = (companyId: string): Html =>
  html`<p class="company">
    Company <code>${companyId}</code> · <a href="/dashboard/companies">choose another</a>
  </p>`;

const saidOf = (made: string | null, deleted: string | null): Html | null => {
  if (made !== null) return notice('good', html`<p>The webhook was created. It is listed below.</p>`);
  return deleted === null
    ? null
    : notice(
        'good',
        html`<p>The webhook was deleted. What waited for it was cancelled; its history stays.</p>`,
      );
};

const emptyList = (create: string, later: boolean): Html =>
  later
    ? html`<p class="empty">There are no more webhooks.</p>`
    : html`<div class="empty">
        <p><b>No webhooks yet.</b></p>
        <p>
          A webhook sends a POST request to your application whenever something you choose changes: an order
          is paid, a ticket is scanned, an event is updated.
        </p>
        <p><a class="button primary" href="${create}">Create your first webhook</a></p>
      </div>`;

const table = (listed: ReadonlyArray<Listed>, nowMs: number, made: string | null): Html =>
  html`<table class="stack">
    <thead>
      <tr>
        <th scope="col">Name</th>
        <th scope="col">State</th>
        <th scope="col">Listens to</th>
        <th scope="col">Last delivery</th>
        <th scope="col">Last 24 hours</th>
      </tr>
    </thead>
    <tbody>
      ${listed.map(({ webhook, health }) => row(webhook, health, nowMs, made === webhook.facts.guid))}
    </tbody>
  </table>`;

const row = (webhook: KnownWebhook, health: WebhookHealth, nowMs: number, isNew: boolean): Html => {
  const { guid, settings } = webhook.facts;
  return html`<tr class="${isNew ? 'new' : ''}">
    <th scope="row">
      <a href="/dashboard/webhooks/${guid}">${nameOf(webhook)}</a>
      <span class="url">${settings.url}</span>
    </th>
    <td data-label="State">${healthBadge(webhook, health)}</td>
    <td data-label="Listens to">${listensTo(settings.selection)}</td>
    <td data-label="Last delivery">${timeOr(health.deliveredAtMs, 'none yet')}</td>
    <td data-label="Last 24 hours">${healthBars(health, nowMs)}</td>
  </tr>`;
};
