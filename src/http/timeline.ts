import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import { timeline } from '../audit/timeline.ts';
import { isResource, type ResourceRef } from '../domain/resources.ts';
import type { InvocationRow } from '../projections/read-models.ts';
import { companyOf } from './access.ts';
import { ok } from './answer.ts';
import { guid, optional } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import { codecOf, decodeQuery } from './fields.ts';
import { PAGE_FIELDS, pageOf } from './paging.ts';
import { printedReport } from './print-change.ts';
import { readInvocations } from './read-invocations.ts';
import type { Call, Handled, Route } from './routing.ts';
import { settledSoon } from './settled.ts';

type Deps = Pick<HttpDeps, 'store' | 'readModels' | 'invocations' | 'settled' | 'clock'>;

/** What was reported of a resource, what followed from it, and every attempt. */
export const timelineRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const roles = ['partner', 'admin'] as const;
  return [
    {
      method: 'GET',
      path: '/orders/:id/timeline',
      roles,
      handle: (call) => list(deps, call, { resource: 'order', identifier: call.params['id'] ?? '' }),
    },
    {
      method: 'GET',
      path: '/resources/:resource/:id/timeline',
      roles,
      handle: (call) => {
        const { resource = '', id = '' } = call.params;
        return isResource(resource)
          ? list(deps, call, { resource, identifier: id })
          : Promise.resolve(left({ _tag: 'NotFound' }));
      },
    },
  ];
};

const QUERY = codecOf({ ...PAGE_FIELDS, company_id: optional(guid) });

const list = async (deps: Deps, call: Call, ref: ResourceRef): Handled => {
  const query = decodeQuery(QUERY, call.query);
  if (isLeft(query)) return query;
  const { limit, after, company_id } = query.right;
  const company = companyOf(call.principal, company_id, 'company_id');
  if (isLeft(company)) return company;
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const from = after === undefined ? 0 : after + 1;
  const found = await timeline(deps, company.right, ref, from, limit + 1);
  if (isLeft(found)) return found;
  if (from === 0 && found.right.length === 0) return left({ _tag: 'NotFound' });

  const { rows, next } = pageOf(found.right, limit, ({ change }) => change.revision);
  const items = [];
  for (const told of rows) {
    const invocations = await readInvocations(deps, told.invocations);
    if (isLeft(invocations)) return invocations;
    const removed = await removedOf(deps, told.invocations, invocations.right);
    items.push({
      ...printedReport(told.change, deps.readModels),
      invocations: invocations.right,
      more: told.more,
      ...(removed.length > 0 && { removed }),
    });
  }
  return right(ok({ ...ref, company_id: company.right, items, next }));
};

/** Those that are not there any more, as far as they are still known. */
const removedOf = async (
  { invocations }: Pick<Deps, 'invocations'>,
  rows: ReadonlyArray<InvocationRow>,
  shown: ReadonlyArray<{ readonly guid: string }>,
) => {
  const there = new Set(shown.map(({ guid: one }) => one));
  const removed = [];
  for (const { guid: one, webhook, status } of rows) {
    if (there.has(one)) continue;
    const found = await invocations.get(one);
    if (!isLeft(found) || found.left._tag !== 'InvocationRemoved') continue;
    const { removedAtMs } = found.left;
    const removed_at = removedAtMs === null ? null : new Date(removedAtMs).toISOString();
    removed.push({ invocation: one, webhook, status, removed_at });
  }
  return removed;
};
