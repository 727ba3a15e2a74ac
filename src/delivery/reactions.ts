import { isLeft } from 'fp-ts/lib/Either.js';
import type { Erasures } from '../commands/erasures.ts';
import type { CustomerErased } from '../domain/erasure.ts';
import { streamOf } from '../domain/ids.ts';
import {
  evolveInvocation,
  initialInvocation,
  type InvocationCommand,
  type InvocationEvent,
  type InvocationScheduled,
} from '../domain/invocation.ts';
import { emptyHead } from '../eventstore/codec.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, Position } from '../eventstore/event-store.ts';
import type { TransactDeps } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import { decodeAll } from '../projections/projector.ts';
import type { Customers, DueList, InvocationLog, InvocationRow } from '../projections/read-models.ts';
import { type HeldInvocation, stepOf } from './attempt.ts';
import { NotStored } from './not-stored.ts';

/**
 * What follows from an event besides deliveries: erasing a customer forgets the key, and cancels what waits with that
 * customer's data; disabling or deleting a webhook cancels what waits for it, and with
 * `coalesce` a newer invocation supersedes an older one that still waits. Doing it again decides nothing.
 */
export interface ReactionDeps extends TransactDeps {
  readonly clock: Clock;
  readonly readModels: DueList &
    Pick<InvocationLog, 'invocation' | 'invocations'> &
    Pick<Customers, 'changesOfKey'>;
  /** Undefined: no keys are kept, nothing was ever erased. */
  readonly erasures?: Pick<Erasures, 'complete'>;
}

const ACTOR = 'engine:reactions';
const PAGE = 200;

/** Whether an event may lead to something: spares most events the rest. */
export const isCause = ({ event }: Decoded): boolean =>
  event.type === 'WebhookDisabled' ||
  event.type === 'WebhookDeleted' ||
  event.type === 'CustomerErased' ||
  (event.type === 'InvocationScheduled' && event.coalesce);

/** Of a cause: the webhook whose invocations it concerns. */
export const webhookOf = ({ event, stream }: Decoded): string =>
  event.type === 'InvocationScheduled' ? event.webhook : stream.slice(streamOf.webhook('').length);

/** The read models must show the log up to the event at least. Throws `NotStored`. */
export const react = async (deps: ReactionDeps, decoded: Decoded): Promise<void> => {
  const { event } = decoded;
  if (event.type === 'WebhookDisabled') return cancelWaiting(deps, decoded, 'webhook_disabled');
  if (event.type === 'WebhookDeleted') return cancelWaiting(deps, decoded, 'webhook_deleted');
  if (event.type === 'CustomerErased') return erase(deps, decoded, event);
  if (event.type === 'InvocationScheduled' && event.coalesce) return supersedeOlder(deps, decoded, event);
};

const cancelWaiting = async (
  deps: ReactionDeps,
  decoded: Decoded,
  reason: 'webhook_disabled' | 'webhook_deleted',
): Promise<void> => {
  const webhook = decoded.stream.slice(streamOf.webhook('').length);
  let after = 0;
  for (;;) {
    const rows = deps.readModels.waitingOf(webhook, decoded.position, after, PAGE);
    await settleAll(deps, decoded, rows, { type: 'CancelInvocation', reason, atMs: deps.clock.nowMs() });
    if (rows.length < PAGE) return;
    after = rows.at(-1)?.position ?? after;
  }
};

/** Also what the process that recorded it did not come to: the key goes before anything else is looked at. */
const erase = async (deps: ReactionDeps, decoded: Decoded, erased: CustomerErased): Promise<void> => {
  const done = await deps.erasures?.complete(erased);
  if (done !== undefined && isLeft(done)) throw new NotStored('an erasure', done.left._tag);
  if (erased.key === null) return;
  const command = { type: 'CancelInvocation', reason: 'erased', atMs: deps.clock.nowMs() } as const;
  for (let after = 0; ;) {
    const changes = deps.readModels.changesOfKey(erased.key, after, PAGE);
    for (const { change } of changes) await cancelWaitingOf(deps, decoded, change, command);
    if (changes.length < PAGE) return;
    after = changes.at(-1)?.position ?? after;
  }
};

