import type { DatabaseSync } from 'node:sqlite';
import { isPassing, textOf } from './sqlite-schema.ts';

/** Copies the WAL into the database when it has grown. */
export interface Checkpointer {
  /** To be called after a commit was answered. The text of an error after which the storage cannot be trusted. */
  run(): string | undefined;
}

/** 16 MB. A checkpoint writes each touched page once: the rarer, the fewer writes, but appends wait for it the longer. */
const WAL_PAGES_MAX = 4_000;

/**
 * SQLite's own automatic checkpoint comes inside a commit, which waits for it, and hides its errors; a failed fsync
 * must not be hidden, because the next one may succeed although pages were lost.
 */
export const openCheckpointer = (db: DatabaseSync): Checkpointer => {
  const look = db.prepare('PRAGMA wal_checkpoint(NOOP)');
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  /** While a long reader holds the WAL, one attempt for every further WAL_PAGES_MAX pages is enough. */
  let retryAtPages = WAL_PAGES_MAX;
  return {
    run: () => {
      try {
        const pages = Number(look.get()?.['log']);
        if (pages < WAL_PAGES_MAX) retryAtPages = WAL_PAGES_MAX;
        if (pages < retryAtPages) return undefined;
        checkpoint.get();
        retryAtPages = pages + WAL_PAGES_MAX;
        return undefined;
      } catch (error) {
        // The WAL stays as it is, and the next checkpoint tries again.
        return isPassing(error) ? undefined : `SQLite checkpoint: ${textOf(error)}`;
      }
    },
  };
};
