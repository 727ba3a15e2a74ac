import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Cause } from '../domain/events.ts';
import { invocationGuid, jobGuid, streamOf } from '../domain/ids.ts';
import type { InvocationStatus } from '../domain/invocation.ts';
import {
  isOver,
  type JobCommand,
  type JobRejection,
  type JobScope,
  type KnownJob,
  scopeKeyOf,
} from '../domain/job.ts';
import type { ResourceRef } from '../domain/resources.ts';
import type { Rules } from '../domain/rules.ts';
import type { EventStore, Position } from '../eventstore/event-store.ts';
import { load, type StoreFailure, transact } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import type { ReadModels } from '../projections/read-models.ts';
import { job as aggregate } from './aggregates.ts';
import { changesOf, startOfPeriod, wouldHear } from './backfill-changes.ts';
import type { KnownWebhook, WebhookFailure, Webhooks } from './webhooks.ts';

export interface JobDeps {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly webhooks: Pick<Webhooks, 'get'>;
  readonly readModels: Pick<
    ReadModels,
    'failedIn' | 'countFailedIn' | 'lastJob' | 'createdAt' | 'belongsTo' | 'changesAfter' | 'invocation'
  >;
  readonly rules: Rules;
}

export interface JobRequest extends JobScope {
  readonly ratePerSecond: number;
}

export type JobFailure =
  | JobRejection
  | WebhookFailure
  | StoreFailure
  | { readonly _tag: 'WebhookNotEnabled'; readonly deleted: boolean };

/** One of those that a job would retry or schedule. */
export type JobExample =
  | {
      readonly kind: 'retry_failed';
      readonly invocation: string;
      readonly webhook: string;
      readonly status: InvocationStatus;
      readonly scheduledAtMs: number;
    }
  | {
      readonly kind: 'backfill';
      /** The guid that the invocation will have. */
      readonly invocation: string;
      readonly change: string;
      readonly changeType: string;
      readonly ref: ResourceRef;
      readonly recordedAtMs: number;
    };

export interface JobPreview {
  readonly count: number;
  /** False: there are at least so many; looking at all of them would take too long for an answer. */
  readonly complete: boolean;
  /** The first of them. */
  readonly examples: ReadonlyArray<JobExample>;
  /** The job looks up to there. */
  readonly cut: Position;
}

const EXAMPLES_MAX = 5;
/** Pages of the log that a count looks through. A page is a few hundred changes, or thousands of other events. */
const PAGES_MAX = 250;
/** Jobs with one scope that somebody else made since the read models were asked. */
const GENERATIONS_MAX = 20;

/** What a job would do now. Stores nothing. The read models must show all that is to be counted. */
export const previewJob = async (
  deps: JobDeps,
  request: JobRequest,
): Promise<Either<JobFailure, JobPreview>> => {
  const { webhook } = request;
  const found = webhook === null ? undefined : await deps.webhooks.get(webhook);
  if (found !== undefined && isLeft(found)) return found;
  const known = found?.right.webhook;
  if (known !== undefined && known.situation !== 'enabled') {
    return left({ _tag: 'WebhookNotEnabled', deleted: known.situation === 'deleted' });
  }
  if (request.kind === 'backfill') {
    if (known === undefined) throw new Error('a backfill is of one webhook');
    return previewBackfill(deps, request, known);
  }
  const head = await deps.store.head()();
  if (isLeft(head)) return head;
  const cut = head.right;
  const rows = deps.readModels.failedIn(request, cut, 0, EXAMPLES_MAX);
  return right({
    count: deps.readModels.countFailedIn(request, cut),
    complete: true,
    examples: rows.map(({ guid, webhook: of, status, scheduledAtMs }) => ({
      kind: 'retry_failed',
      invocation: guid,
      webhook: of,
      status,
      scheduledAtMs,
    })),
    cut,
  });
};

