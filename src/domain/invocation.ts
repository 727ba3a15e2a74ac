import { type Either, left, right } from 'fp-ts/lib/Either.js';
import { backoffMs, retryAfterMs } from './backoff.ts';
import type { CustomerKey } from './customer-key.ts';
import type { Resource, ResourceRef, Trigger } from './resources.ts';
import type { Ordering, SystemEvent } from './webhook.ts';

/** One webhook told of one change (or tested once). */

// Events

/**
 * A resource through which the webhook was matched; `path` leads from the origin to it, both ends included. Whole paths
 * of everything reached would grow with the square of a chain of relations: they are kept for the 100 nearest
 * resources, if of at most 32 steps; all others keep the two ends.
 */
export interface MatchedResource extends ResourceRef {
  readonly path: ReadonlyArray<ResourceRef>;
}

/** How an attempt ended, as it is kept for the audit. */
export interface AttemptResult {
  readonly statusCode: number | null;
  readonly error: string | null;
  readonly durationMs: number;
  readonly address: string | null;
  readonly responseExcerpt: string | null;
}

export interface InvocationScheduled {
  readonly type: 'InvocationScheduled';
  readonly guid: string;
  readonly webhook: string;
  readonly companyId: string;
  /** Guid of the change; null for a test. */
  readonly change: string | null;
  readonly test: boolean;
  /** The matched resource that comes first, and the trigger that fired. */
  readonly resource: Resource;
  readonly trigger: Trigger;
  readonly identifier: string;
  readonly origin: ResourceRef & { readonly trigger: Trigger };
  readonly matched: ReadonlyArray<MatchedResource>;
  /** Of the Moshtix dialect: what the webhook was told of. */
  readonly systemEvent?: SystemEvent;
  /** The same bytes on every attempt. */
  readonly body: string;
  /** The webhook's settings just before the change; they hold for the first round. */
  readonly retries: number;
  readonly retryBaseMs: number;
  readonly ordering: Ordering;
  readonly coalesce: boolean;
  /** Told long after the change, by a job: only then it is there. */
  readonly backfill?: Backfill;
  /** Whose personal data the body may hold: the key of the change. */
  readonly customer?: CustomerKey;
  readonly atMs: number;
}

/** The job that an invocation comes from, and the webhook as it was when that decided over the change. */
export interface Backfill {
  readonly job: string;
  readonly webhookRevision: number;
}
/** Durable before the first byte leaves. */
export interface AttemptStarted {
  readonly type: 'AttemptStarted';
  /** 1, 2, 3 … over all rounds. */
  readonly number: number;
  readonly url: string;
  readonly webhookRevision: number;
  /** The node that makes it, where several share a store: another one may end it only when that one is gone. */
  readonly node?: string;
  readonly atMs: number;
}
export interface AttemptFailed {
  readonly type: 'AttemptFailed';
  readonly number: number;
  /** `interrupted`: the outcome is not known, the receiver may have seen the request. */
  readonly outcome: 'failed' | 'interrupted';
  readonly result: AttemptResult;
  /** Null when it was the last of its round. */
  readonly nextAttemptAtMs: number | null;
  /** Of the invocation: an answer may repeat what was sent. */
  readonly customer?: CustomerKey;
  readonly atMs: number;
}
export interface InvocationDelivered {
  readonly type: 'InvocationDelivered';
  readonly number: number;
  readonly result: AttemptResult;
  readonly customer?: CustomerKey;
  readonly atMs: number;
}
export interface InvocationExhausted {
  readonly type: 'InvocationExhausted';
  /** The receiver answered 410: its webhook is disabled for it. */
  readonly gone: boolean;
  readonly atMs: number;
}
export type CancelReason =
  | 'webhook_disabled'
  | 'webhook_deleted'
  /** Scheduled without its body: it would have been more than can be stored or sent. It cannot be retried. */
  | 'body_too_large'
  /** The personal data of the customer was erased, and the body with it. It cannot be retried. */
  | 'erased';
export interface InvocationCancelled {
  readonly type: 'InvocationCancelled';
  readonly reason: CancelReason;
  readonly atMs: number;
}
export interface InvocationSuperseded {
  readonly type: 'InvocationSuperseded';
  /** The newer invocation for the same resource. */
  readonly by: string;
  readonly atMs: number;
}
/** Opens a new round: the budget and the doubling start anew, attempt numbers go on. */
export interface RetryRequested {
  readonly type: 'RetryRequested';
  readonly retries: number;
  readonly retryBaseMs: number;
  /** The job that asked for it, if one did. */
  readonly job?: string;
  readonly atMs: number;
}

