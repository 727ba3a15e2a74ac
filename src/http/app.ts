import type { ServerOptions } from 'node:http';
import Router from '@koa/router';
import { type Either, isLeft, left } from 'fp-ts/lib/Either.js';
import Koa from 'koa';
import { authenticate } from './access.ts';
import { accountRoutes } from './accounts.ts';
import type { Answer } from './answer.ts';
import { changeRoutes } from './changes.ts';
import { conservationRoutes } from './conservation.ts';
import type { HttpDeps } from './deps.ts';
import { mountDashboard } from './dashboard/mount.ts';
import { docsRoutes } from './docs.ts';
import { erasureRoutes } from './erasures.ts';
import { explainRoutes } from './explain.ts';
import { exportRoutes } from './export.ts';
import type { Failure } from './failure.ts';
import { graphqlRoutes } from './graphql/route.ts';
import { healthRoutes } from './health.ts';
import { historyRoutes } from './history.ts';
import { invocationRoutes } from './invocations.ts';
import { jobRoutes } from './jobs.ts';
import { metricsRoutes } from './metrics.ts';
import { MIN_POSITION, POSITION_HEADER, reachedSoon } from './min-position.ts';
import { nodeRoutes } from './nodes.ts';
import { orderRoutes } from './orders.ts';
import { type ProblemAnswer, problemOf, problemOfDefect } from './problem.ts';
import { resourceRoutes } from './resources.ts';
import { retentionRoutes } from './retention.ts';
import type { OpenCall, Route } from './routing.ts';
import { secretRoutes } from './secrets.ts';
import { settingsRoutes } from './settings.ts';
import { timelineRoutes } from './timeline.ts';
import { webhookRoutes } from './webhooks.ts';

/** For the server around the app: whoever sends headers or a body drip by drip is cut off. */
export const SERVER_OPTIONS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  /** How often the two first are looked after. */
  connectionsCheckingInterval: 1_000,
} as const satisfies ServerOptions;

/** Every route that this app serves, described in src/http/openapi. */
export const routesOf = (deps: HttpDeps): ReadonlyArray<Route> => [
  ...webhookRoutes(deps),
  ...settingsRoutes(deps),
  ...secretRoutes(deps),
  ...invocationRoutes(deps),
  ...jobRoutes(deps),
  ...changeRoutes(deps),
  ...erasureRoutes(deps),
  ...explainRoutes(deps),
  ...historyRoutes(deps),
  ...exportRoutes(deps),
  ...graphqlRoutes(deps),
  ...accountRoutes(deps),
  ...retentionRoutes(deps),
  ...orderRoutes(deps),
  ...resourceRoutes(deps),
  ...timelineRoutes(deps),
  ...conservationRoutes(deps),
  ...nodeRoutes(deps),
  ...healthRoutes(deps),
  ...metricsRoutes(deps),
  ...docsRoutes(deps),
];

export const createApp = (deps: HttpDeps): Koa => {
  const app = new Koa();
  // Whatever reaches koa itself is a broken connection; defects are logged below.
  app.silent = true;
  app.use(guard(deps));

  const router = new Router();
  for (const route of routesOf(deps)) {
    router.register(route.path, [route.method], async (ctx: Koa.Context) => {
      const handled = await handle(deps, route, ctx);
      if (isLeft(handled)) sendFailure(deps, ctx, handled.left);
      else {
        if (route.method !== 'GET') ctx.set(POSITION_HEADER, String(deps.writtenUpTo()));
        send(ctx, handled.right);
      }
    });
  }
  mountDashboard(router, deps);
  app.use(router.routes());
  app.use((ctx) => {
    const methods = allowedMethods(router, ctx.path);
    const nothing: Failure =
      methods.length === 0 ? { _tag: 'NotFound' } : { _tag: 'MethodNotAllowed', allowed: methods };
    sendFailure(deps, ctx, nothing);
  });
  return app;
};

const handle = async (deps: HttpDeps, route: Route, ctx: Koa.Context): Promise<Either<Failure, Answer>> => {
  const call: OpenCall = {
    requestId: deps.random.uuid(),
    params: ctx['params'] as Readonly<Record<string, string>>,
    query: new URLSearchParams(ctx.querystring),
    request: ctx.req,
  };
  if (route.roles === 'open') return route.handle(call);
  const { ready, reasons, answersReads = false } = deps.health();
  if (!ready && !answersReads) return left({ _tag: 'StoreUnavailable', message: reasons.join('; ') });
  if (!ready && route.method !== 'GET') return left({ _tag: 'ReadingStopped' });
  const principal = await authenticate(deps.verifyToken, ctx.req.headers.authorization, route.roles);
  if (isLeft(principal)) return left(principal.left);
  if (call.query.has(MIN_POSITION)) {
    const reached = await reachedSoon(deps, call.query);
    if (isLeft(reached)) return reached;
    call.query.delete(MIN_POSITION);
  }
  return route.handle({ ...call, principal: principal.right });
};

/** Headers of every answer, and a last resort: a defect is logged under an id and shows nothing else. */
const guard =
  ({ log, random }: HttpDeps): Koa.Middleware =>
  async (ctx, next) => {
    ctx.set(SECURITY_HEADERS);
    try {
      await next();
    } catch (error) {
      const id = random.uuid();
      log.error({ id, method: ctx.method, path: ctx.path, error }, 'a request met a defect');
      sendProblem(ctx, problemOfDefect(id));
    }
  };

const SECURITY_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
};

const send = (ctx: Koa.Context, answer: Answer): void => {
  ctx.status = answer.status;
  ctx.set(answer.headers);
  ctx.set('Content-Type', answer.contentType);
  if (typeof answer.body !== 'string') answer.body.once('error', () => ctx.res.destroy());
  ctx.body = answer.body;
};

const sendFailure = (deps: HttpDeps, ctx: Koa.Context, failure: Failure): void => {
  const answer = problemOf(failure);
  if (answer.problem.status >= 500) {
    deps.log.warn({ method: ctx.method, path: ctx.path, failure }, 'a request could not be served');
  }
  sendProblem(ctx, answer);
};

const sendProblem = (ctx: Koa.Context, { problem, headers }: ProblemAnswer): void => {
  send(ctx, {
    status: problem.status,
    contentType: 'application/problem+json; charset=utf-8',
    body: JSON.stringify(problem),
    headers,
  });
};

/** HEAD is GET without the body. */
const allowedMethods = (router: Router, path: string): ReadonlyArray<string> => [
  ...new Set(router.match(path, 'OPTIONS').path.flatMap((layer) => layer.methods)),
];