const previewBackfill = async (
  { store, readModels, rules }: JobDeps,
  request: JobRequest,
  { facts }: KnownWebhook,
): Promise<Either<JobFailure, JobPreview>> => {
  const cut = readModels.createdAt(facts.guid);
  if (cut === undefined) return left({ _tag: 'WebhookUnknown' });
  const matchOf = wouldHear({ rules, readModels }, facts);
  const examples: JobExample[] = [];
  let count = 0;
  let after = startOfPeriod(readModels, request) ?? cut;
  for (let pages = 0; after < cut; pages += 1) {
    if (pages === PAGES_MAX) return right({ count, complete: false, examples, cut });
    const page = await changesOf(store, request, after, cut);
    if (isLeft(page)) return page;
    for (const change of page.right.changes) {
      const { id, event } = change;
      const { resource, identifier, changeType, atMs } = event;
      const ref = { resource, identifier };
      const invocation = invocationGuid(facts.guid, id);
      if (matchOf(change) === undefined || readModels.invocation(invocation) !== undefined) continue;
      count += 1;
      if (examples.length < EXAMPLES_MAX) {
        examples.push({ kind: 'backfill', invocation, change: id, changeType, ref, recordedAtMs: atMs });
      }
    }
    if (page.right.atEnd) break;
    after = page.right.next;
  }
  return right({ count, complete: true, examples, cut });
};

export interface AskedJob {
  readonly guid: string;
  readonly job: KnownJob;
  /** False: it was there already, and is not over. */
  readonly isNew: boolean;
}

/**
 * Makes the job, or answers the one that does the same and is not over. Two that ask at the same time get the same: its
 * guid follows from what it is to do, and its stream begins once.
 */
export const askForJob = async (
  deps: JobDeps,
  request: JobRequest,
  cause: Cause,
): Promise<Either<JobFailure, AskedJob>> => {
  const { kind, companyId, webhook, fromMs, toMs, ratePerSecond } = request;
  const scope = { kind, companyId, webhook, fromMs, toMs };
  const key = scopeKeyOf(scope);
  const last = deps.readModels.lastJob(scope);
  if (last !== undefined && !isOver(last.job)) {
    return right({ guid: last.guid, job: last.job, isNew: false });
  }
  const preview = await previewJob(deps, request);
  if (isLeft(preview)) return preview;
  const { count, complete, cut } = preview.right;
  const first = last === undefined ? 0 : last.job.facts.created.generation + 1;
  for (let generation = first; generation < first + GENERATIONS_MAX; generation += 1) {
    const guid = jobGuid(key, generation);
    const asked = await transact(
      deps,
      streamOf.job(guid),
      aggregate,
      {
        type: 'CreateJob',
        guid,
        ...scope,
        generation,
        ratePerSecond,
        cut,
        counted: complete ? count : null,
        askedBy: cause.actor,
        atMs: deps.clock.nowMs(),
      },
      cause,
    );
    if (isLeft(asked)) return asked;
    const { state, events } = asked.right;
    if (state.situation === 'unknown') throw new Error(`job ${guid} was neither made nor there`);
    if (!isOver(state)) return right({ guid, job: state, isNew: events.length > 0 });
  }
  return left({ _tag: 'TooMuchContention', stream: streamOf.job(jobGuid(key, first)) });
};

/** Pauses, resumes or cancels. What is running notices within moments, on whichever node it runs. */
export const steerJob = async (
  deps: JobDeps,
  guid: string,
  asked: 'pause' | 'resume' | 'cancel',
  cause: Cause,
): Promise<Either<JobFailure, KnownJob>> => {
  const atMs = deps.clock.nowMs();
  const command: JobCommand =
    asked === 'resume'
      ? { type: 'ResumeJob', atMs }
      : { type: asked === 'pause' ? 'PauseJob' : 'CancelJob', reason: 'by_request', atMs };
  if (asked === 'resume') {
    const resumable = await webhookOfJob(deps, guid);
    if (isLeft(resumable)) return resumable;
  }
  const steered = await transact(deps, streamOf.job(guid), aggregate, command, cause);
  if (isLeft(steered)) return steered;
  const { state } = steered.right;
  return state.situation === 'unknown' ? left({ _tag: 'JobUnknown' }) : right(state);
};

/** Resuming what would be paused again at once, or cancelled, is refused. */
const webhookOfJob = async (deps: JobDeps, guid: string): Promise<Either<JobFailure, void>> => {
  const loaded = await load(deps.store, streamOf.job(guid), aggregate);
  if (isLeft(loaded)) return loaded;
  const { state } = loaded.right;
  const webhook = state.situation === 'paused' ? state.facts.created.webhook : null;
  if (webhook === null) return right(undefined);
  const found = await deps.webhooks.get(webhook);
  if (isLeft(found)) return found;
  const { situation } = found.right.webhook;
  return situation === 'enabled'
    ? right(undefined)
    : left({ _tag: 'WebhookNotEnabled', deleted: situation === 'deleted' });
};
