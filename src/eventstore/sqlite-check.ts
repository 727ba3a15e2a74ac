import type { DatabaseSync } from 'node:sqlite';
import { emptyHead, hashIn, linkedHash, linkFault } from './chain.ts';
import type { ChainBreak } from './decoded.ts';
import { NO_STREAM, type Position } from './event-store.ts';
import { type Whose, whoseStream } from './ours.ts';
import { restorationIn, RESTORATIONS_STREAM } from './restorations.ts';
import { openRemoved } from './sqlite-removed.ts';
import { nameHash } from './sqlite-schema.ts';

export type EventRow = readonly [
  position: number,
  streamNo: number,
  revision: number,
  id: string,
  type: string,
  data: string,
  metadata: string,
];

/** A stream as it is after the events looked at so far. */
export interface SeenStream {
  readonly name: string;
  readonly whose: Whose;
  revision: number;
  /** The one that its last event says it has. */
  hash: string;
}

/** Looks at events one after the other, by position, and finds where the log does not hang together. */
export interface LogCheck {
  /** `onEvent` hears of every event with its stream, if it has one, as it is after the event. */
  check(event: EventRow, onEvent?: OnEvent): ReadonlyArray<ChainBreak>;
  /** After the last event: what is missing up to there. */
  end(upTo: Position): ReadonlyArray<ChainBreak>;
  /** All that got events. */
  streams(): Iterable<SeenStream>;
}

export type OnEvent = (stream: SeenStream, event: EventRow) => void;

const NO_BREAK: ReadonlyArray<ChainBreak> = [];

/**
 * From the event after `after` on; 0 for the whole log. The predecessors of events whose streams began before are looked up, so
 * that parts of a log can be checked independently. Memory holds the heads of the streams in the part.
 */
export const openCheck = (db: DatabaseSync, after: Position): LogCheck => {
  const nameOf = db.prepare('SELECT name FROM streams WHERE stream_no = ?');
  const newNameOf = openNewNames(db);
  const before = db.prepare('SELECT position, metadata FROM events WHERE stream_no = ? AND revision = ?');
  const lastUpTo = db.prepare('SELECT max(position) AS position FROM events WHERE position <= ?');
  const removed = openRemoved(db);
  const seen = new Map<number, SeenStream>();
  let expected = after + 1;

  /** Each of these positions is one that retention has removed. */
  const areRemoved = (from: Position, to: Position): boolean => removed.count(from, to) === to - from + 1;

  const gap = (from: Position, to: Position): ChainBreak => ({
    stream: null,
    revision: null,
    position: from,
    reason: from === to ? 'no event at this position' : `no events from here to position ${to}`,
  });

  /** A log that was put back to an earlier copy goes on behind whatever the lost part had, and says where the copy ended. */
  const goesOnRestored = ([, streamNo, , , type, data, metadata]: EventRow): boolean => {
    const end = restorationIn(type, data, metadata)?.end.position;
    const isSeen = expected > after + 1;
    const lastBefore = isSeen ? expected - 1 : Number(lastUpTo.get(after)?.['position'] ?? 0);
    const isEnd = end !== undefined && end >= lastBefore && areRemoved(lastBefore + 1, end);
    return isEnd && nameOf.get(streamNo)?.['name'] === RESTORATIONS_STREAM;
  };

  /** The stream as it was before the part; what cannot be told is a fault of the event. */
  const beginning = (streamNo: number, revision: number, position: Position): SeenStream | string => {
    const name = revision === 0 ? newNameOf(streamNo) : nameOf.get(streamNo)?.['name'];
    if (typeof name !== 'string') return 'the event belongs to no stream';
    const whose = whoseStream(name);
    if (revision === 0) return { name, whose, revision: NO_STREAM, hash: emptyHead(name).hash };
    const found = before.get(streamNo, revision - 1);
    const metadata = found?.['metadata'];
    const removal = typeof metadata === 'string' ? undefined : removed.of(streamNo);
    if (removal?.revision === revision - 1)
      return { name, whose, revision: revision - 1, hash: removal.hash };
    // How many are missing nobody can tell: the one before is.
    if (typeof metadata !== 'string' || Number(found?.['position']) > position)
      return { name, whose, revision: revision - 2, hash: '' };
    return { name, whose, revision: revision - 1, hash: hashIn(metadata) ?? '' };
  };

  const fault = (
    stream: SeenStream,
    [position, , revision, id, type, data, metadata]: EventRow,
  ): ChainBreak => {
    const broken = (at: number, reason: string): ChainBreak => ({
      stream: stream.name,
      revision: at,
      position,
      reason,
    });
    const next = stream.revision + 1;
    if (revision < next) return broken(revision, `stored after revision ${stream.revision}`);
    if (revision > next) return broken(next, `missing: revision ${revision} is the next`);
    return broken(revision, linkFault(stream.hash, { id, type, data, metadata }) ?? 'it does not fit');
  };

  return {
    // Hot: taking a row apart by a pattern would go through an iterator.
    check: (event, onEvent) => {
      const position = event[0];
      const streamNo = event[1];
      const revision = event[2];
      const missing =
        position === expected || areRemoved(expected, position - 1) || goesOnRestored(event)
          ? undefined
          : gap(expected, position - 1);
      expected = position + 1;
      const met = seen.get(streamNo);
      const known = met ?? beginning(streamNo, revision, position);
      if (typeof known === 'string') {
        const found = { stream: null, revision: null, position, reason: known };
        return missing === undefined ? [found] : [missing, found];
      }
      const fits =
        known.revision === revision - 1
          ? linkedHash(known.hash, event[3], event[4], event[5], event[6])
          : undefined;
      const found = fits === undefined ? fault(known, event) : undefined;
      known.revision = revision;
      known.hash = fits ?? hashIn(event[6]) ?? '';
      if (met === undefined) seen.set(streamNo, known);
      onEvent?.(known, event);
      if (found === undefined && missing === undefined) return NO_BREAK;
      return [missing, found].filter((each) => each !== undefined);
    },
    end: (upTo) => (expected <= upTo && !areRemoved(expected, upTo) ? [gap(expected, upTo)] : NO_BREAK),
    streams: () => seen.values(),
  };
};

