import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { explain, type Explanation } from '../../audit/explain.ts';
import { readChange } from '../../audit/read-change.ts';
import { timeline, type Told } from '../../audit/timeline.ts';
import type { ResourceChange } from '../../domain/resource-change.ts';
import type { Decoded } from '../../eventstore/decoded.ts';
import { onlyCompany } from '../access.ts';
import type { HttpDeps } from '../deps.ts';
import { explainPage } from '../explain.ts';
import type { Failure } from '../failure.ts';
import { codecOf, decodeQuery } from '../fields.ts';
import { findChange } from '../find-change.ts';
import { html, type Html } from '../html.ts';
import { formatCursor, PAGE_FIELDS, pageOf } from '../paging.ts';
import { settledSoon } from '../settled.ts';
import { companyIn } from './companies.ts';
import { explainPicture, type ToldWebhook } from './explain-picture.ts';
import { count, pager, scroll, statusBadge, time, preformatted } from './parts.ts';
import { type DashboardRoute, page, type Replied, type Visit, EVERYBODY } from './visit.ts';
import { companyLine } from './webhooks.ts';

type Deps = Pick<HttpDeps, 'readModels' | 'store' | 'invocations' | 'rules' | 'settled' | 'clock'>;

/** What the platform reported, and for each change who was told of it and why. */
export const changePages = (deps: Deps): ReadonlyArray<DashboardRoute> => [
  { method: 'GET', path: '/dashboard/changes', roles: EVERYBODY, handle: (visit) => list(deps, visit) },
  {
    method: 'GET',
    path: '/dashboard/changes/:change',
    roles: EVERYBODY,
    handle: (visit) => show(deps, visit),
  },
];

const QUERY = codecOf({ after: PAGE_FIELDS.after });
const SHOWN = 25;

const list = async (deps: Deps, visit: Visit): Replied => {
  const company = companyIn(visit);
  if (isLeft(company)) return company;
  if (typeof company.right !== 'string') return right(company.right);
  const companyId = company.right;
  const given = visit.query.get('after');
  const query = decodeQuery(QUERY, new URLSearchParams(given === null ? {} : { after: given }));
  if (isLeft(query)) return query;
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const found = deps.readModels.changesOf(companyId, query.right.after, SHOWN + 1);
  const { rows, next } = pageOf(found, SHOWN, (row) => row.position);
  const changes: Decoded<ResourceChange>[] = [];
  for (const read of await Promise.all(rows.map((row) => readChange(deps.store, row)))) {
    if (isLeft(read)) return read;
    changes.push(read.right);
  }
  const after = query.right.after === undefined ? undefined : formatCursor(query.right.after);
  return right(
    page(
      'Changes',
      html`<h1>Changes</h1>
        ${onlyCompany(visit.principal) === undefined ? companyLine(companyId) : null}
        ${changes.length === 0 ? empty(after !== undefined) : table(deps, changes)}
        ${pager(next, '/dashboard/changes', { company: visit.query.get('company') ?? undefined, after })}`,
      companyId,
    ),
  );
};

const empty = (later: boolean): Html =>
  later
    ? html`<p class="empty">There are no older changes.</p>`
    : html`<div class="empty">
        <p><b>Nothing was reported yet.</b></p>
        <p>
          Your ticketing platform reports what changes to <code>POST /changes</code>; see the
          <a href="/docs">API documentation</a>. Each report then stands here, with who was told of it.
        </p>
      </div>`;

/** Invocations of one change that the list counts. */
const COUNTED_MAX = 50;

