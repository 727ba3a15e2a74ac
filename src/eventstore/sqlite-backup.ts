import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { hashIn } from './chain.ts';
import { nullable } from './codec-parts.ts';
import type { ChainBreak } from './decoded.ts';
import { EMPTY_DIGEST, nextDigest } from './log-digest.ts';
import { type CopyEnd, copyEndCodec } from './restorations.ts';
import { endBreaks, type EventRow, openCheck } from './sqlite-check.ts';
import { keysOf, writeBackupKeys } from './sqlite-keys-file.ts';
import { damaged, openForReading, type OpenFailure, textOf, value } from './sqlite-schema.ts';
import { describeBreak } from './sqlite-verify.ts';

/** What a backup says of itself, in a table of its own beside those of the log. */
export interface BackupLabel {
  readonly takenAtMs: number;
  /** The key that webhook secrets are sealed under; null: no server has started on the store. */
  readonly keyId: string | null;
  readonly end: CopyEnd;
}

const label: t.Type<BackupLabel> = t.strict({
  takenAtMs: t.number,
  keyId: nullable(t.string),
  end: copyEndCodec,
});

const refused = (message: string): OpenFailure => ({ _tag: 'StoreRefused', message });

/** Called with the number of events that are checked, of all. */
export type OnChecked = (done: number, all: number) => void;

const EVENTS_PER_TURN = 1_000;

/**
 * Copies a log as it is at one moment to `to`, which must be empty or absent; a server may write meanwhile and waits for
 * nothing: the copy reads one snapshot of the write-ahead log. SQLite writes it anew page by page, so it holds no free
 * space and no write-ahead log of its own. Not synced yet.
 */
export const copySnapshot = (from: string, to: string): Either<OpenFailure, void> => {
  const opened = openForReading(from);
  if (isLeft(opened)) return opened;
  const db = opened.right;
  try {
    db.prepare('VACUUM INTO ?').run(to);
    return right(undefined);
  } catch (error) {
    return left(refused(`${from} cannot be copied to ${to}: ${textOf(error)}`));
  } finally {
    db.close();
  }
};

/** Every chain, revision, position and end of a copy that nobody writes; answers where it ends, or what is broken. */
export const checkCopy = async (
  path: string,
  onChecked?: OnChecked,
): Promise<Either<OpenFailure, CopyEnd & { readonly storeId: string }>> => {
  const opened = openForReading(path);
  if (isLeft(opened)) return opened;
  const db = opened.right;
  try {
    const sound = value(db, 'PRAGMA quick_check(1)');
    if (sound !== 'ok') return left(damaged(path, String(sound)));
    const all = Number(value(db, 'SELECT count(*) FROM events'));
    const check = openCheck(db, 0);
    let digest = EMPTY_DIGEST;
    let newest: EventRow | undefined;
    let events = 0;
    const rows = db.prepare(
      'SELECT position, stream_no, revision, id, type, data, metadata FROM events ORDER BY position',
    );
    rows.setReturnArrays(true);
    for (const row of rows.iterate() as unknown as Iterable<EventRow>) {
      const [broken] = check.check(row);
      if (broken !== undefined) return left(brokenAt(path, broken));
      digest = nextDigest(digest, hashIn(row[6]) ?? '');
      newest = row;
      events += 1;
      if (events % EVENTS_PER_TURN !== 0) continue;
      onChecked?.(events, all);
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const broken of [...check.end(Number(value(db, 'SELECT head FROM log'))), ...endBreaks(db)])
      return left(brokenAt(path, broken));
    onChecked?.(events, all);
    return right({
      position: newest?.[0] ?? 0,
      events,
      digest,
      last: newest === undefined ? null : nameOf(db, newest),
      storeId: String(value(db, 'SELECT store_id FROM log')),
    });
  } catch (error) {
    return left(damaged(path, textOf(error)));
  } finally {
    db.close();
  }
};