/** Asking for one row at a time costs as much as reading it. */
const ROWS = 256;

/**
 * Names of streams by their numbers. Made for streams that begin: their numbers stand in the order of their first events, so that
 * the next ones are read along.
 */
const openNewNames = (db: DatabaseSync): ((streamNo: number) => string | undefined) => {
  const some = db.prepare(
    `SELECT stream_no, name FROM streams WHERE stream_no >= ? ORDER BY stream_no LIMIT ${ROWS}`,
  );
  some.setReturnArrays(true);
  let names = new Map<number, string>();
  return (streamNo) => {
    const known = names.get(streamNo);
    if (known !== undefined) return known;
    names = new Map(some.all(streamNo) as unknown as Array<[number, string]>);
    return names.get(streamNo);
  };
};

/** Whether the log ends where it was said to. */
export const headBreaks = (db: DatabaseSync, newest: Position): ReadonlyArray<ChainBreak> => {
  const head = Number(db.prepare('SELECT head FROM log').get()?.['head']);
  const reason = 'the log was said to end before this position';
  return newest > head ? [{ stream: null, revision: null, position: head + 1, reason }] : NO_BREAK;
};

/** The same where events are large: so few of them are never more than memory can hold. */
const LARGE_ROWS = 16;
const BYTES_MAX = 8 * 1024 * 1024;

/** The events after one place, up to another: in the order of the log. */
export function* eventsIn(
  db: DatabaseSync,
  after: Position,
  upTo = Number.MAX_SAFE_INTEGER,
): Generator<EventRow> {
  const pageOf = (columns: string, rows: number): string =>
    `SELECT ${columns} FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ${rows}`;
  // Lengths stand at the head of a row: nothing else is read for them.
  const size = db.prepare(
    `SELECT sum(bytes) AS bytes FROM (${pageOf('octet_length(data) + octet_length(metadata) AS bytes', ROWS)})`,
  );
  const columns = 'position, stream_no, revision, id, type, data, metadata';
  const many = db.prepare(pageOf(columns, ROWS));
  const few = db.prepare(pageOf(columns, LARGE_ROWS));
  many.setReturnArrays(true);
  few.setReturnArrays(true);
  for (let last = after; ;) {
    const isLarge = Number(size.get(last, upTo)?.['bytes']) > BYTES_MAX;
    const rows = (isLarge ? few : many).all(last, upTo) as unknown as ReadonlyArray<EventRow>;
    for (const row of rows) yield row;
    const end = rows.at(-1);
    if (end === undefined) return;
    last = end[0];
  }
}

export const describeBreak = ({ stream, revision, position, reason }: ChainBreak): string => {
  const place = stream === null ? 'the log' : `stream '${stream}' at revision ${revision}`;
  return `${place}${position === null ? '' : ` (position ${position})`}: ${reason}`;
};

type EndRow = readonly [
  streamNo: number,
  name: string,
  nameHash: number,
  revision: number,
  last: number | null,
];

const STREAM_ENDS = `
  SELECT s.stream_no, s.name, s.name_hash, s.revision,
    (SELECT max(e.revision) FROM events e WHERE e.stream_no = s.stream_no) AS last
  FROM streams s`;

/** Streams that end elsewhere than they should, of those whose numbers lie in the range. */
export function* endBreaksIn(db: DatabaseSync, fromNo: number, toNo: number): Generator<ChainBreak> {
  const some = db.prepare(
    `${STREAM_ENDS} WHERE s.stream_no BETWEEN ? AND ? ORDER BY s.stream_no LIMIT ${ROWS}`,
  );
  some.setReturnArrays(true);
  for (let from = fromNo; ;) {
    const rows = some.all(from, toNo) as unknown as ReadonlyArray<EndRow>;
    for (const row of rows) {
      const found = endBreak(row);
      if (found !== undefined) yield found;
    }
    const end = rows.at(-1);
    if (end === undefined) return;
    from = end[0] + 1;
  }
}

/** Streams that end elsewhere than they should: those with the given numbers, or all. */
export function* endBreaks(db: DatabaseSync, streamNos?: Iterable<number>): Generator<ChainBreak> {
  if (streamNos === undefined) {
    yield* endBreaksIn(db, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    return;
  }
  const one = db.prepare(`${STREAM_ENDS} WHERE s.stream_no = ?`);
  one.setReturnArrays(true);
  for (const streamNo of streamNos) {
    const row = one.get(streamNo) as unknown as EndRow | undefined;
    const found = row && endBreak(row);
    if (found !== undefined) yield found;
  }
}

const endBreak = ([, stream, storedHash, end, lastFound]: EndRow): ChainBreak | undefined => {
  const last = lastFound ?? NO_STREAM;
  const broken = (revision: number, reason: string): ChainBreak => ({
    stream,
    revision,
    position: null,
    reason,
  });
  if (last < end) return broken(last + 1, `missing at the end: revision ${end} was the last`);
  if (last > end) return broken(end + 1, `stored after the end: revision ${end} was the last`);
  return storedHash === nameHash(stream) ? undefined : broken(0, 'the stream is not found by its name');
};
