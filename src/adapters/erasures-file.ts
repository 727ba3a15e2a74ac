import { existsSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import { isKeyId } from '../domain/customer-key.ts';
import { isJsonObject } from '../domain/json.ts';
import type { KeysUnavailable } from '../ports/customer-keys.ts';
import { codeOf, syncFolder } from './files.ts';

/**
 * Ids of the keys that were forgotten, one JSON object a line. A backup from before an erasure holds the key: whoever restores it needs this
 * file, which is why it only ever grows.
 */
export const ERASURES_FILE = 'erasures.ndjson';

interface Line {
  readonly key: string;
  readonly company_id: string;
  readonly erased_at: string;
}

/** Writes one after the other. A key stands there once, however often it is noted. */
export const erasuresFile = (path: string): ((line: Line) => Promise<Either<KeysUnavailable, void>>) => {
  let last: Promise<unknown> = Promise.resolve();
  const note = async (line: Line): Promise<Either<KeysUnavailable, void>> => {
    try {
      const isNew = !existsSync(path);
      const before = isNew ? '' : readFileSync(path, 'utf8');
      if (before.includes(`"${line.key}"`) && before.endsWith('\n')) return right(undefined);
      const file = await open(path, 'a', 0o600);
      try {
        // A line that a crash cut short ends where the next one begins.
        const end = before === '' || before.endsWith('\n') ? '' : '\n';
        await file.appendFile(`${end}${JSON.stringify(line)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      if (isNew) syncFolder(dirname(path));
      return right(undefined);
    } catch (error) {
      return left({ _tag: 'StoreUnavailable', message: `${path}: ${codeOf(error)}` });
    }
  };
  return (line) => {
    const noted = last.then(() => note(line));
    last = noted;
    return noted;
  };
};

/** The keys that such a file names. What a crash cut short in it was not forgotten yet. Left: it is none of ours. */
export const erasedKeys = (path: string): Either<string, ReadonlySet<string>> => {
  const keys = new Set<string>();
  try {
    for (const text of readFileSync(path, 'utf8').split('\n')) {
      if (text === '') continue;
      const line = parsed(text);
      const key = isJsonObject(line) ? line['key'] : undefined;
      if (typeof key === 'string' && isKeyId(key)) keys.add(key);
      else if (!text.startsWith('{"key":'))
        return left(`${path} is no file of erasures: ${text.slice(0, 40)}`);
    }
    return right(keys);
  } catch (error) {
    return left(`${path} cannot be read: ${codeOf(error)}`);
  }
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
