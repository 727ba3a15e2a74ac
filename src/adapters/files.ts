import { closeSync, fchmodSync, fsyncSync, openSync, rmSync, writeFileSync } from 'node:fs';

/**
 * On disk, and readable by its owner only, before this returns. `wx` fails where there is a file already, and leaves none that is
 * written in part: on a full disk, say.
 */
export const writeDurably = (path: string, text: string, flags: 'w' | 'wx'): void => {
  const file = openSync(path, flags, 0o600);
  try {
    fchmodSync(file, 0o600);
    // Unlike one write, never a part of it.
    writeFileSync(file, text);
    fsyncSync(file);
  } catch (error) {
    if (flags === 'wx') rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
};

/** Makes names that were given in the folder survive a crash. */
export const syncFolder = (path: string): void => {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
};

/** Of an error of the operating system, for example ENOENT. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
