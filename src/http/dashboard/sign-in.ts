import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import { bearerToken } from '../access.ts';
import { ok } from '../answer.ts';
import type { HttpDeps } from '../deps.ts';
import type { Failure } from '../failure.ts';
import { html, type Html } from '../html.ts';
import { problemOf } from '../problem.ts';
import { count, field, hidden, notice, textarea } from './parts.ts';
import { LINK_MS, type SignInLinks } from './links.ts';
import { SignInLimit } from './sign-in-limit.ts';
import { endedCookie, sessionCookie } from './session.ts';
import {
  type DashboardRoute,
  type Form,
  isLocalPath,
  type OpenVisit,
  page,
  redirect,
  type Replied,
  type Reply,
} from './visit.ts';

type Deps = Pick<HttpDeps, 'cookies' | 'publicUrl' | 'verifyToken' | 'clock'>;

const PATH = '/dashboard/sign-in';

/** Signing in with a token, or with a link that holds a code for one; signing out. */
export const signInPages = (deps: Deps, links: SignInLinks): ReadonlyArray<DashboardRoute> => {
  const limit = new SignInLimit(deps.clock);
  return [
    {
      method: 'GET',
      path: PATH,
      roles: 'open',
      handle: async ({ query }) =>
        right(signInPage({ returnTo: localPath(query.get('return_to')), kept: {}, message: undefined })),
    },
    { method: 'POST', path: PATH, roles: 'open', handle: (visit) => signIn(deps, limit, visit) },
    { method: 'POST', path: `${PATH}/links`, roles: 'open', handle: (visit) => makeLink(deps, links, visit) },
    {
      method: 'GET',
      path: `${PATH}/:code`,
      roles: 'open',
      handle: async ({ params }) => right(linkPage(links.isGood(params['code'] ?? ''), params['code'] ?? '')),
    },
    {
      method: 'POST',
      path: `${PATH}/:code`,
      roles: 'open',
      handle: (visit) => followLink(deps, links, limit, visit),
    },
    {
      method: 'POST',
      path: '/dashboard/sign-out',
      roles: 'open',
      handle: async () => right(redirect(PATH, { 'Set-Cookie': endedCookie(deps) })),
    },
  ];
};

/** Instead of a page for which one has to be signed in. What was typed into its form comes along. */
export const signInAgain = (visit: OpenVisit, posted: boolean, why: Failure): Reply => {
  const query = visit.query.toString();
  const path = query === '' ? visit.path : `${visit.path}?${query}`;
  const expired = why._tag !== 'TokenMissing';
  const message = posted
    ? 'Your session has ended. Sign in again: what you typed is kept, and you can send it afterwards.'
    : expired
      ? 'Your session has ended. Sign in again to go on.'
      : undefined;
  const fetchedFromElsewhere = visit.request.headers['sec-fetch-site'] === 'cross-site';
  return signInPage({
    returnTo: path,
    kept: posted ? visit.form : {},
    message,
    posted,
    // A strict cookie is not sent along a link from another site; it is along the next one.
    ...(fetchedFromElsewhere && !posted && { here: path }),
  });
};

interface SignIn {
  readonly returnTo: string;
  readonly kept: Form;
  readonly message: string | undefined;
  readonly posted?: boolean;
  readonly here?: string;
  readonly refused?: string;
}

type SignInPage = Extract<Reply, { kind: 'page' }>;

const KEPT = 'kept:';

const signInPage = ({ returnTo, kept, message, posted = false, here, refused }: SignIn): SignInPage => ({
  ...(page(
    'Sign in',
    html`<section class="narrow">
      <h1>Sign in</h1>
      ${message === undefined ? null : notice('plain', html`<p>${message}</p>`)}
      ${
        here === undefined
          ? null
          : html`<p>
              You came here from another site. If you are signed in already, <a href="${here}">go on</a>.
            </p>`
      }
      <form method="post" action="${PATH}" class="card">
        ${hidden('return_to', returnTo)} ${hidden('posted', posted ? '1' : '0')}
        ${Object.entries(kept).map(([name, value]) => keptField(`${KEPT}${name}`, value))}
        ${field({
          name: 'token',
          label: 'Access token',
          hint: 'The token that your operator gave you for the API. It stays in a sealed cookie of this browser for up to 12 hours.',
          errors: refused === undefined ? [] : [{ field: 'token', message: refused }],
          control: (attributes) =>
            html`<input type="password" ${attributes} required autocomplete="off" spellcheck="false" />`,
        })}
        <p><button class="button primary">Sign in</button></p>
      </form>
      <p class="quiet">
        No token yet? The operator makes one on the server:
        <code>callboard token --role partner --company …</code>, or, with <code>--link</code>, a link that
        signs you in once.
      </p>
    </section>`,
    undefined,
    refused === undefined && !posted ? 200 : 401,
  ) as SignInPage),
});

/** Line breaks survive in a textarea alone. */
const keptField = (name: string, value: string): Html =>
  textarea(html`name="${name}" hidden aria-hidden="true"`, value);

const keptIn = (form: Form): Form =>
  Object.fromEntries(
    Object.entries(form).flatMap(([name, value]) =>
      name.startsWith(KEPT) ? [[name.slice(KEPT.length), value]] : [],
    ),
  );

