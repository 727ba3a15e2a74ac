import { hash } from 'node:crypto';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { ChainBreak } from './decoded.ts';

/** The log as tables, and the connections to it. */

/** Why a store was not opened. `message` is complete: it goes to the operator as it is. */
export type OpenFailure =
  | { readonly _tag: 'StoreInUse'; readonly message: string }
  /** Not a store of ours, not of this version, or not in a condition to keep its promises. */
  | { readonly _tag: 'StoreRefused'; readonly message: string }
  /** What was written is not what is read. Never repaired silently. */
  | { readonly _tag: 'StoreDamaged'; readonly message: string; readonly break: ChainBreak | null };

/** "Call" in ASCII: tells our files from other SQLite databases. */
const APPLICATION_ID = 0x43616c6c;
const SCHEMA_VERSION = 1;
/** From the first removal on. A program that knows nothing of removals must not take one for damage. */
const REMOVALS_SCHEMA_VERSION = 2;

/** Before it, two connections could damage a WAL database while it was reset. */
const SQLITE_VERSION_MIN: readonly [number, number, number] = [3, 51, 3];

/**
 * Of a new file; one that exists keeps its own. Half of a smaller page would stay empty: two events of 1 to 2 KB are
 * often all that fits.
 */
const PAGE_BYTES = 8192;

/**
 * `streams` is looked up by 48 bits of the name's hash, then by the name itself: an index over long random names
 * costs four times as much. `revision` is that of the stream's last event, and `log.head` the newest position: both
 * tell when events are missing at an end, where no successor's hash can.
 */
