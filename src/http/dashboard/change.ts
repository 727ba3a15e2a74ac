import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { explain, type Explanation } from '../../audit/explain.ts';
import { timeline, type Told } from '../../audit/timeline.ts';
import type { ResourceChange } from '../../domain/resource-change.ts';
import type { Decoded } from '../../eventstore/decoded.ts';
import type { HttpDeps } from '../deps.ts';
import { explainPage } from '../explain.ts';
import type { Failure } from '../failure.ts';
import { codecOf, decodeQuery } from '../fields.ts';
import { findChange } from '../find-change.ts';
import { html, type Html } from '../html.ts';
import { PAGE_FIELDS } from '../paging.ts';
import { explainPicture, type ToldWebhook } from './explain-picture.ts';
import { address, count, pager, scroll, statusBadge, time, preformatted } from './parts.ts';
import { type DashboardRoute, page, type Replied, type Visit, EVERYBODY } from './visit.ts';
import { nameOf } from './webhook-words.ts';

type Deps = Pick<
  HttpDeps,
  'readModels' | 'store' | 'invocations' | 'webhooks' | 'rules' | 'settled' | 'clock'
>;

/** One change: who was told of it and why, who was not, and what else was reported of the same thing. */
export const changePages = (deps: Deps): ReadonlyArray<DashboardRoute> => [
  {
    method: 'GET',
    path: '/dashboard/changes/:change',
    roles: EVERYBODY,
    handle: (visit) => show(deps, visit),
  },
];

const QUERY = codecOf({ after: PAGE_FIELDS.after });
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
  const notTold = await explainPage(deps, change, {
    limit: NOT_TOLD_SHOWN,
    after: query.right.after,
    told: false,
  });
  if (isLeft(notTold)) return notTold;
  const others = await Promise.all(notTold.right.rows.map((explanation) => withName(deps, explanation)));
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
        ${othersOf(others)}
        ${pager(notTold.right.next, `/dashboard/changes/${change.id}`, { after: given ?? undefined })}
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
    shown.push({
      explanation: await withName(deps, explanation),
      invocation: isLeft(invocation) ? undefined : invocation.right,
    });
  }
  return right({ shown: shown.toSorted(byWay), more: rows.length > TOLD_SHOWN });
};

/** Ways that begin alike stand together, the shortest first: so the picture needs no crossing lines. */
const byWay = (a: ToldWebhook, b: ToldWebhook): number => {
  const wayOf = ({ explanation }: ToldWebhook): string => JSON.stringify(explanation.path.slice(1));
  const [one, other] = [wayOf(a), wayOf(b)];
  if (one === other) return a.explanation.cursor - b.explanation.cursor;
  const lengths = a.explanation.path.length - b.explanation.path.length;
  return lengths === 0 ? (one < other ? -1 : 1) : lengths;
};

/** Moshtix webhooks have no name of their own. */
const withName = async (
  { webhooks }: Pick<Deps, 'webhooks'>,
  explanation: Explanation,
): Promise<Explanation> => {
  if (explanation.name !== '') return explanation;
  const known = await webhooks.get(explanation.webhook);
  return { ...explanation, name: isLeft(known) ? explanation.webhook : nameOf(known.right.webhook) };
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
          <b>${explanation.name}</b>: ${explanation.words}.
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
          ${others.map(({ name, words }) => html`<li><b>${name}</b>: ${words}.</li>`)}
        </ul>
      </section>`;

const TIMELINE_BEFORE = 10;
const TIMELINE_SHOWN = 20;

const timelineOf = (change: Decoded<ResourceChange>, life: ReadonlyArray<Told>, isPlatform: boolean): Html =>
  html`<section aria-labelledby="timeline">
    <h2 id="timeline">
      Timeline of ${change.event.resource} <span class="name">${change.event.identifier}</span>
    </h2>
    <p class="quiet">
      Around this change, oldest first.
      <a
        href="${address('/dashboard/changes', {
          company: change.event.companyId,
          resource: change.event.resource,
          identifier: change.event.identifier,
        })}"
        >All that was reported of it</a
      >
    </p>
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
