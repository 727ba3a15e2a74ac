import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isLeft } from 'fp-ts/lib/Either.js';
import { issueToken } from '../../src/adapters/jwt.ts';
import { loadOrCreateMasterSecret } from '../../src/adapters/master-secret.ts';
import { newWebhookSecret, openSecretBox, type SecretBox } from '../../src/adapters/secret-box.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { systemRandom } from '../../src/adapters/system-random.ts';
import { sealHistory } from '../../src/audit/seal-history.ts';
import type { Cause } from '../../src/domain/events.ts';
import { decode, emptyHead, seal, type UnsealedEvent } from '../../src/eventstore/codec.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { Appended, EventStore, Position, StreamAppend } from '../../src/eventstore/event-store.ts';
import { markRestored } from '../../src/eventstore/sqlite-restore.ts';
import { openSqliteStore } from '../../src/eventstore/sqlite.ts';
import { silentLog } from '../../src/ports/log.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';

/** Data folders as the server itself would have left them, made without it. */

/** A stream that does not exist yet, with all its events. */
export interface NewStream {
  readonly stream: string;
  readonly events: ReadonlyArray<UnsealedEvent>;
  readonly cause: Cause;
}

const eventsPath = (folder: string): string => join(folder, 'events.db');
const readModelsPath = (folder: string): string => join(folder, 'read-models.db');

const STREAMS_PER_APPEND = 1_000;

/** Writes the streams in order, log and read models. Answers how many events the log then holds. */
export const fillFolder = async (folder: string, streams: Iterable<NewStream>): Promise<number> => {
  const store = await openStore(folder);
  const readModels = openReadModels({
    path: readModelsPath(folder),
    eventStoreId: store.id,
    log: silentLog,
  });
  let head = 0;
  /** The batch before is put into the read models while the store writes the next. */
  let projected: Promise<void> = Promise.resolve();
  const write = async (batch: ReadonlyArray<StreamAppend>): Promise<void> => {
    const appending = append(store, batch);
    await projected;
    projected = appending.then((appended) => {
      head = appended.at(-1)?.position ?? head;
      project(readModels, batch, appended, head);
    });
  };

  let batch: StreamAppend[] = [];
  for (const { stream, events, cause } of streams) {
    batch.push(seal(stream, emptyHead(stream), events, cause).append);
    if (batch.length < STREAMS_PER_APPEND) continue;
    await write(batch);
    batch = [];
  }
  if (batch.length > 0) await write(batch);
  await projected;
  readModels.recordFannedOut(head);
  readModels.close();
  await store.close();
  return head;
};

/**
 * Puts more into the read models than the log holds, as if the log had been put back to an earlier copy meanwhile. What is
 * filled in afterwards stands behind it. `historyAfter` is given the end of the log and answers batches of what follows it.
 */
export const fillLost = async (
  folder: string,
  historyAfter: (head: Position) => Iterable<ReadonlyArray<Decoded>>,
): Promise<void> => {
  const store = await openStore(folder);
  const head = await store.head()();
  await store.close();
  if (isLeft(head)) throw new Error(head.left.message);
  const { id: storeId } = store;
  const readModels = openReadModels({ path: readModelsPath(folder), eventStoreId: storeId, log: silentLog });
  for (const batch of historyAfter(head.right)) {
    readModels.apply('log', batch, batch.at(-1)?.position ?? 0);
    await new Promise((resolve) => setImmediate(resolve));
  }
  readModels.close();
  const restored = markRestored({
    path: eventsPath(folder),
    nowMs: Date.now(),
    numbersKnown: 0,
    eventId: randomUUID(),
    storeId,
    takenAtMs: null,
    copyOf: storeId,
    end: { position: head.right, events: head.right, digest: '', last: null },
  });
  if (isLeft(restored)) throw new Error(JSON.stringify(restored.left));
};

