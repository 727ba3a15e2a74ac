import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import { codeOf, syncFolder, writeDurably } from './files.ts';

/** Beside a store file: the id of the key that its webhook secrets are sealed under. It tells nothing of the key. */
const keyIdPath = (storePath: string): string => `${storePath}.key-id`;

/** Whether a server has used the store before. */
export const isKeyBound = (storePath: string): boolean => existsSync(keyIdPath(storePath));

/** The key that the store is bound to, or undefined. */
export const boundKey = (storePath: string): string | undefined => {
  const recorded = isKeyBound(storePath) ? readFileSync(keyIdPath(storePath), 'utf8').trimEnd() : '';
  return recorded === '' ? undefined : recorded;
};

/** Only for the holder of the store: its first key is written down, and no other one is accepted after that. */
export const bindKey = (storePath: string, keyId: string): Either<{ readonly message: string }, void> => {
  const path = keyIdPath(storePath);
  try {
    const recorded = boundKey(storePath);
    if (recorded === keyId) return right(undefined);
    // Also when the file is empty: the first start was cut short, and nothing was sealed yet.
    if (recorded === undefined) {
      writeDurably(path, `${keyId}\n`, 'w');
      syncFolder(dirname(path));
      return right(undefined);
    }
    const message = `the webhook secrets in ${storePath} were sealed under another CALLBOARD_SECRET (key ${recorded}, not ${keyId}): start with that one`;
    return left({ message });
  } catch (error) {
    return left({ message: `${path}: ${codeOf(error)}` });
  }
};
