import type { DatabaseSync } from 'node:sqlite';
import { isLeft, right } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { hashIn } from './chain.ts';
import type { ChainBreak } from './decoded.ts';
import type { RecordedEvent } from './event-store.ts';
import { readRemovals, type Removal, REMOVALS_STREAM } from './removals.ts';
import type { LogReader } from './sqlite-reader.ts';
import { hasRemovals, nameHash } from './sqlite-schema.ts';
import type { Pin } from './sqlite-verify-part.ts';

export interface RemovedCounts {
  /** Streams that lost their beginning. */
  readonly streams: number;
  readonly events: number;
  /** Accounts' statements of what the records had come to that fit. */
  readonly pinned: number;
}

const NOTHING: RemovedCounts = { streams: 0, events: 0, pinned: 0 };
const SHOWN_MAX = 100;
const applied = t.type({ record: t.number, hash: t.string });

/**
 * Whether what counts as removed while the log is checked is what the records say, which are chained by hash, no more and no less;
 * whether nothing of it is there; and whether the records are those that the accounts, which are sealed, have named.
 */
export const checkRemovals = async (
  db: DatabaseSync,
  reader: Pick<LogReader, 'stream'>,
  pins: ReadonlyArray<Pin>,
): Promise<{ readonly counts: RemovedCounts; readonly breaks: ReadonlyArray<ChainBreak> }> => {
  const breaks = pins.flatMap((pin) => pinFault(reader, pin));
  if (!hasRemovals(db)) return { counts: NOTHING, breaks };
  const select = db.prepare(
    `SELECT s.stream_no AS streamNo, r.revision, r.hash, r.steps, r.record FROM streams s
     JOIN removals r ON r.stream_no = s.stream_no WHERE s.name_hash = ? AND s.name = ?`,
  );
  const leafOf = db.prepare('SELECT revision, hash FROM removed_leaves WHERE seal = ? AND stream_no = ?');
  let [streams, events, leaves] = [0, 0, 0];
  const broken = (stream: string | null, revision: number | null, reason: string): void => {
    if (breaks.length < SHOWN_MAX) breaks.push({ stream, revision, position: null, reason });
  };
  const take = (removal: Removal, record: RecordedEvent): void => {
    const { stream, revision, hash, positions = [], sealed = [] } = removal;
    streams += 1;
    events += positions.length;
    leaves += sealed.length;
    const row = select.get(nameHash(stream), stream);
    const isSame =
      row !== undefined &&
      positions.length === revision + 1 &&
      row['revision'] === revision &&
      row['hash'] === hash &&
      row['steps'] === JSON.stringify(positions) &&
      row['record'] === record.position &&
      sealed.every((leaf) => {
        const known = leafOf.get(leaf.seal, Number(row['streamNo']));
        return known?.['revision'] === leaf.revision && known['hash'] === leaf.hash;
      });
    if (!isSame) broken(stream, revision, 'what was removed of it is not what was recorded');
  };
  const read = await readRemovals(
    { readStream: (stream, options) => async () => right(reader.stream(stream, options)) },
    take,
  );
  if (isLeft(read)) broken(null, null, read.left.message);
  else if (read.right !== undefined) breaks.push(read.right);
  const counted = (table: string): number =>
    Number(db.prepare(`SELECT count(*) AS number FROM ${table}`).get()?.['number']);
  if (
    counted('removals') !== streams ||
    counted('removed_positions') !== events ||
    counted('removed_leaves') !== leaves
  ) {
    broken(REMOVALS_STREAM, null, 'more or less counts as removed than was recorded');
  }
  const there = db.prepare(
    `SELECT s.name, e.revision FROM removals r JOIN events e ON e.stream_no = r.stream_no AND e.revision <= r.revision
     JOIN streams s ON s.stream_no = r.stream_no LIMIT ${SHOWN_MAX}`,
  );
  for (const { name, revision } of there.all())
    broken(String(name), Number(revision), 'recorded as removed, and still there');
  return { counts: { streams, events, pinned: pins.length }, breaks };
};

/** A record that an account has named must be there as it was then. */
const pinFault = (
  reader: Pick<LogReader, 'stream'>,
  { stream, revision, position, data }: Pin,
): ReadonlyArray<ChainBreak> => {
  const said = applied.decode(JSON.parse(data));
  if (isLeft(said)) return [];
  const { record, hash } = said.right;
  const [found] = reader.stream(REMOVALS_STREAM, { fromRevision: record, limit: 1 });
  if (found?.revision === record && hashIn(found.event.metadata) === hash) return [];
  const reason = `it names revision ${record} of ${REMOVALS_STREAM}, which is not there as it was`;
  return [{ stream, revision, position, reason }];
};
