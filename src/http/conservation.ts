import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import {
  ALL_DAYS,
  dayOfText,
  dayText,
  differenceOf,
  type Grouping,
  GROUPINGS,
} from '../audit/conservation.ts';
import type { Tally, TallyDays, TallyRow } from '../projections/read-models.ts';
import { companyOf } from './access.ts';
import { ok } from './answer.ts';
import { type Check, guid, oneOf, optional, time, withDefault } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import { type Failure, invalid } from './failure.ts';
import { codecOf, decodeQuery } from './fields.ts';
import { PAGE_FIELDS, pageOf } from './paging.ts';
import type { Call, Handled, Route } from './routing.ts';
import { settledSoon } from './settled.ts';

type Deps = Pick<HttpDeps, 'readModels' | 'settled' | 'shownUpTo' | 'clock'>;

/** What became of everything that was scheduled, counted by company, webhook or day. */
export const conservationRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const roles = ['partner', 'admin'] as const;
  return [{ method: 'GET', path: '/conservation', roles, handle: (call) => count(deps, call) }];
};

/** A day (UTC), in days since the epoch. */
const day: Check<number> = (value) => {
  const isDay = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value);
  return isDay && time(`${value}T00:00:00Z`)._tag === 'Right'
    ? right(dayOfText(value))
    : left('must be a day, for example 2023-07-19');
};

const QUERY = codecOf({
  ...PAGE_FIELDS,
  by: withDefault(oneOf(GROUPINGS), 'company'),
  company_id: optional(guid),
  webhook: optional(guid),
  from: optional(day),
  to: optional(day),
});

const count = async (deps: Deps, call: Call): Handled => {
  const query = decodeQuery(QUERY, call.query);
  if (isLeft(query)) return query;
  const { limit, after = 0, by, company_id, webhook, from, to } = query.right;
  if (from !== undefined && to !== undefined && to <= from) {
    return left(invalid('to', 'must be a later day than "from": it is the first that is not counted'));
  }
  const company = countedCompany(call, company_id, by, webhook);
  if (isLeft(company)) return company;
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;

  const days = { fromDay: from ?? ALL_DAYS.fromDay, toDay: to ?? ALL_DAYS.toDay };
  const found = groups(deps, by, { ...days, companyId: company.right, webhook }, after, limit + 1);
  const { rows, next } = pageOf(found, limit, ({ place }) => place);
  return right(
    ok({
      company_id: company.right,
      by,
      position: deps.shownUpTo(),
      totals: printedTally(deps.readModels.tallyOf({ ...days, companyId: company.right, webhook })),
      items: rows.map(printedRow),
      next,
    }),
  );
};

/** Null: all of them, for an administrator who names none. */
const countedCompany = (
  call: Call,
  named: string | undefined,
  by: Grouping,
  webhook: string | undefined,
): Either<Failure, string | null> =>
  call.principal.role === 'admin' && named === undefined && by === 'company' && webhook === undefined
    ? right(null)
    : companyOf(call.principal, named, 'company_id');

const groups = (
  { readModels }: Pick<Deps, 'readModels'>,
  by: Grouping,
  of: TallyDays & { readonly companyId: string | null; readonly webhook: string | undefined },
  after: number,
  limit: number,
): ReadonlyArray<TallyRow> => {
  const { companyId, webhook } = of;
  if (companyId === null) return readModels.talliesByCompany(of, after, limit);
  const one = { ...of, companyId };
  if (by === 'day') return readModels.talliesByDay(one, after, limit);
  const tally = (): Tally => readModels.tallyOf(one);
  if (by === 'company') return [{ place: 0, companyId, tally: tally() }];
  return webhook === undefined
    ? readModels.talliesByWebhook(one, after, limit)
    : [{ place: 0, webhook, tally: tally() }];
};

const printedRow = ({ companyId, webhook, day: on, tally }: TallyRow) => ({
  ...(companyId !== undefined && { company_id: companyId }),
  ...(webhook !== undefined && { webhook }),
  ...(on !== undefined && { day: dayText(on) }),
  ...printedTally(tally),
});

const printedTally = (tally: Tally) => ({ ...tally, difference: differenceOf(tally) });
