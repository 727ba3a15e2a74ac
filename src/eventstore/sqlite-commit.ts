import type { DatabaseSync } from 'node:sqlite';
import { Lru } from '../domain/lru.ts';
import {
  type AppendFailure,
  type EventData,
  NO_STREAM,
  type Position,
  type StreamAppend,
} from './event-store.ts';
import { isPassing, nameHash, textOf } from './sqlite-schema.ts';
import { LIMIT } from './sqlite-limit.ts';

/**
 * The answer to one append: revision and position of the last event of each of its streams, one after the other. The
 * position is negative when the events were stored before. Flat, because it crosses threads.
 */
export type Answer = ReadonlyArray<number> | AppendFailure;

export interface Committed {
  /** One for each request, in order. */
  readonly answers: ReadonlyArray<Answer>;
  /** Set when the connection can no longer be trusted: it must not be used again. */
  readonly fatal?: string;
}

export interface Committer {
  /** All requests in one transaction. Each succeeds or fails by itself; a full disk fails all of them. */
  commit(requests: ReadonlyArray<ReadonlyArray<StreamAppend>>): Committed;
  readonly head: Position;
}

/** A stream's number and its last revision; of a stream that does not exist, what it will be found by. */
type Place =
  | { readonly streamNo: number; readonly revision: number }
  | { readonly streamNo: undefined; readonly revision: typeof NO_STREAM; readonly nameHash: number };

interface Plan {
  readonly append: StreamAppend;
  /** Undefined when the batch itself writes to the stream first. */
  readonly place: Place | undefined;
  /** Position of the last of its events when they are stored already: nothing is to be done. */
  readonly storedAt?: Position;
}

const KNOWN_STREAMS_MAX = 50_000;

/** The only writer of the log. Positions are 1 … N: a transaction that is rolled back gives its numbers back. */
export const openCommitter = (db: DatabaseSync): Committer => {
  const findStream = db.prepare('SELECT stream_no, revision FROM streams WHERE name_hash = ? AND name = ?');
  const insertStream = db.prepare(
    'INSERT INTO streams (stream_no, name, name_hash, revision) VALUES (?, ?, ?, ?)',
  );
  const updateStream = db.prepare('UPDATE streams SET revision = ? WHERE stream_no = ?');
  const insertEvent = db.prepare(
    'INSERT INTO events (position, stream_no, revision, id, type, data, metadata) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const storedIds = db.prepare(
    `SELECT id, position FROM events WHERE stream_no = ? AND revision > ? ORDER BY revision ${LIMIT}`,
  );
  const updateHead = db.prepare('UPDATE log SET head = ?');
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commitAll = db.prepare('COMMIT');

  let known = new Lru<string, Place>(KNOWN_STREAMS_MAX);
  let head = Number(db.prepare('SELECT head FROM log').get()?.['head']);
  let streams = Number(db.prepare('SELECT max(stream_no) AS last FROM streams').get()?.['last'] ?? 0);

  const placeOf = (stream: string): Place => {
    const cached = known.get(stream);
    if (cached !== undefined) return cached;
    const hash = nameHash(stream);
    const row = findStream.get(hash, stream);
    if (row === undefined) return { streamNo: undefined, revision: NO_STREAM, nameHash: hash };
    const found = { streamNo: Number(row['stream_no']), revision: Number(row['revision']) };
    known.set(stream, found);
    return found;
  };

  /** Position of the last of the given events when exactly these are stored after `revision`; else undefined. */
  const storedAfter = (
    streamNo: number,
    revision: number,
    events: ReadonlyArray<EventData>,
  ): Position | undefined => {
    const rows = storedIds.all(streamNo, revision, events.length);
    const same = rows.length === events.length && events.every(({ id }, index) => rows[index]?.['id'] === id);
    return same ? Number(rows.at(-1)?.['position']) : undefined;
  };

  const plan = (append: StreamAppend): Plan | AppendFailure => {
    const { stream, expectedRevision: expected, events } = append;
    const place = placeOf(stream);
    if (expected === place.revision) return { append, place };
    if (expected < place.revision && place.streamNo !== undefined) {
      const storedAt = storedAfter(place.streamNo, expected, events);
      if (storedAt !== undefined) return { append, place, storedAt };
    }
    return { _tag: 'WrongExpectedRevision', stream, expected, actual: place.revision };
  };

  const carryOut = ({ append, place: planned, storedAt }: Plan): readonly [number, number] => {
    const { stream, expectedRevision, events } = append;
    if (storedAt !== undefined) return [expectedRevision + events.length, -storedAt];
    const place = planned ?? placeOf(stream);
    const streamNo = place.streamNo ?? (streams += 1);
    let { revision } = place;
    for (const { id, type, data, metadata } of events) {
      head += 1;
      revision += 1;
      insertEvent.run(head, streamNo, revision, id, type, data, metadata);
    }
    if (place.streamNo === undefined) insertStream.run(streamNo, stream, place.nameHash, revision);
    else updateStream.run(revision, streamNo);
    known.set(stream, { streamNo, revision });
    return [revision, head];
  };

  /** All expectations first, so that a refused batch has written nothing and needs no savepoint. */
  const appendBatch = (batch: ReadonlyArray<StreamAppend>): Answer => {
    const plans: Plan[] = [];
    const written = new Set<string>();
    for (const append of batch) {
      const planned = written.has(append.stream) ? { append, place: undefined } : plan(append);
      if ('_tag' in planned) return planned;
      plans.push(planned);
      if (batch.length > 1 && planned.storedAt === undefined) written.add(append.stream);
    }
    return plans.flatMap(carryOut);
  };

  return {
    get head() {
      return head;
    },
    commit: (requests) => {
      const before = { head, streams };
      let committing = false;
      try {
        begin.run();
        const answers = requests.map(appendBatch);
        if (head > before.head) updateHead.run(head);
        committing = true;
        commitAll.run();
        return { answers };
      } catch (error) {
        ({ head, streams } = before);
        known = new Lru(KNOWN_STREAMS_MAX);
        const message = `SQLite: ${textOf(error)}`;
        if (isPassing(error)) {
          if (db.isTransaction) db.exec('ROLLBACK');
          return { answers: requests.map(() => ({ _tag: 'StoreUnavailable', message })) };
        }
        // A commit that failed for any other reason may still be found in the WAL when it is next recovered.
        const _tag = committing ? 'OutcomeUnknown' : 'StoreUnavailable';
        return { answers: requests.map(() => ({ _tag, message })), fatal: message };
      }
    },
  };
};
