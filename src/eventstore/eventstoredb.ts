import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { streamOf } from '../domain/ids.ts';
import type { Clock } from '../ports/clock.ts';
import { type Log, silentLog } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import { assertBatch, assertLimit } from './batch.ts';
import { type DatabaseAddress, type DatabaseLogin, showAddress } from './eventstoredb-address.ts';
import { APPEND_TIMES, Appender, type AppendTimes } from './eventstoredb-append.ts';
import { loadDriver } from './eventstoredb-client.ts';
import { Connection } from './eventstoredb-connection.ts';
import { describe, explained } from './eventstoredb-failure.ts';
import {
  bindKey,
  boundKey,
  type IdentityDeps,
  knownIdentity,
  markMove,
  movedFrom,
  storeIdentity,
} from './eventstoredb-identity.ts';
import { limitCount, takeBackTruncation, truncateBefore } from './eventstoredb-limits.ts';
import { READ_TIMES, Reader, type ReadTimes } from './eventstoredb-read.ts';
import { SUBSCRIPTION_TIMES, subscriptionsTo, type SubscriptionTimes } from './eventstoredb-subscription.ts';
import type { EventStore, ReadFailure } from './event-store.ts';

export interface DatabaseOptions {
  readonly address: DatabaseAddress;
  readonly login: DatabaseLogin;
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Log;
  /** Of a server: the key that webhook secrets are sealed under, bound to the database by the first one. */
  readonly keyId?: string;
  /** Writes nothing, not even the id of a database that no server has used: such a one is refused. */
  readonly readOnly?: boolean;
  /** How long a database that does not answer is waited for at the start. */
  readonly openMs?: number;
  readonly times?: Partial<AppendTimes & SubscriptionTimes> & { readonly read?: Partial<ReadTimes> };
}

export interface OpenFailure {
  readonly _tag: 'StoreRefused';
  /** Says what to do. */
  readonly message: string;
}

/** The store on EventStoreDB; a cluster may be shared by several processes. */
export interface DatabaseStore extends EventStore {
  /** Why the database cannot be reached now, or undefined. It is looked for all the time. */
  readonly away: string | undefined;
  /** Appends that the client holds at this moment. */
  readonly inFlight: number;
  /** The key that webhook secrets are sealed under, or undefined. */
  boundKey(): Promise<Either<string, string | undefined>>;
  bindKey(keyId: string): Promise<Either<string, void>>;
  /** From the first to the second call no server starts: `from` names where events are copied from, undefined ends it. */
  markMove(from: string | undefined): Promise<Either<string, void>>;
  /** Where events are being copied from into the database, or undefined. */
  movedFrom(): Promise<Either<string, string | undefined>>;
  /** Hides what stands before the revision from readers of the stream, and lets the database's scavenge free it. */
  truncateBefore(stream: string, revision: number): Promise<Either<string, void>>;
  /** As long as no scavenge has run, shows again what `truncateBefore` with this revision has hidden. */
  takeBackTruncation(stream: string, revision: number): Promise<Either<string, void>>;
}

/** Of what nodes say of themselves nobody asks for more than so many of the newest. */
const CLUSTER_EVENTS_MAX = 5_000;
const OPEN_MS = 30_000;
const LOOK_MS = 250;

