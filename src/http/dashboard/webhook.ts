import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { RESOURCES } from '../../domain/resources.ts';
import { runningSecrets } from '../../domain/webhook.ts';
import type { HttpDeps } from '../deps.ts';
import type { Failure, FieldError } from '../failure.ts';
import { codecOf, decodeQuery } from '../fields.ts';
import type { FoundWebhook } from '../find-webhook.ts';
import { html, type Html } from '../html.ts';
import { FILTER_FIELDS, filterOf, INVOCATION_STATUSES } from '../invocations.ts';
import { formatCursor, pageOf } from '../paging.ts';
import type { printedInvocation } from '../print-invocation.ts';
import { readInvocations } from '../read-invocations.ts';
import { disabledInWords } from '../settings.ts';
import { settledSoon } from '../settled.ts';
import { isReply, webhookOr } from './find.ts';
import { dayInWords, healthBadge, healthBars } from './health.ts';
import {
  badge,
  count,
  errorSummary,
  field,
  notice,
  option,
  pager,
  statusBadge,
  statusWords,
  time,
  timeOr,
} from './parts.ts';
import { retryUnderWay } from './retry-all.ts';
import { type DashboardRoute, page, type Replied, type Reply, type Visit, OWNERS } from './visit.ts';
import { listensTo, nameOf } from './webhook-words.ts';

type Deps = Pick<
  HttpDeps,
  'webhooks' | 'invocations' | 'readModels' | 'settled' | 'clock' | 'defaultRetryBaseMs'
>;

/** One webhook: how it does, what can be done to it, and its invocation log. */
export const webhookPages = (deps: Deps): ReadonlyArray<DashboardRoute> => [
  {
    method: 'GET',
    path: '/dashboard/webhooks/:guid',
    roles: OWNERS,
    handle: (visit) => details(deps, visit),
  },
];

const QUERY = codecOf(FILTER_FIELDS);
const SHOWN = 25;
/** Of a webhook's invocations by one filter; then one asks for older ones. */
const LOOKED_AT_MAX = 5_000;
const FILTERS = ['status', 'resource', 'identifier', 'from', 'to'] as const;

type Filters = Readonly<Partial<Record<(typeof FILTERS)[number] | 'after', string>>>;
type Printed = ReturnType<typeof printedInvocation>;

const details = async (deps: Deps, visit: Visit): Replied => {
  const found = await webhookOr(deps, visit);
  if (isLeft(found) || isReply(found.right)) return found as Either<Failure, Reply>;
  const { guid, companyId } = found.right.webhook.facts;
  const filters = filtersIn(visit.query);
  const query = decodeQuery(QUERY, new URLSearchParams({ ...asTimes(filters), limit: String(SHOWN) }));
  const errors = isLeft(query) && query.left._tag === 'InvalidFields' ? query.left.errors : [];
  if (isLeft(query) && errors.length === 0) return query;

  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  // With a filter that cannot be read nothing is listed: all would be more than was asked for.
  const listed = isLeft(query)
    ? { rows: [], searchedTo: undefined }
    : deps.readModels.searchInvocations(
        filterOf(companyId, { ...query.right, webhook: guid }),
        query.right.after,
        SHOWN + 1,
        LOOKED_AT_MAX,
      );
  const { rows: shown, next: nextOfRows } = pageOf(listed.rows, SHOWN, (row) => row.position);
  const next = nextOfRows ?? (listed.searchedTo === undefined ? null : formatCursor(listed.searchedTo));
  const items = await readInvocations(deps, shown);
  if (isLeft(items)) return items;
  return right(
    page(
      nameOf(found.right.webhook),
      html`${saidOf(visit.query)} ${retryUnderWay(deps, found.right.webhook.facts)}
        ${headOf(deps, found.right)} ${factsOf(deps, found.right)}
        <section aria-labelledby="log">
          <div class="head">
            <h2 id="log">Invocation log</h2>
            <a class="button" href="/dashboard/webhooks/${guid}/retry">Retry all failed invocations</a>
          </div>
          ${filterForm(guid, filters, errors)} ${logTable(items.right, filters, next !== null)}
          ${pager(next, `/dashboard/webhooks/${guid}`, filters)}
        </section>`,
      companyId,
      errors.length === 0 ? 200 : 422,
    ),
  );
};