const localPath = (path: string | null | undefined): string =>
  path !== null && path !== undefined && isLocalPath(path) ? path : '/';

const signIn = async (deps: Deps, limit: SignInLimit, { form, request }: OpenVisit): Replied => {
  const token = (form['token'] ?? '').trim();
  const returnTo = localPath(form['return_to']);
  const kept = keptIn(form);
  const posted = form['posted'] === '1';
  const again = (refused: string): SignInPage =>
    signInPage({ returnTo, kept, message: undefined, posted, refused });
  if (token === '') return right(again('is required'));
  const { remoteAddress } = request.socket;
  const seconds = limit.waitSeconds(remoteAddress);
  if (seconds > 0) return right(later(again, seconds));
  const verified = await deps.verifyToken(token);
  if (isLeft(verified)) {
    limit.failed(remoteAddress);
    return right(again(problemOf(verified.left).problem.detail));
  }
  const cookie = sessionCookie(deps, token);
  if (isLeft(cookie))
    return right(again('This token is too long for a browser. Ask for one of fewer companies.'));
  const headers = { 'Set-Cookie': cookie.right };
  return right(posted ? { ...resumePage(returnTo, kept), headers } : redirect(returnTo, headers));
};

const later = (again: (refused: string) => SignInPage, seconds: number): Reply => ({
  ...again(`Too many tries have failed. Try again in ${count(seconds, 'second')}.`),
  status: TOO_MANY,
  headers: { 'Retry-After': String(seconds) },
});

const TOO_MANY = 429;

/** After a session ended in the middle of a form: what had been typed, to be sent as it would have been. */
const resumePage = (action: string, kept: Form): Extract<Reply, { kind: 'page' }> =>
  page(
    'Signed in again',
    html`<section class="narrow">
      <h1>You are signed in again</h1>
      <p>Nothing was sent meanwhile. This is what you had typed:</p>
      <dl class="facts">
        ${Object.entries(kept)
          .filter(([name]) => name !== 'step' && name !== 'revision' && name !== 'company_id')
          .map(
            ([name, value]) =>
              html`<dt>${name.replaceAll('_', ' ')}</dt>
                <dd class="wrap">${value}</dd>`,
          )}
      </dl>
      <form method="post" action="${action}">
        ${Object.entries(kept).map(([name, value]) => keptField(name, value))}
        <p class="actions">
          <button class="button primary">Send it now</button>
          <a class="button" href="/">Do not send it</a>
        </p>
      </form>
    </section>`,
  ) as Extract<Reply, { kind: 'page' }>;

const linkPage = (good: boolean, code: string): Reply =>
  good
    ? page(
        'Sign in',
        html`<section class="narrow">
          <h1>Sign in</h1>
          <p>This link signs you in once.</p>
          <form method="post" action="${PATH}/${encodeURIComponent(code)}">
            <p><button class="button primary" autofocus>Sign in</button></p>
          </form>
        </section>`,
      )
    : deadLink();

const deadLink = (): Reply =>
  page(
    'This link is used up',
    html`<section class="narrow">
      <h1>This link is used up</h1>
      <p>
        A link signs in once, within ${LINK_MS / 60_000} minutes, and not after the server was restarted. Make
        a new one with <code>callboard token --link</code>, or <a href="${PATH}">sign in with a token</a>.
      </p>
    </section>`,
    undefined,
    404,
  );

const followLink = async (
  deps: Deps,
  links: SignInLinks,
  limit: SignInLimit,
  { params, request }: OpenVisit,
): Replied => {
  const token = links.redeem(params['code'] ?? '');
  if (token === undefined) {
    const { remoteAddress } = request.socket;
    const retryAfterSeconds = limit.waitSeconds(remoteAddress);
    limit.failed(remoteAddress);
    return retryAfterSeconds > 0 ? left({ _tag: 'TooManyRequests', retryAfterSeconds }) : right(deadLink());
  }
  const verified = await deps.verifyToken(token);
  if (isLeft(verified)) return verified;
  const cookie = sessionCookie(deps, token);
  return isLeft(cookie) ? cookie : right(redirect('/', { 'Set-Cookie': cookie.right }));
};

/** For `callboard token --link`: whoever holds a token may have a link that signs in with it once. */
const makeLink = async (deps: Deps, links: SignInLinks, { request }: OpenVisit): Replied => {
  request.resume();
  const { authorization } = request.headers;
  const token = authorization === undefined ? undefined : bearerToken(authorization);
  if (token === undefined) return right(problemReply({ _tag: 'TokenMissing' }));
  const verified = await deps.verifyToken(token);
  if (isLeft(verified)) return right(problemReply(verified.left));
  const { code, untilMs } = links.make(token);
  const { contentType, body } = ok({ path: `${PATH}/${code}`, expires_at: new Date(untilMs).toISOString() });
  return right({ kind: 'raw', status: 201, contentType, body });
};

/** A program asks, so a problem as the API answers it. */
const problemReply = (failure: Failure): Reply => {
  const { problem, headers } = problemOf(failure);
  const contentType = 'application/problem+json; charset=utf-8';
  return { kind: 'raw', status: problem.status, contentType, body: JSON.stringify(problem), headers };
};
