import { type Either, isRight } from 'fp-ts/lib/Either.js';
import type { Cause } from '../domain/events.ts';
import { erasedEventId, invocationGuid, scheduledEventId, streamOf, tooLargeEventId } from '../domain/ids.ts';
import {
  type Backfill,
  type InvocationScheduled,
  isErased,
  type MatchedResource,
} from '../domain/invocation.ts';
import { type Match, matchChange } from '../domain/matching.ts';
import { renderSavedBody } from '../domain/moshtix-request.ts';
import { renderBody } from '../domain/openticket-request.ts';
import type { BelongsTo, Reached } from '../domain/relations.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { Rules } from '../domain/rules.ts';
import { matchSaved, savedBy } from '../domain/system-events.ts';
import type { SystemEvent } from '../domain/webhook.ts';
import { unitsOf } from '../eventstore/batch.ts';
import { emptyHead, seal, type UnsealedEvent } from '../eventstore/codec.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import {
  type Appended,
  type AppendFailure,
  type EventStore,
  NO_STREAM,
  type Position,
} from '../eventstore/event-store.ts';
import type { Log } from '../ports/log.ts';
import type { ActiveWebhook, InvocationLog, Routing } from '../projections/read-models.ts';
import type { Admission, Scheduling } from './admission.ts';
import { appendUntilKnown } from './append-until-known.ts';
import { NotStored } from './not-stored.ts';
import { eventSavedJson, orderSavedJson, type SavedDataDeps } from './saved-data.ts';

export interface FanOutDeps {
  readonly store: EventStore;
  readonly routing: Routing;
  readonly known: Pick<InvocationLog, 'invocation'>;
  readonly rules: Rules;
  readonly defaultRetryBaseMs: number;
  /** Passes the time between two tries of an append whose outcome is not known; false: do not go on. */
  readonly wait: () => Promise<boolean>;
  /** Whether what a webhook hears of at this position is for this process to schedule. */
  readonly isOurs: (webhook: string, at: Position) => boolean;
  /** True: nothing more is appended; what is left is done after the next start. */
  readonly stopped: () => boolean;
  readonly log: Log;
}

/** Changes to be fanned out, and how far that has come: tried again, it goes on from there. */
export interface FanOutTask {
  readonly changes: ReadonlyArray<Decoded<ResourceChange>>;
  readonly admission: Admission;
  /** Some may be scheduled already; those that the read models know are left out. */
  readonly repeated: boolean;
  /** How many of the matches of all the changes, in their fixed order, need nothing more. */
  done: number;
  /** Position of the newest invocation that was stored, 0 when there was none. */
  newest: Position;
}

export const FAN_OUT_ACTOR = 'engine:fan-out';

/** Bounds of one append: they limit the time that others wait for it, and the bodies in memory. */
const STREAMS_PER_APPEND_MAX = 256;
/** Fewer are not worth an append of their own. */
const STREAMS_PER_APPEND_MIN = 16;
/** Of the bytes that the store takes, counted in code units: three bytes each at most, so every batch fits. */
const APPEND_SHARE_MAX = 0.25;

/** Paths that are kept whole, see `MatchedResource`. */
const WHOLE_PATHS_MAX = 100;
const PATH_STEPS_MAX = 32;

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
  const ref = { resource, identifier };
  const belongsTo: BelongsTo = (of) => routing.belongsTo(companyId, at, of);
  const matches = matchChange(rules, { ref, triggers }, belongsTo, (type, trigger, id) =>
    routing.subscribersTo(companyId, at, type, trigger, id),
  );
  const saved = savedBy({ type: change.event.type, ref, triggers }, belongsTo);
  if (saved === undefined) return matches;
  const subscribers = routing.systemSubscribersTo(companyId, at, saved.systemEvent);
  return subscribers.length === 0 ? matches : [...matches, ...matchSaved(saved, subscribers)];
};

