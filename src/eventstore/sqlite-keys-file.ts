import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { keyIdOf } from '../domain/customer-key.ts';
import { openForReading, textOf, value } from './sqlite-schema.ts';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';

/**
 * The file of customers' keys, beside the log and never in it: what stands in the log can never go. Wrapped keys are
 * written one behind the other and overwritten where they stand, and the index over them holds none, so SQLite never moves one: no copy
 * of it is left on a page.
 */
const SCHEMA = `
  CREATE TABLE keys (no INTEGER PRIMARY KEY, wrapped BLOB NOT NULL) STRICT;
  CREATE TABLE subjects (
    subject BLOB NOT NULL,
    generation INTEGER NOT NULL,
    no INTEGER NOT NULL,
    forgotten INTEGER NOT NULL,
    PRIMARY KEY (subject, generation)
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${0x43616c6b};
  PRAGMA user_version = 1;
`;

/** Where the keys of a log are kept. */
export const keysPath = (storePath: string): string =>
  basename(storePath) === 'events.db'
    ? join(dirname(storePath), 'keys.db')
    : `${storePath.replace(/\.db$/, '')}.keys.db`;

/** One key as it is copied from file to file. `wrapped` is null once it is forgotten. */
export interface KeyRow {
  readonly subject: Uint8Array;
  readonly generation: number;
  readonly wrapped: string | null;
}

export interface KeysFile {
  newest(subject: string): { readonly generation: number; readonly isForgotten: boolean } | undefined;
  wrapped(subject: string, generation: number): string | undefined;
  /** Whether it was ever made here, or brought here, forgotten or not. */
  knows(subject: string, generation: number): boolean;
  /** In one transaction. */
  make(keys: ReadonlyArray<{ readonly subject: string; readonly wrapped: string }>): void;
  /** Overwritten, and no older page left in the write-ahead log. */
  forget(subject: string, generation: number): void;
  /** Takes over keys that are not known here. What is forgotten, here or there, is not taken. */
  merge(rows: ReadonlyArray<KeyRow>, forgotten: ReadonlySet<string>): void;
  close(): void;
}

/** What only reads of it need. */
export const readKeysFile = (path: string): Pick<KeysFile, 'newest' | 'wrapped' | 'knows' | 'close'> =>
  questions(new DatabaseSync(path, { readOnly: true, timeout: 5000 }));

const questions = (db: DatabaseSync) => {
  const selectNewest = db.prepare(
    'SELECT generation, forgotten FROM subjects WHERE subject = ? ORDER BY generation DESC LIMIT 1',
  );
  const selectOne = db.prepare('SELECT no, forgotten FROM subjects WHERE subject = ? AND generation = ?');
  const selectKey = db.prepare('SELECT CAST(wrapped AS TEXT) AS wrapped FROM keys WHERE no = ?');
  return {
    newest: (subject: string) => {
      const row = selectNewest.get(bytesOf(subject));
      return row && { generation: Number(row['generation']), isForgotten: row['forgotten'] === 1 };
    },
    wrapped: (subject: string, generation: number) => {
      const row = selectOne.get(bytesOf(subject), generation);
      if (row === undefined || row['forgotten'] === 1) return undefined;
      return String(selectKey.get(Number(row['no']))?.['wrapped']);
    },
    knows: (subject: string, generation: number) => selectOne.get(bytesOf(subject), generation) !== undefined,
    close: () => db.close(),
  };
};

