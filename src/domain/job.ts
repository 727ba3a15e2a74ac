import { type Either, left, right } from 'fp-ts/lib/Either.js';
import { jobScopeKey } from './ids.ts';

/**
 * Work on many invocations that somebody asked for once: retrying what failed, or telling a webhook of what happened
 * before it was there. A job is a stream of its own; what it did stands in the streams of the invocations.
 */

export const JOB_KINDS = ['retry_failed', 'backfill'] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** What a job is asked to do. Two that are equal in this are the same job, as long as the first is not over. */
export interface JobScope {
  readonly kind: JobKind;
  readonly companyId: string;
  /** Null: all webhooks of the company, which a backfill cannot have. */
  readonly webhook: string | null;
  /** fromMs ≤ time < toMs; null: no bound. Of an invocation when it was scheduled, of a change when it was recorded. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/** The same for jobs that are asked to do the same. */
export const scopeKeyOf = ({ kind, companyId, webhook, fromMs, toMs }: JobScope): string =>
  jobScopeKey([kind, companyId, webhook, fromMs, toMs]);

/** Why something that a job came to was left as it is. */
export const JOB_SKIPS = [
  /** It was started, delivered, cancelled or superseded since it was found. */
  'moved_on',
  'webhook_not_enabled',
  /** Its scheduling, with the body, was removed from the log by policy. */
  'removed',
  /** The webhook has an invocation of this change already. */
  'already_told',
] as const;
export type JobSkip = (typeof JOB_SKIPS)[number];

/** Up to a cursor: what the job did, what it left, and how much it has looked at. */
export interface JobCounts {
  readonly done: number;
  readonly skipped: Readonly<Partial<Record<JobSkip, number>>>;
  readonly lookedAt: number;
}

export const NOTHING_DONE: JobCounts = { done: 0, skipped: {}, lookedAt: 0 };

// Events

export interface JobCreated extends JobScope {
  readonly type: 'JobCreated';
  readonly guid: string;
  /** Counts from 0: jobs with the same scope, one after the other. */
  readonly generation: number;
  /** Retried or scheduled at most in a second. */
  readonly ratePerSecond: number;
  /** The position in the log up to which it looks. */
  readonly cut: number;
  /** What there was to do when it was asked for; null where that was too much to count. */
  readonly counted: number | null;
  /** The actor of what it leads to. */
  readonly askedBy: string;
  readonly atMs: number;
}
export interface JobStarted {
  readonly type: 'JobStarted';
  readonly atMs: number;
}
/** All up to the cursor is done. What was done after it is found done when it is come to again. */
export interface JobProgressed {
  readonly type: 'JobProgressed';
  readonly cursor: number;
  readonly counts: JobCounts;
  readonly atMs: number;
}
export type PauseReason = 'by_request' | 'webhook_disabled';
export interface JobPaused {
  readonly type: 'JobPaused';
  readonly reason: PauseReason;
  readonly atMs: number;
}
export interface JobResumed {
  readonly type: 'JobResumed';
  readonly atMs: number;
}
export type JobCancelReason = 'by_request' | 'webhook_deleted';
export interface JobCancelled {
  readonly type: 'JobCancelled';
  readonly reason: JobCancelReason;
  readonly atMs: number;
}
export interface JobCompleted {
  readonly type: 'JobCompleted';
  readonly counts: JobCounts;
  readonly atMs: number;
}

export type JobEvent =
  JobCreated | JobStarted | JobProgressed | JobPaused | JobResumed | JobCancelled | JobCompleted;

// State

export interface JobFacts {
  readonly created: JobCreated;
  readonly cursor: number;
  readonly counts: JobCounts;
  readonly updatedAtMs: number;
}

export type JobState =
  | { readonly situation: 'unknown' }
  | { readonly situation: 'created' | 'running'; readonly facts: JobFacts }
  | { readonly situation: 'paused'; readonly facts: JobFacts; readonly reason: PauseReason }
  | { readonly situation: 'cancelled'; readonly facts: JobFacts; readonly reason: JobCancelReason }
  | { readonly situation: 'completed'; readonly facts: JobFacts };

export type KnownJob = Exclude<JobState, { situation: 'unknown' }>;
export type JobStatus = KnownJob['situation'];

export const JOB_STATUSES: ReadonlyArray<JobStatus> = [
  'created',
  'running',
  'paused',
  'cancelled',
  'completed',
];

export const initialJob: JobState = { situation: 'unknown' };

export const evolveJob = (state: JobState, event: JobEvent): JobState => {
  if (event.type === 'JobCreated') {
    const facts = { created: event, cursor: 0, counts: NOTHING_DONE, updatedAtMs: event.atMs };
    return { situation: 'created', facts };
  }
  if (state.situation === 'unknown') return state;
  const facts = { ...state.facts, updatedAtMs: event.atMs };
  switch (event.type) {
    case 'JobStarted':
    case 'JobResumed':
      return { situation: 'running', facts };
    case 'JobProgressed':
      return { ...state, facts: { ...facts, cursor: event.cursor, counts: event.counts } };
    case 'JobPaused':
      return { situation: 'paused', facts, reason: event.reason };
    case 'JobCancelled':
      return { situation: 'cancelled', facts, reason: event.reason };
    case 'JobCompleted':
      return { situation: 'completed', facts: { ...facts, counts: event.counts } };
  }
};

// Commands

export type CreateJob = Omit<JobCreated, 'type'> & { readonly type: 'CreateJob' };
export interface StartJob {
  readonly type: 'StartJob';
  readonly atMs: number;
}
export type RecordProgress = Omit<JobProgressed, 'type'> & { readonly type: 'RecordProgress' };
export interface PauseJob {
  readonly type: 'PauseJob';
  readonly reason: PauseReason;
  readonly atMs: number;
}
export interface ResumeJob {
  readonly type: 'ResumeJob';
  readonly atMs: number;
}
export interface CancelJob {
  readonly type: 'CancelJob';
  readonly reason: JobCancelReason;
  readonly atMs: number;
}
export type CompleteJob = Omit<JobCompleted, 'type'> & { readonly type: 'CompleteJob' };

export type JobCommand =
  CreateJob | StartJob | RecordProgress | PauseJob | ResumeJob | CancelJob | CompleteJob;

// Rejections

export type JobRejection =
  | { readonly _tag: 'JobUnknown' }
  /** What was asked makes no sense any more, or not yet. */
  | { readonly _tag: 'JobIs'; readonly status: JobStatus; readonly asked: JobCommand['type'] };

// Decide

export const decideJob = (
  state: JobState,
  command: JobCommand,
): Either<JobRejection, ReadonlyArray<JobEvent>> => {
  if (command.type === 'CreateJob') {
    // Asked for twice, it is there: whoever asked finds it as it is.
    return right(state.situation === 'unknown' ? [{ ...command, type: 'JobCreated' }] : []);
  }
  if (state.situation === 'unknown') return left({ _tag: 'JobUnknown' });
  const { situation, facts } = state;
  const refused = left({ _tag: 'JobIs', status: situation, asked: command.type } as const);
  const isOver = situation === 'cancelled' || situation === 'completed';
  const { atMs } = command;
  switch (command.type) {
    case 'StartJob':
      if (situation === 'running') return right([]);
      return situation === 'created' ? right([{ type: 'JobStarted', atMs }]) : refused;
    case 'RecordProgress': {
      const { cursor, counts } = command;
      // Whoever else runs it has come further, or as far.
      if (cursor <= facts.cursor) return right([]);
      // What was under way when it was paused or cancelled has happened, too.
      if (situation === 'created' || situation === 'completed') return refused;
      return right([{ type: 'JobProgressed', cursor, counts, atMs }]);
    }
    case 'PauseJob':
      if (situation === 'paused') return right([]);
      return isOver ? refused : right([{ type: 'JobPaused', reason: command.reason, atMs }]);
    case 'ResumeJob':
      if (situation === 'running') return right([]);
      return situation === 'paused' ? right([{ type: 'JobResumed', atMs }]) : refused;
    case 'CancelJob':
      if (situation === 'cancelled') return right([]);
      return isOver ? refused : right([{ type: 'JobCancelled', reason: command.reason, atMs }]);
    case 'CompleteJob':
      if (situation === 'completed') return right([]);
      return situation === 'running'
        ? right([{ type: 'JobCompleted', counts: command.counts, atMs }])
        : refused;
  }
};

// Questions

export const isOver = (state: JobState): boolean =>
  state.situation === 'cancelled' || state.situation === 'completed';

/** What is left of what was counted; null where it was not. Never below 0: more may have failed since. */
export const leftOf = ({ created, counts }: JobFacts, done: number): number | null => {
  if (created.counted === null) return null;
  const skipped = Object.values(counts.skipped).reduce((sum, count) => sum + count, 0);
  return Math.max(0, created.counted - done - skipped);
};

/** The same counts with one more that was left as it is. */
export const withSkipped = (counts: JobCounts, reason: JobSkip): JobCounts => ({
  ...counts,
  skipped: { ...counts.skipped, [reason]: (counts.skipped[reason] ?? 0) + 1 },
});