/** One invocation that a change leads to, with its rendered body. */
export const invocationOf = (
  { defaultRetryBaseMs }: Pick<FanOutDeps, 'defaultRetryBaseMs'>,
  { id, event }: Decoded<ResourceChange>,
  dataJson: string | undefined,
  { subscriber, trigger, matched: reached, systemEvent }: Match<ActiveWebhook>,
  later?: ToldLater,
): InvocationScheduled | Unsendable => {
  const { companyId, resource, identifier, occurredAtMs } = event;
  const { webhook, retries, retryBaseMs, ordering, coalesce } = subscriber;
  const [first] = reached;
  if (first === undefined) throw new Error(`webhook ${webhook} matched through nothing`);
  const guid = invocationGuid(webhook, id);
  const origin = { resource, identifier, trigger };
  const matched = reached.map(matchedResource);
  const test = false;
  const bodyOf = (json: string): string | undefined =>
    subscriber.request === undefined || systemEvent === undefined
      ? renderBody({
          guid,
          webhook,
          companyId,
          trigger,
          origin,
          matched,
          occurredAtMs,
          dataJson: json,
          test,
          ...(later !== undefined && { backfill: later.backfill.job }),
        })
      : renderSavedBody(subscriber.request, { systemEvent, contextId: first.ref.identifier, dataJson: json });
  const body = dataJson === undefined ? undefined : bodyOf(dataJson);
  const scheduled: InvocationScheduled = {
    type: 'InvocationScheduled',
    guid,
    webhook,
    companyId,
    change: id,
    test,
    resource: first.ref.resource,
    trigger,
    identifier: first.ref.identifier,
    origin,
    matched,
    ...(systemEvent !== undefined && { systemEvent }),
    body: body ?? '',
    retries,
    retryBaseMs: retryBaseMs ?? defaultRetryBaseMs,
    ordering,
    // Something old never takes the place of something newer that still waits.
    coalesce: coalesce && later === undefined,
    ...(later !== undefined && { backfill: later.backfill }),
    ...(event.customer !== undefined && { customer: event.customer }),
    // Not the time of this fan-out: whenever it is decided again, with the same settings, it is the very same event.
    atMs: later?.atMs ?? event.atMs,
  };
  if (isErased(scheduled)) return { unsendable: { ...scheduled, body: '' } };
  return body === undefined ? { unsendable: scheduled } : scheduled;
};

/** By a job, long after the change: scheduled then, and known as such. */
export interface ToldLater {
  readonly backfill: Backfill;
  readonly atMs: number;
}

/** Its body would be too large, or the customer was erased. It is in the log nevertheless, cancelled, so that nobody is silently not told. */
export interface Unsendable {
  readonly unsendable: InvocationScheduled;
}

const matchedResource = ({ ref, path }: Reached, index: number): MatchedResource => {
  const whole = index < WHOLE_PATHS_MAX && path.length <= PATH_STEPS_MAX;
  return { ...ref, path: whole ? path : [...path.slice(0, 1), ref] };
};

/**
 * Schedules what the changes lead to. Every invocation has its own stream, which must not exist yet, so doing it twice
 * writes nothing new, whoever did it first and with what settings. Bodies are rendered for one append at a time: those of
 * a large change that many hear of would fill the memory. Throws `NotStored`: the caller tries the same task again.
 */
export const fanOut = async (deps: FanOutDeps, task: FanOutTask): Promise<void> => {
  const unitsMax = deps.store.appendBytesMax * APPEND_SHARE_MAX;
  let batch: Planned[] = [];
  let units = 0;
  let ordinal = 0;
  try {
    for (const change of task.changes) {
      const cause: Cause = {
        correlationId: change.metadata.correlationId,
        causationId: change.id,
        actor: FAN_OUT_ACTOR,
        companyId: change.event.companyId,
      };
      const dataOf = dataReader(deps, change);
      for (const match of hearersOf(deps, change)) {
        ordinal += 1;
        if (ordinal <= task.done || !deps.isOurs(match.subscriber.webhook, change.position)) continue;
        if (task.repeated && isKnown(deps, change, match)) continue;
        const data = dataOf(match);
        const dataJson = data instanceof Promise ? await data : data;
        const invocation = invocationOf(deps, change, dataJson, match);
        const sendable = !('unsendable' in invocation);
        const planned = sendable
          ? schedulingOf(invocation, cause)
          : cancelledSchedulingOf(invocation.unsendable, cause);
        const streamsMax = task.admission.hasRoom() ? STREAMS_PER_APPEND_MAX : STREAMS_PER_APPEND_MIN;
        const isFull = batch.length >= streamsMax || units + unitsIn(planned) > unitsMax;
        if (isFull && batch.length > 0) {
          if (deps.stopped()) return;
          await appendAll(deps, task, batch);
          batch = [];
          units = 0;
          await task.admission.room();
        }
        const acquainted = sendable ? task.admission.acquaint(match.subscriber.webhook) : undefined;
        if (acquainted !== undefined) await acquainted;
        const scheduling = sendable ? task.admission.admit(planned) : planned;
        batch.push({ scheduling, alone: planned, sendable, ordinal });
        units += unitsIn(scheduling);
      }
    }
    if (batch.length === 0 || deps.stopped()) return;
    await appendAll(deps, task, batch);
    await task.admission.room();
  } catch (error) {
    // What was admitted and did not come to its append: the next try admits anew, or schedules it without an attempt.
    for (const { scheduling, sendable } of batch)
      if (sendable) task.admission.scheduled(scheduling, undefined);
    throw error;
  }
};

