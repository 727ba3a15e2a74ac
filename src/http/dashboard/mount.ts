import type Router from '@koa/router';
import type Koa from 'koa';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Principal } from '../../ports/tokens.ts';
import { readFields } from '../body.ts';
import type { HttpDeps } from '../deps.ts';
import type { Failure } from '../failure.ts';
import { problemOf } from '../problem.ts';
import { assetRoutes } from './assets.ts';
import { changePages } from './change.ts';
import { changesPages } from './changes.ts';
import { companyPages } from './companies.ts';
import { isSameOrigin } from './csrf.ts';
import { defectReply, errorReply, foreignReply } from './error-page.ts';
import { historyPages } from './history.ts';
import { invocationPages } from './invocation.ts';
import { documentOf } from './layout.ts';
import { SignInLinks } from './links.ts';
import { overviewPages } from './overview.ts';
import { retryAllPages } from './retry-all.ts';
import { principalIn } from './session.ts';
import { signInAgain, signInPages } from './sign-in.ts';
import { simulatorPages } from './simulator.ts';
import { type DashboardRoute, type Form, formOf, type OpenVisit, type Reply } from './visit.ts';
import { webhookActionPages } from './webhook-actions.ts';
import { webhookPages } from './webhook.ts';
import { webhookFormPages } from './webhook-form.ts';
import { moshtixFormPages } from './moshtix-form.ts';
import { webhooksPages } from './webhooks.ts';

const HEADERS = {
  // Of browsers that do not send Sec-Fetch-Site, forms need Origin, which "no-referrer" would turn into null.
  'Referrer-Policy': 'same-origin',
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "require-trusted-types-for 'script'",
  ].join('; '),
};

const routesOf = (deps: HttpDeps): ReadonlyArray<DashboardRoute> => [
  ...assetRoutes(),
  ...signInPages(deps, new SignInLinks(deps)),
  ...companyPages(deps),
  ...webhooksPages(deps),
  ...webhookFormPages(deps),
  ...moshtixFormPages(deps),
  ...webhookActionPages(deps),
  ...retryAllPages(deps),
  ...historyPages(deps),
  ...webhookPages(deps),
  ...invocationPages(deps),
  ...changesPages(deps),
  ...changePages(deps),
  ...overviewPages(deps),
  ...simulatorPages(deps),
];

/** Puts the pages for people beside the API, on `/` and under `/dashboard`. */
export const mountDashboard = (router: Router, deps: HttpDeps): void => {
  for (const route of routesOf(deps)) {
    router.register(route.path, [route.method], (ctx: Koa.Context) => serve(deps, route, ctx));
  }
  const nothing: DashboardRoute = {
    method: 'GET',
    path: '/dashboard/{*rest}',
    roles: 'open',
    handle: async () => left({ _tag: 'NotFound' }),
  };
  router.register(nothing.path, ['GET', 'POST'], (ctx: Koa.Context) => serve(deps, nothing, ctx));
};

const serve = async (deps: HttpDeps, route: DashboardRoute, ctx: Koa.Context): Promise<void> => {
  ctx.set(HEADERS);
  const signedIn = await principalIn(deps, ctx.req.headers.cookie);
  const principal = isLeft(signedIn) ? null : signedIn.right;
  const answer = (reply: Reply): void => send(ctx, reply, principal);
  try {
    const handled = await handle(deps, route, ctx, signedIn);
    if (isLeft(handled)) {
      if (problemOf(handled.left).problem.status >= 500) {
        deps.log.warn(
          { method: ctx.method, path: ctx.path, failure: handled.left },
          'a page could not be served',
        );
      }
      answer(errorReply(handled.left));
    } else answer(handled.right);
  } catch (error) {
    const id = deps.random.uuid();
    deps.log.error({ id, method: ctx.method, path: ctx.path, error }, 'a page met a defect');
    answer(defectReply(id));
  }
};

const handle = async (
  deps: HttpDeps,
  route: DashboardRoute,
  ctx: Koa.Context,
  signedIn: Either<Failure, Principal>,
): Promise<Either<Failure, Reply>> => {
  const changes = ctx.method !== 'GET' && ctx.method !== 'HEAD';
  // A token in the header cannot be sent by somebody else's page: that is how `callboard token --link` asks.
  const byToken = route.roles === 'open' && ctx.req.headers.authorization !== undefined;
  if (changes && !byToken && !isSameOrigin(ctx.req.headers, deps.publicUrl)) {
    ctx.req.resume();
    return right(foreignReply());
  }
  const form = changes && !byToken ? await readForm(ctx) : right({});
  if (isLeft(form)) return form;
  const visit: OpenVisit = {
    requestId: deps.random.uuid(),
    params: ctx['params'] as Readonly<Record<string, string>>,
    query: new URLSearchParams(ctx.querystring),
    request: ctx.req,
    path: ctx.path,
    form: form.right,
  };
  if (route.roles === 'open') return route.handle(visit);
  if (isLeft(signedIn)) return right(signInAgain(visit, ctx.method === 'POST', signedIn.left));
  const { ready, reasons, answersReads = false } = deps.health();
  if (!ready && !answersReads) return left({ _tag: 'StoreUnavailable', message: reasons.join('; ') });
  if (!ready && changes) return left({ _tag: 'ReadingStopped' });
  const { role } = signedIn.right;
  if (!route.roles.includes(role)) return left({ _tag: 'RoleNotAllowed', role, needed: route.roles });
  return route.handle({ ...visit, principal: signedIn.right });
};

const readForm = async (ctx: Koa.Context): Promise<Either<Failure, Form>> => {
  const values = await readFields(ctx.req);
  return isLeft(values) ? values : right(formOf(values.right));
};

const send = (ctx: Koa.Context, reply: Reply, principal: Principal | null): void => {
  ctx.set(reply.headers ?? {});
  switch (reply.kind) {
    case 'redirect':
      ctx.status = 303;
      ctx.set('Location', reply.to);
      ctx.body = '';
      return;
    case 'raw':
      ctx.status = reply.status;
      ctx.set('Content-Type', reply.contentType);
      ctx.body = reply.body;
      return;
    case 'page':
      ctx.status = reply.status;
      ctx.set('Content-Type', 'text/html; charset=utf-8');
      ctx.body = documentOf({
        title: reply.title,
        content: reply.content,
        principal,
        companyId: reply.companyId,
        path: ctx.path,
      });
  }
};
