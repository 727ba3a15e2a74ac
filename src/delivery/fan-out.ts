import type { Cause } from '../domain/events.ts';
import { invocationGuid, scheduledEventId, streamOf } from '../domain/ids.ts';
import type { InvocationScheduled } from '../domain/invocation.ts';
import { type Match, matchChange } from '../domain/matching.ts';
import { renderBody } from '../domain/openticket-request.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { Rules } from '../domain/rules.ts';
import { emptyHead, seal } from '../eventstore/codec.ts';
import type { Decoded, Head } from '../eventstore/decoded.ts';
import {
  type Appended,
  type EventStore,
  NO_STREAM,
  type Position,
  type StreamAppend,
} from '../eventstore/event-store.ts';
import type { ActiveWebhook, InvocationLog, Routing } from '../projections/read-models.ts';
import { appendUntilKnown } from './append-until-known.ts';
import { NotStored } from './not-stored.ts';

export interface FanOutDeps {
  readonly store: EventStore;
  readonly routing: Routing;
  readonly known: Pick<InvocationLog, 'invocation'>;
  readonly rules: Rules;
  readonly defaultRetryBaseMs: number;
  readonly nowMs: () => number;
  /** Passes the time between two tries of an append whose outcome is not known; false: do not go on. */
  readonly wait: () => Promise<boolean>;
}

/** An invocation that is about to be scheduled: what the first attempt may be started with in the same append. */
export interface Scheduling {
  readonly scheduled: InvocationScheduled;
  readonly stream: string;
  readonly append: StreamAppend;
  readonly head: Head;
  readonly cause: Cause;
}

/** May join the first attempt to the append, and takes over what was stored. */
export interface Admission {
  /** Before the append: the same scheduling, or one whose append starts the first attempt too. */
  admit(scheduling: Scheduling): Scheduling;
  /** After it, in the same order: durable at this place, or not written by us (`undefined`). */
  scheduled(scheduling: Scheduling, appended: Appended | undefined): void;
}

export const noAdmission: Admission = { admit: (scheduling) => scheduling, scheduled: () => undefined };

export const FAN_OUT_ACTOR = 'engine:fan-out';

/** Streams in one append: bounds its bytes and the time that others wait for it. */
const STREAMS_PER_APPEND_MAX = 500;

/**
 * Who hears of this change, decided at its own position in the log: webhooks as they were just before it, relations
 * with those that it carries itself. Asking again, at any time, gives the same answer.
 */
export const hearersOf = (
  { routing, rules }: Pick<FanOutDeps, 'routing' | 'rules'>,
  change: Decoded<ResourceChange>,
): ReadonlyArray<Match<ActiveWebhook>> => {
  const { companyId, resource, identifier, triggers } = change.event;
  const at = change.position;
  return matchChange(
    rules,
    { ref: { resource, identifier }, triggers },
    (ref) => routing.belongsTo(companyId, at, ref),
    (type, trigger, id) => routing.subscribersTo(companyId, at, type, trigger, id),
  );
};

/** The invocations that a change leads to, each with its rendered body. */
export const invocationsOf = (
  deps: Pick<FanOutDeps, 'routing' | 'rules' | 'defaultRetryBaseMs' | 'nowMs'>,
  change: Decoded<ResourceChange>,
): ReadonlyArray<InvocationScheduled> => {
  const matches = hearersOf(deps, change);
  if (matches.length === 0) return [];
  const { companyId, resource, identifier, occurredAtMs, data } = change.event;
  const dataJson = JSON.stringify(data);
  const atMs = deps.nowMs();
  return matches.map(({ subscriber, trigger, matched: reached }) => {
    const { webhook, retries, retryBaseMs, ordering, coalesce } = subscriber;
    const guid = invocationGuid(webhook, change.id);
    const origin = { resource, identifier, trigger };
    const matched = reached.map(({ ref, path }) => ({ ...ref, path }));
    const [first] = reached;
    if (first === undefined) throw new Error(`webhook ${webhook} matched through nothing`);
    const body = renderBody({
      guid,
      webhook,
      companyId,
      trigger,
      origin,
      matched,
      occurredAtMs,
      dataJson,
      test: false,
    });
    return {
      type: 'InvocationScheduled',
      guid,
      webhook,
      companyId,
      change: change.id,
      test: false,
      resource: first.ref.resource,
      trigger,
      identifier: first.ref.identifier,
      origin,
      matched,
      body,
      retries,
      retryBaseMs: retryBaseMs ?? deps.defaultRetryBaseMs,
      ordering,
      coalesce,
      atMs,
    };
  });
};

