import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { OpenAccountState } from '../domain/account.ts';
import { GRACE_MS, MONTHS_MAX, MONTHS_MIN } from '../domain/retention.ts';
import { covers } from './access.ts';
import { ok } from './answer.ts';
import { readFields } from './body.ts';
import { type Check, wholeNumber } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import { type Failure, invalid } from './failure.ts';
import { decodeFields, patchCodecOf } from './fields.ts';
import { guidIn } from './find-webhook.ts';
import { type Call, causeOf, type Handled, type Route } from './routing.ts';

type Deps = Pick<HttpDeps, 'accounts' | 'removesByPolicy'>;

/** How long a company keeps its invocations, with their bodies and attempts. */
export const retentionRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const path = '/accounts/:company_id/retention';
  const [readers, setters] = [['partner', 'admin'] as const, ['admin'] as const];
  return [
    { method: 'GET', path, roles: readers, handle: (call) => read(deps, call) },
    { method: 'PATCH', path, roles: setters, handle: (call) => update(deps, call) },
  ];
};

const anyMonths = wholeNumber(MONTHS_MIN, MONTHS_MAX);

/** An empty value in a form is null. */
const months: Check<number | null> = (value) => {
  if (value === null || value === '') return right(null);
  const checked = anyMonths(value);
  return isLeft(checked) ? left(`${checked.left}, or null for ever`) : checked;
};

const forEver: Check<null> = (value) =>
  value === null || value === ''
    ? right(null)
    : left(
        'must be null: changes are facts and are kept for ever. What belongs to what, the state of orders, duplicates and "explain" are all decided on them',
      );

const PATCH = patchCodecOf({ invocations_months: months, changes_months: forEver });

/** The company that the path names, if the caller may see it. */
const companyIn = (call: Call): Either<Failure, string> => {
  const company = guidIn(call, 'company_id');
  return company === undefined || !covers(call.principal, company)
    ? left({ _tag: 'NotFound' })
    : right(company);
};

const read = async (deps: Deps, call: Call): Handled => {
  const company = companyIn(call);
  if (isLeft(company)) return company;
  const account = await deps.accounts.get(company.right);
  if (isLeft(account)) return account;
  return account.right === undefined ? left({ _tag: 'NotFound' }) : right(ok(printed(account.right)));
};

const update = async (deps: Deps, call: Call): Handled => {
  const company = companyIn(call);
  if (isLeft(company)) return company;
  const values = await readFields(call.request);
  if (isLeft(values)) return values;
  const decoded = decodeFields(PATCH, values.right);
  if (isLeft(decoded)) return decoded;
  const { invocations_months: asked } = decoded.right;
  if (asked === undefined) return read(deps, call);
  if (asked !== null && !deps.removesByPolicy) return left(invalid('invocations_months', NOT_HERE));
  const set = await deps.accounts.setRetention(company.right, asked, causeOf(call, company.right));
  return isLeft(set) ? set : right(ok(printed(set.right)));
};

const NOT_HERE =
  "cannot be set here: this server's store removes nothing by policy. On an EventStoreDB the operator runs 'callboard scavenge'";

const printed = ({ companyId, retention, removed }: OpenAccountState) => {
  const months = retention?.invocationsMonths ?? null;
  return {
    company_id: companyId,
    invocations_months: months,
    changes_months: null,
    in_force_from:
      retention === null || months === null ? null : new Date(retention.setAtMs + GRACE_MS).toISOString(),
    removed:
      removed === null
        ? null
        : {
            invocations: removed.streams,
            events: removed.events,
            bytes: removed.bytes,
            last_at: new Date(removed.atMs).toISOString(),
          },
  };
};
