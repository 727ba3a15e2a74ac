import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { type Log, silentLog } from '../ports/log.ts';
import { assertBatch, assertLimit, bytesOf } from './batch.ts';
import type {
  Appended,
  AppendFailure,
  EventStore,
  ReadFailure,
  RecordedEvent,
  StreamAppend,
} from './event-store.ts';
import type { RemovingStore } from './removing.ts';
import type { Answer } from './sqlite-commit.ts';
import { acquireLock, type StoreLock } from './sqlite-lock.ts';
import { type FromWriter, packRequests, type ToWriter, type WriterOptions } from './sqlite-protocol.ts';
import { type LogReader, openReader } from './sqlite-reader.ts';
import { openForReading, type OpenFailure, textOf } from './sqlite-schema.ts';
import { liveFeed, subscriptionsTo } from './subscription.ts';

export type { OpenFailure } from './sqlite-schema.ts';

export interface SqliteStoreOptions {
  /** The database file; its folder is made with mode 0700 if need be. Lock and holder files lie beside it. */
  readonly path: string;
  readonly log?: Log;
  /**
   * Called at most once, after an I/O error: what was acknowledged is on disk, but this process must not go on
   * writing. It should end and start again, which recovers from disk.
   */
  readonly onFatal: (message: string) => void;
}

const APPEND_BYTES_MAX = 16 * 1024 * 1024;
/**
 * What one message to the writer holds at most, so that it starts while the rest is still being queued: else all
 * attempts would move in step, and the threads would wait for each other instead of working side by side.
 */
const MESSAGE_REQUESTS_MAX = 64;
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

/** In a checkout the source itself, in the published package what was compiled from it. */
const WRITER_URL = new URL(
  import.meta.url.endsWith('.ts') ? './sqlite-writer.ts' : './sqlite-writer.js',
  import.meta.url,
);

export type SqliteStore = EventStore & RemovingStore;

/** Opens the embedded store: the only writer of its file, as long as it is open. */
export const openSqliteStore = async (
  options: SqliteStoreOptions,
): Promise<Either<OpenFailure, SqliteStore>> => {
  const { path } = options;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    return left({ _tag: 'StoreRefused', message: `the folder of ${path} cannot be made: ${textOf(error)}` });
  }
  const lock = acquireLock(path);
  if (isLeft(lock)) return lock;
  const { afterCrash } = lock.right;
  if (afterCrash) options.log?.warn({ path }, 'the event store was not closed; checking it');
  const worker = new Worker(WRITER_URL, {
    workerData: { path, afterCrash } satisfies WriterOptions,
    execArgv: [],
  });
  const first = await firstMessage(worker);
  const refuse = async (failure: OpenFailure): Promise<Either<OpenFailure, never>> => {
    await worker.terminate();
    lock.right.release(!afterCrash);
    return left(failure);
  };
  if (first.kind === 'refused') return refuse(first.failure);
  const reading = openForReading(path);
  if (isLeft(reading)) return refuse(reading.left);
  const { head, storeId } = first;
  options.log?.info({ path, head }, 'event store open');
  return right(sqliteStore(worker, openReader(reading.right), lock.right, { head, storeId }, options));
};

/** Whether the writer could open the log. */
const firstMessage = (worker: Worker): Promise<Extract<FromWriter, { readonly kind: 'ready' | 'refused' }>> =>
  new Promise((resolve) => {
    const onError = (error: unknown): void => {
      const message = `the store's writer failed: ${textOf(error)}`;
      resolve({ kind: 'refused', failure: { _tag: 'StoreRefused', message } });
    };
    worker.once('error', onError);
    worker.once('message', (message: Extract<FromWriter, { readonly kind: 'ready' | 'refused' }>) => {
      worker.off('error', onError);
      resolve(message);
    });
  });

interface Pending {
  readonly batch: ReadonlyArray<StreamAppend>;
  readonly bytes: number;
  readonly resolve: (result: Either<AppendFailure, ReadonlyArray<Appended>>) => void;
}

