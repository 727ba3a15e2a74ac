import { type Either, isLeft, left, right, tryCatch } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import type { Principal } from '../../ports/tokens.ts';
import type { HttpDeps } from '../deps.ts';
import type { RequestFailure } from '../failure.ts';

type Deps = Pick<HttpDeps, 'cookies' | 'publicUrl' | 'verifyToken' | 'clock'>;

/** From the moment of signing in, however long the token itself is good for. */
export const SESSION_MS = 12 * 60 * 60 * 1000;

/** Browsers drop longer cookies without a word. */
const COOKIE_CHARACTERS_MAX = 3_900;

const Session = t.strict({ token: t.string, sinceMs: t.number });

/**
 * A session is the token itself, sealed into a cookie: it outlives a restart, works on every node that has the same
 * secret, and there is nothing on the server that could be lost. So signing out makes the browser forget it; a copy that
 * somebody took of it before ends with its time, or with the token's.
 */
export const sessionCookie = (deps: Deps, token: string): Either<RequestFailure, string> => {
  const sealed = deps.cookies.seal(JSON.stringify({ token, sinceMs: deps.clock.nowMs() }));
  return sealed.length > COOKIE_CHARACTERS_MAX
    ? left({ _tag: 'TokenNotAccepted' })
    : right(cookie(deps, sealed, SESSION_MS / 1000));
};

export const endedCookie = (deps: Pick<Deps, 'publicUrl'>): string => cookie(deps, '', 0);

/** The prefix makes browsers insist on TLS, and on this very host. It cannot be had without TLS. */
export const cookieName = ({ publicUrl }: Pick<Deps, 'publicUrl'>): string =>
  isSecure(publicUrl) ? '__Host-callboard' : 'callboard';

const isSecure = (publicUrl: string | null): boolean => publicUrl?.startsWith('https:') === true;

const cookie = (deps: Pick<Deps, 'publicUrl'>, value: string, maxAgeSeconds: number): string =>
  [
    `${cookieName(deps)}=${value}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Strict',
    `Max-Age=${maxAgeSeconds}`,
    ...(isSecure(deps.publicUrl) ? ['Secure'] : []),
  ].join('; ');

/** Who is signed in, as the cookie says and the token in it proves at this moment. */
export const principalIn = async (
  deps: Deps,
  cookies: string | undefined,
): Promise<Either<RequestFailure, Principal>> => {
  const name = cookieName(deps);
  const sealed = (cookies ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1);
  if (sealed === undefined || sealed === '') return left({ _tag: 'TokenMissing' });
  const opened = tryCatch(
    () => JSON.parse(deps.cookies.open(sealed)) as unknown,
    () => undefined,
  );
  const session = isLeft(opened) ? opened : Session.decode(opened.right);
  if (isLeft(session)) return left({ _tag: 'TokenNotAccepted' });
  const { token, sinceMs } = session.right;
  if (deps.clock.nowMs() >= sinceMs + SESSION_MS) return left({ _tag: 'TokenExpired' });
  return deps.verifyToken(token);
};