const SCHEMA = `
  CREATE TABLE streams (
    stream_no INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    name_hash INTEGER NOT NULL,
    revision INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX streams_by_name_hash ON streams (name_hash);
  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream_no INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    metadata TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX events_by_stream ON events (stream_no, revision);
  CREATE TABLE log (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    head INTEGER NOT NULL,
    store_id TEXT NOT NULL
  ) STRICT;
  INSERT INTO log (only_row, head, store_id) VALUES (1, 0, lower(hex(randomblob(16))));
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/**
 * What retention has removed, as the records in `callboard-removed` have it: found by stream, by position and by seal. Written in
 * the transaction of the record and of the removal itself; `audit verify` holds it against the records.
 */
const REMOVALS_SCHEMA = `
  CREATE TABLE removals (
    stream_no INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    hash TEXT NOT NULL,
    steps TEXT NOT NULL,
    record INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE removed_positions (position INTEGER PRIMARY KEY) STRICT;
  CREATE TABLE removed_leaves (
    seal INTEGER NOT NULL,
    stream_no INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (seal, stream_no)
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${REMOVALS_SCHEMA_VERSION};
`;

const CACHE_KIB = 64_000;
/** For whoever reads every row once: more of it would only be memory. */
export const SCAN_CACHE_KIB = 8_000;

/** Name, value to set, value read back. Checkpoints are the writer's own, so that their errors are seen. */
const SETTINGS: ReadonlyArray<readonly [string, string, SQLOutputValue]> = [
  ['journal_mode', 'WAL', 'wal'],
  ['synchronous', 'FULL', 2],
  ['busy_timeout', '5000', 5000],
  // What is deleted is overwritten, and so is what pages leave behind when they are split: from the first write on.
  ['secure_delete', 'ON', 1],
  ['foreign_keys', 'ON', 1],
  ['trusted_schema', 'OFF', 0],
  ['mmap_size', '0', 0],
  ['cache_size', `-${CACHE_KIB}`, -CACHE_KIB],
  ['temp_store', 'MEMORY', 2],
  ['wal_autocheckpoint', '0', 0],
  ['journal_size_limit', '67108864', 67108864],
  ['fullfsync', 'ON', 1],
  ['checkpoint_fullfsync', 'ON', 1],
];

/** 48 bits of the name's hash: fits a number exactly. Collisions are possible. */
export const nameHash = (stream: string): number => parseInt(hash('sha256', stream).slice(0, 12), 16);

/** The first column of the first row. */
export const value = (db: DatabaseSync, sql: string): SQLOutputValue | undefined =>
  Object.values(db.prepare(sql).get() ?? {})[0];

export const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** SQLite's primary result code of a thrown error, or undefined when SQLite did not throw it. */
export const resultCode = (error: unknown): number | undefined => {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof code === 'number' ? code & 0xff : undefined;
};

/** Opens for writing, makes the tables in an empty file, and refuses what could not keep its promises. */
export const openForWriting = (path: string): Either<OpenFailure, DatabaseSync> =>
  opening(path, () => {
    const db = new DatabaseSync(path);
    const fault = versionFault(db) ?? formatFault(db, path) ?? settingsFault(db);
    if (fault === undefined) createSchema(db);
    return { db, fault };
  });

/** Opens for reading beside a writer, or without one. */
export const openForReading = (path: string, cacheKib = CACHE_KIB): Either<OpenFailure, DatabaseSync> =>
  opening(path, () => {
    const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
    db.exec('PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0');
    db.exec(`PRAGMA cache_size = -${cacheKib}`);
    const empty = value(db, 'PRAGMA application_id') === 0;
    return { db, fault: empty ? `${path} is not an event store of Callboard` : formatFault(db, path) };
  });

const opening = (
  path: string,
  open: () => { readonly db: DatabaseSync; readonly fault: string | undefined },
): Either<OpenFailure, DatabaseSync> => {
  try {
    const { db, fault } = open();
    if (fault === undefined) return right(db);
    db.close();
    return left({ _tag: 'StoreRefused', message: fault });
  } catch (error) {
    return isDamage(error)
      ? left(damaged(path, textOf(error)))
      : left({ _tag: 'StoreRefused', message: `${path} cannot be opened: ${textOf(error)}` });
  }
};

/** SQLITE_FULL and SQLITE_BUSY, from a visitor's shell: nothing was done, and it may work the next time. */
const PASSING: ReadonlySet<number> = new Set([13, 5]);

export const isPassing = (error: unknown): boolean => PASSING.has(resultCode(error) ?? 0);

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGE: ReadonlySet<number> = new Set([11, 26]);

export const isDamage = (error: unknown): boolean => DAMAGE.has(resultCode(error) ?? 0);

export const damaged = (path: string, reason: string, place: ChainBreak | null = null): OpenFailure => ({
  _tag: 'StoreDamaged',
  message: `${path} is damaged: ${reason}. Nothing was changed; restore a backup`,
  break: place,
});

const versionFault = (db: DatabaseSync): string | undefined => {
  const version = String(value(db, 'SELECT sqlite_version()'));
  const parts = version.split('.').map(Number);
  const [index, least] = [...SQLITE_VERSION_MIN.entries()].find(([i, min]) => parts[i] !== min) ?? [0, 0];
  return (parts[index] ?? 0) >= least
    ? undefined
    : `SQLite ${version} can damage a database in WAL mode; ${SQLITE_VERSION_MIN.join('.')} is needed`;
};

const formatFault = (db: DatabaseSync, path: string): string | undefined => {
  const applicationId = value(db, 'PRAGMA application_id');
  const version = Number(value(db, 'PRAGMA user_version'));
  if (applicationId === APPLICATION_ID) {
    if (version === SCHEMA_VERSION || version === REMOVALS_SCHEMA_VERSION) return undefined;
    return version > REMOVALS_SCHEMA_VERSION
      ? `${path} has schema version ${version}; this Callboard knows up to ${REMOVALS_SCHEMA_VERSION}: start a newer one`
      : `${path} has schema version ${version}, which no Callboard wrote`;
  }
  const empty = applicationId === 0 && value(db, 'SELECT count(*) FROM sqlite_schema') === 0;
  return empty ? undefined : `${path} is not an event store of Callboard`;
};

const settingsFault = (db: DatabaseSync): string | undefined => {
  db.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
  for (const [name, set, expected] of SETTINGS) {
    db.exec(`PRAGMA ${name} = ${set}`);
    const actual = value(db, `PRAGMA ${name}`);
    if (actual !== expected) return `SQLite did not take ${name} = ${set} (it says ${String(actual)})`;
  }
  return undefined;
};

const createSchema = (db: DatabaseSync): void => {
  if (value(db, 'PRAGMA application_id') === APPLICATION_ID) return;
  db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`);
};

/** Whether anything was ever removed: only then are there tables for it. */
export const hasRemovals = (db: DatabaseSync): boolean =>
  Number(value(db, 'PRAGMA user_version')) >= REMOVALS_SCHEMA_VERSION;

/** Within a transaction. */
export const makeRemovalTables = (db: DatabaseSync): void => {
  if (!hasRemovals(db)) db.exec(REMOVALS_SCHEMA);
};
