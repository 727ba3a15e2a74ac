import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { OpenAccountState } from '../domain/account.ts';
import { ok } from './answer.ts';
import { readFields } from './body.ts';
import { boolean, type Check, required, wholeNumber } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import type { Failure } from './failure.ts';
import { decodeFields, patchCodecOf } from './fields.ts';
import { guidIn } from './find-webhook.ts';
import { type Call, causeOf, type Handled, type Route } from './routing.ts';

type Deps = Pick<HttpDeps, 'accounts'>;

/** What a whole number of GraphQL can hold: the dialect of client accounts could not name a greater one. */
export const CLIENT_ID_MAX = 2 ** 31 - 1;

/** A company, the client account of the Moshtix dialect that stands for it, and how strict it is with reports. */
export const accountRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const path = '/accounts/:company_id';
  const roles = ['admin'] as const;
  return [
    { method: 'GET', path, roles, handle: (call) => read(deps, call) },
    { method: 'PATCH', path, roles, handle: (call) => update(deps, call) },
  ];
};

const anyClientId = wholeNumber(1, CLIENT_ID_MAX);

const clientId: Check<number> = (value) =>
  value === null ? left('stays once it is set: its webhooks belong to it') : anyClientId(value);

const PATCH = patchCodecOf({ client_id: clientId, strict: required(boolean) });

/** The company that the path names. Whatever is no GUID cannot be one. */
const companyIn = (call: Call): Either<Failure, string> => {
  const company = guidIn(call, 'company_id');
  return company === undefined ? left({ _tag: 'NotFound' }) : right(company);
};

const read = async (deps: Deps, call: Call): Handled => {
  const company = companyIn(call);
  return isLeft(company) ? company : known(deps, company.right);
};

/** A company that nothing was ever done for has no account yet. */
const known = async ({ accounts }: Deps, company: string): Handled => {
  const account = await accounts.get(company);
  if (isLeft(account)) return account;
  return account.right === undefined ? left({ _tag: 'NotFound' }) : right(ok(printed(account.right)));
};

/** Opens the account when it is not open. The client comes first: if it is refused, nothing has changed. */
const update = async (deps: Deps, call: Call): Handled => {
  const company = companyIn(call);
  if (isLeft(company)) return company;
  const values = await readFields(call.request);
  if (isLeft(values)) return values;
  const decoded = decodeFields(PATCH, values.right);
  if (isLeft(decoded)) return decoded;

  const { client_id, strict } = decoded.right;
  const cause = causeOf(call, company.right);
  if (client_id !== undefined) {
    const attached = await deps.accounts.attachClient(company.right, client_id, cause);
    if (isLeft(attached)) return attached;
  }
  if (strict !== undefined) {
    const switched = await deps.accounts.setStrict(company.right, strict, cause);
    if (isLeft(switched)) return switched;
  }
  return known(deps, company.right);
};

const printed = ({ companyId, clientId: client, strict }: OpenAccountState) => ({
  company_id: companyId,
  client_id: client,
  strict,
});