export type InvocationEvent =
  | InvocationScheduled
  | AttemptStarted
  | AttemptFailed
  | InvocationDelivered
  | InvocationExhausted
  | InvocationCancelled
  | InvocationSuperseded
  | RetryRequested;

// State

export interface Attempt {
  readonly number: number;
  readonly startedAtMs: number;
  readonly url: string;
  readonly webhookRevision: number;
  readonly node: string | undefined;
  /** Null while it runs. */
  readonly ended: {
    readonly atMs: number;
    readonly outcome: 'succeeded' | 'failed' | 'interrupted';
    readonly result: AttemptResult;
  } | null;
}

export interface Round {
  readonly retries: number;
  readonly retryBaseMs: number;
  /** Attempts made before this round. */
  readonly attemptsBefore: number;
}

export interface InvocationFacts {
  readonly scheduled: InvocationScheduled;
  readonly attempts: ReadonlyArray<Attempt>;
  readonly round: Round;
}

export type InvocationState =
  | { readonly situation: 'unscheduled' }
  | { readonly situation: 'waiting'; readonly facts: InvocationFacts; readonly dueAtMs: number }
  | { readonly situation: 'in_flight'; readonly facts: InvocationFacts; readonly number: number }
  /** The last attempt of a round failed; the event that says so follows in the same append. */
  | { readonly situation: 'failed_last'; readonly facts: InvocationFacts }
  | {
      readonly situation: 'delivered' | 'exhausted' | 'superseded';
      readonly facts: InvocationFacts;
      readonly settledAtMs: number;
    }
  | {
      readonly situation: 'cancelled';
      readonly facts: InvocationFacts;
      readonly settledAtMs: number;
      readonly reason: CancelReason;
    };

export const initialInvocation: InvocationState = { situation: 'unscheduled' };

export const evolveInvocation = (state: InvocationState, event: InvocationEvent): InvocationState => {
  if (event.type === 'InvocationScheduled') {
    const { retries, retryBaseMs } = event;
    const facts = { scheduled: event, attempts: [], round: { retries, retryBaseMs, attemptsBefore: 0 } };
    return { situation: 'waiting', facts, dueAtMs: event.atMs };
  }
  if (state.situation === 'unscheduled') return state;
  const { facts } = state;
  switch (event.type) {
    case 'AttemptStarted': {
      const { number, url, webhookRevision, node, atMs } = event;
      const attempt: Attempt = { number, startedAtMs: atMs, url, webhookRevision, node, ended: null };
      return {
        situation: 'in_flight',
        facts: { ...facts, attempts: [...facts.attempts, attempt] },
        number,
      };
    }
    case 'AttemptFailed': {
      const ended = endAttempt(facts, event.number, event.outcome, event.result, event.atMs);
      return event.nextAttemptAtMs === null
        ? { situation: 'failed_last', facts: ended }
        : { situation: 'waiting', facts: ended, dueAtMs: event.nextAttemptAtMs };
    }
    case 'InvocationDelivered': {
      const ended = endAttempt(facts, event.number, 'succeeded', event.result, event.atMs);
      return { situation: 'delivered', facts: ended, settledAtMs: event.atMs };
    }
    case 'InvocationExhausted':
      return { situation: 'exhausted', facts, settledAtMs: event.atMs };
    case 'InvocationCancelled':
      return { situation: 'cancelled', facts, settledAtMs: event.atMs, reason: event.reason };
    case 'InvocationSuperseded':
      return { situation: 'superseded', facts, settledAtMs: event.atMs };
    case 'RetryRequested': {
      const { retries, retryBaseMs } = event;
      const round = { retries, retryBaseMs, attemptsBefore: facts.attempts.length };
      return { situation: 'waiting', facts: { ...facts, round }, dueAtMs: event.atMs };
    }
  }
};

const endAttempt = (
  facts: InvocationFacts,
  number: number,
  outcome: 'succeeded' | 'failed' | 'interrupted',
  result: AttemptResult,
  atMs: number,
): InvocationFacts => ({
  ...facts,
  attempts: facts.attempts.map((attempt) =>
    attempt.number === number ? { ...attempt, ended: { atMs, outcome, result } } : attempt,
  ),
});

