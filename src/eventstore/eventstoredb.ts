import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Clock } from '../ports/clock.ts';
import { type Log, silentLog } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import { assertBatch, assertLimit } from './batch.ts';
import { type DatabaseAddress, type DatabaseLogin, showAddress } from './eventstoredb-address.ts';
import { APPEND_TIMES, Appender, type AppendTimes } from './eventstoredb-append.ts';
import { loadDriver } from './eventstoredb-client.ts';
import { Connection } from './eventstoredb-connection.ts';
import { describe } from './eventstoredb-failure.ts';
import { storeIdentity } from './eventstoredb-identity.ts';
import { READ_TIMES, Reader, type ReadTimes } from './eventstoredb-read.ts';
import { SUBSCRIPTION_TIMES, subscriptionsTo, type SubscriptionTimes } from './eventstoredb-subscription.ts';
import type { EventStore, ReadFailure } from './event-store.ts';

interface ConnectOptions {
  readonly address: DatabaseAddress;
  readonly login: DatabaseLogin;
  readonly clock: Clock;
  readonly log?: Log;
  /** How long a database that does not answer is waited for at the start. */
  readonly openMs?: number;
}

export interface DatabaseOptions extends ConnectOptions {
  readonly random: Random;
  /** Of the key that webhook secrets are sealed under; bound to the database by the first server. Undefined: not asked. */
  readonly keyId?: string;
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
}

const OPEN_MS = 30_000;
const LOOK_MS = 250;

/** A connection that has answered, however long its nodes take to start, within `openMs`; what waiting does not mend is told at once. */
const connected = async ({
  address,
  login,
  clock,
  log = silentLog,
  openMs = OPEN_MS,
}: ConnectOptions): Promise<Either<OpenFailure, Connection>> => {
  const driver = await loadDriver();
  const connect = () => driver.connect(address, login);
  try {
    // Reads the certificates: one that is not there never will be.
    connect();
  } catch (error) {
    return refused(address, describe(error));
  }
  const connection = new Connection({ driver, connect, clock, log });
  const startedMs = clock.monotonicMs();
  while ((await connection.session(LOOK_MS)) === undefined) {
    const { refusal, away } = connection;
    if (refusal === undefined && clock.monotonicMs() - startedMs < openMs) continue;
    await connection.close();
    return refused(address, refusal ?? `no answer in ${Math.round(openMs / 1000)} s: ${away}`);
  }
  return right(connection);
};

const refused = (address: DatabaseAddress, message: string): Either<OpenFailure, never> =>
  left({ _tag: 'StoreRefused', message: `${showAddress(address)}: ${message}` });

/** For reading only: writes nothing, not even who it belongs to. */
export const readEventStoreDb = async (
  options: ConnectOptions,
): Promise<Either<OpenFailure, Pick<EventStore, 'readAll' | 'head' | 'close'>>> => {
  const opened = await connected(options);
  if (isLeft(opened)) return opened;
  const connection = opened.right;
  const reader = new Reader(connection, options.clock, READ_TIMES);
  return right({
    readAll: (wanted) => () => reader.all(wanted),
    head: () => () => reader.head(),
    close: () => connection.close(),
  });
};

export const openEventStoreDb = async (
  options: DatabaseOptions,
): Promise<Either<OpenFailure, DatabaseStore>> => {
  const { address, clock, random, log = silentLog, times = {} } = options;
  const opened = await connected(options);
  if (isLeft(opened)) return opened;
  const connection = opened.right;

  const appender = new Appender(connection, clock, { ...APPEND_TIMES, ...times }, log);
  const reader = new Reader(connection, clock, { ...READ_TIMES, ...times.read });
  const identity = await storeIdentity({ appender, reader, random }, options.keyId);
  if (isLeft(identity)) {
    await connection.close();
    return refused(address, identity.left);
  }
  log.info({ store: showAddress(address), id: identity.right }, 'event store open');

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