/** Opens it, however long its nodes take to start, within `openMs`; what waiting does not mend is told at once. */
export const openEventStoreDb = async (
  options: DatabaseOptions,
): Promise<Either<OpenFailure, DatabaseStore>> => {
  const { address, login, clock, random, log = silentLog, openMs = OPEN_MS, times = {} } = options;
  const shown = showAddress(address);
  const refused = (message: string): Either<OpenFailure, never> =>
    left({ _tag: 'StoreRefused', message: `${shown}: ${message}` });

  const driver = await loadDriver();
  const connect = () => driver.connect(address, login);
  try {
    // Reads the certificates: one that is not there never will be.
    connect();
  } catch (error) {
    return refused(describe(error));
  }
  const connection = new Connection({ driver, connect, clock, log });
  const startedMs = clock.monotonicMs();
  while ((await connection.session(LOOK_MS)) === undefined) {
    const { refusal, away } = connection;
    if (refusal === undefined && clock.monotonicMs() - startedMs < openMs) continue;
    await connection.close();
    const reason = explained(refusal ?? away ?? '');
    return refused(refusal === undefined ? `no answer in ${Math.round(openMs / 1000)} s: ${reason}` : reason);
  }

  const appender = new Appender(connection, clock, { ...APPEND_TIMES, ...times }, log);
  const reader = new Reader(connection, clock, { ...READ_TIMES, ...times.read });
  const identityDeps = { appender, reader, random };
  const identity = await (options.readOnly === true
    ? identityToRead(identityDeps)
    : identityToServe(identityDeps, options.keyId));
  if (isLeft(identity)) {
    await connection.close();
    return refused(explained(identity.left));
  }
  if (options.readOnly !== true) {
    const limited = await limitCount(identityDeps, streamOf.cluster, CLUSTER_EVENTS_MAX);
    if (isLeft(limited))
      log.warn({ reason: limited.left }, `the stream ${streamOf.cluster} will go on growing`);
  }
  log.info({ store: shown, id: identity.right }, 'event store open');

  const subscriptionTimes = { ...SUBSCRIPTION_TIMES, ...times };
  const subscriptions = subscriptionsTo({ connection, reader, clock, log, times: subscriptionTimes });
  let closing: Promise<void> | undefined;
  const unavailable: Either<ReadFailure, never> = left({
    _tag: 'StoreUnavailable',
    message: 'the store is closed',
  });
  const close = async (): Promise<void> => {
    connection.stopWaiting();
    await subscriptions.stopAll();
    await appender.idle();
    await connection.close();
  };

  return right({
    id: identity.right,
    atomicBatches: false,
    positions: 'opaque',
    get appendBytesMax() {
      return appender.bytesMax;
    },
    get away() {
      return connection.away;
    },
    get inFlight() {
      return appender.inFlight;
    },
    boundKey: () => boundKey(identityDeps),
    bindKey: (keyId) => bindKey(identityDeps, keyId),
    markMove: (from) => markMove(identityDeps, from),
    movedFrom: () => movedFrom(identityDeps),
    truncateBefore: (stream, revision) => truncateBefore(identityDeps, stream, revision),
    takeBackTruncation: (stream, revision) => takeBackTruncation(identityDeps, stream, revision),
    append: (batch) => async () => {
      assertBatch(batch);
      return closing === undefined ? appender.append(batch) : unavailable;
    },
    readStream: (stream, wanted) => async () => {
      assertLimit(wanted.limit);
      return closing === undefined ? reader.stream(stream, wanted) : unavailable;
    },
    readAll: (wanted) => async () => {
      assertLimit(wanted.limit);
      return closing === undefined ? reader.all(wanted) : unavailable;
    },
    head: () => async () => (closing === undefined ? reader.head() : unavailable),
    subscribe: subscriptions.subscribe,
    close: () => (closing ??= close()),
  });
};

const identityToRead = async (deps: IdentityDeps): Promise<Either<string, string>> => {
  const id = await knownIdentity(deps);
  if (isLeft(id)) return id;
  return id.right === undefined ? left('it holds no history of Callboard') : right(id.right);
};

const identityToServe = async (
  deps: IdentityDeps,
  keyId: string | undefined,
): Promise<Either<string, string>> => {
  const id = await storeIdentity(deps);
  if (isLeft(id) || keyId === undefined) return id;
  const moving = await movedFrom(deps);
  if (isLeft(moving)) return moving;
  if (moving.right !== undefined) {
    return left(
      `events are being copied into it from ${moving.right}: let 'callboard migrate' come to its end first`,
    );
  }
  const bound = await bindKey(deps, keyId);
  return isLeft(bound) ? bound : id;
};