/**
 * Schedules what the changes lead to. Every invocation has its own stream, which must not exist yet, so doing it twice
 * writes nothing new. `repeated`: some may be scheduled already; those that the read models know are left out.
 * Answers with the position of the newest that was stored, 0 when there was none. Throws `NotStored`: the caller tries
 * the same changes again.
 */
export const fanOut = async (
  deps: FanOutDeps,
  changes: ReadonlyArray<Decoded<ResourceChange>>,
  admission: Admission,
  repeated: boolean,
): Promise<Position> => {
  let batch: Scheduling[] = [];
  let newest: Position = 0;
  for (const change of changes) {
    const cause: Cause = {
      correlationId: change.metadata.correlationId,
      causationId: change.id,
      actor: FAN_OUT_ACTOR,
      companyId: change.event.companyId,
    };
    for (const scheduled of invocationsOf(deps, change)) {
      if (repeated && deps.known.invocation(scheduled.guid) !== undefined) continue;
      batch.push(admission.admit(schedulingOf(scheduled, cause)));
      if (batch.length < STREAMS_PER_APPEND_MAX) continue;
      newest = await appendAll(deps, batch, admission);
      batch = [];
    }
  }
  return batch.length === 0 ? newest : appendAll(deps, batch, admission);
};

const schedulingOf = (scheduled: InvocationScheduled, cause: Cause): Scheduling => {
  const stream = streamOf.invocation(scheduled.guid);
  const id = scheduledEventId(scheduled.guid);
  const { append, head } = seal(stream, emptyHead(stream), [{ id, event: scheduled }], cause);
  return { scheduled, stream, append, head, cause };
};

const appendAll = async (
  deps: FanOutDeps,
  batch: ReadonlyArray<Scheduling>,
  admission: Admission,
): Promise<Position> => {
  const appended = await appendUntilKnown(
    deps.store,
    batch.map(({ append }) => append),
    deps.wait,
  );
  if (appended._tag === 'Right') {
    for (const [index, scheduling] of batch.entries()) admission.scheduled(scheduling, appended.right[index]);
    return newestOf(appended.right);
  }
  for (const scheduling of batch) admission.scheduled(scheduling, undefined);
  if (appended.left._tag !== 'WrongExpectedRevision') throw new NotStored('invocations', appended.left._tag);
  return appendOneByOne(deps.store, batch);
};

/** At least one is there already (and may have moved on): each for itself, and only as scheduled. */
const appendOneByOne = async (store: EventStore, batch: ReadonlyArray<Scheduling>): Promise<Position> => {
  let newest: Position = 0;
  for (const { append } of batch) {
    const [scheduled] = append.events;
    if (scheduled === undefined) continue;
    const alone = { stream: append.stream, expectedRevision: NO_STREAM, events: [scheduled] };
    const appended = await store.append([alone])();
    if (appended._tag === 'Right') newest = Math.max(newest, newestOf(appended.right));
    else if (appended.left._tag !== 'WrongExpectedRevision') {
      throw new NotStored('invocations', appended.left._tag);
    }
  }
  return newest;
};

const newestOf = (appended: ReadonlyArray<Appended>): Position =>
  Math.max(0, ...appended.map(({ position }) => position));
