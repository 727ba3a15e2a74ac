import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLeft } from 'fp-ts/lib/Either.js';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { openSqliteStore } from '../../src/eventstore/sqlite.ts';
import { describeDurability, describeEventStore } from '../contract/event-store.ts';

const open = async (path: string): Promise<EventStore> => {
  const opened = await openSqliteStore({
    path,
    onFatal: (message) => {
      throw new Error(message);
    },
  });
  if (isLeft(opened)) throw new Error(opened.left.message);
  return opened.right;
};

const freshPath = (): string => join(mkdtempSync(join(tmpdir(), 'callboard-store-')), 'events.db');

describeEventStore('SQLite', async () => ({ store: await open(freshPath()) }));

describeDurability('SQLite', async () => {
  const path = freshPath();
  const store = await open(path);
  return {
    store,
    reopen: async () => {
      await store.close();
      return open(path);
    },
  };
});
