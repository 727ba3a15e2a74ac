import { DatabaseSync } from 'node:sqlite';
import type { Removal, SealedLeaf } from './removals.ts';
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
  /** The leaves that were removed of the tree of the seal with this number. */
  sealedIn(seal: number): Iterable<SealedLeaf & Pick<Removal, 'stream'>>;
  /** Whether nothing was ever removed. */
  readonly isEmpty: boolean;
  counts(): RemovalCounts;
  close(): void;
}

export const openRemovalIndex = (): RemovalIndex => {
  // Without a name: a file of SQLite's own, which is gone with the connection.
  const db = new DatabaseSync('');
  db.exec(`
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000;
    CREATE TABLE removals (stream TEXT PRIMARY KEY, revision INTEGER, hash TEXT, met INTEGER) WITHOUT ROWID;
    CREATE TABLE leaves (
      seal INTEGER, stream TEXT, revision INTEGER, hash TEXT, PRIMARY KEY (seal, stream)
    ) WITHOUT ROWID;
    BEGIN`);
  const insert = db.prepare('INSERT OR REPLACE INTO removals VALUES (?, ?, ?, ?)');
  const insertLeaf = db.prepare('INSERT OR REPLACE INTO leaves VALUES (?, ?, ?, ?)');
  const leavesOf = db.prepare('SELECT seal, stream, revision, hash FROM leaves WHERE seal = ?');
  const select = db.prepare('SELECT stream, revision, hash FROM removals WHERE stream = ?');
  const meet = db.prepare('UPDATE removals SET met = ? WHERE stream = ? AND met = ?');
  const unmet = db.prepare(`SELECT stream, revision, hash FROM removals WHERE met = ? ${LIMIT}`);
  const count = db.prepare('SELECT count(*) AS number FROM removals WHERE met = ?');
  const counted = (met: number): number => Number(count.get(met)?.['number']);
  let isEmpty = true;
  return {
    add: ({ stream, revision, hash, sealed }) => {
      isEmpty = false;
      insert.run(stream, revision, hash, UNMET);
      for (const leaf of sealed ?? []) insertLeaf.run(leaf.seal, stream, leaf.revision, leaf.hash);
    },
    of: (stream) => (isEmpty ? undefined : (select.get(stream) as Removal | undefined)),
    begins: (stream) => void (isEmpty || meet.run(WHOLE, stream, UNMET)),
    beginsLater: (stream) => !isEmpty && Number(meet.run(GONE, stream, UNMET).changes) > 0,
    unmet: (limit) => unmet.all(UNMET, limit) as unknown as ReadonlyArray<Removal>,
    sealedIn: (seal) =>
      isEmpty ? [] : (leavesOf.iterate(seal) as unknown as Iterable<SealedLeaf & Pick<Removal, 'stream'>>),
    get isEmpty() {
      return isEmpty;
    },
    counts: () => ({ gone: counted(GONE), whole: counted(WHOLE) }),
    close: () => db.close(),
  };
};
