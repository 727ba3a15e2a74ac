import { existsSync, openSync, readSync, closeSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import { openReader } from '../../src/eventstore/sqlite-reader.ts';
import { openForReading } from '../../src/eventstore/sqlite-schema.ts';
import { decodeAll } from '../../src/projections/projector.ts';
import type { Group, ReadModels } from '../../src/projections/read-models.ts';

/** What happened, as events of the log, for a preview to go through. */
export interface History {
  readonly what: string;
  /** Which read models it needs to be kept up to date. */
  readonly groups: ReadonlyArray<Group>;
  /** In the order of the log. Each batch is applied to the read models before the next is asked for. */
  batches(models: ReadModels): AsyncIterable<ReadonlyArray<Decoded>>;
  /** What of it could not be used, once all batches were given. */
  remarks(): ReadonlyArray<string>;
  close(): Promise<void>;
}

export type HistoryKind =
  { readonly kind: 'store'; readonly path: string } | { readonly kind: 'changes'; readonly path: string };

const SQLITE_HEADER = 'SQLite format 3\u0000';
const STORE_FILE = 'events.db';

/** What lies at the path: a data folder, the file of a store, or changes as lines of JSON. */
export const historyAt = (path: string): Either<string, HistoryKind> => {
  if (/^esdb(?:\+discover)?:/.test(path)) {
    return left('a preview reads the embedded store or lines of CloudEvents, not EventStoreDB');
  }
  try {
    if (statSync(path).isDirectory()) {
      const file = join(path, STORE_FILE);
      return existsSync(file)
        ? right({ kind: 'store', path: file })
        : left(`there is no ${STORE_FILE} in ${path}`);
    }
    return right({ kind: startsWith(path, SQLITE_HEADER) ? 'store' : 'changes', path });
  } catch (error) {
    return left(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
};

const startsWith = (path: string, text: string): boolean => {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(text.length);
    return readSync(file, bytes) === text.length && bytes.toString('latin1') === text;
  } finally {
    closeSync(file);
  }
};

const PAGE = 1_000;

/**
 * The log of a store as it is at this moment. Opened for reading alone: a server may write meanwhile, and neither notices
 * the other.
 */
export const storeHistory = (path: string, onProgress?: (share: number) => void): Either<string, History> => {
  const opened = openForReading(path);
  if (isLeft(opened)) return left(opened.left.message);
  const reader = openReader(opened.right);
  const head = reader.head();
  return right({
    what: `the event store ${path}`,
    groups: ['routing'],
    batches: async function* () {
      for (let after = 0; after < head;) {
        const page = reader.all({ after, limit: Math.min(PAGE, head - after) });
        yield decodeAll(page.events);
        after = page.next;
        onProgress?.(after / head);
      }
    },
    remarks: () => [],
    close: async () => reader.close(),
  });
};
