import type { DatabaseSync } from 'node:sqlite';
import { isPassing, textOf, value } from './sqlite-schema.ts';

/** Copies the WAL into the database when it has grown. */
export interface Checkpointer {
  /** To be called after a commit was answered. The text of an error after which the storage cannot be trusted. */
  run(): string | undefined;
}

/** A checkpoint writes each touched page once: the rarer, the fewer writes, but appends wait for it the longer. */
const WAL_BYTES_MAX = 16 * 1024 * 1024;

/**
 * SQLite's own automatic checkpoint comes inside a commit, which waits for it, and hides its errors; a failed fsync
 * must not be hidden, because the next one may succeed although pages were lost.
 */
export const openCheckpointer = (db: DatabaseSync): Checkpointer => {
  const look = db.prepare('PRAGMA wal_checkpoint(NOOP)');
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  const pagesMax = Math.ceil(WAL_BYTES_MAX / Number(value(db, 'PRAGMA page_size')));
  /** While a long reader holds the WAL, one attempt for every further `pagesMax` pages is enough. */
  let retryAtPages = pagesMax;
  return {
    run: () => {
      try {
        const pages = Number(look.get()?.['log']);
        if (pages < pagesMax) retryAtPages = pagesMax;
        if (pages < retryAtPages) return undefined;
        checkpoint.get();
        retryAtPages = pages + pagesMax;
        return undefined;
      } catch (error) {
        // The WAL stays as it is, and the next checkpoint tries again.
        return isPassing(error) ? undefined : `SQLite checkpoint: ${textOf(error)}`;
      }
    },
  };
};
