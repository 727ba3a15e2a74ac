import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { checkCopy, copySnapshot, type OnChecked } from './sqlite-backup.ts';
import { acquireLock } from './sqlite-lock.ts';
import { foldWriteAheadLog } from './sqlite-restore.ts';
import { openForReading, type OpenFailure, textOf, value } from './sqlite-schema.ts';

export interface Compacted {
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

const refused = (message: string): Either<OpenFailure, never> => left({ _tag: 'StoreRefused', message });

/**
 * Gives the space of what was removed back to the file system: a copy without it is written beside the file, read again as a whole,
 * and takes its place. For a server that is down; room for the copy is needed. Killed at any point it leaves the one file or the
 * other, and at most `<path>.compacted`, which the next one replaces.
 */
export const compactSqliteStore = async (
  path: string,
  onChecked?: OnChecked,
): Promise<Either<OpenFailure, Compacted>> => {
  const lock = acquireLock(path);
  if (isLeft(lock)) return lock;
  const { afterCrash } = lock.right;
  const draft = `${path}.compacted`;
  try {
    removeDraft(draft);
    if (!foldWriteAheadLog(path)) return refused(`${path} cannot be written, or is being read by others`);
    const bytesBefore = statSync(path).size;
    // Before SQLite does it: what stands in there is for its owner only.
    closeSync(openSync(draft, 'wx', 0o600));
    const copied = copySnapshot(path, draft);
    if (isLeft(copied)) return copied;
    const checked = await checkCopy(draft, onChecked);
    if (isLeft(checked)) return checked;
    const before = extentOf(path);
    if (isLeft(before)) return before;
    const { position, events, storeId } = checked.right;
    if (before.right !== `${position} ${events} ${storeId}`)
      return refused(`the copy of ${path} is not the same log, and was thrown away`);
    sync(draft);
    // What was read has made a write-ahead log again: one of the old file must never be found beside the new one.
    if (!foldWriteAheadLog(path) || existsSync(`${path}-wal`))
      return refused(`${path} is being read by others: stop them first`);
    renameSync(draft, path);
    sync(dirname(path));
    return right({ bytesBefore, bytesAfter: statSync(path).size });
  } catch (error) {
    return refused(`${path} cannot be compacted: ${textOf(error)}`);
  } finally {
    removeDraft(draft);
    // After a crash the next server still has to look at the whole file.
    lock.right.release(!afterCrash);
  }
};

const extentOf = (path: string): Either<OpenFailure, string> => {
  const opened = openForReading(path);
  if (isLeft(opened)) return opened;
  const db = opened.right;
  try {
    const newest = Number(value(db, 'SELECT max(position) FROM events') ?? 0);
    const events = Number(value(db, 'SELECT count(*) FROM events'));
    return right(`${newest} ${events} ${String(value(db, 'SELECT store_id FROM log'))}`);
  } finally {
    db.close();
  }
};

const removeDraft = (draft: string): void => {
  for (const path of [draft, `${draft}-journal`, `${draft}-wal`, `${draft}-shm`])
    rmSync(path, { force: true });
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
