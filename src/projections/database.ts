import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Position } from '../eventstore/event-store.ts';
import type { Log } from '../ports/log.ts';
import { SCHEMA, SCHEMA_VERSION } from './schema.ts';

/** Marks the file as read models of ours: "CbRM". */
const APPLICATION_ID = 0x4362524d;

/** How many events one transaction spans at most. What a crash undoes is applied again from the checkpoint. */
const COMMIT_EVENTS = 20_000;

const CACHE_KIB = 32 * 1024;
const WAL_BYTES_KEPT = 64 * 1024 * 1024;

export interface Database {
  /** The prepared statement for this text, made once. */
  prepare(sql: string): StatementSync;
  /**
   * Runs `work`, which writes what `events` events amount to: all of it or, when it throws, nothing. Readers see it
   * at once; it reaches the disk with the work of many other calls, together with the checkpoints.
   */
  write(events: number, work: () => void): void;
  isOpen(): boolean;
  close(): void;
}

export interface DatabaseOptions {
  readonly path: string;
  readonly eventStoreId: string | undefined;
  readonly storeHead: Position | undefined;
  readonly log: Log;
}

export const openDatabase = ({ path, eventStoreId, storeHead, log }: DatabaseOptions): Database => {
  if (path !== ':memory:') {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const unusable = existsSync(path) ? whyUnusable(path, eventStoreId, storeHead) : undefined;
    if (unusable !== undefined) {
      log.warn({ path, reason: unusable }, 'read models are built again from the log');
      removeFiles(path);
    }
  }
  const db = new DatabaseSync(path);
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -${CACHE_KIB};
    PRAGMA temp_store = MEMORY;
    PRAGMA journal_size_limit = ${WAL_BYTES_KEPT};
  `);
  if (numberOf(db, 'user_version') === 0) create(db, eventStoreId);
  return handle(db, path);
};

const create = (db: DatabaseSync, eventStoreId: string | undefined): void => {
  db.exec('BEGIN IMMEDIATE');
  db.exec(SCHEMA);
  db.prepare('INSERT INTO built_from (event_store) VALUES (?)').run(eventStoreId ?? '');
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
};

/** Why a file cannot be taken over, or undefined. Throws what has nothing to do with its content. */
const whyUnusable = (
  path: string,
  eventStoreId: string | undefined,
  storeHead: Position | undefined,
): string | undefined => {
  const db = new DatabaseSync(path);
  try {
    if (numberOf(db, 'application_id') !== APPLICATION_ID) return 'not a file of read models';
    const version = numberOf(db, 'user_version');
    if (version !== SCHEMA_VERSION) return `version ${version} instead of ${SCHEMA_VERSION}`;
    const from = db.prepare('SELECT event_store FROM built_from').get()?.['event_store'];
    if (eventStoreId !== undefined && from !== eventStoreId) return 'built from another event store';
    const ahead = "SELECT max(value) AS newest FROM counters WHERE name LIKE 'checkpoint:%'";
    const newest = Number(db.prepare(ahead).get()?.['newest'] ?? 0);
    if (storeHead !== undefined && newest > storeHead) return 'ahead of the event store: was it restored?';
    return undefined;
  } catch (error) {
    if (isDamage(error)) return 'damaged';
    throw error;
  } finally {
    db.close();
  }
};

const numberOf = (db: DatabaseSync, pragma: 'application_id' | 'user_version'): number =>
  Number(db.prepare(`PRAGMA ${pragma}`).get()?.[pragma]);

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

const isDamage = (error: unknown): boolean => {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) & 0xff : undefined;
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
};

const removeFiles = (path: string): void => {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true });
};

const handle = (db: DatabaseSync, path: string): Database => {
  const statements = new Map<string, StatementSync>();
  // Prepared, as parsing them costs more than running them.
  const begin = db.prepare('BEGIN IMMEDIATE');
  const savepoint = db.prepare('SAVEPOINT batch');
  const release = db.prepare('RELEASE batch');
  let uncommittedEvents = 0;

  /** The other group's rows went with the transaction, too: whoever reads on would miss them. */
  const abandon = (error: unknown): never => {
    if (db.isTransaction) db.exec('ROLLBACK');
    db.close();
    if (isDamage(error) && path !== ':memory:') removeFiles(path);
    throw error;
  };

  const commit = (): void => {
    try {
      db.exec('COMMIT');
    } catch (error) {
      abandon(error);
    }
    uncommittedEvents = 0;
  };

  return {
    prepare: (sql) => {
      const known = statements.get(sql);
      if (known !== undefined) return known;
      const statement = db.prepare(sql);
      statements.set(sql, statement);
      return statement;
    },
    write: (events, work) => {
      if (!db.isTransaction) begin.run();
      savepoint.run();
      try {
        work();
      } catch (error) {
        // SQLite itself ends the whole transaction when the disk is full or fails.
        if (!db.isTransaction || isDamage(error)) abandon(error);
        db.exec('ROLLBACK TO batch; RELEASE batch');
        throw error;
      }
      release.run();
      uncommittedEvents += events;
      if (uncommittedEvents >= COMMIT_EVENTS) commit();
    },
    isOpen: () => db.isOpen,
    close: () => {
      if (!db.isOpen) return;
      if (db.isTransaction) commit();
      db.close();
    },
  };
};
