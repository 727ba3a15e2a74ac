import { readFileSync, writeFileSync } from 'node:fs';
import { type Either, left, right } from 'fp-ts/lib/Either.js';

/** Files that are named on the command line. A Left is the complaint. */

export const readText = (path: string): Either<string, string> => {
  try {
    return right(readFileSync(path, 'utf8'));
  } catch (error) {
    return left(error instanceof Error ? error.message : String(error));
  }
};

/** Never over something that is there. */
export const writeNew = (path: string, text: string): Either<string, void> => {
  try {
    return right(writeFileSync(path, text, { flag: 'wx' }));
  } catch (error) {
    return left(error instanceof Error ? error.message : String(error));
  }
};