const filtersIn = (query: URLSearchParams): Filters =>
  Object.fromEntries(
    [...FILTERS, 'after'].flatMap((name) => {
      const value = query.get(name)?.trim();
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );

/** Browsers' fields for dates know neither seconds nor zones; here they are in UTC. */
const asTimes = (filters: Filters): Record<string, string> =>
  Object.fromEntries(
    Object.entries(filters).map(([name, value]) => [
      name,
      (name === 'from' || name === 'to') && /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(value)
        ? `${value}:00Z`
        : value,
    ]),
  );

const SAID: Readonly<Record<string, string>> = {
  saved: 'Saved.',
  enabled: 'The webhook is enabled: it hears of everything from now on.',
  disabled: 'The webhook is disabled. What waited was cancelled.',
};

const saidOf = (query: URLSearchParams): Html | null => {
  const said = query.get('said') ?? '';
  if (said === 'retried') {
    const many = Number(query.get('count'));
    return Number.isSafeInteger(many)
      ? notice('good', html`<p>${count(many, 'invocation')} ${many === 1 ? 'is' : 'are'} sent again now.</p>`)
      : null;
  }
  const words = Object.hasOwn(SAID, said) ? SAID[said] : undefined;
  return words === undefined ? null : notice('good', html`<p>${words}</p>`);
};

const headOf = ({ readModels, clock }: Deps, { webhook }: FoundWebhook): Html => {
  const { guid } = webhook.facts;
  const at = `/dashboard/webhooks/${guid}`;
  const enabled = webhook.situation === 'enabled';
  return html`<div class="head">
    <h1>${nameOf(webhook)} ${healthBadge(webhook, readModels.health(guid, clock.nowMs()))}</h1>
    <div class="actions">
      ${
        enabled
          ? html`<form method="post" action="${at}/test">
              <button class="button primary">Send a test</button>
            </form>`
          : html`<form method="post" action="${at}/enable">
              <button class="button primary">Enable</button>
            </form>`
      }
      <a class="button" href="${at}/edit">Edit</a>
      <a class="button" href="${at}/secret">Secret</a>
      <a class="button" href="${at}/history">History</a>
      ${enabled ? html`<a class="button" href="${at}/disable">Disable</a>` : null}
      <a class="button danger" href="${at}/delete">Delete</a>
    </div>
  </div>`;
};

const factsOf = (deps: Deps, { webhook }: FoundWebhook): Html => {
  const { guid, settings, nonce, createdAtMs, updatedAtMs } = webhook.facts;
  const { selection, retries, retryBaseMs, ordering, coalesce } = settings;
  const nowMs = deps.clock.nowMs();
  const health = deps.readModels.health(guid, nowMs);
  const [previous] = runningSecrets(webhook.facts, nowMs);
  return html`${
      webhook.situation === 'disabled'
        ? notice(
            'bad',
            webhook.reason.kind === 'gone'
              ? html`<p>It is disabled: ${disabledInWords(webhook.reason)}.</p>`
              : html`<p>It is disabled by request: nothing is sent to it.</p>`,
          )
        : null
    }
    <div class="card split">
      <dl class="facts">
        <dt>Destination</dt>
        <dd class="wrap">${settings.url}</dd>
        <dt>Listens to</dt>
        <dd>${listensTo(selection)}</dd>
        <dt>Retries</dt>
        <dd>
          ${retries}, first wait ${((retryBaseMs ?? deps.defaultRetryBaseMs) / 1000).toLocaleString('en')}
          s${ordering === 'per_resource' ? ', in order' : ''}${coalesce ? ', skips what is outdated' : ''}
        </dd>
        <dt>Identifier header</dt>
        <dd><code>${nonce}</code></dd>
        <dt>GUID</dt>
        <dd><code>${guid}</code></dd>
        <dt>Created</dt>
        <dd>
          ${time(createdAtMs)}${updatedAtMs === createdAtMs ? null : html`, changed ${time(updatedAtMs)}`}
        </dd>
        ${
          previous === undefined
            ? null
            : html`<dt>Secret</dt>
                <dd>${badge('busy', 'two secrets sign')} until ${time(previous.untilMs)}</dd>`
        }
      </dl>
      <div class="health">
        ${healthBars(health, nowMs)}
        <p>${dayInWords(health, nowMs)}.</p>
        <p>Last delivery: ${timeOr(health.deliveredAtMs, 'none yet')}</p>
        <p>Last failure: ${timeOr(health.failedAtMs, 'none')}</p>
      </div>
    </div>`;
};

const filterForm = (guid: string, filters: Filters, errors: ReadonlyArray<FieldError>): Html =>
  html`${errors.length === 0 ? null : errorSummary(errors)}
    <form method="get" action="/dashboard/webhooks/${guid}#log" class="filters" aria-label="Filter the log">
      ${field({
        name: 'status',
        label: 'Status',
        errors,
        control: (attributes) =>
          html`<select ${attributes}>
            ${option('', 'any', filters.status ?? '')}
            ${INVOCATION_STATUSES.map((one) => option(one, statusWords(one), filters.status ?? ''))}
          </select>`,
      })}
      ${field({
        name: 'resource',
        label: 'Resource',
        errors,
        control: (attributes) =>
          html`<select ${attributes}>
            ${option('', 'any', filters.resource ?? '')}
            ${RESOURCES.map((one) => option(one, one, filters.resource ?? ''))}
          </select>`,
      })}
      ${field({
        name: 'identifier',
        label: 'Identifier',
        errors,
        control: (attributes) =>
          html`<input
            ${attributes}
            value="${filters.identifier ?? ''}"
            maxlength="255"
            autocomplete="off"
          />`,
      })}
      ${field({
        name: 'from',
        label: 'From (UTC)',
        errors,
        control: (attributes) =>
          html`<input type="datetime-local" ${attributes} value="${filters.from ?? ''}" />`,
      })}
      ${field({
        name: 'to',
        label: 'Until (UTC)',
        errors,
        control: (attributes) =>
          html`<input type="datetime-local" ${attributes} value="${filters.to ?? ''}" />`,
      })}
      <p class="actions">
        <button class="button">Filter</button>
        ${
          Object.keys(filters).length === 0
            ? null
            : html`<a class="button" href="/dashboard/webhooks/${guid}#log">Show all</a>`
        }
      </p>
    </form>`;

const logTable = (items: ReadonlyArray<Printed>, filters: Filters, isMore: boolean): Html => {
  if (items.length === 0 && isMore)
    return html`<p class="empty">
      None of the newest ${LOOKED_AT_MAX.toLocaleString('en')} matches. “Older” searches on.
    </p>`;
  if (items.length === 0) {
    return Object.keys(filters).length > 0
      ? html`<p class="empty">No invocation matches. Widen the filter, or show all.</p>`
      : html`<div class="empty">
          <p><b>Nothing was sent yet.</b></p>
          <p>
            The log fills as soon as something happens that it listens to. “Send a test” tries it out now.
          </p>
        </div>`;
  }
  return html`<table class="stack">
    <thead>
      <tr>
        <th scope="col">Scheduled</th>
        <th scope="col">About</th>
        <th scope="col">Status</th>
        <th scope="col">Attempts</th>
        <th scope="col">Last answer</th>
        <th scope="col">Next attempt</th>
      </tr>
    </thead>
    <tbody>
      ${items.map(
        (item) =>
          html`<tr>
            <th scope="row">
              <a href="/dashboard/invocations/${item.guid}">${time(Date.parse(item.scheduled_at))}</a>
            </th>
            <td data-label="About">
              ${item.resource} ${item.identifier} · ${item.trigger}
              ${item.test === true ? badge('plain', 'test') : null}
            </td>
            <td data-label="Status">${statusBadge(item.status)}</td>
            <td data-label="Attempts">${item.attempts.length}</td>
            <td data-label="Last answer" class="wrap">${lastAnswer(item)}</td>
            <td data-label="Next attempt">
              ${item.next_attempt_at === null ? html`<span class="quiet">none</span>` : time(Date.parse(item.next_attempt_at))}
            </td>
          </tr>`,
      )}
    </tbody>
  </table>`;
};

const lastAnswer = ({ attempts }: Printed): Html => {
  const last = attempts.findLast(({ outcome }) => outcome !== null);
  if (last === undefined) return html`<span class="quiet">none yet</span>`;
  return html`${last.status_code ?? last.error ?? last.outcome}
    <span class="quiet">${last.duration_ms} ms</span>`;
};