const table = ({ readModels }: Deps, changes: ReadonlyArray<Decoded<ResourceChange>>): Html =>
  html`<table class="stack">
    <thead>
      <tr>
        <th scope="col">Reported</th>
        <th scope="col">What</th>
        <th scope="col">Triggers</th>
        <th scope="col">Told</th>
      </tr>
    </thead>
    <tbody>
      ${changes.map(({ id, event }) => {
        const told = readModels.invocations(
          { companyId: event.companyId, change: id },
          undefined,
          COUNTED_MAX + 1,
        ).length;
        return html`<tr>
          <th scope="row"><a href="/dashboard/changes/${id}">${time(event.atMs)}</a></th>
          <td data-label="What" class="wrap">${event.changeType} <b>${event.identifier}</b></td>
          <td data-label="Triggers">${event.triggers.join(', ')}</td>
          <td data-label="Told">
            ${told > COUNTED_MAX ? `more than ${COUNTED_MAX} webhooks` : told === 0 ? html`<span class="quiet">nobody</span>` : count(told, 'webhook')}
          </td>
        </tr>`;
      })}
    </tbody>
  </table>`;

// ---------------------------------------------------------------- one change

/** Webhooks in the picture, and in the list of those that were not told. */
const TOLD_SHOWN = 20;
const NOT_TOLD_SHOWN = 25;

const show = async (deps: Deps, visit: Visit): Replied => {
  const found = await findChange(deps, visit);
  if (isLeft(found)) return found;
  const change = found.right;
  const { companyId, resource, identifier } = change.event;
  const told = await toldOf(deps, change);
  if (isLeft(told)) return told;
  const given = visit.query.get('after');
  const query = decodeQuery(QUERY, new URLSearchParams(given === null ? {} : { after: given }));
  if (isLeft(query)) return query;
  const others = await explainPage(deps, change, {
    limit: NOT_TOLD_SHOWN,
    after: query.right.after,
    told: false,
  });
  if (isLeft(others)) return others;
  const isPlatform = visit.principal.role === 'platform';
  const around = Math.max(0, change.revision - TIMELINE_BEFORE);
  const life = await timeline(deps, companyId, { resource, identifier }, around, TIMELINE_SHOWN);
  if (isLeft(life)) return life;
  return right(
    page(
      `${change.event.changeType} ${identifier}`,
      html`<p class="crumbs"><a href="/dashboard/changes?company=${companyId}">Changes</a></p>
        <h1>${change.event.changeType} <span class="name">${identifier}</span></h1>
        ${factsOf(change)}
        <section aria-labelledby="told">
          <h2 id="told">Who was told, and why</h2>
          ${
            told.right.shown.length === 0
              ? html`<p class="empty">Nobody was told of this change. Below stands why, for each webhook.</p>`
              : html`${scroll(
                  'Picture of who was told',
                  explainPicture(
                    { ref: { resource, identifier }, what: change.event.changeType },
                    told.right.shown,
                    !isPlatform,
                  ),
                )}
                ${toldList(told.right.shown, isPlatform)}`
          }
          ${
            !told.right.more
              ? null
              : html`<p class="quiet">
                  These are the first ${TOLD_SHOWN}; the API lists all under
                  <code>/changes/${change.id}/explain</code>.
                </p>`
          }
        </section>
        ${othersOf(others.right.rows)}
        ${pager(others.right.next, `/dashboard/changes/${change.id}`, { after: given ?? undefined })}
        ${timelineOf(change, life.right, isPlatform)}`,
      companyId,
    ),
  );
};

/** Found by the invocations themselves: among very many webhooks those that were told may be few and far between. */
const toldOf = async (
  deps: Deps,
  change: Decoded<ResourceChange>,
): Promise<Either<Failure, { readonly shown: ReadonlyArray<ToldWebhook>; readonly more: boolean }>> => {
  const { companyId } = change.event;
  const rows = deps.readModels.invocations({ companyId, change: change.id }, undefined, TOLD_SHOWN + 1);
  const shown: ToldWebhook[] = [];
  for (const { webhook, guid } of rows.slice(0, TOLD_SHOWN)) {
    const createdAt = deps.readModels.createdAt(webhook);
    if (createdAt === undefined) continue;
    const explained = await explain(deps, change, createdAt - 1, 1);
    if (isLeft(explained)) return explained;
    const [explanation] = explained.right;
    const invocation = await deps.invocations.get(guid);
    if (explanation === undefined) continue;
    shown.push({ explanation, invocation: isLeft(invocation) ? undefined : invocation.right });
  }
  shown.reverse();
  return right({ shown, more: rows.length > TOLD_SHOWN });
};