/**
 * Schedules what one change leads to for one webhook, long after it. False: the webhook has an invocation of it already,
 * whoever scheduled it. Throws `NotStored`: doing it again completes it.
 */
export const scheduleLater = async (
  deps: Pick<FanOutDeps, 'store' | 'routing' | 'defaultRetryBaseMs' | 'wait' | 'log'>,
  change: Decoded<ResourceChange>,
  match: Match<ActiveWebhook>,
  later: ToldLater,
  cause: Cause,
): Promise<boolean> => {
  const dataJson = await dataReader(deps, change)(match);
  const invocation = invocationOf(deps, change, dataJson, match, later);
  const sendable = !('unsendable' in invocation);
  const scheduling = sendable
    ? schedulingOf(invocation, cause)
    : cancelledSchedulingOf(invocation.unsendable, cause);
  const appended = await appendUntilKnown(deps.store, [scheduling.append], deps.wait);
  const stored = await cancelTooLarge(deps, { scheduling }, appended);
  if (stored._tag === 'Right') return true;
  if (stored.left._tag !== 'WrongExpectedRevision') throw new NotStored('a job', stored.left._tag);
  return false;
};

/** The data that a match is told, as JSON text, undefined when it is too much. Each kind is made once for a change. */
export const dataReader = (
  deps: SavedDataDeps,
  change: Decoded<ResourceChange>,
): ((match: Match<ActiveWebhook>) => string | undefined | Promise<string | undefined>) => {
  let reported: string | undefined;
  let saved: Promise<string | undefined> | undefined;
  const savedJson = async (systemEvent: SystemEvent, identifier: string): Promise<string | undefined> =>
    systemEvent === 'ORDER_SAVED'
      ? orderSavedJson(change)
      : eventSavedJson(deps, change.event.companyId, change.position, identifier);
  return ({ systemEvent, matched }) => {
    if (systemEvent === undefined) return (reported ??= JSON.stringify(change.event.data));
    return (saved ??= savedJson(systemEvent, matched[0]?.ref.identifier ?? ''));
  };
};

/** `ordinal` counts the matches of all changes of a task, from 1. */
interface Planned {
  readonly scheduling: Scheduling;
  /** The same without an attempt. */
  readonly alone: Scheduling;
  /** False: cancelled as soon as scheduled. */
  readonly sendable: boolean;
  readonly ordinal: number;
}

const isKnown = (
  { known }: Pick<FanOutDeps, 'known'>,
  change: Decoded<ResourceChange>,
  { subscriber }: Match<ActiveWebhook>,
): boolean => known.invocation(invocationGuid(subscriber.webhook, change.id)) !== undefined;

const unitsIn = ({ append }: Scheduling): number =>
  append.events.reduce((units, event) => units + unitsOf(event), 0);

const unsealed = (scheduled: InvocationScheduled): UnsealedEvent => ({
  id: (content) => scheduledEventId(scheduled.guid, content),
  event: scheduled,
});

const schedulingOf = (scheduled: InvocationScheduled, cause: Cause): Scheduling => {
  const stream = streamOf.invocation(scheduled.guid);
  const { append, head } = seal(stream, emptyHead(stream), [unsealed(scheduled)], cause);
  return { scheduled, stream, append, head, cause };
};

const cancelledSchedulingOf = (scheduled: InvocationScheduled, cause: Cause): Scheduling => {
  const stream = streamOf.invocation(scheduled.guid);
  const { guid, atMs } = scheduled;
  const reason = isErased(scheduled) ? 'erased' : 'body_too_large';
  const eventId = isErased(scheduled) ? erasedEventId : tooLargeEventId;
  const events = [
    unsealed(scheduled),
    {
      id: (content: string) => eventId(guid, content),
      event: { type: 'InvocationCancelled', reason, atMs } as const,
    },
  ];
  const { append, head } = seal(stream, emptyHead(stream), events, cause);
  return { scheduled, stream, append, head, cause };
};