/** Throws what SQLite throws. */
export const openKeysFile = (path: string): KeysFile => {
  const db = new DatabaseSync(path);
  for (const setting of [
    'journal_mode = WAL',
    'synchronous = FULL',
    'secure_delete = ON',
    'busy_timeout = 5000',
    'trusted_schema = OFF',
    'fullfsync = ON',
  ]) {
    db.exec(`PRAGMA ${setting}`);
  }
  if (value(db, 'PRAGMA user_version') === 0) db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`);

  const asked = questions(db);
  const selectOne = db.prepare('SELECT no FROM subjects WHERE subject = ? AND generation = ?');
  const insertKey = db.prepare('INSERT INTO keys (wrapped) VALUES (CAST(? AS BLOB))');
  const insertSubject = db.prepare('INSERT INTO subjects VALUES (?, ?, ?, ?)');
  const overwrite = db.prepare('UPDATE keys SET wrapped = zeroblob(length(wrapped)) WHERE no = ?');
  const markForgotten = db.prepare('UPDATE subjects SET forgotten = 1 WHERE subject = ? AND generation = ?');

  const inTransaction = (work: () => void): void => {
    db.exec('BEGIN IMMEDIATE');
    try {
      work();
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  };
  const emptyWriteAheadLog = (): void => {
    const busy = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'];
    if (busy !== 0) throw new Error('the write-ahead log of the keys is in use');
  };
  const forgetOne = (subject: Uint8Array, generation: number): void => {
    const row = selectOne.get(subject, generation);
    if (row === undefined) {
      // Never heard of here: remembered, so that no copy brings it in later.
      const { lastInsertRowid } = insertKey.run('');
      insertSubject.run(subject, generation, lastInsertRowid, 1);
      return;
    }
    overwrite.run(Number(row['no']));
    markForgotten.run(subject, generation);
  };

  return {
    ...asked,
    make: (keys) =>
      inTransaction(() => {
        for (const { subject, wrapped } of keys) {
          const newest = asked.newest(subject);
          if (newest?.isForgotten === false) continue;
          const { lastInsertRowid } = insertKey.run(wrapped);
          insertSubject.run(bytesOf(subject), (newest?.generation ?? 0) + 1, lastInsertRowid, 0);
        }
      }),
    forget: (subject, generation) => {
      inTransaction(() => forgetOne(bytesOf(subject), generation));
      emptyWriteAheadLog();
    },
    merge: (rows, forgotten) => {
      inTransaction(() => {
        for (const { subject, generation, wrapped } of rows) {
          if (selectOne.get(subject, generation) !== undefined) continue;
          const isForgotten = wrapped === null || forgotten.has(keyIdOf(hexOf(subject), generation));
          const { lastInsertRowid } = insertKey.run(isForgotten ? '' : wrapped);
          insertSubject.run(subject, generation, lastInsertRowid, isForgotten ? 1 : 0);
        }
        for (const id of forgotten) {
          const [subject = '', generation] = id.split('.');
          forgetOne(bytesOf(subject), Number(generation));
        }
      });
      emptyWriteAheadLog();
    },
  };
};

const bytesOf = (subject: string): Uint8Array => Buffer.from(subject, 'hex');
const hexOf = (subject: Uint8Array): string => Buffer.from(subject).toString('hex');

const ALL_ROWS = `
  SELECT s.subject, s.generation, CASE s.forgotten WHEN 1 THEN NULL ELSE CAST(k.wrapped AS TEXT) END AS wrapped
  FROM subjects s JOIN keys k ON k.no = s.no ORDER BY s.no`;

/** All keys of the log at this path; none where it has no file of them. */
export const keysOf = (storePath: string): ReadonlyArray<KeyRow> => {
  const path = keysPath(storePath);
  if (!existsSync(path)) return [];
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  try {
    return rowsOf(db, ALL_ROWS);
  } finally {
    db.close();
  }
};

const rowsOf = (db: DatabaseSync, sql: string): ReadonlyArray<KeyRow> =>
  db
    .prepare(sql)
    .all()
    .map(({ subject, generation, wrapped }) => ({
      subject: subject as Uint8Array,
      generation: Number(generation),
      wrapped: wrapped as string | null,
    }));

// In a backup they lie beside the log, in a table of their own: without them nothing in it could be delivered.

export const writeBackupKeys = (backup: string, rows: ReadonlyArray<KeyRow>): void => {
  const db = new DatabaseSync(backup);
  try {
    db.exec('BEGIN; CREATE TABLE customer_keys (subject BLOB, generation INTEGER, wrapped TEXT) STRICT');
    const insert = db.prepare('INSERT INTO customer_keys VALUES (?, ?, ?)');
    for (const { subject, generation, wrapped } of rows) insert.run(subject, generation, wrapped);
    db.exec('COMMIT');
  } finally {
    db.close();
  }
};

export const backupKeys = (backup: string): ReadonlyArray<KeyRow> => {
  const db = new DatabaseSync(backup, { readOnly: true });
  try {
    const has = value(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'customer_keys'") === 1;
    return has ? rowsOf(db, 'SELECT subject, generation, wrapped FROM customer_keys ORDER BY rowid') : [];
  } finally {
    db.close();
  }
};

/** A log that is restored has its keys elsewhere. */
export const dropBackupKeys = (db: DatabaseSync): void => {
  db.exec('PRAGMA secure_delete = ON; DROP TABLE IF EXISTS customer_keys');
};

/** Whether the log holds anything that only a customer's key opens. */
export const holdsBoxes = (storePath: string): Either<string, boolean> => {
  const opened = openForReading(storePath);
  if (isLeft(opened)) return left(opened.left.message);
  const db = opened.right;
  try {
    return right(
      value(
        db,
        // A report may have fields of these names, too, but never at the top.
        `SELECT 1 FROM events WHERE instr(data, '"box":"') AND instr(data, '"customer":"') AND json_valid(data)
           AND json_type(data, '$.box') = 'text' AND json_type(data, '$.customer') = 'text' LIMIT 1`,
      ) === 1,
    );
  } catch (error) {
    return left(textOf(error));
  } finally {
    db.close();
  }
};