const factsOf = ({ id, event, metadata }: Decoded<ResourceChange>): Html => {
  const relations = [...event.relations.declared, ...event.relations.derived];
  const contradictions = event.order?.contradictions.length ?? 0;
  return html`<dl class="facts card">
      <dt>Triggers</dt>
      <dd>${event.triggers.join(', ')}</dd>
      <dt>Occurred</dt>
      <dd>${time(event.occurredAtMs)}</dd>
      <dt>Recorded</dt>
      <dd>${time(event.atMs)} <span class="quiet">by ${metadata.actor}</span></dd>
      <dt>Belongs to</dt>
      <dd class="wrap">
        ${
          relations.length === 0
            ? html`<span class="quiet">nothing</span>`
            : relations.map((one) => `${one.resource} ${one.identifier}`).join(', ')
        }
      </dd>
      <dt>Report</dt>
      <dd class="wrap"><code>${event.id}</code> from <code>${event.source}</code></dd>
      <dt>GUID</dt>
      <dd><code>${id}</code></dd>
    </dl>
    ${
      contradictions === 0
        ? null
        : html`<div class="notice bad">
            <p>
              This report contradicts what was known of the order (${count(contradictions, 'contradiction')});
              it was kept as it came.
            </p>
          </div>`
    }
    <details>
      <summary>The data that was reported</summary>
      ${preformatted('Data', JSON.stringify(event.data, null, 2))}
    </details>`;
};

const toldList = (told: ReadonlyArray<ToldWebhook>, isPlatform: boolean): Html =>
  html`<ul class="list">
    ${told.map(
      ({ explanation }) =>
        html`<li>
          <b>${explanation.name === '' ? explanation.webhook : explanation.name}</b>: ${explanation.words}.
          ${
            explanation.invocation === null
              ? null
              : html`${statusBadge(explanation.invocation.status)}
                ${
                  isPlatform
                    ? null
                    : html`<a href="/dashboard/invocations/${explanation.invocation.guid}"
                        >See the invocation</a
                      >`
                }`
          }
        </li>`,
    )}
  </ul>`;

const othersOf = (others: ReadonlyArray<Explanation>): Html | null =>
  others.length === 0
    ? null
    : html`<section aria-labelledby="others">
        <h2 id="others">Who was not told, and why not</h2>
        <ul class="list">
          ${others.map(
            ({ name, webhook, words }) => html`<li><b>${name === '' ? webhook : name}</b>: ${words}.</li>`,
          )}
        </ul>
      </section>`;

const TIMELINE_BEFORE = 10;
const TIMELINE_SHOWN = 20;

const timelineOf = (change: Decoded<ResourceChange>, life: ReadonlyArray<Told>, isPlatform: boolean): Html =>
  html`<section aria-labelledby="timeline">
    <h2 id="timeline">
      Timeline of ${change.event.resource} <span class="name">${change.event.identifier}</span>
    </h2>
    <ol class="steps">
      ${life.map(({ change: one, invocations, more }) => {
        const label = html`${one.event.changeType} <span class="quiet">${time(one.event.atMs)}</span>`;
        return html`<li>
          <h3>
            ${
              one.id === change.id
                ? html`<span aria-current="true">${label}</span>`
                : html`<a href="/dashboard/changes/${one.id}">${label}</a>`
            }
          </h3>
          <p>
            ${
              invocations.length === 0
                ? html`<span class="quiet">nobody was told</span>`
                : invocations.map(({ guid, status }) =>
                    isPlatform
                      ? statusBadge(status)
                      : html`<a class="plain" href="/dashboard/invocations/${guid}"
                          >${statusBadge(status)}</a
                        > `,
                  )
            }
            ${more ? 'and more' : null}
          </p>
        </li>`;
      })}
    </ol>
  </section>`;