// Commands

export type ScheduleInvocation = Omit<InvocationScheduled, 'type'> & { readonly type: 'ScheduleInvocation' };

export interface StartAttempt {
  readonly type: 'StartAttempt';
  readonly number: number;
  readonly url: string;
  readonly webhookRevision: number;
  readonly node?: string | undefined;
  readonly atMs: number;
}
/** The receiver answered. Whether that is success the decision says. */
export interface RecordAnswer {
  readonly type: 'RecordAnswer';
  readonly number: number;
  readonly result: AttemptResult & { readonly statusCode: number };
  /** The raw header. */
  readonly retryAfter: string | null;
  readonly atMs: number;
}
/** No answer, or none that could be read. */
export interface RecordFailure {
  readonly type: 'RecordFailure';
  readonly number: number;
  readonly outcome: 'failed' | 'interrupted';
  readonly result: AttemptResult;
  readonly atMs: number;
}
export interface CancelInvocation {
  readonly type: 'CancelInvocation';
  readonly reason: CancelReason;
  readonly atMs: number;
}
export interface SupersedeInvocation {
  readonly type: 'SupersedeInvocation';
  readonly by: string;
  readonly atMs: number;
}
export interface RequestRetry {
  readonly type: 'RequestRetry';
  readonly retries: number;
  readonly retryBaseMs: number;
  readonly job?: string;
  readonly atMs: number;
}

export type InvocationCommand =
  | ScheduleInvocation
  | StartAttempt
  | RecordAnswer
  | RecordFailure
  | CancelInvocation
  | SupersedeInvocation
  | RequestRetry;

// Rejections

export type InvocationRejection =
  | { readonly _tag: 'InvocationUnknown' }
  | { readonly _tag: 'InvocationNotWaiting'; readonly situation: InvocationState['situation'] }
  /** Another attempt than the one the state asks for. */
  | { readonly _tag: 'AttemptOutOfTurn'; readonly expected: number; readonly number: number }
  | { readonly _tag: 'AttemptTooEarly'; readonly dueAtMs: number }
  | { readonly _tag: 'InvocationInFlight' }
  | { readonly _tag: 'InvocationSupersededBefore' }
  | { readonly _tag: 'InvocationHasNoBody' }
  | { readonly _tag: 'InvocationErased' };

// Decide

export const decideInvocation = (
  state: InvocationState,
  command: InvocationCommand,
): Either<InvocationRejection, ReadonlyArray<InvocationEvent>> => {
  if (command.type === 'ScheduleInvocation') {
    return right(state.situation === 'unscheduled' ? [{ ...command, type: 'InvocationScheduled' }] : []);
  }
  if (state.situation === 'unscheduled') return left({ _tag: 'InvocationUnknown' });
  switch (command.type) {
    case 'StartAttempt':
      return startAttempt(state, command);
    case 'RecordAnswer':
    case 'RecordFailure':
      return recordOutcome(state, command);
    case 'CancelInvocation': {
      const { reason, atMs } = command;
      if (state.situation === 'cancelled') return right([]);
      if (state.situation !== 'waiting') {
        return left({ _tag: 'InvocationNotWaiting', situation: state.situation });
      }
      return right([{ type: 'InvocationCancelled', reason, atMs }]);
    }
    case 'SupersedeInvocation': {
      const { by, atMs } = command;
      if (state.situation === 'superseded') return right([]);
      if (state.situation !== 'waiting') {
        return left({ _tag: 'InvocationNotWaiting', situation: state.situation });
      }
      return right([{ type: 'InvocationSuperseded', by, atMs }]);
    }
    case 'RequestRetry': {
      const { retries, retryBaseMs, job, atMs } = command;
      if (state.situation === 'in_flight') return left({ _tag: 'InvocationInFlight' });
      if (state.situation === 'superseded') return left({ _tag: 'InvocationSupersededBefore' });
      if (state.situation === 'cancelled' && state.reason === 'body_too_large') {
        return left({ _tag: 'InvocationHasNoBody' });
      }
      if (isErased(state.facts.scheduled)) return left({ _tag: 'InvocationErased' });
      return right([
        { type: 'RetryRequested', retries, retryBaseMs, ...(job !== undefined && { job }), atMs },
      ]);
    }
  }
};

