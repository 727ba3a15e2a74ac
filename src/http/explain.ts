import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { type ExplainDeps, type Explanation, explain } from '../audit/explain.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { ReadFailure } from '../eventstore/event-store.ts';
import { ok } from './answer.ts';
import { boolean, optional } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import { codecOf, decodeQuery } from './fields.ts';
import { findChange } from './find-change.ts';
import { formatCursor, PAGE_FIELDS, type PageOf, pageOf } from './paging.ts';
import { printedErasureOf } from './print-change.ts';
import { printedExplanation } from './print-explanation.ts';
import type { Call, Handled, Route } from './routing.ts';

type Deps = Pick<HttpDeps, 'rules' | 'readModels' | 'store' | 'settled' | 'clock'>;

/** Why each webhook of the company was told of a change, or was not. */
export const explainRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const roles = ['partner', 'platform', 'admin'] as const;
  return [
    { method: 'GET', path: '/changes/:change/explain', roles, handle: (call) => explainChange(deps, call) },
  ];
};

const QUERY = codecOf({ ...PAGE_FIELDS, told: optional(boolean) });

/** Webhooks looked at for one page: with a filter few of them may pass it. */
const LOOKED_AT_MAX = 1_000;

const explainChange = async (deps: Deps, call: Call): Handled => {
  const query = decodeQuery(QUERY, call.query);
  if (isLeft(query)) return query;
  const { limit, after, told } = query.right;
  const change = await findChange(deps, call);
  if (isLeft(change)) return change;

  const page = await explainPage(deps, change.right, { limit, after, told });
  if (isLeft(page)) return page;
  const { rows, next } = page.right;
  return right(
    ok({
      change: change.right.id,
      items: rows.map(printedExplanation),
      next,
      ...printedErasureOf(change.right.event, deps.readModels),
    }),
  );
};

/** One page of the explanations of a change: all, or only of the webhooks that were told, or were not. */
export const explainPage = async (
  deps: ExplainDeps,
  change: Decoded<ResourceChange>,
  {
    limit,
    after,
    told,
  }: { readonly limit: number; readonly after: number | undefined; readonly told: boolean | undefined },
): Promise<Either<ReadFailure, PageOf<Explanation>>> => {
  const found: Explanation[] = [];
  let cursor = after ?? 0;
  let lookedAt = 0;
  let atEnd = false;
  while (found.length <= limit && lookedAt < LOOKED_AT_MAX && !atEnd) {
    const some = await explain(deps, change, cursor, limit + 1);
    if (isLeft(some)) return some;
    found.push(...some.right.filter((one) => told === undefined || one.told === told));
    lookedAt += some.right.length;
    atEnd = some.right.length <= limit;
    cursor = some.right.at(-1)?.cursor ?? cursor;
  }
  const { rows, next } = pageOf(found, limit, (one) => one.cursor);
  // What was looked at last ends the page where the filter passes too little of it.
  const end = next === null && !atEnd ? formatCursor(cursor) : next;
  return right({ rows, next: end });
};
