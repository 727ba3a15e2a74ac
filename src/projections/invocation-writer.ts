import { streamOf } from '../domain/ids.ts';
import type { InvocationEvent, InvocationScheduled, InvocationStatus } from '../domain/invocation.ts';
import { refKey } from '../domain/resources.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Position } from '../eventstore/event-store.ts';
import type { MinuteTable } from './attempt-minutes.ts';
import type { ChangeTable } from './changes.ts';
import type { Counters } from './counters.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import { openGenerations } from './generations.ts';
import { guidBytes, guidHash } from './guid.ts';
import { STATUS, STATUS_JOINS } from './invocation-rows.ts';
import { type Due, type Identity, openInvocationStandings } from './invocation-standings.ts';
import type { HealthTable } from './webhook-health.ts';
import { dayOf, type TallyTable, zeros } from './tallies.ts';
import { openTimeBlocks } from './time-blocks.ts';

/** An invocation in memory. */
interface Known {
  readonly guid: string;
  readonly identity: Identity;
  /** Whether the batch touches it. */
  isTouched: boolean;
  /** What was before the batch; null when it was scheduled in this one. */
  before: InvocationStatus | null;
  /** What is after its last event. */
  status: InvocationStatus;
  /** Exactly when it waits. */
  due: Due | null;
  /** Where it is in flight; '' where nodes do not share the store. */
  node: string;
}

/** Writes invocations and where they stand. */
export interface InvocationWriter {
  /** Takes the next event of the batch in. */
  add(decoded: Decoded<InvocationEvent>): void;
  /** Writes where everything that the batch touched stands after its last event: once, whatever it went through. */
  save(): void;
  forget(): void;
}

/** In memory between two batches. */
export const KNOWN_MAX = 40_000;

