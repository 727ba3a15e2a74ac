import { closeSync, fsyncSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { emptyHead, hashIn } from './chain.ts';
import type { Head } from './decoded.ts';
import {
  numbersFrom,
  positionAfter,
  type Restoration,
  RESTORATIONS_STREAM,
  sealRestoration,
} from './restorations.ts';
import { openCommitter } from './sqlite-commit.ts';
import { dropBackupKeys } from './sqlite-keys-file.ts';
import { damaged, openForReading, type OpenFailure, textOf, value } from './sqlite-schema.ts';
import { describeBreak } from './sqlite-check.ts';
import { tailBreak } from './sqlite-tail.ts';

export interface RestoredCopy extends Omit<Restoration, 'atMs' | 'numbersFrom'> {
  readonly path: string;
  readonly nowMs: number;
  /** Numbers up to here are known to be given out: by the store that is replaced. */
  readonly numbersKnown: number;
  /** Of the record, a UUID. */
  readonly eventId: string;
  /** The copy's own id from now on: whatever was derived from the log before is told from it. */
  readonly storeId: string;
}

const VERIFIED_AT_END = 10_000;

/**
 * Makes a checked copy of a log one that a server may go on with: records the restoration, behind every position that
 * the lost part can have had, and gives the log an id of its own. Durable when this returns; on a copy nobody else knows of.
 */
export const markRestored = (copy: RestoredCopy): Either<OpenFailure, Restoration> => {
  const { path, takenAtMs, copyOf, end } = copy;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    const atMs = Math.max(copy.nowMs, newestTimeMs(db));
    const restored: Restoration = {
      atMs,
      takenAtMs,
      copyOf,
      end,
      numbersFrom: Math.max(numbersFrom(atMs), copy.numbersKnown + 1),
    };
    db.exec('DROP TABLE IF EXISTS backup');
    dropBackupKeys(db);
    db.prepare('UPDATE log SET head = ?, store_id = ?').run(
      positionAfter(end.position, atMs) - 1,
      copy.storeId,
    );
    const append = sealRestoration(restorationsHead(db), copy.eventId, restored);
    const { answers, fatal } = openCommitter(db).commit([[append]]);
    const [answer] = answers;
    if (fatal !== undefined || answer === undefined || '_tag' in answer) {
      return left({ _tag: 'StoreRefused', message: `${path} cannot be written: ${fatal ?? 'refused'}` });
    }
    const broken = tailBreak(db, VERIFIED_AT_END);
    if (broken !== undefined) return left(damaged(path, describeBreak(broken), broken));
    db.close();
    db = undefined;
    const file = openSync(path, 'r');
    fsyncSync(file);
    closeSync(file);
    return right(restored);
  } catch (error) {
    return left({ _tag: 'StoreRefused', message: `${path} cannot be written: ${textOf(error)}` });
  } finally {
    db?.close();
  }
};

/** The clock of this machine may be behind the one that the log was written with. */
const newestTimeMs = (db: DatabaseSync): number => {
  const data = value(db, 'SELECT data FROM events ORDER BY position DESC LIMIT 1');
  const event = data === undefined ? {} : (JSON.parse(String(data)) as { readonly atMs?: unknown });
  return typeof event.atMs === 'number' ? event.atMs : 0;
};

const restorationsHead = (db: DatabaseSync): Head => {
  const row = db
    .prepare(
      `SELECT e.revision, e.metadata FROM streams s JOIN events e ON e.stream_no = s.stream_no AND e.revision = s.revision
       WHERE s.name = ?`,
    )
    .get(RESTORATIONS_STREAM);
  const hash = row === undefined ? undefined : hashIn(String(row['metadata']));
  return hash === undefined ? emptyHead(RESTORATIONS_STREAM) : { revision: Number(row?.['revision']), hash };
};

/** The highest number that an account of this store has given out; 0 where the store cannot be read any more. */
export const highestNumber = (path: string): number => {
  const opened = openForReading(path);
  if (isLeft(opened)) return 0;
  const db = opened.right;
  try {
    const sql = `SELECT max(json_extract(data, '$.first') + json_extract(data, '$.count') - 1) FROM events WHERE type = 'IdsIssued'`;
    return Number(value(db, sql) ?? 0);
  } catch {
    return 0;
  } finally {
    db.close();
  }
};

/**
 * Empties the write-ahead log of a store that is about to be moved, so that it is one file. False: it is damaged, and has to be
 * moved as it is. Only for the holder of its lock.
 */
export const foldWriteAheadLog = (path: string): boolean => {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path);
    return Number(db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy']) === 0;
  } catch {
    return false;
  } finally {
    db?.close();
  }
};
