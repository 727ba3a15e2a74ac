import { isLeft, right } from 'fp-ts/lib/Either.js';
import type { KnownWebhook } from '../../commands/webhooks.ts';
import type { WebhookHealth } from '../../projections/read-models.ts';
import { oneOf, optional, text, withDefault } from '../checks.ts';
import type { HttpDeps } from '../deps.ts';
import { decodeQuery, codecOf } from '../fields.ts';
import { html, type Html } from '../html.ts';
import { formatCursor, PAGE_FIELDS, pageOf } from '../paging.ts';
import { settledSoon } from '../settled.ts';
import { onlyCompany } from '../access.ts';
import { companyIn } from './companies.ts';
import { healthBadge, healthBars } from './health.ts';
import { address, field, hidden, notice, option, pager, timeOr } from './parts.ts';
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

const STATES = ['failing', 'enabled', 'disabled'] as const;

const QUERY = codecOf({
  after: PAGE_FIELDS.after,
  q: withDefault(text(), ''),
  state: optional(oneOf(STATES)),
});
const SHOWN = 25;
const NAMES = ['after', 'q', 'state'] as const;

type Asked = Readonly<Partial<Record<(typeof NAMES)[number] | 'company', string>>>;

const list = async (deps: Deps, visit: Visit): Replied => {
  if (visit.principal.role === 'platform') return right(redirect('/dashboard/changes'));
  const company = companyIn(visit);
  if (isLeft(company)) return company;
  if (typeof company.right !== 'string') return right(company.right);
  const companyId = company.right;
  const asked = askedIn(visit);
  const { company: named, ...params } = asked;
  const query = decodeQuery(QUERY, new URLSearchParams(params));
  if (isLeft(query)) return query;

  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const found = find(deps.readModels, companyId, query.right);
  const nowMs = deps.clock.nowMs();
  const listed: Listed[] = [];
  for (const { guid } of found.rows) {
    const known = await deps.webhooks.get(guid);
    if (isLeft(known)) return known;
    listed.push({ webhook: known.right.webhook, health: deps.readModels.health(guid, nowMs) });
  }
  const create = address('/dashboard/webhooks/new', { company: named });
  const made = visit.query.get('made');
  const isNarrowed = asked.q !== undefined || asked.state !== undefined;
  const isBare = listed.length === 0 && !isNarrowed;
  return right(
    page(
      'Webhooks',
      html`<div class="head">
          <h1>Webhooks</h1>
          <a class="button primary" href="${create}">Create new</a>
        </div>
        ${onlyCompany(visit.principal) === undefined ? companyLine(companyId) : null}
        ${saidOf(made, visit.query.get('deleted'))}
        ${isBare ? null : html`${weekOf(deps.readModels, companyId, nowMs, named)} ${searchForm(asked)}`}
        <div id="webhooks">
          ${
            listed.length > 0
              ? table(listed, nowMs, made)
              : isNarrowed
                ? nothingFound(found.next !== null, named)
                : emptyList(create, asked.after !== undefined)
          }
          ${pager(found.next, '/', asked)}
        </div>`,
      companyId,
    ),
  );
};

/** What the address names; what is empty is not asked for. */
const askedIn = ({ query }: Visit): Asked =>
  Object.fromEntries(
    (['company', ...NAMES] as const).flatMap((name) => {
      const value = query.get(name)?.trim() ?? '';
      return value === '' ? [] : [[name, value]];
    }),
  );

interface Found {
  readonly rows: ReadonlyArray<{ readonly guid: string }>;
  /** The cursor from which on there may be more. */
  readonly next: string | null;
}

const find = (
  readModels: Deps['readModels'],
  companyId: string,
  query: {
    readonly after: number | undefined;
    readonly q: string;
    readonly state?: (typeof STATES)[number] | undefined;
  },
): Found => {
  const { after, q, state } = query;
  if (q === '' && state === undefined)
    return pageOf(readModels.liveWebhooksOf(companyId, after, SHOWN + 1), SHOWN, (row) => row.cursor);
  const filter = { words: q, ...(state !== undefined && { state }) };
  const found = readModels.searchWebhooks(companyId, filter, after, SHOWN + 1);
  const { rows, next } = pageOf(found.rows, SHOWN, (row) => row.cursor);
  return { rows, next: next ?? (found.searchedTo === undefined ? null : formatCursor(found.searchedTo)) };
};

const searchForm = ({ company, q, state }: Asked): Html =>
  html`<form method="get" action="/" class="filters" role="search" data-live="webhooks">
    ${company === undefined ? null : hidden('company', company)}
    ${field({
      name: 'q',
      label: 'Name or URL contains',
      errors: [],
      control: (attributes) =>
        html`<input
          type="search"
          ${attributes}
          value="${q ?? ''}"
          maxlength="255"
          autocomplete="off"
          spellcheck="false"
        />`,
    })}
    ${field({
      name: 'state',
      label: 'State',
      errors: [],
      control: (attributes) =>
        html`<select ${attributes}>
          ${option('', 'any', state ?? '')} ${STATES.map((one) => option(one, one, state ?? ''))}
        </select>`,
    })}
    <p class="actions">
      <button class="button">Search</button>
      ${
        q === undefined && state === undefined
          ? null
          : html`<a class="button" href="${address('/', { company })}">Show all</a>`
      }
    </p>
  </form>`;

const nothingFound = (isMore: boolean, company: string | undefined): Html =>
  isMore
    ? html`<p class="empty">None of the newest matches. “Older” searches on.</p>`
    : html`<p class="empty">
        No webhook matches. Search for fewer words, or <a href="${address('/', { company })}">show all</a>.
      </p>`;

const DAY_MS = 86_400_000;
const DAYS = 7;

/** What a partner wants to know first. Counted by the day, in UTC, on which something was scheduled. */
const weekOf = (
  { tallyOf }: Pick<Deps['readModels'], 'tallyOf'>,
  companyId: string,
  nowMs: number,
  company: string | undefined,
): Html | null => {
  const today = Math.floor(nowMs / DAY_MS);
  const sums = tallyOf({ companyId, fromDay: today - DAYS + 1, toDay: today + 1 });
  if (sums.scheduled === 0) return null;
  const underWay = sums.waiting + sums.in_flight;
  const number = (many: number): string => many.toLocaleString('en');
  return html`<p class="week">
    Last ${DAYS} days: <b>${number(sums.delivered)}</b> delivered, <b>${number(underWay)}</b> under way,
    ${
      sums.exhausted === 0
        ? html`<b>0</b> given up.`
        : html`<b>${number(sums.exhausted)}</b> given up after all retries.
            <a href="${address('/', { company, state: 'failing' })}">Which webhooks fail now</a>`
    }
  </p>`;
};

export const companyLine = (companyId: string): Html =>
  html`<p class="company">
    Company <code>${companyId}</code> · <a href="/dashboard/companies">choose another</a>
  </p>`;

const saidOf = (made: string | null, deleted: string | null): Html | null => {
  if (made !== null)
    return notice(
      'good',
      html`<p>The webhook was created. It is listed below: open it to send a test and see what arrives.</p>`,
    );
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