export const openInvocationWriter = (
  db: Database,
  counters: Counters,
  companies: Dictionary,
  webhooks: Dictionary,
  changes: ChangeTable,
  health: Pick<HealthTable, 'add' | 'save' | 'forget'>,
  minutes: Pick<MinuteTable, 'add' | 'save' | 'forget'>,
  tallies: TallyTable,
  beginningsMayBeGone: boolean,
): InvocationWriter => {
  const generations = openGenerations(db);
  const standings = openInvocationStandings(db);
  /** Those that wait or are in flight, in the order in which they came, and all that the batch touches: one table, as each costs. */
  const known = new Map<string, Known>();
  let touched: Known[] = [];
  const times = openTimeBlocks(db, 'scheduled_times');

  const insert = db.prepare('INSERT INTO invocations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const select = db.prepare(`
    SELECT i.position, i.company, i.webhook, i.scheduled_at AS scheduledAt, i.ordered_by AS orderedBy, i.coalesced_by AS coalescedBy,
      ${STATUS} AS status
    FROM generations g
    CROSS JOIN invocations i INDEXED BY invocations_by_guid ON i.generation = g.generation AND i.hash = ?
    ${STATUS_JOINS}
    WHERE i.guid = ? ORDER BY g.generation DESC LIMIT 1`);

  const find = (guid: string): Known | undefined => {
    const row = select.get(guidHash(guid), guidBytes(guid)) as
      (Identity & { readonly status: InvocationStatus; readonly scheduledAt: number }) | undefined;
    if (row === undefined) {
      if (beginningsMayBeGone) return undefined;
      throw new Error(`invocation ${guid} was never scheduled`);
    }
    const { status, scheduledAt, ...rest } = row;
    const identity = { ...rest, day: dayOf(scheduledAt) };
    const found: Known = { guid, identity, isTouched: false, before: status, status, due: null, node: '' };
    known.set(guid, found);
    return found;
  };

  /** Undefined: its scheduling was removed from the log, long after it was settled. */
  const touch = (guid: string): Known | undefined => {
    const found = known.get(guid) ?? find(guid);
    if (found === undefined || found.isTouched) return found;
    found.isTouched = true;
    found.before = found.status;
    touched.push(found);
    return found;
  };

  const schedule = (event: InvocationScheduled, position: Position): void => {
    const { guid, atMs } = event;
    const number = counters.get('invocations');
    const company = companies.idOf(event.companyId);
    const webhook = webhooks.idOf(event.webhook);
    const changePosition = event.change === null ? position : positionOfChange(event.change);
    // What happened to the webhook before a job told it of an old change does not concern it.
    const heardPosition = event.backfill === undefined ? changePosition : position;
    const orderedBy = event.ordering === 'per_resource' ? refKey(event.origin) : null;
    const coalescedBy = event.coalesce ? refKey(event.origin) : null;
    insert.run(
      position,
      generations.of(number),
      guidHash(guid),
      guidBytes(guid),
      company,
      webhook,
      changePosition,
      heardPosition,
      event.resource,
      event.identifier,
      atMs,
      orderedBy,
      coalescedBy,
    );
    counters.set('invocations', number + 1);
    times.note(number, position, atMs);
    // What a job schedules says nothing of how far the fan-out has come.
    if (event.change !== null && event.backfill === undefined) {
      // Changes are fanned out in order: with the first of a later one, all of the one before it are stored.
      const newest = counters.get('fan_out_newest');
      if (changePosition > newest) {
        counters.set('fan_out_floor', Math.max(counters.get('fan_out_floor'), newest));
        counters.set('fan_out_newest', changePosition);
      }
    }
    const identity = { position, company, webhook, day: dayOf(atMs), orderedBy, coalescedBy };
    tallies.scheduled(identity);
    const entry: Known = {
      guid,
      identity,
      isTouched: true,
      before: null,
      status: 'waiting',
      // A job's work goes with the retries, so that it never stands before the first attempt of a fresh change.
      due: { retry: event.backfill !== undefined, failed: false, atMs },
      node: '',
    };
    known.set(guid, entry);
    touched.push(entry);
  };

  const positionOfChange = (change: string): Position => {
    const position = changes.positionOf(change);
    if (position === undefined) throw new Error(`change ${change} was never recorded`);
    return position;
  };

  const save = (): void => {
    const moved = zeros();
    for (const entry of touched) {
      const { guid, identity, before, status, due, node } = entry;
      if (before !== null) {
        standings.leave(identity, before);
        moved[before] -= 1;
      }
      standings.enter(identity, status, due, node);
      moved[status] += 1;
      tallies.moved(identity, before, status);
      entry.isTouched = false;
      // What is settled is hardly ever heard of again: kept, it would outlive the young generation of V8's heap for nothing.
      if (status !== 'waiting' && status !== 'in_flight') known.delete(guid);
    }
    touched = [];
    for (const [status, by] of Object.entries(moved))
      if (by !== 0) counters.set(status, counters.get(status) + by);
    if (known.size > KNOWN_MAX) forgetOldest();
    health.save();
    minutes.save();
    standings.unblock();
    times.save();
    tallies.save();
  };

  /** Half of them at once: to go through all for each that comes would be dear. */
  const forgetOldest = (): void => {
    for (const guid of [...known.keys()].slice(0, KNOWN_MAX / 2)) known.delete(guid);
  };

  return {
    add: ({ event, stream, position }) => {
      if (event.type === 'InvocationScheduled') return schedule(event, position);
      const entry = touch(stream.slice(INVOCATION_PREFIX));
      if (entry === undefined) return;
      health.add(entry.identity.webhook, event);
      minutes.add(event);
      entry.status = statusAfter(event);
      entry.due = dueAfter(event);
      entry.node = (event.type === 'AttemptStarted' && event.node) || '';
    },
    save,
    forget: () => {
      known.clear();
      touched = [];
      health.forget();
      minutes.forget();
      times.forget();
      tallies.forget();
      standings.forget();
    },
  };
};

const INVOCATION_PREFIX = streamOf.invocation('').length;

type LaterEvent = Exclude<InvocationEvent, InvocationScheduled>;

/** Where an invocation stands after this event, whatever was before it. */
const statusAfter = (event: LaterEvent): InvocationStatus => {
  switch (event.type) {
    case 'AttemptStarted':
      return 'in_flight';
    case 'AttemptFailed':
      return event.nextAttemptAtMs === null ? 'exhausted' : 'waiting';
    case 'InvocationDelivered':
      return 'delivered';
    case 'InvocationExhausted':
      return 'exhausted';
    case 'InvocationCancelled':
      return 'cancelled';
    case 'InvocationSuperseded':
      return 'superseded';
    case 'RetryRequested':
      return 'waiting';
  }
};

const dueAfter = (event: LaterEvent): Due | null => {
  if (event.type === 'RetryRequested') return { retry: true, failed: false, atMs: event.atMs };
  return event.type === 'AttemptFailed' && event.nextAttemptAtMs !== null
    ? { retry: true, failed: true, atMs: event.nextAttemptAtMs }
    : null;
};
