import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { emptyHead, hashIn, linkFault } from './chain.ts';
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
  check(event: EventRow): ReadonlyArray<ChainBreak>;
  /** After the last event: what is missing at the end of the log. */
  end(): ReadonlyArray<ChainBreak>;
}

const NO_BREAK: ReadonlyArray<ChainBreak> = [];

/** From the event after `after` on; 0 for the whole log. */
export const openCheck = (db: DatabaseSync, after: Position): LogCheck => {
  const nameOf = db.prepare('SELECT name FROM streams WHERE stream_no = ?');
  const metadataOf = db.prepare('SELECT metadata FROM events WHERE stream_no = ? AND revision = ?');
  const heads = streamHeads(
    Number(db.prepare('SELECT max(stream_no) AS last FROM streams').get()?.['last'] ?? 0),
  );
  let expected = after + 1;

  const storedHash = (streamNo: number, revision: number): string | undefined => {
    const metadata = metadataOf.get(streamNo, revision)?.['metadata'];
    return typeof metadata === 'string' ? hashIn(metadata) : undefined;
  };

  const gap = (from: Position, to: Position): ChainBreak => ({
    stream: null,
    revision: null,
    position: from,
    reason: from === to ? 'no event at this position' : `no events from here to position ${to}`,
  });

  /** A log that was put back to an earlier copy goes on behind whatever the lost part had, and says where the copy ended. */
  const goesOnRestored = ([, streamNo, , , type, data, metadata]: EventRow): boolean => {
    const end = restorationIn(type, data, metadata)?.end.position;
    const isSeen = expected > after + 1 || after === 0;
    if (end === undefined || (isSeen ? end !== expected - 1 : end >= expected)) return false;
    return nameOf.get(streamNo)?.['name'] === RESTORATIONS_STREAM;
  };

  const fault = ([position, streamNo, revision, id, type, data, metadata]: EventRow):
    ChainBreak | undefined => {
    const name = nameOf.get(streamNo)?.['name'];
    if (typeof name !== 'string') {
      return { stream: null, revision: null, position, reason: 'the event belongs to no stream' };
    }
    const broken = (at: number, reason: string): ChainBreak => ({
      stream: name,
      revision: at,
      position,
      reason,
    });
    const seen = heads.revision(streamNo);
    const next = seen >= 0 || after === 0 ? seen + 1 : revision;
    if (revision < next) return broken(revision, `stored after revision ${seen}`);
    if (revision > next) return broken(next, `missing: revision ${revision} is the next`);
    const inSight = seen >= 0 ? heads.hash(streamNo) : undefined;
    const previous = revision === 0 ? emptyHead(name).hash : (inSight ?? storedHash(streamNo, revision - 1));
    if (previous === undefined) return broken(revision - 1, `missing: revision ${revision} is the next`);
    const reason = linkFault(previous, { id, type, data, metadata });
    return reason === undefined ? undefined : broken(revision, reason);
  };

  return {
    check: (event) => {
      const [position, streamNo, revision] = event;
      const found = fault(event);
      const missing =
        position === expected || goesOnRestored(event) ? undefined : gap(expected, position - 1);
      expected = position + 1;
      heads.set(streamNo, revision, hashIn(event[6]) ?? NO_HASH);
      if (found === undefined && missing === undefined) return NO_BREAK;
      return [missing, found].filter((each) => each !== undefined);
    },
    end: () => {
      const head = Number(db.prepare('SELECT head FROM log').get()?.['head']);
      if (expected <= head) return [gap(expected, head)];
      const reason = `the log was said to end before this position`;
      return expected > head + 1 ? [{ stream: null, revision: null, position: head + 1, reason }] : NO_BREAK;
    },
  };
};

const STREAM_ENDS = `
  SELECT s.name, s.name_hash, s.revision,
    (SELECT max(e.revision) FROM events e WHERE e.stream_no = s.stream_no) AS last
  FROM streams s`;

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

const HASH_BYTES = 32;
const NO_HASH = '0'.repeat(2 * HASH_BYTES);

/** The last event seen of each stream, by the stream's number: compact, because a log may hold millions of them. */
const streamHeads = (streamNoMax: number) => {
  const nextRevisions = new Int32Array(streamNoMax + 1);
  const hashes = Buffer.alloc((streamNoMax + 1) * HASH_BYTES);
  return {
    /** −1: nothing yet. */
    revision: (streamNo: number): number => (nextRevisions[streamNo] ?? 0) - 1,
    hash: (streamNo: number): string =>
      hashes.toString('hex', streamNo * HASH_BYTES, (streamNo + 1) * HASH_BYTES),
    set: (streamNo: number, revision: number, hash: string): void => {
      if (streamNo < 0 || streamNo > streamNoMax) return;
      nextRevisions[streamNo] = revision + 1;
      hashes.write(hash, streamNo * HASH_BYTES, 'hex');
    },
  };
};
