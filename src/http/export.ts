import { Readable } from 'node:stream';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { exportStream, type StreamQuestion } from '../audit/export/export-stream.ts';
import { FORMATS } from '../audit/export/manifest.ts';
import { STREAM_PREFIXES } from '../domain/ids.ts';
import type { Position } from '../eventstore/event-store.ts';
import { companyOf, covers } from './access.ts';
import { type Check, guid, oneOf, optional, time, wholeNumber, withDefault } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import { type Failure, invalid } from './failure.ts';
import { type Checked, codecOf, decodeQuery } from './fields.ts';
import type { Call, Handled, Route } from './routing.ts';

type Deps = Pick<HttpDeps, 'store' | 'webhooks' | 'clock' | 'log'>;

/** What was reported and what became of it, as one long answer. */
export const exportRoutes = (deps: Deps): ReadonlyArray<Route> => {
  let running = 0;
  const handle = async (call: Call): Handled => {
    if (running >= RUNNING_MAX)
      return left({ _tag: 'TooManyRequests', retryAfterSeconds: RETRY_AFTER_SECONDS });
    running += 1;
    let isStreaming = false;
    try {
      const question = await questionOf(deps, call);
      if (isLeft(question)) return question;
      const body = streamOfExport(deps, question.right);
      body.once('close', () => (running -= 1));
      isStreaming = true;
      return right({ status: 200, ...headersOf(question.right), body });
    } finally {
      if (!isStreaming) running -= 1;
    }
  };
  return [{ method: 'GET', path: '/export', roles: ['partner', 'admin'], handle }];
};

/** Each reads the log beside the deliveries, and may take as long as its reader does. */
export const RUNNING_MAX = 4;
const RETRY_AFTER_SECONDS = 30;
/** A reader that takes nothing for so long has gone. */
const STALLED_MS = 60_000;

const POSITION_MAX = Number.MAX_SAFE_INTEGER;
const DIGITS = /^\d{1,16}$/;
const anyPosition = wholeNumber(0, POSITION_MAX);
const position: Check<number> = (value) =>
  typeof value === 'string' && DIGITS.test(value)
    ? anyPosition(Number(value))
    : left('must be a position: that of the last line that you have');

export const TABLES = ['invocations', 'attempts'] as const;

const QUERY_FIELDS = {
  from: optional(time),
  to: optional(time),
  company_id: optional(guid),
  webhook: optional(guid),
  format: withDefault(oneOf(FORMATS), 'ndjson'),
  table: optional(oneOf(TABLES)),
  personal_data: withDefault(oneOf(['masked', 'clear'] as const), 'masked'),
  after: optional(position),
  until: optional(position),
};
const QUERY = codecOf(QUERY_FIELDS);

const questionOf = async (deps: Deps, call: Call): Promise<Either<Failure, StreamQuestion>> => {
  const query = decodeQuery(QUERY, call.query);
  if (isLeft(query)) return query;
  const { from, to, webhook, format, table, personal_data, after = 0, until } = query.right;
  const nowMs = deps.clock.nowMs();
  const period = periodFault(query.right, nowMs);
  if (period !== undefined) return left(period);
  if (format === 'ndjson' && table !== undefined)
    return left(invalid('table', 'is for the format csv; ndjson holds everything'));
  const company = companyAsked(call, query.right.company_id);
  if (isLeft(company)) return company;
  if (personal_data === 'clear' && call.principal.role !== 'admin')
    return left({ _tag: 'RoleNotAllowed', role: call.principal.role, needed: ['admin'] });
  if (webhook !== undefined) {
    const found = await deps.webhooks.get(webhook);
    if (isLeft(found)) return found;
    const { companyId } = found.right.webhook.facts;
    if (!covers(call.principal, companyId) || (company.right !== null && company.right !== companyId))
      return left({ _tag: 'NotFound' });
  }
  const end = await endOf(deps, after, until);
  if (isLeft(end)) return end;
  return right({
    from: from === undefined ? null : iso(from),
    to: iso(to ?? nowMs),
    company_id: company.right,
    webhook: webhook ?? null,
    format,
    personal_data,
    kind: format === 'ndjson' ? 'events' : (table ?? 'invocations'),
    after,
    until: end.right,
  });
};

const iso = (atMs: number): string => new Date(atMs).toISOString();

const periodFault = ({ from, to }: Checked<typeof QUERY_FIELDS>, nowMs: number): Failure | undefined => {
  if (from !== undefined && from > nowMs) return invalid('from', 'lies in the future');
  if (to !== undefined && to > nowMs)
    return invalid('to', 'lies in the future: what is still to come is not known');
  return from !== undefined && from >= (to ?? nowMs) ? invalid('from', 'must be before "to"') : undefined;
};

/** Null: all, for an administrator who names none. */
const companyAsked = (call: Call, named: string | undefined): Either<Failure, string | null> =>
  call.principal.role === 'admin' && named === undefined
    ? right(null)
    : companyOf(call.principal, named, 'company_id');

/** The log as it is now, or as it was when the export was begun that goes on here. */
const endOf = async (
  { store }: Deps,
  after: Position,
  until: Position | undefined,
): Promise<Either<Failure, Position>> => {
  const head = await store.head()();
  if (isLeft(head)) return head;
  if (after > head.right) return left(invalid('after', 'lies behind the end of the log'));
  if (until === undefined) return head;
  if (until > head.right) return left(invalid('until', 'lies behind the end of the log'));
  return until < after ? left(invalid('until', 'must not be before "after"')) : right(until);
};

const headersOf = ({ format, until, to, kind }: StreamQuestion) => ({
  contentType: format === 'ndjson' ? 'application/x-ndjson; charset=utf-8' : 'text/csv; charset=utf-8',
  headers: {
    'Content-Disposition': `attachment; filename="callboard-${kind}.${format}"`,
    'Callboard-Export-Until': String(until),
    'Callboard-Export-To': to,
  },
});

const streamOfExport = ({ store, clock, log }: Deps, question: StreamQuestion): Readable => {
  const chunks = exportStream(
    {
      log: store,
      // The embedded store holds nothing but ours.
      ...(store.positions === 'opaque' && { filter: { streamPrefixes: STREAM_PREFIXES } }),
      breathe: () => new Promise((resolve) => void clock.setTimer(0, resolve)),
    },
    question,
  );
  async function* taken(): AsyncGenerator<string> {
    for await (const chunk of chunks) {
      const stalled = clock.setTimer(STALLED_MS, () => {
        log.warn({ question }, 'an export was given up: nobody takes it');
        body.destroy(new Error('nobody takes it'));
      });
      try {
        yield chunk;
      } finally {
        stalled.cancel();
      }
    }
  }
  const body = Readable.from(taken(), { objectMode: false });
  body.on('error', (error) => log.warn({ reason: error.message }, 'an export came to no end'));
  return body;
};
