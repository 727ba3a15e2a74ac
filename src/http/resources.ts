import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import { resourceAsOf } from '../audit/resource-as-of.ts';
import { isResource } from '../domain/resources.ts';
import { companyOf } from './access.ts';
import { ok } from './answer.ts';
import { guid, optional } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import { codecOf, decodeQuery } from './fields.ts';
import { moment, placeOf } from './moment.ts';
import { formatCursor, PAGE_FIELDS } from './paging.ts';
import { printedLastChange } from './print-change.ts';
import type { Call, Handled, Route } from './routing.ts';

type Deps = Pick<HttpDeps, 'store' | 'readModels' | 'settled' | 'clock' | 'shownUpTo'>;

/** Resources and their relations, as of any moment. */
export const resourceRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const roles = ['partner', 'platform', 'admin'] as const;
  return [{ method: 'GET', path: '/resources/:resource/:id', roles, handle: (call) => read(deps, call) }];
};

const QUERY = codecOf({ ...PAGE_FIELDS, company_id: optional(guid), at: optional(moment) });

const read = async (deps: Deps, call: Call): Handled => {
  const query = decodeQuery(QUERY, call.query);
  if (isLeft(query)) return query;
  const { limit, after = 0, company_id, at } = query.right;
  const company = companyOf(call.principal, company_id, 'company_id');
  if (isLeft(company)) return company;
  const { resource = '', id: identifier = '' } = call.params;
  if (!isResource(resource)) return left({ _tag: 'NotFound' });
  const place = await placeOf(deps, at);
  if (isLeft(place)) return place;
  const ref = { resource, identifier };
  const found = await resourceAsOf(deps, company.right, ref, place.right, { after, limit });
  if (isLeft(found)) return found;
  if (found.right === undefined) return left({ _tag: at === undefined ? 'NotFound' : 'NothingThen' });
  const { belongsTo, has, next, lastChange } = found.right;
  return right(
    ok({
      ...ref,
      belongs_to: belongsTo.map(printedRef),
      has: has.map(printedRef),
      next: next === null ? null : formatCursor(next),
      last_change: lastChange === undefined ? null : printedLastChange(lastChange),
    }),
  );
};

const printedRef = ({
  resource,
  identifier,
}: {
  readonly resource: string;
  readonly identifier: string;
}) => ({
  resource,
  identifier,
});