const startAttempt = (
  state: Exclude<InvocationState, { situation: 'unscheduled' }>,
  command: StartAttempt,
): Either<InvocationRejection, ReadonlyArray<InvocationEvent>> => {
  const { number, url, webhookRevision, node, atMs } = command;
  if (number <= state.facts.attempts.length) return right([]);
  if (state.situation !== 'waiting')
    return left({ _tag: 'InvocationNotWaiting', situation: state.situation });
  const expected = state.facts.attempts.length + 1;
  if (number !== expected) return left({ _tag: 'AttemptOutOfTurn', expected, number });
  if (atMs < state.dueAtMs) return left({ _tag: 'AttemptTooEarly', dueAtMs: state.dueAtMs });
  return right([
    { type: 'AttemptStarted', number, url, webhookRevision, ...(node !== undefined && { node }), atMs },
  ]);
};

const recordOutcome = (
  state: Exclude<InvocationState, { situation: 'unscheduled' }>,
  command: RecordAnswer | RecordFailure,
): Either<InvocationRejection, ReadonlyArray<InvocationEvent>> => {
  const { number, result, atMs } = command;
  const { attempts, round, scheduled } = state.facts;
  const of = scheduled.customer === undefined ? {} : { customer: scheduled.customer };
  if (attempts.some((attempt) => attempt.number === number && attempt.ended !== null)) return right([]);
  if (state.situation !== 'in_flight' || state.number !== number) {
    const expected = state.situation === 'in_flight' ? state.number : attempts.length + 1;
    return left({ _tag: 'AttemptOutOfTurn', expected, number });
  }
  const answer = command.type === 'RecordAnswer' ? command : undefined;
  if (answer !== undefined && isSuccess(answer.result.statusCode)) {
    return right([{ type: 'InvocationDelivered', number, result, ...of, atMs }]);
  }
  const outcome = command.type === 'RecordFailure' ? command.outcome : 'failed';
  const gone = answer?.result.statusCode === STATUS_GONE;
  const failures = number - round.attemptsBefore;
  if (gone || failures > round.retries) {
    return right([
      { type: 'AttemptFailed', number, outcome, result, nextAttemptAtMs: null, ...of, atMs },
      { type: 'InvocationExhausted', gone, atMs },
    ]);
  }
  const plannedMs = atMs + backoffMs(round.retryBaseMs, failures, `${scheduled.guid}:${number}`);
  const askedMs =
    answer === undefined ? null : retryAfterMs(answer.result.statusCode, answer.retryAfter, atMs);
  const nextAttemptAtMs = Math.max(plannedMs, askedMs ?? plannedMs);
  return right([{ type: 'AttemptFailed', number, outcome, result, nextAttemptAtMs, ...of, atMs }]);
};

const STATUS_GONE = 410;

const isSuccess = (statusCode: number): boolean => statusCode >= 200 && statusCode <= 299;

// Questions

export type NextAction =
  | { readonly do: 'nothing' }
  | { readonly do: 'wait'; readonly untilMs: number }
  | { readonly do: 'attempt'; readonly number: number };

/** What the process manager has to do now. The same after a crash as before it. */
export const nextAction = (state: InvocationState, nowMs: number): NextAction => {
  if (state.situation !== 'waiting') return { do: 'nothing' };
  return nowMs < state.dueAtMs
    ? { do: 'wait', untilMs: state.dueAtMs }
    : { do: 'attempt', number: state.facts.attempts.length + 1 };
};

/** Its body is gone with the customer's key: it is sent to nobody any more. */
export const isErased = ({ customer }: Pick<InvocationScheduled, 'customer'>): boolean =>
  customer?.isForgotten === true;

/** Exhausted, or waiting after a failure: what "retry all failed" takes. */
export const mayRetryAsFailed = (state: InvocationState): boolean =>
  (state.situation === 'exhausted' ||
    (state.situation === 'waiting' && state.facts.attempts.length > state.facts.round.attemptsBefore)) &&
  !isErased(state.facts.scheduled);

export type InvocationStatus =
  'waiting' | 'in_flight' | 'delivered' | 'exhausted' | 'cancelled' | 'superseded';

/** As partners read it. */
export const statusOf = (state: Exclude<InvocationState, { situation: 'unscheduled' }>): InvocationStatus =>
  state.situation === 'failed_last' ? 'exhausted' : state.situation;
