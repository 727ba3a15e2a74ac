import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Principal, Role, VerifyToken } from '../ports/tokens.ts';
import { invalid, type RequestFailure } from './failure.ts';

const BEARER = /^Bearer +([\w.~+/=-]+) *$/i;

/** The token in the header, if that is where it stands. */
export const bearerToken = (authorization: string): string | undefined => BEARER.exec(authorization)?.[1];

/** Who is asking, if the Authorization header tells and the role is one of those allowed. */
export const authenticate = async (
  verifyToken: VerifyToken,
  authorization: string | undefined,
  roles: ReadonlyArray<Role>,
): Promise<Either<RequestFailure, Principal>> => {
  if (authorization === undefined) return left({ _tag: 'TokenMissing' });
  const token = bearerToken(authorization);
  if (token === undefined) return left({ _tag: 'TokenNotAccepted' });
  const verified = await verifyToken(token);
  if (isLeft(verified)) return verified;
  const { role } = verified.right;
  return roles.includes(role) ? verified : left({ _tag: 'RoleNotAllowed', role, needed: roles });
};

const coversAll = (principal: Principal): boolean =>
  principal.role === 'admin' || principal.companies === '*';

/** Whether an object of this company may be seen at all. If not, it is answered as if it did not exist. */
export const covers = (principal: Principal, companyId: string): boolean =>
  coversAll(principal) || principal.companies.includes(companyId);

/**
 * The one company that a request is about: the one it names, else the only one of the token. `field` is where the
 * request would have named it.
 */
export const companyOf = (
  principal: Principal,
  named: string | undefined,
  field: string,
): Either<RequestFailure, string> => {
  if (named !== undefined) {
    return covers(principal, named) ? right(named) : left({ _tag: 'CompanyNotAllowed', companyId: named });
  }
  const only = onlyCompany(principal);
  return only === undefined ? left(invalid(field, COMPANY_REQUIRED)) : right(only);
};

export const COMPANY_REQUIRED = 'is required: your token does not stand for a single company';

/** An administrator always names the company. */
export const onlyCompany = (principal: Principal): string | undefined =>
  coversAll(principal) || principal.companies.length !== 1 ? undefined : principal.companies[0];
