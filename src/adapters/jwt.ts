import { createSecretKey, type KeyObject } from 'node:crypto';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { isGuid } from '../domain/ids.ts';
import { Lru } from '../domain/lru.ts';
import type { Clock } from '../ports/clock.ts';
import { type Principal, type Role, ROLES, type TokenRefusal, type VerifyToken } from '../ports/tokens.ts';

/** Tokens are JWTs signed with one key; the algorithm is fixed here and never read from a token. */
const ALGORITHM = 'HS256';
const ISSUER = 'callboard';
const AUDIENCE = 'callboard';
const KEY_BYTES_MIN = 32;

/** Verified tokens that are remembered: about 1 KiB each. */
const VERIFIED_MAX = 1_000;
/** A longer one is not looked at. */
const TOKEN_CHARACTERS_MAX = 8_192;

export interface TokenClaims {
  readonly subject: string;
  readonly role: Role;
  /** GUIDs in lower case, or '*' for every company. */
  readonly companies: ReadonlyArray<string> | '*';
  readonly client?: number;
  readonly expiresAtMs: number;
}

/** `key`: at least 32 bytes. Whole seconds: the expiry is rounded down. */
export const issueToken = async (key: Uint8Array, claims: TokenClaims, nowMs: number): Promise<string> => {
  const { subject, role, companies, client, expiresAtMs } = claims;
  return new SignJWT({ role, companies, ...(client !== undefined && { client }) })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(subject)
    .setIssuedAt(Math.floor(nowMs / 1000))
    .setExpirationTime(Math.floor(expiresAtMs / 1000))
    .sign(signingKey(key));
};

interface Verified {
  readonly principal: Principal;
  readonly expiresAtMs: number;
}

/** Checks tokens. Good ones are remembered until they expire, so that a busy client pays for the signature once. */
export const verifyToken = (key: Uint8Array, clock: Pick<Clock, 'nowMs'>): VerifyToken => {
  const secret = signingKey(key);
  const verified = new Lru<string, Verified>(VERIFIED_MAX);

  return async (token) => {
    const nowMs = clock.nowMs();
    const known = verified.get(token);
    if (known !== undefined && nowMs < known.expiresAtMs) return right(known.principal);
    if (token.length > TOKEN_CHARACTERS_MAX) return left({ _tag: 'TokenNotAccepted' });

    const checked = await check(secret, token, nowMs);
    if (checked._tag === 'Left') {
      verified.delete(token);
      return checked;
    }
    verified.set(token, checked.right);
    return right(checked.right.principal);
  };
};

const check = async (
  secret: KeyObject,
  token: string,
  nowMs: number,
): Promise<Either<TokenRefusal, Verified>> => {
  try {
    const { payload } = await jwtVerify(token, secret, {
      algorithms: [ALGORITHM],
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['exp', 'sub'],
      currentDate: new Date(nowMs),
    });
    const principal = principalOf(payload);
    return principal === undefined
      ? left({ _tag: 'TokenNotAccepted' })
      : right({ principal, expiresAtMs: (payload.exp ?? 0) * 1000 });
  } catch (error) {
    if (error instanceof errors.JWTExpired) return left({ _tag: 'TokenExpired' });
    if (error instanceof errors.JOSEError) return left({ _tag: 'TokenNotAccepted' });
    throw error;
  }
};

const principalOf = (payload: JWTPayload): Principal | undefined => {
  const { sub, role: named, companies, client } = payload;
  const role = ROLES.find((known) => known === named);
  if (role === undefined || typeof sub !== 'string' || sub === '') return undefined;
  if (client !== undefined && !Number.isSafeInteger(client)) return undefined;
  if (companies !== '*' && !isGuids(companies)) return undefined;
  return { subject: sub, role, companies, client: (client as number | undefined) ?? null };
};

const isGuids = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' && isGuid(item));

const signingKey = (key: Uint8Array): KeyObject => {
  if (key.byteLength < KEY_BYTES_MIN) throw new Error(`a token key has at least ${KEY_BYTES_MIN} bytes`);
  return createSecretKey(key);
};
