import type { DatabaseSync } from 'node:sqlite';
import { Lru } from '../domain/lru.ts';
import {
  type AppendFailure,
  type EventData,
  NO_STREAM,
  type Position,
  type StreamAppend,
} from './event-store.ts';
import { hashIn } from './chain.ts';
import { fromSteps, type Removal } from './removals.ts';
import { LIMIT } from './sqlite-limit.ts';
import { openRemoved } from './sqlite-removed.ts';
import { isPassing, makeRemovalTables, nameHash, textOf } from './sqlite-schema.ts';

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

/** The beginnings of streams that are to go, and the record of it. */
export interface RemoveRequest {
  readonly record: StreamAppend;
  readonly removals: ReadonlyArray<Removal>;
}

export interface Committer {
  /** All requests in one transaction. Each succeeds or fails by itself; a full disk fails all of them. */
  commit(requests: ReadonlyArray<ReadonlyArray<StreamAppend>>): Committed;
  /**
   * In one transaction: the record is written, and what it says is gone, or neither. Nothing happens when one of the streams does
   * not end right behind what is to go. What goes is overwritten, not only unlinked. One answer.
   */
  remove(request: RemoveRequest): Committed;
  readonly head: Position;
}

/** A stream's number and its last revision; of a stream that does not exist, what it will be found by. */
type Place =
  /** Beheaded: its beginning was removed, and nothing is written to it any more. */
  | { readonly streamNo: number; revision: number; readonly beheaded?: boolean }
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
  const placesUpTo = db.prepare(
    'SELECT position FROM events WHERE stream_no = ? AND revision <= ? ORDER BY revision',
  );
  const lastMetadata = db.prepare('SELECT metadata FROM events WHERE stream_no = ? AND revision = ?');
  const updateHead = db.prepare('UPDATE log SET head = ?');
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commitAll = db.prepare('COMMIT');

  const removed = openRemoved(db);

  let known = new Lru<string, Place>(KNOWN_STREAMS_MAX);
  let head = Number(db.prepare('SELECT head FROM log').get()?.['head']);
  let streams = Number(db.prepare('SELECT max(stream_no) AS last FROM streams').get()?.['last'] ?? 0);

  const placeOf = (stream: string): Place => {
    const cached = known.get(stream);
    if (cached !== undefined) return cached;
    const hash = nameHash(stream);
    const row = findStream.get(hash, stream);
    if (row === undefined) return { streamNo: undefined, revision: NO_STREAM, nameHash: hash };
    const streamNo = Number(row['stream_no']);
    const beheaded = removed.of(streamNo) !== undefined;
    const found = { streamNo, revision: Number(row['revision']), ...(beheaded && { beheaded }) };
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
    // Whoever wants to go on with it has read it before it lost its beginning: read again it is unknown.
    if (place.streamNo !== undefined && place.beheaded === true)
      return { _tag: 'WrongExpectedRevision', stream, expected, actual: place.revision };
    if (expected === place.revision) return { append, place };
    if (expected < place.revision && place.streamNo !== undefined) {
      const storedAt = storedAfter(place.streamNo, expected, events);
      if (storedAt !== undefined) return { append, place, storedAt };
    }
    return { _tag: 'WrongExpectedRevision', stream, expected, actual: place.revision };
  };

  /** Adds revision and position to the answer. */
  const carryOut = ({ append, place: planned, storedAt }: Plan, answer: number[]): void => {
    const { stream, expectedRevision, events } = append;
    if (storedAt !== undefined) {
      answer.push(expectedRevision + events.length, -storedAt);
      return;
    }
    const place = planned ?? placeOf(stream);
    const streamNo = place.streamNo ?? (streams += 1);
    let { revision } = place;
    for (const { id, type, data, metadata } of events) {
      head += 1;
      revision += 1;
      insertEvent.run(head, streamNo, revision, id, type, data, metadata);
    }
    if (place.streamNo === undefined) {
      insertStream.run(streamNo, stream, place.nameHash, revision);
      known.set(stream, { streamNo, revision });
    } else {
      updateStream.run(revision, streamNo);
      // A roll-back forgets all places.
      place.revision = revision;
    }
    answer.push(revision, head);
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
    const answer: number[] = [];
    for (const planned of plans) carryOut(planned, answer);
    return answer;
  };

  const inTransaction = (answersWanted: number, work: () => ReadonlyArray<Answer>): Committed => {
    const before = { head, streams };
    let committing = false;
    try {
      begin.run();
      const answers = work();
      if (head > before.head) updateHead.run(head);
      committing = true;
      commitAll.run();
      return { answers };
    } catch (error) {
      ({ head, streams } = before);
      known = new Lru(KNOWN_STREAMS_MAX);
      const message = `SQLite: ${textOf(error)}`;
      const answerAll = (_tag: 'StoreUnavailable' | 'OutcomeUnknown'): ReadonlyArray<Answer> =>
        Array.from({ length: answersWanted }, () => ({ _tag, message }));
      if (isPassing(error)) {
        if (db.isTransaction) db.exec('ROLLBACK');
        return { answers: answerAll('StoreUnavailable') };
      }
      // A commit that failed for any other reason may still be found in the WAL when it is next recovered.
      return { answers: answerAll(committing ? 'OutcomeUnknown' : 'StoreUnavailable'), fatal: message };
    }
  };

  /** Before anything is changed: whether each stream ends right behind what is to go, and is what was recorded. */
  const removable = (removal: Removal): number | AppendFailure => {
    const { stream, revision, hash, positions = [] } = removal;
    const place = placeOf(stream);
    if (place.streamNo === undefined || place.beheaded === true || place.revision !== revision + 1)
      return { _tag: 'WrongExpectedRevision', stream, expected: revision + 1, actual: place.revision };
    const rows = placesUpTo.all(place.streamNo, revision);
    const last = lastMetadata.get(place.streamNo, revision)?.['metadata'];
    const fits =
      positions.length === revision + 1 &&
      fromSteps(positions).every((position, at) => rows[at]?.['position'] === position) &&
      rows.length === revision + 1 &&
      hashIn(String(last)) === hash;
    return fits
      ? place.streamNo
      : { _tag: 'StoreUnavailable', message: `${stream} is not what is to be removed of it` };
  };

  const removeAll = ({ record, removals }: RemoveRequest): ReadonlyArray<Answer> => {
    const planned = plan(record);
    if ('_tag' in planned) return [planned];
    const numbers: number[] = [];
    for (const removal of removals) {
      const found = removable(removal);
      if (typeof found !== 'number') return [found];
      numbers.push(found);
    }
    makeRemovalTables(db);
    const answer: number[] = [];
    carryOut(planned, answer);
    const [, recordedAt = 0] = answer;
    const insertRemoval = db.prepare('INSERT INTO removals VALUES (?, ?, ?, ?, ?)');
    const insertPosition = db.prepare('INSERT INTO removed_positions VALUES (?)');
    const insertLeaf = db.prepare('INSERT INTO removed_leaves VALUES (?, ?, ?, ?)');
    const deleteUpTo = db.prepare('DELETE FROM events WHERE stream_no = ? AND revision <= ?');
    for (const [at, { stream, revision, hash, positions = [], sealed = [] }] of removals.entries()) {
      const streamNo = numbers[at] ?? 0;
      insertRemoval.run(streamNo, revision, hash, JSON.stringify(positions), recordedAt);
      for (const position of fromSteps(positions)) insertPosition.run(position);
      for (const leaf of sealed) insertLeaf.run(leaf.seal, streamNo, leaf.revision, leaf.hash);
      deleteUpTo.run(streamNo, revision);
      known.set(stream, { streamNo, revision: revision + 1, beheaded: true });
    }
    return [answer];
  };

  return {
    get head() {
      return head;
    },
    commit: (requests) => inTransaction(requests.length, () => requests.map(appendBatch)),
    remove: (request) => inTransaction(1, () => removeAll(request)),
  };
};
