import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach } from 'vitest';
import { openSqliteStore, type SqliteStore } from '../../src/eventstore/sqlite.ts';

/** Paths for databases that are gone after the test. Every call another folder. */
export const temporaryPaths = (): (() => string) => {
  let root = '';
  let used = 0;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'callboard-store-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  return () => join(root, String((used += 1)), 'events.db');
};

/** Opens a store that the test expects to open, and to work until it is closed. */
export const openStore = async (path: string): Promise<SqliteStore> => {
  const opened = await openSqliteStore({
    path,
    onFatal: (message) => {
      throw new Error(message);
    },
  });
  if (isLeft(opened)) throw new Error(opened.left.message);
  return opened.right;
};
