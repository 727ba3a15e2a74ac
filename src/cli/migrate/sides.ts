import { realpathSync } from 'node:fs';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { bindKey, boundKey } from '../../adapters/key-id.ts';
import { markMoving, unmarkMoving } from '../../adapters/move-mark.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import type { StoreConfig } from '../../config.ts';
import { showAddress } from '../../eventstore/eventstoredb-address.ts';
import { type DatabaseStore, openEventStoreDb } from '../../eventstore/eventstoredb.ts';
import { holdSqliteLog } from '../../eventstore/sqlite-source.ts';
import { describeBreak, verifySqliteStore } from '../../eventstore/sqlite-verify.ts';
import { openSqliteStore } from '../../eventstore/sqlite.ts';
import type { CopyTarget } from '../../migration/copy-log.ts';
import type { LogSource } from '../../migration/log-cursor.ts';
import type { Log } from '../../ports/log.ts';

/** The two ends of a move. Left is always complete: it goes to the operator as it is. */

export type MovableStore = Exclude<StoreConfig, { readonly kind: 'memory' }>;

export interface Source {
  readonly id: string;
  readonly log: LogSource;
  /** The key that webhook secrets are sealed under; undefined: no server has started on it. */
  readonly keyId: string | undefined;
  close(): Promise<void>;
}

export interface Target {
  readonly id: string;
  readonly log: CopyTarget;
  bindKey(keyId: string): Promise<Either<string, void>>;
  /** From now on until `endMove` no server starts there, whatever becomes of this process. */
  beginMove(from: string): Promise<Either<string, void>>;
  endMove(): Promise<Either<string, void>>;
  close(): Promise<void>;
}

export const showStore = (store: MovableStore): string =>
  store.kind === 'sqlite' ? store.path : showAddress(store.address);

/** A database of a cluster may have many names; its id tells it, once both are open. */
export const isSameFile = (one: MovableStore, other: MovableStore): boolean => {
  if (one.kind !== 'sqlite' || other.kind !== 'sqlite') return false;
  return realPath(one.path) === realPath(other.path);
};

const realPath = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
};

export const openSource = async (store: MovableStore, log: Log): Promise<Either<string, Source>> => {
  if (store.kind === 'esdb') {
    const opened = await openDatabase(store, { log, readOnly: true });
    if (isLeft(opened)) return opened;
    const keyId = await opened.right.boundKey();
    if (isLeft(keyId)) {
      await opened.right.close();
      return left(`${showStore(store)}: ${keyId.left}`);
    }
    return right({
      id: opened.right.id,
      log: opened.right,
      keyId: keyId.right,
      close: () => opened.right.close(),
    });
  }
  const held = holdSqliteLog(store.path);
  if (isLeft(held)) return left(held.left.message);
  const source = held.right;
  // What a log in order cannot tell by itself: events missing at an end.
  const verified = await verifySqliteStore(store.path);
  const [broken] = isLeft(verified) ? [] : verified.right.breaks;
  if (isLeft(verified) || broken !== undefined) {
    source.close();
    if (isLeft(verified)) return left(verified.left.message);
    return left(`${store.path} is damaged, nothing was copied${broken ? `: ${describeBreak(broken)}` : ''}`);
  }
  return right({
    id: source.id,
    log: source,
    keyId: boundKey(store.path),
    close: async () => source.close(),
  });
};

export const openTarget = async (
  store: MovableStore,
  log: Log,
  onFatal: (message: string) => void,
): Promise<Either<string, Target>> => {
  const named = <A>(result: Either<string, A>): Either<string, A> =>
    isLeft(result) ? left(`${showStore(store)}: ${result.left}`) : result;
  if (store.kind === 'esdb') {
    const opened = await openDatabase(store, { log });
    if (isLeft(opened)) return opened;
    const database = opened.right;
    return right({
      id: database.id,
      log: database,
      bindKey: async (keyId) => named(await database.bindKey(keyId)),
      beginMove: async (from) => named(await database.markMove(from)),
      endMove: async () => named(await database.markMove(undefined)),
      close: () => database.close(),
    });
  }
  const opened = await openSqliteStore({ path: store.path, log, onFatal });
  if (isLeft(opened)) return left(opened.left.message);
  return right({
    id: opened.right.id,
    log: opened.right,
    bindKey: async (keyId) => {
      const bound = bindKey(store.path, keyId);
      return isLeft(bound) ? left(bound.left.message) : bound;
    },
    beginMove: async (from) => attempted(() => markMoving(store.path, from)),
    endMove: async () => attempted(() => unmarkMoving(store.path)),
    close: () => opened.right.close(),
  });
};

const attempted = (work: () => void): Either<string, void> => {
  try {
    return right(work());
  } catch (error) {
    return left(error instanceof Error ? error.message : String(error));
  }
};

export const openDatabase = async (
  { address, login }: Extract<MovableStore, { readonly kind: 'esdb' }>,
  options: { readonly log: Log; readonly readOnly?: boolean },
): Promise<Either<string, DatabaseStore>> => {
  const opened = await openEventStoreDb({
    address,
    login,
    clock: systemClock(),
    random: systemRandom(),
    ...options,
  });
  return isLeft(opened) ? left(opened.left.message) : opened;
};
