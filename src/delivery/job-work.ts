import { isLeft } from 'fp-ts/lib/Either.js';
import { invocation as aggregate } from '../commands/aggregates.ts';
import { changesOf, startOfPeriod, wouldHear } from '../commands/backfill-changes.ts';
import type { WebhookSnapshot, Webhooks } from '../commands/webhooks.ts';
import type { Cause } from '../domain/events.ts';
import { invocationGuid, jobRetryEventId, streamOf } from '../domain/ids.ts';
import { type InvocationEvent, type InvocationState, mayRetryAsFailed } from '../domain/invocation.ts';
import type { JobCreated, JobSkip } from '../domain/job.ts';
import type { Rules } from '../domain/rules.ts';
import { emptyHead, seal } from '../eventstore/codec.ts';
import type { Head } from '../eventstore/decoded.ts';
import type { EventStore, Position } from '../eventstore/event-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { decodeAll } from '../projections/projector.ts';
import type { ReadModels } from '../projections/read-models.ts';
import { appendUntilKnown } from './append-until-known.ts';
import { scheduleLater } from './fan-out.ts';
import { NotStored } from './not-stored.ts';

export interface JobWorkDeps {
  readonly store: EventStore;
  readonly readModels: ReadModels;
  readonly webhooks: Pick<Webhooks, 'get'>;
  readonly rules: Rules;
  readonly defaultRetryBaseMs: number;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly log: Log;
  /** Passes the time between two tries of an append whose outcome is not known; false: do not go on. */
  readonly wait: () => Promise<boolean>;
}

/** What came of one thing that the job came to. `again`: the job did it before a crash, and it is counted. */
export type Outcome = 'done' | 'again' | JobSkip;

export interface JobItem {
  readonly cursor: Position;
  /** How many of its page were looked at up to and with this one. */
  readonly lookedAt: number;
  /** Throws `NotStored`: doing it again completes it. */
  do(): Promise<Outcome>;
}

export interface WorkPage {
  readonly items: ReadonlyArray<JobItem>;
  readonly next: Position;
  readonly lookedAt: number;
  readonly atEnd: boolean;
}

/** One kind of job, cut into pages that are found by a cursor. Throws `NotStored` where the store cannot be read. */
export type JobWork = (after: Position, webhook: WebhookSnapshot | undefined) => Promise<WorkPage>;

const RETRY_PAGE = 100;
const EVENTS_PAGE = 500;
const TRIES_MAX = 8;

/** Opens a new round of what failed, as "retry all failed" does. */
export const retryFailedWork =
  (deps: JobWorkDeps, job: JobCreated): JobWork =>
  async (after) => {
    const rows = deps.readModels.failedIn(job, job.cut, after, RETRY_PAGE);
    return {
      items: rows.map(({ guid, position }, index) => ({
        cursor: position,
        lookedAt: index + 1,
        do: () => retryOne(deps, job, guid),
      })),
      next: rows.at(-1)?.position ?? job.cut,
      lookedAt: rows.length,
      atEnd: rows.length < RETRY_PAGE,
    };
  };

const retryOne = async (deps: JobWorkDeps, job: JobCreated, guid: string): Promise<Outcome> => {
  const { store, clock, webhooks, defaultRetryBaseMs } = deps;
  const stream = streamOf.invocation(guid);
  const id = jobRetryEventId(job.guid, guid);
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const { state, head, ids } = await readInvocation(store, stream);
    // Its event stands there, whatever has happened since.
    if (ids.has(id)) return 'again';
    if (state.situation === 'unscheduled') return 'removed';
    if (!mayRetryAsFailed(state)) return 'moved_on';
    const found = await webhooks.get(state.facts.scheduled.webhook);
    if (isLeft(found)) throw new NotStored('a job', found.left._tag);
    const { webhook } = found.right;
    if (webhook.situation !== 'enabled') return 'webhook_not_enabled';
    const { retries, retryBaseMs } = webhook.facts.settings;
    const decided = aggregate.decide(state, {
      type: 'RequestRetry',
      retries,
      retryBaseMs: retryBaseMs ?? defaultRetryBaseMs,
      job: job.guid,
      atMs: clock.nowMs(),
    });
    if (isLeft(decided)) return 'moved_on';
    const events = decided.right.map((event) => ({ id, event }));
    const { append } = seal(stream, head, events, causeOf(job, job.guid));
    const appended = await appendUntilKnown(store, [append], deps.wait);
    if (!isLeft(appended)) return 'done';
    if (appended.left._tag !== 'WrongExpectedRevision') throw new NotStored('a job', appended.left._tag);
  }
  return 'moved_on';
};

