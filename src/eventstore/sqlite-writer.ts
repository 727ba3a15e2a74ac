import type { DatabaseSync } from 'node:sqlite';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { StreamAppend } from './event-store.ts';
import { openCheckpointer } from './sqlite-checkpoint.ts';
import { type Committed, openCommitter, type RemoveRequest } from './sqlite-commit.ts';
import { type FromWriter, type ToWriter, unpackRequests, type WriterOptions } from './sqlite-protocol.ts';
import { damaged, isDamage, openForWriting, type OpenFailure, textOf, value } from './sqlite-schema.ts';
import { describeBreak } from './sqlite-check.ts';
import { tailBreak } from './sqlite-tail.ts';

/**
 * The writer's thread: inserts and waits for the disk without blocking the event loop of the engine. All appends that
 * lie in the queue are written in one transaction and answered after its commit.
 */

/** Requests after which no further message is taken into the same transaction; one message may exceed it. */
const GROUP_REQUESTS_MAX = 1024;
const VERIFIED_AT_OPEN = 10_000;

const openLog = ({ path, afterCrash }: WriterOptions): Either<OpenFailure, DatabaseSync> => {
  const opened = openForWriting(path);
  if (isLeft(opened)) return opened;
  const db = opened.right;
  try {
    const check = afterCrash ? value(db, 'PRAGMA quick_check(1)') : 'ok';
    if (check !== 'ok') return left(damaged(path, String(check)));
    const broken = tailBreak(db, VERIFIED_AT_OPEN);
    return broken === undefined ? right(db) : left(damaged(path, describeBreak(broken), broken));
  } catch (error) {
    if (isDamage(error)) return left(damaged(path, textOf(error)));
    throw error;
  }
};

const serve = (port: NonNullable<typeof parentPort>, db: DatabaseSync): void => {
  const tell = (message: FromWriter): void => port.postMessage(message);
  const committer = openCommitter(db);
  const checkpointer = openCheckpointer(db);
  let broken: string | undefined;

  const write = (requests: ReadonlyArray<ReadonlyArray<StreamAppend>>): void => {
    if (broken !== undefined) {
      const message = broken;
      tell({ kind: 'answers', answers: requests.map(() => ({ _tag: 'StoreUnavailable', message })) });
      return;
    }
    answer(committer.commit(requests));
  };

  const remove = (request: RemoveRequest): void => {
    if (broken === undefined) answer(committer.remove(request));
    else tell({ kind: 'answers', answers: [{ _tag: 'StoreUnavailable', message: broken }] });
  };

  const answer = ({ answers, fatal }: Committed): void => {
    tell({ kind: 'answers', answers });
    broken = fatal ?? checkpointer.run();
    if (broken !== undefined) tell({ kind: 'fatal', message: broken });
  };

  port.on('message', (first: ToWriter) => {
    const requests: ReadonlyArray<StreamAppend>[] = [];
    let closing = false;
    let removal: RemoveRequest | undefined;
    for (let message: ToWriter | undefined = first; message !== undefined; message = received(port)) {
      if (message.kind === 'append') requests.push(...unpackRequests(message.requests));
      else if (message.kind === 'remove') removal = message.request;
      else closing = true;
      if (closing || removal !== undefined || requests.length >= GROUP_REQUESTS_MAX) break;
    }
    if (requests.length > 0) write(requests);
    if (removal !== undefined) remove(removal);
    if (!closing) return;
    if (broken === undefined) db.close();
    tell({ kind: 'closed' });
    port.close();
  });
  tell({ kind: 'ready', head: committer.head, storeId: String(value(db, 'SELECT store_id FROM log')) });
};

const received = (port: NonNullable<typeof parentPort>): ToWriter | undefined =>
  (receiveMessageOnPort(port) as { readonly message: ToWriter } | undefined)?.message;

if (parentPort === null) throw new Error('sqlite-writer runs as a worker of sqlite.ts only');
const opened = openLog(workerData as WriterOptions);
if (isLeft(opened)) parentPort.postMessage({ kind: 'refused', failure: opened.left } satisfies FromWriter);
else serve(parentPort, opened.right);
