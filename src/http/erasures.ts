import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Person } from '../domain/customer-key.ts';
import { isJsonObject } from '../domain/json.ts';
import type { ErasureRow } from '../projections/read-models.ts';
import { companyOf } from './access.ts';
import { ok } from './answer.ts';
import { readFields } from './body.ts';
import { type Check, guid, nonEmptyText, optional } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import { type Checked, codecOf, decodeFields, decodeQuery } from './fields.ts';
import { invalid, type RequestFailure } from './failure.ts';
import { PAGE_FIELDS, pageOf } from './paging.ts';
import { type Call, causeOf, type Handled, type Route } from './routing.ts';
import { settledSoon } from './settled.ts';

type Deps = Pick<HttpDeps, 'erasures' | 'readModels' | 'settled' | 'clock'>;

/** Erasing a customer's personal data, and what was erased. */
export const erasureRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const roles = ['admin'] as const;
  return [
    { method: 'POST', path: '/erasures', roles, handle: (call) => erase(deps, call) },
    { method: 'GET', path: '/erasures', roles, handle: (call) => list(deps, call) },
  ];
};

const anyText = nonEmptyText();

/** A number as the reports write it, or a text. */
const number: Check<string> = (value) =>
  anyText(typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value);

const email: Check<string> = (value) => {
  const checked = anyText(value);
  return checked._tag === 'Right' && !/^[^\s@]+@[^\s@]+$/.test(checked.right.trim())
    ? left('must be an e-mail address')
    : checked;
};

const customer: Check<Person> = (value) => {
  if (!isJsonObject(value)) return left('must be an object with "email" or "id"');
  const { email: address, id } = value;
  if ((address === undefined) === (id === undefined)) return left('must have either "email" or "id"');
  const checked = address === undefined ? number(id) : email(address);
  if (isLeft(checked)) return left(`"${address === undefined ? 'id' : 'email'}" ${checked.left}`);
  return right({ by: address === undefined ? 'id' : 'email', value: checked.right });
};

const FIELDS = {
  company_id: optional(guid),
  customer: optional(customer),
  order: optional(number),
  scanner: optional(number),
};
const BODY = codecOf(FIELDS);
const QUERY = codecOf({ ...PAGE_FIELDS, company_id: optional(guid) });

const personIn = ({
  customer: named,
  order,
  scanner,
}: Checked<typeof FIELDS>): Either<RequestFailure, Person> => {
  const persons: ReadonlyArray<Person> = [
    ...(named === undefined ? [] : [named]),
    ...(order === undefined ? [] : [{ by: 'order', value: order } as const]),
    ...(scanner === undefined ? [] : [{ by: 'scanner', value: scanner } as const]),
  ];
  const [person, another] = persons;
  if (person === undefined) return left(invalid('customer', 'is required: {"email": …} or {"id": …}'));
  return another === undefined
    ? right(person)
    : left(invalid('customer', 'must be the only one of "customer", "order" and "scanner"'));
};

const erase = async (deps: Deps, call: Call): Handled => {
  const values = await readFields(call.request);
  if (isLeft(values)) return values;
  const decoded = decodeFields(BODY, values.right);
  if (isLeft(decoded)) return decoded;
  const person = personIn(decoded.right);
  if (isLeft(person)) return person;
  const company = companyOf(call.principal, decoded.right.company_id, 'company_id');
  if (isLeft(company)) return company;
  if (deps.erasures === undefined) return left({ _tag: 'ErasureNotPossible' });
  const done = await deps.erasures.erase(company.right, person.right, causeOf(call, company.right));
  if (isLeft(done)) return done;
  const { askedBy: actor, ...erased } = done.right;
  return right(ok(printed({ ...erased, actor })));
};

const list = async (deps: Deps, call: Call): Handled => {
  const query = decodeQuery(QUERY, call.query);
  if (isLeft(query)) return query;
  const { limit, after, company_id } = query.right;
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const found = deps.readModels.erasures(company_id ?? null, after, limit + 1);
  const { rows, next } = pageOf(found, limit, ({ position }) => position);
  return right(ok({ items: rows.map(printed), next }));
};

export const printed = ({
  guid: erasure,
  companyId,
  subject,
  changes,
  atMs,
  actor,
}: Omit<ErasureRow, 'position'>) => ({
  erasure,
  company_id: companyId,
  subject,
  changes,
  erased_at: new Date(atMs).toISOString(),
  actor,
});
