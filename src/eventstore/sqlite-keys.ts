import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { KeysUnavailable } from '../ports/customer-keys.ts';
import type { KeyKeeper } from './key-ring.ts';
import { holdsBoxes, keysPath, openKeysFile, readKeysFile } from './sqlite-keys-file.ts';
import type { FromKeeper, ToKeeper } from './sqlite-keys-worker.ts';
import { textOf } from './sqlite-schema.ts';

const WORKER_URL = new URL(
  import.meta.url.endsWith('.ts') ? './sqlite-keys-worker.ts' : './sqlite-keys-worker.js',
  import.meta.url,
);

/**
 * The keys of the log at this path, for its only writer. Read here, written by a thread that starts with the first key that has
 * to be. Left, in words for the operator: the log needs keys that are not there.
 */
export const openSqliteKeys = (storePath: string): Either<string, KeyKeeper> => {
  const path = keysPath(storePath);
  try {
    if (!existsSync(path)) {
      const holds = holdsBoxes(storePath);
      if (isLeft(holds)) return holds;
      if (holds.right) {
        return left(
          `${path} is not there: it holds the keys to the personal data in ${storePath}. Put it back, or restore a backup, which has them`,
        );
      }
      closeSync(openSync(path, 'wx', 0o600));
    }
    chmodSync(path, 0o600);
    return right(sqliteKeys(path));
  } catch (error) {
    return left(`${path} cannot be opened: ${textOf(error)}`);
  }
};

const sqliteKeys = (path: string): KeyKeeper => {
  const file = openKeysFile(path);
  let worker: Worker | undefined;
  let waiting: Array<(failure: string | undefined) => void> = [];
  let exit: Promise<void> = Promise.resolve();

  const end = (why: string): void => {
    worker = undefined;
    const asked = waiting;
    waiting = [];
    for (const answer of asked) answer(why);
  };
  /** One that has ended is started anew by whoever asks next. */
  const started = (): Worker => {
    if (worker !== undefined) return worker;
    const one = new Worker(WORKER_URL, { workerData: { path }, execArgv: [] });
    worker = one;
    one.on('message', ({ failures }: FromKeeper) => {
      for (const failure of failures) waiting.shift()?.(failure);
    });
    exit = new Promise((resolve) => {
      one.on('error', (error) => end(textOf(error)));
      one.on('exit', () => {
        if (worker === one) end('the thread of the keys has ended');
        resolve();
      });
    });
    return one;
  };
  const ask = (message: ToKeeper): Promise<Either<KeysUnavailable, void>> =>
    new Promise((resolve) => {
      const to = started();
      waiting.push((failure) =>
        resolve(
          failure === undefined
            ? right(undefined)
            : left({ _tag: 'StoreUnavailable', message: `the keys of customers: ${failure}` }),
        ),
      );
      to.postMessage(message);
    });

  return {
    newest: (subject) => file.newest(subject),
    wrapped: (subject, generation) => file.wrapped(subject, generation),
    knows: (subject, generation) => file.knows(subject, generation),
    make: (keys) => ask({ kind: 'make', keys }),
    forget: (subject, generation) => ask({ kind: 'forget', subject, generation }),
    close: async () => {
      worker?.postMessage({ kind: 'close' } satisfies ToKeeper);
      await exit;
      file.close();
    },
  };
};

/** For reading beside a server, or without one; undefined: the log has no keys. */
export const readSqliteKeys = (storePath: string): KeyKeeper | undefined => {
  const path = keysPath(storePath);
  if (!existsSync(path)) return undefined;
  const file = readKeysFile(path);
  const never = (): never => {
    throw new Error('keys are only read here');
  };
  return { ...file, make: never, forget: never, close: async () => file.close() };
};
