import type { KnownInvocation } from '../commands/invocations.ts';
import { type Attempt, statusOf } from '../domain/invocation.ts';

/** Characters of each answer's excerpt in lists, which hold many; a single invocation shows all that was kept. */
export const EXCERPT_IN_LISTS_MAX = 200;

/** An invocation as the API shows it. `test` is there only for tests, `backfill` (the job) only where one told of it, `cancel_reason` only when it was cancelled. */
export const printedInvocation = (invocation: KnownInvocation, excerptMax = Number.POSITIVE_INFINITY) => {
  const { scheduled, attempts } = invocation.facts;
  const { guid, webhook, change, resource, trigger, identifier, origin, test, backfill } = scheduled;
  return {
    guid,
    webhook,
    change,
    ...(test && { test }),
    ...(backfill !== undefined && { backfill: backfill.job }),
    status: statusOf(invocation),
    resource,
    trigger,
    identifier,
    origin: { resource: origin.resource, identifier: origin.identifier, trigger: origin.trigger },
    scheduled_at: isoTime(scheduled.atMs),
    next_attempt_at: invocation.situation === 'waiting' ? isoTime(invocation.dueAtMs) : null,
    settled_at: settledAt(invocation),
    ...(invocation.situation === 'cancelled' && { cancel_reason: invocation.reason }),
    attempts: attempts.map((attempt) => printedAttempt(attempt, excerptMax)),
  };
};

const settledAt = (invocation: KnownInvocation): string | null => {
  switch (invocation.situation) {
    case 'waiting':
    case 'in_flight':
      return null;
    case 'failed_last': {
      const ended = invocation.facts.attempts.at(-1)?.ended;
      return ended === null || ended === undefined ? null : isoTime(ended.atMs);
    }
    case 'delivered':
    case 'exhausted':
    case 'cancelled':
    case 'superseded':
      return isoTime(invocation.settledAtMs);
  }
};

const printedAttempt = (attempt: Attempt, excerptMax: number) => {
  const { number, startedAtMs, url, webhookRevision, ended } = attempt;
  return {
    number,
    started_at: isoTime(startedAtMs),
    ended_at: ended === null ? null : isoTime(ended.atMs),
    outcome: ended?.outcome ?? null,
    status_code: ended?.result.statusCode ?? null,
    error: ended?.result.error ?? null,
    duration_ms: ended?.result.durationMs ?? null,
    url,
    address: ended?.result.address ?? null,
    webhook_revision: webhookRevision,
    response_excerpt: ended?.result.responseExcerpt?.slice(0, excerptMax) ?? null,
  };
};

const isoTime = (atMs: number): string => new Date(atMs).toISOString();
