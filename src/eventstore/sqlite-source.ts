import { existsSync } from 'node:fs';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { assertLimit } from './batch.ts';
import type { EventStore, ReadFailure } from './event-store.ts';
import { acquireLock } from './sqlite-lock.ts';
import type { RemovingStore } from './removing.ts';
import { openReader } from './sqlite-reader.ts';
import { openForReading, type OpenFailure, textOf, value } from './sqlite-schema.ts';

/** A log that nobody can write while it is open. */
export interface HeldLog extends Pick<EventStore, 'id' | 'readAll' | 'readStream'> {
  close(): void;
}

/** Opens the log of a server that is down: holds its lock, so that none can start, and writes nothing to it. */
export const holdSqliteLog = (path: string): Either<OpenFailure, HeldLog> => {
  if (!existsSync(path)) return left({ _tag: 'StoreRefused', message: `${path} is not there` });
  const lock = acquireLock(path);
  if (isLeft(lock)) return lock;
  const { afterCrash } = lock.right;
  const release = (clean: boolean): void => lock.right.release(clean);
  const opened = openForReading(path);
  if (isLeft(opened)) {
    release(!afterCrash);
    return opened;
  }
  const db = opened.right;
  const reader = openReader(db);
  const read =
    <A>(question: () => A) =>
    async (): Promise<Either<ReadFailure, A>> => {
      try {
        return right(question());
      } catch (error) {
        return left({ _tag: 'StoreUnavailable', message: `SQLite: ${textOf(error)}` });
      }
    };
  return right({
    id: String(value(db, 'SELECT store_id FROM log')),
    readAll: (options) => {
      assertLimit(options.limit);
      return read(() => reader.all(options));
    },
    readStream: (stream, options) => {
      assertLimit(options.limit);
      return read(() => reader.stream(stream, options));
    },
    close: () => {
      reader.close();
      // After a crash the next server still has to look at the whole file.
      release(!afterCrash);
    },
  });
};

/** For looking at what could be removed, with the server up or down: it removes nothing. */
export type ReadableLog = Pick<EventStore, 'id' | 'readStream'> & RemovingStore & { close(): void };

export const readSqliteLog = (path: string): Either<OpenFailure, ReadableLog> => {
  const opened = openForReading(path);
  if (isLeft(opened)) return opened;
  const reader = openReader(opened.right);
  const read =
    <A>(question: () => A) =>
    async (): Promise<Either<ReadFailure, A>> => {
      try {
        return right(question());
      } catch (error) {
        return left({ _tag: 'StoreUnavailable', message: `SQLite: ${textOf(error)}` });
      }
    };
  return right({
    id: String(value(opened.right, 'SELECT store_id FROM log')),
    readStream: (stream, options) => read(() => reader.stream(stream, options)),
    ends: ({ after, streamPrefix, types }) => read(() => reader.ends(after, streamPrefix, types)),
    streamNames: (prefix) => read(() => reader.streamNames(prefix)),
    removedPosition: (stream, revision) => read(() => reader.removedPosition(stream, revision)),
    remove: () => async () => left({ _tag: 'StoreUnavailable', message: 'opened for reading' }),
    close: () => reader.close(),
  });
};