const cancelWaitingOf = async (
  deps: ReactionDeps,
  decoded: Decoded,
  change: string,
  command: InvocationCommand,
): Promise<void> => {
  const filter = { companyId: null, change, status: 'waiting' } as const;
  for (let before: Position | undefined; ;) {
    const rows = deps.readModels.invocations(filter, before, PAGE);
    await settleAll(deps, decoded, rows, command);
    if (rows.length < PAGE) return;
    before = rows.at(-1)?.position;
  }
};

const supersedeOlder = async (
  deps: ReactionDeps,
  decoded: Decoded,
  newer: InvocationScheduled,
): Promise<void> => {
  const rows = deps.readModels.olderWaiting(newer.webhook, newer.origin, decoded.position);
  const atMs = deps.clock.nowMs();
  await settleAll(deps, decoded, rows, { type: 'SupersedeInvocation', by: newer.guid, atMs });
};

const settleAll = async (
  deps: ReactionDeps,
  cause: Decoded,
  rows: ReadonlyArray<InvocationRow>,
  command: InvocationCommand,
): Promise<void> => {
  await Promise.all(rows.map(({ guid }) => settleOne(deps, cause, streamOf.invocation(guid), command)));
};

const settleOne = async (
  deps: ReactionDeps,
  { id, position, metadata }: Decoded,
  stream: string,
  command: InvocationCommand,
): Promise<void> => {
  const events = await eventsOf(deps.store, stream);
  // What happened to it after the event came about with the event known: so repeating a reaction takes nothing back.
  const others = events.filter(({ event }) => event.type !== 'InvocationScheduled');
  if (others.some((later) => later.position > position)) return;
  // Where a stream's events do not tell their positions, the log does.
  if (others.some((other) => other.position === 0) && (await goesOnAfter(deps.store, stream, position)))
    return;
  const last = events.at(-1);
  const held: HeldInvocation = {
    stream,
    state: events.reduce(
      (state, { event }) => evolveInvocation(state, event as InvocationEvent),
      initialInvocation,
    ),
    head: last === undefined ? emptyHead(stream) : { revision: last.revision, hash: last.metadata.hash },
  };
  const { correlationId, companyId } = metadata;
  const step = stepOf(deps.random, held, command, {
    correlationId,
    causationId: id,
    actor: ACTOR,
    companyId,
  });
  // Started or settled meanwhile: then it does not wait any more.
  if (step === undefined) return;
  const appended = await deps.store.append([step.append])();
  if (isLeft(appended)) throw new NotStored(command.type, appended.left._tag);
};

/** Whether the log holds anything of the stream after the position, besides its scheduling. */
const goesOnAfter = async (store: EventStore, stream: string, position: Position): Promise<boolean> => {
  for (let after = position; ;) {
    const page = await store.readAll({ after, limit: EVENTS_PAGE, filter: { streamPrefixes: [stream] } })();
    if (isLeft(page)) throw new NotStored(`what follows for ${stream}`, page.left._tag);
    const { events, next, atEnd } = page.right;
    // The filter knows beginnings of names only.
    const own = events.filter((event) => event.stream === stream);
    if (own.some(({ event }) => event.type !== 'InvocationScheduled')) return true;
    if (atEnd) return false;
    after = next;
  }
};

const EVENTS_PAGE = 500;

const eventsOf = async (store: EventStore, stream: string): Promise<ReadonlyArray<Decoded>> => {
  const events: Decoded[] = [];
  for (;;) {
    const page = await store.readStream(stream, { fromRevision: events.length, limit: EVENTS_PAGE })();
    if (isLeft(page)) throw new NotStored(`what follows for ${stream}`, page.left._tag);
    events.push(...decodeAll(page.right));
    if (page.right.length < EVENTS_PAGE) return events;
  }
};
