import { DatabaseSync } from 'node:sqlite';
import type { Removal } from './removals.ts';
import { LIMIT } from './sqlite-limit.ts';

/** What becomes of a recorded removal while the log is read: not met yet, met with its first event, met without it. */
const UNMET = 0;
const WHOLE = 1;
const GONE = 2;

export interface RemovalCounts {
  /** Streams whose beginning is gone from the log. */
  readonly gone: number;
  /** Recorded as removed, and still all there: not truncated yet, or not freed by a scavenge. */
  readonly whole: number;
}

/** The recorded removals while a log is checked. There may be millions: they are kept in a temporary file, not in memory. */
export interface RemovalIndex {
  add(removal: Removal): void;
  /** The newest that was recorded of the stream. */
  of(stream: string): Removal | undefined;
  /** The first event of the stream is there. */
  begins(stream: string): void;
  /** Its first event is not; true when it is said for the first time. */
  beginsLater(stream: string): boolean;
  /** Recorded, and not met at all: at most so many. */
  unmet(limit: number): ReadonlyArray<Removal>;
  counts(): RemovalCounts;
  close(): void;
}

export const openRemovalIndex = (): RemovalIndex => {
  // Without a name: a file of SQLite's own, which is gone with the connection.
  const db = new DatabaseSync('');
  db.exec(`
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000;
    CREATE TABLE removals (stream TEXT PRIMARY KEY, revision INTEGER, hash TEXT, met INTEGER) WITHOUT ROWID;
    BEGIN`);
  const insert = db.prepare('INSERT OR REPLACE INTO removals VALUES (?, ?, ?, ?)');
  const select = db.prepare('SELECT stream, revision, hash FROM removals WHERE stream = ?');
  const meet = db.prepare('UPDATE removals SET met = ? WHERE stream = ? AND met = ?');
  const unmet = db.prepare(`SELECT stream, revision, hash FROM removals WHERE met = ? ${LIMIT}`);
  const count = db.prepare('SELECT count(*) AS number FROM removals WHERE met = ?');
  const counted = (met: number): number => Number(count.get(met)?.['number']);
  let isEmpty = true;
  return {
    add: ({ stream, revision, hash }) => {
      isEmpty = false;
      insert.run(stream, revision, hash, UNMET);
    },
    of: (stream) => (isEmpty ? undefined : (select.get(stream) as Removal | undefined)),
    begins: (stream) => void (isEmpty || meet.run(WHOLE, stream, UNMET)),
    beginsLater: (stream) => !isEmpty && Number(meet.run(GONE, stream, UNMET).changes) > 0,
    unmet: (limit) => unmet.all(UNMET, limit) as unknown as ReadonlyArray<Removal>,
    counts: () => ({ gone: counted(GONE), whole: counted(WHOLE) }),
    close: () => db.close(),
  };
};
