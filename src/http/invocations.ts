import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { KnownInvocation } from '../commands/invocations.ts';
import type { InvocationStatus } from '../domain/invocation.ts';
import { RESOURCES } from '../domain/resources.ts';
import type { InvocationFilter } from '../projections/read-models.ts';
import { companyOf, covers } from './access.ts';
import { accepted, ok } from './answer.ts';
import { guid, oneOf, optional, text, time } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import type { Failure } from './failure.ts';
import { type Checked, codecOf, decodeQuery } from './fields.ts';
import { guidIn, liveWebhook } from './find-webhook.ts';
import { printedInvocation } from './print-invocation.ts';
import { PAGE_FIELDS, pageOf } from './paging.ts';
import { readInvocations } from './read-invocations.ts';
import { type Call, causeOf, type Handled, type Route } from './routing.ts';
import { settledSoon } from './settled.ts';

type Deps = Pick<HttpDeps, 'webhooks' | 'invocations' | 'readModels' | 'settled' | 'clock'>;

/** The invocation log, and what can be done to it by hand. */
export const invocationRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const roles = ['partner', 'admin'] as const;
  const ofWebhook = '/webhook/:guid/invocations';
  const one = '/invocations/:guid';
  return [
    { method: 'GET', path: ofWebhook, roles, handle: (call) => listOfWebhook(deps, call) },
    { method: 'POST', path: `${ofWebhook}/retry`, roles, handle: (call) => retryAllFailed(deps, call) },
    { method: 'POST', path: '/webhook/:guid/test', roles, handle: (call) => test(deps, call) },
    { method: 'GET', path: '/invocations', roles, handle: (call) => list(deps, call) },
    { method: 'GET', path: one, roles, handle: (call) => read(deps, call) },
    { method: 'POST', path: `${one}/retry`, roles, handle: (call) => retry(deps, call) },
  ];
};

export const INVOCATION_STATUSES: ReadonlyArray<InvocationStatus> = [
  'waiting',
  'in_flight',
  'delivered',
  'exhausted',
  'cancelled',
  'superseded',
];

export const FILTER_FIELDS = {
  ...PAGE_FIELDS,
  status: optional(oneOf(INVOCATION_STATUSES)),
  change: optional(guid),
  resource: optional(oneOf(RESOURCES)),
  identifier: optional(text()),
  from: optional(time),
  to: optional(time),
};

const QUERY_FIELDS = { ...FILTER_FIELDS, webhook: optional(guid), company_id: optional(guid) };
const QUERY_OF_WEBHOOK = codecOf(FILTER_FIELDS);
const QUERY = codecOf(QUERY_FIELDS);

const list = async (deps: Deps, call: Call): Handled => {
  const query = decodeQuery(QUERY, call.query);
  if (isLeft(query)) return query;
  const { company_id, ...rest } = query.right;
  // An administrator who names no company sees all.
  if (call.principal.role === 'admin' && company_id === undefined) return listBy(deps, null, rest);
  const company = companyOf(call.principal, company_id, 'company_id');
  return isLeft(company) ? company : listBy(deps, company.right, rest);
};

const listOfWebhook = async (deps: Deps, call: Call): Handled => {
  const found = await liveWebhook(deps, call);
  if (isLeft(found)) return found;
  const query = decodeQuery(QUERY_OF_WEBHOOK, call.query);
  if (isLeft(query)) return query;
  const { guid: webhook, companyId } = found.right.webhook.facts;
  return listBy(deps, companyId, { ...query.right, webhook });
};

type Query = Omit<Checked<typeof QUERY_FIELDS>, 'company_id'>;

export const filterOf = (
  companyId: string | null,
  { status, webhook, change, resource, identifier, from, to }: Omit<Query, 'limit' | 'after'>,
): InvocationFilter => ({
  companyId,
  ...(status !== undefined && { status }),
  ...(webhook !== undefined && { webhook }),
  ...(change !== undefined && { change }),
  ...(resource !== undefined && { resource }),
  ...(identifier !== undefined && { identifier }),
  ...(from !== undefined && { fromMs: from }),
  ...(to !== undefined && { toMs: to }),
});

const listBy = async (deps: Deps, companyId: string | null, query: Query): Handled => {
  const { limit, after } = query;
  const filter = filterOf(companyId, query);
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const found = deps.readModels.invocations(filter, after, limit + 1);
  const { rows, next } = pageOf(found, limit, (row) => row.position);
  const items = await readInvocations(deps, rows);
  return isLeft(items) ? items : right(ok({ items: items.right, next }));
};

/** The invocation that the path names, if the caller may see it. */
export const findInvocation = async (
  deps: Pick<Deps, 'invocations'>,
  call: Call,
): Promise<Either<Failure, KnownInvocation>> => {
  const named = guidIn(call, 'guid');
  if (named === undefined) return left({ _tag: 'NotFound' });
  const found = await deps.invocations.get(named);
  if (isLeft(found)) {
    const isOthers = found.left._tag === 'InvocationRemoved' && !covers(call.principal, found.left.companyId);
    return isOthers ? left({ _tag: 'NotFound' }) : found;
  }
  return covers(call.principal, found.right.facts.scheduled.companyId) ? found : left({ _tag: 'NotFound' });
};

const read = async (deps: Deps, call: Call): Handled => {
  const found = await findInvocation(deps, call);
  return isLeft(found) ? found : right(ok(printedInvocation(found.right)));
};

const retry = async (deps: Deps, call: Call): Handled => {
  const found = await findInvocation(deps, call);
  if (isLeft(found)) return found;
  const { guid: named, companyId } = found.right.facts.scheduled;
  const retried = await deps.invocations.retry(named, causeOf(call, companyId));
  return isLeft(retried) ? retried : right(accepted(printedInvocation(retried.right)));
};

const retryAllFailed = async (deps: Deps, call: Call): Handled => {
  const found = await liveWebhook(deps, call);
  if (isLeft(found)) return found;
  const { guid: webhook, companyId } = found.right.webhook.facts;
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const retried = await deps.invocations.retryAllFailed(webhook, causeOf(call, companyId));
  return isLeft(retried) ? retried : right(accepted({ retried: retried.right }));
};

const test = async (deps: Deps, call: Call): Handled => {
  const found = await liveWebhook(deps, call);
  if (isLeft(found)) return found;
  const { guid: webhook, companyId } = found.right.webhook.facts;
  const scheduled = await deps.invocations.test(webhook, causeOf(call, companyId));
  return isLeft(scheduled) ? scheduled : right(accepted(printedInvocation(scheduled.right)));
};