const readInvocation = async (
  store: Pick<EventStore, 'readStream'>,
  stream: string,
): Promise<{
  readonly state: InvocationState;
  readonly head: Head;
  readonly ids: ReadonlySet<string>;
}> => {
  let state = aggregate.initial;
  let head = emptyHead(stream);
  const ids = new Set<string>();
  for (;;) {
    const page = await store.readStream(stream, { fromRevision: head.revision + 1, limit: EVENTS_PAGE })();
    if (isLeft(page)) throw new NotStored('a job', page.left._tag);
    for (const { id, event, revision, metadata } of decodeAll(page.right)) {
      state = aggregate.evolve(state, event as InvocationEvent);
      head = { revision, hash: metadata.hash };
      ids.add(id);
    }
    if (page.right.length < EVENTS_PAGE) return { state, head, ids };
  }
};

/** Tells a webhook of what happened before it was there: as it is now, by the relations of then. */
export const backfillWork =
  (deps: JobWorkDeps, job: JobCreated): JobWork =>
  async (after, webhook) => {
    if (webhook === undefined) throw new Error(`job ${job.guid} is a backfill of no webhook`);
    const { facts } = webhook.webhook;
    const matchOf = wouldHear(deps, facts);
    const start = startOfPeriod(deps.readModels, job);
    if (start === undefined) return { items: [], next: job.cut, lookedAt: 0, atEnd: true };
    const from = Math.max(after, start);
    if (from >= job.cut) return { items: [], next: from, lookedAt: 0, atEnd: true };
    const page = await changesOf(deps.store, job, from, job.cut);
    if (isLeft(page)) throw new NotStored('a job', page.left._tag);
    const { changes, next, atEnd } = page.right;
    const items = changes.flatMap((change, index): ReadonlyArray<JobItem> => {
      const match = matchOf(change);
      if (match === undefined) return [];
      const tell = async (): Promise<Outcome> => {
        const later = {
          backfill: { job: job.guid, webhookRevision: webhook.revision },
          atMs: deps.clock.nowMs(),
        };
        const cause = causeOf(job, change.metadata.correlationId);
        const isNew = await scheduleLater({ ...deps, routing: deps.readModels }, change, match, later, cause);
        return isNew ? 'done' : toldBy(deps.store, invocationGuid(facts.guid, change.id), job.guid);
      };
      return [{ cursor: change.position, lookedAt: index + 1, do: tell }];
    });
    return { items, next, lookedAt: changes.length, atEnd };
  };

const toldBy = async (
  store: Pick<EventStore, 'readStream'>,
  invocation: string,
  job: string,
): Promise<Outcome> => {
  const page = await store.readStream(streamOf.invocation(invocation), { limit: 1 })();
  if (isLeft(page)) throw new NotStored('a job', page.left._tag);
  const [first] = decodeAll(page.right);
  const told = first?.event.type === 'InvocationScheduled' ? first.event.backfill : undefined;
  return told?.job === job ? 'again' : 'already_told';
};

/** Whoever asked for the job is the actor of all that it leads to. */
const causeOf = (job: JobCreated, correlationId: string): Cause => ({
  correlationId,
  causationId: job.guid,
  actor: job.askedBy,
  companyId: job.companyId,
});

/** Of a job that is of one webhook: that webhook as it is. Throws `NotStored`. */
export const webhookOfJob = async (
  { webhooks }: Pick<JobWorkDeps, 'webhooks'>,
  { webhook }: JobCreated,
): Promise<WebhookSnapshot | undefined> => {
  if (webhook === null) return undefined;
  const found = await webhooks.get(webhook);
  if (isLeft(found)) throw new NotStored('a job', found.left._tag);
  return found.right;
};
