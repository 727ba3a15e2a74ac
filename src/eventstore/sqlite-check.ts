import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { emptyHead, hashIn, linkedHash, linkFault } from './chain.ts';
import type { ChainBreak } from './decoded.ts';
import type { Position } from './event-store.ts';
import { restorationIn, RESTORATIONS_STREAM } from './restorations.ts';
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

/** Looks at events one after the other, by position, and finds where the log does not hang together. */
export interface LogCheck {
  /** `onEvent` hears of every event with the name of its stream, if it has one, and the hash that it says it has. */
  check(event: EventRow, onEvent?: OnEvent): ReadonlyArray<ChainBreak>;
  /** After the last event: what is missing up to there. */
  end(upTo: Position): ReadonlyArray<ChainBreak>;
}

export type OnEvent = (stream: string, hash: string, event: EventRow) => void;

const NO_BREAK: ReadonlyArray<ChainBreak> = [];

interface SeenStream {
  readonly name: string;
  revision: number;
  hash: string;
}

/**
 * From the event after `after` on; 0 for the whole log. The predecessors of events whose streams began before are looked up, so
 * that parts of a log can be checked independently. Memory holds the heads of the streams in the part.
 */
export const openCheck = (db: DatabaseSync, after: Position): LogCheck => {
  const nameOf = db.prepare('SELECT name FROM streams WHERE stream_no = ?');
  const before = db.prepare('SELECT position, metadata FROM events WHERE stream_no = ? AND revision = ?');
  const lastUpTo = db.prepare('SELECT max(position) AS position FROM events WHERE position <= ?');
  const seen = new Map<number, SeenStream>();
  let expected = after + 1;

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
    return end === lastBefore && nameOf.get(streamNo)?.['name'] === RESTORATIONS_STREAM;
  };

  /** The stream as it was before the part; what cannot be told is a fault of the event. */
  const beginning = (streamNo: number, revision: number, position: Position): SeenStream | string => {
    const name = nameOf.get(streamNo)?.['name'];
    if (typeof name !== 'string') return 'the event belongs to no stream';
    if (revision === 0) return { name, ...emptyHead(name) };
    const found = before.get(streamNo, revision - 1);
    const metadata = found?.['metadata'];
    // How many are missing nobody can tell: the one before is.
    if (typeof metadata !== 'string' || Number(found?.['position']) > position)
      return { name, revision: revision - 2, hash: '' };
    return { name, revision: revision - 1, hash: hashIn(metadata) ?? '' };
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
    check: (event, onEvent) => {
      const [position, streamNo, revision] = event;
      const missing =
        position === expected || goesOnRestored(event) ? undefined : gap(expected, position - 1);
      expected = position + 1;
      const met = seen.get(streamNo);
      const known = met ?? beginning(streamNo, revision, position);
      if (typeof known === 'string') {
        const found = { stream: null, revision: null, position, reason: known };
        return missing === undefined ? [found] : [missing, found];
      }
      const [, , , id, type, data, metadata] = event;
      const fits =
        known.revision === revision - 1 ? linkedHash(known.hash, { id, type, data, metadata }) : undefined;
      const found = fits === undefined ? fault(known, event) : undefined;
      known.revision = revision;
      known.hash = fits ?? hashIn(metadata) ?? '';
      if (met === undefined) seen.set(streamNo, known);
      onEvent?.(known.name, known.hash, event);
      if (found === undefined && missing === undefined) return NO_BREAK;
      return [missing, found].filter((each) => each !== undefined);
    },
    end: (upTo) => (expected <= upTo ? [gap(expected, upTo)] : NO_BREAK),
  };
};

/** Whether the log ends where it was said to. */
export const headBreaks = (db: DatabaseSync, newest: Position): ReadonlyArray<ChainBreak> => {
  const head = Number(db.prepare('SELECT head FROM log').get()?.['head']);
  const reason = 'the log was said to end before this position';
  return newest > head ? [{ stream: null, revision: null, position: head + 1, reason }] : NO_BREAK;
};

/** The events after one place, up to another: in the order of the log. */
export const eventsIn = (
  db: DatabaseSync,
  after: Position,
  upTo = Number.MAX_SAFE_INTEGER,
): Iterable<EventRow> => {
  const statement = db.prepare(
    `SELECT position, stream_no, revision, id, type, data, metadata FROM events
     WHERE position > ? AND position <= ? ORDER BY position`,
  );
  statement.setReturnArrays(true);
  return statement.iterate(after, upTo) as unknown as Iterable<EventRow>;
};

export const describeBreak = ({ stream, revision, position, reason }: ChainBreak): string => {
  const place = stream === null ? 'the log' : `stream '${stream}' at revision ${revision}`;
  return `${place}${position === null ? '' : ` (position ${position})`}: ${reason}`;
};

const STREAM_ENDS = `
  SELECT s.name, s.name_hash, s.revision,
    (SELECT max(e.revision) FROM events e WHERE e.stream_no = s.stream_no) AS last
  FROM streams s`;

/** Streams that end elsewhere than they should, of those whose numbers lie in the range. */
export function* endBreaksIn(db: DatabaseSync, fromNo: number, toNo: number): Generator<ChainBreak> {
  const some = db.prepare(`${STREAM_ENDS} WHERE s.stream_no BETWEEN ? AND ?`);
  for (const row of some.iterate(fromNo, toNo)) yield* endBreak(row);
}

/** Streams that end elsewhere than they should: those with the given numbers, or all. */
export function* endBreaks(db: DatabaseSync, streamNos?: Iterable<number>): Generator<ChainBreak> {
  if (streamNos === undefined) {
    for (const row of db.prepare(STREAM_ENDS).iterate()) yield* endBreak(row);
    return;
  }
  const one = db.prepare(`${STREAM_ENDS} WHERE s.stream_no = ?`);
  for (const streamNo of streamNos) yield* endBreak(one.get(streamNo) ?? {});
}

const endBreak = (row: Record<string, SQLOutputValue>): ReadonlyArray<ChainBreak> => {
  const stream = String(row['name']);
  const end = Number(row['revision']);
  const last = Number(row['last'] ?? -1);
  const broken = (revision: number, reason: string): ChainBreak[] => [
    { stream, revision, position: null, reason },
  ];
  if (last < end) return broken(last + 1, `missing at the end: revision ${end} was the last`);
  if (last > end) return broken(end + 1, `stored after the end: revision ${end} was the last`);
  return row['name_hash'] === nameHash(stream) ? NO_BREAK : broken(0, 'the stream is not found by its name');
};
