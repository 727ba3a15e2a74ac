import { readFileSync } from 'node:fs';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import { EXIT_USAGE } from './command.ts';

/** What the commands about rules read from the command line and from files. */

const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** A small text file. The Left says why it cannot be read. */
export const readText = (path: string): Either<string, string> => {
  try {
    const bytes = readFileSync(path);
    if (bytes.byteLength > FILE_BYTES_MAX) return left(`${path} is too large`);
    return right(bytes.toString('utf8').replace(/^\ufeff/, ''));
  } catch (error) {
    return left(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/** Says what cannot be read. */
export const unreadable = (message: string): number => {
  process.stderr.write(`callboard: ${message}\n`);
  return EXIT_USAGE;
};

/** A whole number, undefined when the option is absent. */
export const numberOption = (
  name: string,
  text: string | undefined,
  min: number,
  max: number,
): Either<string, number | undefined> => {
  if (text === undefined) return right(undefined);
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max
    ? right(value)
    : left(`--${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
};
