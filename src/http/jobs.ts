import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { JobPreview, JobRequest } from '../commands/jobs.ts';
import { JOB_KINDS } from '../domain/job.ts';
import type { JobRow } from '../projections/read-models.ts';
import { companyOf, covers } from './access.ts';
import { acceptedAt, ok } from './answer.ts';
import { readFields } from './body.ts';
import { boolean, guid, oneOf, optional, time, wholeNumber, withDefault } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import type { Failure, FieldError } from './failure.ts';
import { type Checked, codecOf, decodeFields, decodeQuery } from './fields.ts';
import { guidIn } from './find-webhook.ts';
import { PAGE_FIELDS, pageOf } from './paging.ts';
import { printedExample, printedJob } from './print-job.ts';
import { type Call, causeOf, type Handled, type Route } from './routing.ts';
import { settledSoon } from './settled.ts';

type Deps = Pick<HttpDeps, 'jobs' | 'webhooks' | 'readModels' | 'settled' | 'clock'>;

/** Work on many invocations: counted first, then done at a rate, to be paused, resumed and cancelled. */
export const jobRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const roles = ['partner', 'admin'] as const;
  const steer = (asked: 'pause' | 'resume' | 'cancel'): Route => ({
    method: 'POST',
    path: `/jobs/:guid/${asked}`,
    roles,
    handle: (call) => steered(deps, call, asked),
  });
  return [
    { method: 'POST', path: '/jobs', roles, handle: (call) => ask(deps, call) },
    { method: 'GET', path: '/jobs', roles, handle: (call) => list(deps, call) },
    { method: 'GET', path: '/jobs/:guid', roles, handle: (call) => read(deps, call) },
    steer('pause'),
    steer('resume'),
    steer('cancel'),
  ];
};

export const JOB_RATE_DEFAULT = 50;
export const JOB_RATE_MAX = 1_000;

const FIELDS = {
  kind: oneOf(JOB_KINDS),
  company_id: optional(guid),
  webhook: withDefault<string | null>(guid, null),
  from: withDefault<number | null>(time, null),
  to: withDefault<number | null>(time, null),
  rate: withDefault(wholeNumber(1, JOB_RATE_MAX), JOB_RATE_DEFAULT),
  // Nobody sends thousands of requests by forgetting a field.
  dry_run: withDefault(boolean, true),
};
const BODY = codecOf(FIELDS);
const QUERY = codecOf({ ...PAGE_FIELDS, company_id: optional(guid) });

const ask = async (deps: Deps, call: Call): Handled => {
  const values = await readFields(call.request);
  if (isLeft(values)) return values;
  const decoded = decodeFields(BODY, values.right);
  if (isLeft(decoded)) return decoded;
  const errors = contradictions(decoded.right, deps.clock.nowMs());
  if (errors.length > 0) return left({ _tag: 'InvalidFields', errors });
  const company = await companyFor(deps, call, decoded.right);
  if (isLeft(company)) return company;
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const { kind, webhook, from, to, rate, dry_run } = decoded.right;
  const request: JobRequest = {
    kind,
    companyId: company.right,
    webhook,
    fromMs: from,
    toMs: to,
    ratePerSecond: rate,
  };
  if (dry_run) {
    const preview = await deps.jobs.preview(request);
    return isLeft(preview) ? preview : right(ok(printedPreview(request, preview.right)));
  }
  const asked = await deps.jobs.ask(request, causeOf(call, request.companyId));
  if (isLeft(asked)) return asked;
  const { guid: made, job, isNew } = asked.right;
  const printed = printedJob(made, job, deps.readModels.job(made)?.done ?? 0);
  return right(isNew ? acceptedAt(`/jobs/${made}`, printed) : ok(printed));
};

/** What is wrong with values that are each right. */
const contradictions = (
  { kind, webhook, from, to }: Checked<typeof FIELDS>,
  nowMs: number,
): ReadonlyArray<FieldError> => {
  const errors: FieldError[] = [];
  if (kind === 'backfill' && webhook === null)
    errors.push({ field: 'webhook', message: 'is required for a backfill' });
  if (from !== null && from > nowMs) errors.push({ field: 'from', message: 'must not lie in the future' });
  if (to !== null && to > nowMs) errors.push({ field: 'to', message: 'must not lie in the future' });
  if (from !== null && to !== null && to <= from)
    errors.push({ field: 'to', message: 'must be later than "from"' });
  return errors;
};

/** The company of the webhook where one is named, else the one that the request is about. */
const companyFor = async (
  deps: Deps,
  { principal }: Call,
  { company_id, webhook }: Checked<typeof FIELDS>,
): Promise<Either<Failure, string>> => {
  if (webhook === null) return companyOf(principal, company_id, 'company_id');
  if (company_id !== undefined) {
    const named = companyOf(principal, company_id, 'company_id');
    if (isLeft(named)) return named;
  }
  const found = await deps.webhooks.get(webhook);
  if (isLeft(found)) return found;
  const { situation, facts } = found.right.webhook;
  const isTheirs = covers(principal, facts.companyId) && (company_id ?? facts.companyId) === facts.companyId;
  return situation === 'deleted' || !isTheirs ? left({ _tag: 'NotFound' }) : right(facts.companyId);
};

const printedPreview = (request: JobRequest, { count, complete, examples }: JobPreview) => ({
  dry_run: true,
  kind: request.kind,
  company_id: request.companyId,
  webhook: request.webhook,
  from: request.fromMs === null ? null : new Date(request.fromMs).toISOString(),
  to: request.toMs === null ? null : new Date(request.toMs).toISOString(),
  rate: request.ratePerSecond,
  count,
  complete,
  seconds: complete ? Math.ceil(count / request.ratePerSecond) : null,
  examples: examples.map(printedExample),
});

const list = async (deps: Deps, call: Call): Handled => {
  const query = decodeQuery(QUERY, call.query);
  if (isLeft(query)) return query;
  const { limit, after, company_id } = query.right;
  const seesAll = call.principal.role === 'admin' && company_id === undefined;
  const company = seesAll ? right(null) : companyOf(call.principal, company_id, 'company_id');
  if (isLeft(company)) return company;
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const found = deps.readModels.jobs(company.right, after, limit + 1);
  const { rows, next } = pageOf(found, limit, (row) => row.position);
  return right(ok({ items: rows.map((row) => printedJob(row.guid, row.job, row.done)), next }));
};

/** The job that the path names, if the caller may see it. */
const find = async (deps: Deps, call: Call): Promise<Either<Failure, JobRow>> => {
  const named = guidIn(call, 'guid');
  if (named === undefined) return left({ _tag: 'NotFound' });
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const row = deps.readModels.job(named);
  const isTheirs = row !== undefined && covers(call.principal, row.job.facts.created.companyId);
  return isTheirs ? right(row) : left({ _tag: 'NotFound' });
};

const read = async (deps: Deps, call: Call): Handled => {
  const row = await find(deps, call);
  return isLeft(row) ? row : right(ok(printedJob(row.right.guid, row.right.job, row.right.done)));
};

const steered = async (deps: Deps, call: Call, asked: 'pause' | 'resume' | 'cancel'): Handled => {
  const row = await find(deps, call);
  if (isLeft(row)) return row;
  const { guid: named, job, done } = row.right;
  const cause = causeOf(call, job.facts.created.companyId);
  const steering = await deps.jobs.steer(named, asked, cause);
  return isLeft(steering) ? steering : right(ok(printedJob(named, steering.right, done)));
};