const appendAll = async (
  deps: FanOutDeps,
  task: FanOutTask,
  admitted: ReadonlyArray<Planned>,
): Promise<void> => {
  const batch = admitted.map((planned) =>
    planned.scheduling === planned.alone || task.admission.stands(planned.scheduling)
      ? planned
      : { ...planned, scheduling: planned.alone },
  );
  if (!deps.store.atomicBatches) return appendSideBySide(deps, task, batch);
  const appends = batch.map(({ scheduling }) => scheduling.append);
  const appended = await appendUntilKnown(deps.store, appends, deps.wait);
  const stored = appended._tag === 'Right' ? appended.right : [];
  for (const [index, { scheduling, sendable }] of batch.entries()) {
    if (sendable) task.admission.scheduled(scheduling, stored[index]);
  }
  if (appended._tag === 'Right') return noteDone(task, batch.at(-1), stored);
  const { _tag } = appended.left;
  if (_tag !== 'WrongExpectedRevision' && _tag !== 'AppendTooLarge') throw new NotStored('invocations', _tag);
  return appendOneByOne(deps, task, batch);
};

/** At least one is there already (and may have moved on) or too large: each for itself, and only as scheduled. */
const appendOneByOne = async (
  deps: FanOutDeps,
  task: FanOutTask,
  batch: ReadonlyArray<Planned>,
): Promise<void> => {
  for (const planned of batch) {
    const { append } = planned.scheduling;
    const events = planned.sendable ? append.events.slice(0, 1) : append.events;
    const alone = { stream: append.stream, expectedRevision: NO_STREAM, events };
    const stored = await appendUntilKnown(deps.store, [alone], deps.wait);
    const appended = await cancelTooLarge(deps, planned, stored);
    if (appended._tag === 'Left' && appended.left._tag !== 'WrongExpectedRevision') {
      throw new NotStored('invocations', appended.left._tag);
    }
    noteDone(task, planned, appended._tag === 'Right' ? appended.right : []);
  }
};

/**
 * Where an append over several streams is not all or nothing, each is one of its own, so that its outcome is certain:
 * else attempts could be in the log that nobody makes. All are under way at once, but those of an ordered webhook.
 */
const appendSideBySide = async (
  deps: FanOutDeps,
  task: FanOutTask,
  batch: ReadonlyArray<Planned>,
): Promise<void> => {
  const lanes = new Map<string, Promise<unknown>>();
  const appendOne = async (planned: Planned): Promise<Either<AppendFailure, ReadonlyArray<Appended>>> => {
    const { scheduling, sendable } = planned;
    const appended = await appendUntilKnown(deps.store, [scheduling.append], deps.wait);
    if (sendable) task.admission.scheduled(scheduling, isRight(appended) ? appended.right[0] : undefined);
    return cancelTooLarge(deps, planned, appended);
  };
  const outcomes = await Promise.all(
    batch.map((planned) => {
      const { webhook, ordering, coalesce } = planned.scheduling.scheduled;
      if (ordering === 'none' && !coalesce) return appendOne(planned);
      const running = (lanes.get(webhook) ?? Promise.resolve()).then(() => appendOne(planned));
      lanes.set(webhook, running);
      return running;
    }),
  );
  for (const [index, planned] of batch.entries()) {
    const outcome = outcomes[index];
    if (outcome?._tag === 'Left' && outcome.left._tag !== 'WrongExpectedRevision') {
      throw new NotStored('invocations', outcome.left._tag);
    }
    noteDone(task, planned, outcome?._tag === 'Right' ? outcome.right : []);
  }
};

/** One that would be too large for the store is cancelled instead: no later try would store it either. */
const cancelTooLarge = async (
  deps: Pick<FanOutDeps, 'store' | 'wait' | 'log'>,
  { scheduling: { scheduled, cause } }: Pick<Planned, 'scheduling'>,
  appended: Either<AppendFailure, ReadonlyArray<Appended>>,
): Promise<Either<AppendFailure, ReadonlyArray<Appended>>> => {
  if (appended._tag === 'Right' || appended.left._tag !== 'AppendTooLarge') return appended;
  const { bytes, bytesMax } = appended.left;
  const { guid, webhook, change } = scheduled;
  deps.log.error(
    { invocation: guid, webhook, change, bytes, bytesMax },
    'an invocation is larger than the event store takes: it is cancelled, the webhook is not told of this change',
  );
  const cancelled = cancelledSchedulingOf({ ...scheduled, body: '' }, cause);
  return appendUntilKnown(deps.store, [cancelled.append], deps.wait);
};

const noteDone = (task: FanOutTask, last: Planned | undefined, stored: ReadonlyArray<Appended>): void => {
  task.done = last?.ordinal ?? task.done;
  for (const { position } of stored) task.newest = Math.max(task.newest, position);
};
