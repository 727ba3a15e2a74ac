import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { readChange } from '../../audit/read-change.ts';
import { streamOf } from '../../domain/ids.ts';
import type { ResourceChange } from '../../domain/resource-change.ts';
import { RESOURCES, type ResourceRef } from '../../domain/resources.ts';
import type { Decoded } from '../../eventstore/decoded.ts';
import { decodeAll } from '../../projections/projector.ts';
import { onlyCompany } from '../access.ts';
import { oneOf, optional, text } from '../checks.ts';
import type { HttpDeps } from '../deps.ts';
import type { Failure, FieldError } from '../failure.ts';
import { codecOf, decodeQuery } from '../fields.ts';
import { html, type Html } from '../html.ts';
import { PAGE_FIELDS, type PageOf, pageOf } from '../paging.ts';
import { settledSoon } from '../settled.ts';
import { companyIn } from './companies.ts';
import { address, count, field, hidden, option, pager, time } from './parts.ts';
import { type DashboardRoute, page, type Replied, type Visit, EVERYBODY } from './visit.ts';
import { companyLine } from './webhooks.ts';

type Deps = Pick<HttpDeps, 'readModels' | 'store' | 'settled' | 'clock'>;

/** What the platform reported, and how many were told of each. */
export const changesPages = (deps: Deps): ReadonlyArray<DashboardRoute> => [
  { method: 'GET', path: '/dashboard/changes', roles: EVERYBODY, handle: (visit) => list(deps, visit) },
];

const PATH = '/dashboard/changes';
const NAMES = ['resource', 'identifier', 'after'] as const;
const QUERY = codecOf({
  resource: optional(oneOf(RESOURCES)),
  identifier: optional(text()),
  after: PAGE_FIELDS.after,
});
const SHOWN = 25;

type Asked = Readonly<Partial<Record<(typeof NAMES)[number] | 'company', string>>>;
type Changes = PageOf<Decoded<ResourceChange>>;

const list = async (deps: Deps, visit: Visit): Replied => {
  const company = companyIn(visit);
  if (isLeft(company)) return company;
  if (typeof company.right !== 'string') return right(company.right);
  const companyId = company.right;
  const asked = askedIn(visit);
  const { company: named, ...params } = asked;
  const query = decodeQuery(QUERY, new URLSearchParams(params));
  if (isLeft(query)) return query;
  const { resource, identifier, after } = query.right;
  const errors = missingIn(asked);
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const isNarrowed = resource !== undefined || identifier !== undefined;
  const found =
    errors.length > 0
      ? right({ rows: [], next: null })
      : resource !== undefined && identifier !== undefined
        ? await changesOfOne(deps, companyId, { resource, identifier }, after)
        : await newestChanges(deps, companyId, after);
  if (isLeft(found)) return found;
  const { rows, next } = found.right;
  const isBare = rows.length === 0 && !isNarrowed;
  return right(
    page(
      'Changes',
      html`<h1>Changes</h1>
        ${onlyCompany(visit.principal) === undefined ? companyLine(companyId) : null}
        ${isBare ? null : searchForm(asked, errors)}
        ${
          rows.length > 0
            ? table(deps, rows)
            : errors.length > 0
              ? null
              : isNarrowed
                ? nothingReported(named)
                : empty(after !== undefined)
        }
        ${pager(next, PATH, asked)}`,
      companyId,
      errors.length === 0 ? 200 : 422,
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

/** An identifier says nothing without its resource. */
const missingIn = ({ resource, identifier }: Asked): ReadonlyArray<FieldError> => {
  if (resource === undefined && identifier !== undefined)
    return [{ field: 'resource', message: 'is needed with an identifier' }];
  if (resource !== undefined && identifier === undefined)
    return [{ field: 'identifier', message: 'is needed: which one' }];
  return [];
};

const newestChanges = async (
  { readModels, store }: Deps,
  companyId: string,
  before: number | undefined,
): Promise<Either<Failure, Changes>> => {
  const found = readModels.changesOf(companyId, before, SHOWN + 1);
  const { rows, next } = pageOf(found, SHOWN, (row) => row.position);
  const changes: Decoded<ResourceChange>[] = [];
  for (const read of await Promise.all(rows.map((row) => readChange(store, row)))) {
    if (isLeft(read)) return read;
    changes.push(read.right);
  }
  return right({ rows: changes, next });
};

/** All that was reported of one thing stands in its stream. */
const changesOfOne = async (
  { store }: Deps,
  companyId: string,
  { resource, identifier }: ResourceRef,
  before: number | undefined,
): Promise<Either<Failure, Changes>> => {
  if (before === 0) return right({ rows: [], next: null });
  const events = await store.readStream(streamOf.resource(companyId, resource, identifier), {
    direction: 'backwards',
    limit: SHOWN + 1,
    ...(before !== undefined && { fromRevision: before - 1 }),
  })();
  if (isLeft(events)) return events;
  const changes = decodeAll(events.right) as ReadonlyArray<Decoded<ResourceChange>>;
  return right(pageOf(changes, SHOWN, ({ revision }) => revision));
};

const searchForm = ({ company, resource, identifier }: Asked, errors: ReadonlyArray<FieldError>): Html =>
  html`<form method="get" action="${PATH}" class="filters" role="search">
    ${company === undefined ? null : hidden('company', company)}
    ${field({
      name: 'identifier',
      label: 'Identifier',
      errors,
      control: (attributes) =>
        html`<input
          type="search"
          ${attributes}
          value="${identifier ?? ''}"
          maxlength="255"
          autocomplete="off"
          spellcheck="false"
        />`,
    })}
    ${field({
      name: 'resource',
      label: 'Resource',
      errors,
      control: (attributes) =>
        html`<select ${attributes}>
          ${option('', 'any', resource ?? '')} ${RESOURCES.map((one) => option(one, one, resource ?? ''))}
        </select>`,
    })}
    <p class="actions">
      <button class="button">Find</button>
      ${
        resource === undefined && identifier === undefined
          ? null
          : html`<a class="button" href="${address(PATH, { company })}">Show all</a>`
      }
    </p>
  </form>`;

const nothingReported = (company: string | undefined): Html =>
  html`<p class="empty">
    Nothing was reported of it. Identifiers have to be whole, as the platform writes them;
    <a href="${address(PATH, { company })}">show all changes</a>.
  </p>`;

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