const sqliteStore = (
  worker: Worker,
  reader: LogReader,
  lock: StoreLock,
  { head, storeId }: { readonly head: number; readonly storeId: string },
  { log = silentLog, onFatal }: SqliteStoreOptions,
): SqliteStore => {
  const feed = liveFeed(head);
  /** Sent and not answered yet, oldest first. */
  let sent: Pending[] = [];
  let outgoing: Pending[] = [];
  let outgoingBytes = 0;
  let flushing = false;
  let fatal: string | undefined;
  let closing: Promise<void> | undefined;
  let exited: () => void = () => undefined;
  const exit = new Promise<void>((resolve) => (exited = resolve));

  const unavailable = (message: string): Either<ReadFailure, never> =>
    left({ _tag: 'StoreUnavailable', message });

  const tell = (message: ToWriter): void => worker.postMessage(message);

  const flush = (): void => {
    flushing = false;
    if (outgoing.length === 0) return;
    tell({ kind: 'append', requests: packRequests(outgoing.map(({ batch }) => batch)) });
    sent.push(...outgoing);
    outgoing = [];
    outgoingBytes = 0;
  };

  /** Appends of one turn of the event loop cross to the writer together. */
  const enqueue = (pending: Pending): void => {
    outgoing.push(pending);
    outgoingBytes += pending.bytes;
    if (outgoing.length >= MESSAGE_REQUESTS_MAX || outgoingBytes >= MESSAGE_BYTES_MAX) flush();
    else if (!flushing) {
      flushing = true;
      setImmediate(flush);
    }
  };

  const onAnswers = (answers: ReadonlyArray<Answer>): void => {
    const answered = sent.slice(0, answers.length);
    sent = sent.slice(answers.length);
    const stored: RecordedEvent[] = [];
    const results = answers.map((answer, index) => toResult(answer, answered[index]?.batch ?? [], stored));
    feed.publish(stored);
    for (const [index, result] of results.entries()) answered[index]?.resolve(result);
  };

  const die = (message: string): void => {
    if (fatal !== undefined) return;
    fatal = message;
    log.error({ message }, 'the event store takes no more writes');
    onFatal(message);
  };

  const onExit = (message: string): void => {
    if (closing === undefined) die(message);
    for (const { resolve } of sent) resolve(left({ _tag: 'OutcomeUnknown', message }));
    for (const { resolve } of outgoing) resolve(unavailable(message));
    sent = [];
    outgoing = [];
    exited();
  };

  worker.on('message', (message: FromWriter) => {
    if (message.kind === 'answers') onAnswers(message.answers);
    else if (message.kind === 'fatal') die(message.message);
  });
  worker.on('error', (error) => onExit(`the store's writer failed: ${textOf(error)}`));
  worker.on('exit', () => onExit(`the store's writer ended`));

  const append: EventStore['append'] = (batch) => async () => {
    assertBatch(batch);
    const bytes = bytesOf(batch, APPEND_BYTES_MAX);
    if (bytes > APPEND_BYTES_MAX) return left({ _tag: 'AppendTooLarge', bytes, bytesMax: APPEND_BYTES_MAX });
    if (closing !== undefined) return unavailable('the store is closed');
    if (fatal !== undefined) return unavailable(fatal);
    return new Promise((resolve) => enqueue({ batch, bytes, resolve }));
  };

  const remove: RemovingStore['remove'] = (record, removals) => async () => {
    assertBatch([record]);
    if (closing !== undefined) return unavailable('the store is closed');
    if (fatal !== undefined) return unavailable(fatal);
    return new Promise((resolve) => {
      // In the order of what was asked for before: so are the answers.
      flush();
      sent.push({ batch: [record], bytes: 0, resolve });
      tell({ kind: 'remove', request: { record, removals } });
    });
  };

  const read =
    <A>(question: () => A) =>
    async (): Promise<Either<ReadFailure, A>> => {
      if (closing !== undefined) return unavailable('the store is closed');
      try {
        return right(question());
      } catch (error) {
        return unavailable(`SQLite: ${textOf(error)}`);
      }
    };

  const readAll: EventStore['readAll'] = (options) => {
    assertLimit(options.limit);
    return read(() => reader.all(options));
  };

  const subscriptions = subscriptionsTo(readAll, feed);

  const close = async (): Promise<void> => {
    await subscriptions.stopAll();
    // Before the writer's connection: the last one to close empties the WAL.
    reader.close();
    flush();
    tell({ kind: 'close' });
    await exit;
    lock.release(fatal === undefined);
  };

  return {
    id: storeId,
    atomicBatches: true,
    positions: 'dense',
    appendBytesMax: APPEND_BYTES_MAX,
    append,
    readStream: (stream, options) => {
      assertLimit(options.limit);
      return read(() => reader.stream(stream, options));
    },
    readAll,
    head: () => read(() => reader.head()),
    removedAtMs: (stream) => read(() => reader.removedAtMs(stream)),
    ends: ({ after, streamPrefix, types }) => read(() => reader.ends(after, streamPrefix, types)),
    remove,
    streamNames: (prefix) => read(() => reader.streamNames(prefix)),
    removedPosition: (stream, revision) => read(() => reader.removedPosition(stream, revision)),
    subscribe: subscriptions.subscribe,
    close: () => (closing ??= close()),
  };
};

/** Adds what was newly stored to `stored`: the very objects that were appended, so that decoding them is free. */
const toResult = (
  answer: Answer,
  batch: ReadonlyArray<StreamAppend>,
  stored: RecordedEvent[],
): Either<AppendFailure, ReadonlyArray<Appended>> => {
  if ('_tag' in answer) return left(answer);
  return right(
    batch.map(({ stream, events }, index): Appended => {
      const revision = answer[2 * index] ?? 0;
      const position = answer[2 * index + 1] ?? 0;
      if (position < 0) return { revision, position: -position };
      for (const [at, event] of events.entries()) {
        const before = events.length - 1 - at;
        stored.push({ stream, revision: revision - before, position: position - before, event });
      }
      return { revision, position };
    }),
  );
};