const brokenAt = (path: string, broken: ChainBreak): OpenFailure =>
  damaged(path, describeBreak(broken), broken);

const nameOf = (db: DatabaseSync, [, streamNo, revision, , , , metadata]: EventRow) => ({
  stream: String(db.prepare('SELECT name FROM streams WHERE stream_no = ?').get(streamNo)?.['name']),
  revision,
  hash: hashIn(metadata) ?? '',
});

export interface BackupOptions {
  readonly from: string;
  /** Must not be there yet. */
  readonly to: string;
  readonly nowMs: number;
  readonly keyId: string | null;
  readonly onChecked?: OnChecked;
}

/**
 * An online copy that was read again and checked before it gets its name. Killed at any point it leaves no file of that
 * name, only `<name>.partial`, which the next one to the same name replaces.
 */
export const backUp = async ({
  from,
  to,
  nowMs,
  keyId,
  onChecked,
}: BackupOptions): Promise<Either<OpenFailure, BackupLabel>> => {
  const draft = `${to}.partial`;
  try {
    removeDraft(draft);
    // Before SQLite does it: what stands in there is for its owner only.
    closeSync(openSync(draft, 'wx', 0o600));
    const copied = copySnapshot(from, draft);
    if (isLeft(copied)) return discard(draft, copied.left);
    const checked = await checkCopy(draft, onChecked);
    if (isLeft(checked)) return discard(draft, ofTheStore(from, checked.left));
    const { storeId: _storeId, ...end } = checked.right;
    const made: BackupLabel = { takenAtMs: nowMs, keyId, end };
    writeLabel(draft, made);
    // After the log: no event in the copy lacks its key, but those that were forgotten meanwhile.
    writeBackupKeys(draft, keysOf(from));
    sync(draft);
    // A link, not a rename: it never takes the place of a file that is there.
    linkSync(draft, to);
    rmSync(draft);
    sync(dirname(to));
    return right(made);
  } catch (error) {
    return discard(draft, refused(`${to} cannot be written: ${textOf(error)}`));
  }
};

/** The copy is gone by the time its failure is read: what is damaged is what it was made of. */
const ofTheStore = (from: string, failure: OpenFailure): OpenFailure => ({
  ...failure,
  message: `the copy of ${from} does not hang together, and no backup was made. 'callboard audit verify' tells more. ${failure.message}`,
});

const discard = (draft: string, failure: OpenFailure): Either<OpenFailure, never> => {
  removeDraft(draft);
  return left(failure);
};

/** With the journal that SQLite leaves when it is cut short. Where there is not even a folder, there is nothing to remove. */
const removeDraft = (draft: string): void => {
  for (const path of [draft, `${draft}-journal`]) if (existsSync(path)) rmSync(path);
};

const writeLabel = (path: string, made: BackupLabel): void => {
  const db = new DatabaseSync(path);
  try {
    db.exec('CREATE TABLE backup (label TEXT NOT NULL) STRICT');
    db.prepare('INSERT INTO backup (label) VALUES (?)').run(JSON.stringify(made));
  } finally {
    db.close();
  }
};

/** Undefined: a copy that was not made by `callboard backup`, or a store in use. */
export const labelOf = (path: string): Either<OpenFailure, BackupLabel | undefined> => {
  const opened = openForReading(path);
  if (isLeft(opened)) return opened;
  const db = opened.right;
  try {
    const has = value(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'backup'") === 1;
    if (!has) return right(undefined);
    const decoded = label.decode(JSON.parse(String(value(db, 'SELECT label FROM backup'))));
    return isLeft(decoded) ? left(damaged(path, 'what it says of itself cannot be read')) : decoded;
  } catch (error) {
    return left(damaged(path, textOf(error)));
  } finally {
    db.close();
  }
};

/** Of a file or a folder: on disk before this returns. */
const sync = (path: string): void => {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};