/** As the server would have sealed it. Answers how many seals there are. */
export const sealFolder = async (folder: string): Promise<number> => {
  const store = await openStore(folder);
  const sealed = await sealHistory({
    store,
    clock: systemClock(),
    random: systemRandom(),
    signer: undefined,
    breathe: async () => true,
  });
  await store.close();
  if (isLeft(sealed)) throw new Error(sealed.left);
  return sealed.right.length;
};

const openStore = async (folder: string): Promise<EventStore> => {
  const onFatal = (message: string): void => {
    throw new Error(message);
  };
  const store = await openSqliteStore({ path: eventsPath(folder), onFatal });
  if (isLeft(store)) throw new Error(store.left.message);
  return store.right;
};

const append = async (
  store: EventStore,
  batch: ReadonlyArray<StreamAppend>,
): Promise<ReadonlyArray<Appended>> => {
  const appended = await store.append(batch)();
  if (isLeft(appended)) throw new Error(`the folder cannot be filled: ${JSON.stringify(appended.left)}`);
  return appended.right;
};

const project = (
  readModels: ReadModels,
  batch: ReadonlyArray<StreamAppend>,
  appended: ReadonlyArray<Appended>,
  upTo: number,
): void => {
  const decoded: Decoded[] = [];
  for (const [index, { stream, events }] of batch.entries()) {
    const last = appended[index]?.position ?? 0;
    for (const [revision, event] of events.entries()) {
      const known = decode({ stream, revision, position: last - (events.length - 1 - revision), event });
      if (isLeft(known)) throw new Error(known.left.reason);
      decoded.push(known.right);
    }
  }
  readModels.apply('routing', decoded, upTo);
  readModels.apply('log', decoded, upTo);
};

/** The next start has to build them again. */
export const removeReadModels = (folder: string): void => {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${readModelsPath(folder)}${suffix}`, { force: true });
};

export const eventsFile = eventsPath;

const READ_LIMIT = 5_000;

/** Invocations that the log records as delivered. The server must be down. */
export const deliveredIn = async (folder: string): Promise<number> => {
  const store = await openStore(folder);
  const delivered = new Set<string>();
  for (let after = 0, atEnd = false; !atEnd;) {
    const page = await store.readAll({
      after,
      limit: READ_LIMIT,
      filter: { streamPrefixes: ['invocation-'] },
    })();
    if (isLeft(page)) throw new Error(page.left.message);
    for (const { stream, event } of page.right.events) {
      if (event.type === 'InvocationDelivered') delivered.add(stream);
    }
    ({ next: after, atEnd } = page.right);
  }
  await store.close();
  return delivered.size;
};

const random = systemRandom();

const secretsOf = (folder: string): SecretBox => {
  const secret = loadOrCreateMasterSecret(folder, random);
  if (isLeft(secret)) throw new Error(secret.left.message);
  return openSecretBox(secret.right, random);
};

/** A fresh signing secret, sealed under the folder's own master secret. */
export const newSealedSecret = (folder: string): string => secretsOf(folder).seal(newWebhookSecret(random));

const TOKEN_MS = 24 * 60 * 60 * 1000;

/** May report changes for every company. */
export const platformToken = (folder: string): Promise<string> => {
  const claims = {
    subject: 'platform:bench',
    role: 'platform',
    companies: '*',
    expiresAtMs: Date.now() + TOKEN_MS,
  } as const;
  return issueToken(secretsOf(folder).tokenKey(), claims, Date.now());
};

/** Reads the audit of one company. */
export const partnerToken = (folder: string, companyId: string): Promise<string> => {
  const claims = {
    subject: 'partner:bench',
    role: 'partner',
    companies: [companyId],
    expiresAtMs: Date.now() + TOKEN_MS,
  } as const;
  return issueToken(secretsOf(folder).tokenKey(), claims, Date.now());
};

/** Sees everything. */
export const adminToken = (folder: string): Promise<string> => {
  const claims = {
    subject: 'admin:bench',
    role: 'admin',
    companies: '*',
    expiresAtMs: Date.now() + TOKEN_MS,
  } as const;
  return issueToken(secretsOf(folder).tokenKey(), claims, Date.now());
};
