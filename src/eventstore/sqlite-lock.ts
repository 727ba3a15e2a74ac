import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import { type OpenFailure, resultCode, textOf } from './sqlite-schema.ts';

/** Held by the one process that writes the store. */
export interface StoreLock {
  /** The last holder did not release it: it was killed, or the machine stopped. */
  readonly afterCrash: boolean;
  /** `clean: false` leaves the next holder a sign that something went wrong. */
  release(clean: boolean): void;
}

const SQLITE_BUSY = 5;

/**
 * An exclusive lock of the operating system, by way of an otherwise empty SQLite database beside the store: it ends
 * with the process, however that ends. A second file tells who holds it; its own time of change tells since when.
 */
export const acquireLock = (path: string): Either<OpenFailure, StoreLock> => {
  const holderPath = `${path}.holder`;
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(`${path}.lock`, { timeout: 0 });
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    const held = lock;
    const afterCrash = existsSync(holderPath);
    writeHolder(holderPath);
    return right({
      afterCrash,
      release: (clean) => {
        if (clean) rmSync(holderPath, { force: true });
        held.close();
      },
    });
  } catch (error) {
    lock?.close();
    if (resultCode(error) === SQLITE_BUSY) {
      const message = `${path} is in use by ${holderOf(holderPath)}; stop it or choose another CALLBOARD_DATA_DIR`;
      return left({ _tag: 'StoreInUse', message });
    }
    return left({ _tag: 'StoreRefused', message: `${path} cannot be locked: ${textOf(error)}` });
  }
};

const writeHolder = (holderPath: string): void => {
  const file = openSync(holderPath, 'w', 0o600);
  writeSync(file, JSON.stringify({ pid: process.pid, host: hostname() }));
  fsyncSync(file);
  closeSync(file);
};

const holderOf = (holderPath: string): string => {
  try {
    const { pid, host } = JSON.parse(readFileSync(holderPath, 'utf8')) as { pid: number; host: string };
    return `process ${pid} on ${host} since ${statSync(holderPath).mtime.toISOString()}`;
  } catch {
    return 'another process';
  }
};
