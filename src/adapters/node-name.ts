import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import { isGuid } from '../domain/ids.ts';
import type { Random } from '../ports/random.ts';
import { codeOf, writeDurably } from './files.ts';

const FILE_NAME = 'node-id';

/**
 * The name of a data folder among the nodes that share a store, made at the first start. A process that joins under it
 * takes over from the one that had it before: the folder must be held by one process at a time, and not be copied.
 */
export const nodeName = (dataDir: string, random: Random): Either<{ readonly message: string }, string> => {
  const path = join(dataDir, FILE_NAME);
  try {
    if (!existsSync(path)) {
      const name = random.uuid();
      writeDurably(path, `${name}\n`, 'wx');
      return right(name);
    }
    const name = readFileSync(path, 'utf8').trim();
    return isGuid(name)
      ? right(name)
      : left({ message: `${path} must hold a GUID: delete it, and a new one is made` });
  } catch (error) {
    return left({ message: `${path}: ${codeOf(error)}` });
  }
};
