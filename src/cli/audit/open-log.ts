import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { pinoLog } from '../../adapters/pino-log.ts';
import type { AuditedLog } from '../../audit/log-pages.ts';
import type { EventStore, ReadFailure } from '../../eventstore/event-store.ts';
import { openReader } from '../../eventstore/sqlite-reader.ts';
import { openForReading, SCAN_CACHE_KIB, textOf, value } from '../../eventstore/sqlite-schema.ts';
import { type MovableStore, openDatabase } from '../migrate/sides.ts';

export interface OpenedLog {
  readonly log: AuditedLog & Pick<EventStore, 'id'>;
  /** What was settled long ago may have lost its beginning. */
  readonly beginningsMayBeGone: boolean;
  close(): Promise<void>;
}

/** The history for reading alone, with the server up or down: neither notices the other. */
export const openLog = async (store: MovableStore): Promise<Either<string, OpenedLog>> => {
  if (store.kind === 'esdb') {
    const opened = await openDatabase(store, { log: pinoLog('silent'), readOnly: true });
    if (isLeft(opened)) return opened;
    const database = opened.right;
    return right({ log: database, beginningsMayBeGone: true, close: () => database.close() });
  }
  const opened = openForReading(store.path, SCAN_CACHE_KIB);
  if (isLeft(opened)) return left(opened.left.message);
  const reader = openReader(opened.right);
  const read =
    <A>(question: () => A) =>
    async (): Promise<Either<ReadFailure, A>> => {
      try {
        return right(question());
      } catch (error) {
        return left({ _tag: 'StoreUnavailable', message: `${store.path}: ${textOf(error)}` });
      }
    };
  return right({
    log: {
      id: String(value(opened.right, 'SELECT store_id FROM log')),
      readAll: (options) => read(() => reader.all(options)),
      readStream: (stream, options) => read(() => reader.stream(stream, options)),
      head: () => read(() => reader.head()),
      removedAtMs: (stream) => read(() => reader.removedAtMs(stream)),
    },
    beginningsMayBeGone: true,
    close: async () => reader.close(),
  });
};
