import { closeSync, fstatSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type Either, left, right } from 'fp-ts/lib/Either.js';

/** Files that are named on the command line. A Left is the complaint. */

export const readText = (path: string): Either<string, string> => {
  try {
    return right(readFileSync(path, 'utf8'));
  } catch (error) {
    return left(error instanceof Error ? error.message : String(error));
  }
};

/** Never over something that is there, and whole or not at all: also on a full disk. */
export const writeNew = (path: string, text: string): Either<string, void> => {
  try {
    return right(writeWhole(path, text, 'wx'));
  } catch (error) {
    return left(error instanceof Error ? error.message : String(error));
  }
};

/** Throws, and takes away what it has begun, where not all of it can be written. */
export const writeWhole = (path: string, text: string, flags: 'w' | 'wx'): void => {
  const file = openSync(path, flags);
  try {
    writeFileSync(file, text);
  } catch (error) {
    // What is no file of ours, such as /dev/stdout, stays.
    if (fstatSync(file).isFile()) rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
};
