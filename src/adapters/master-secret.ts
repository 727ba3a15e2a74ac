import { closeSync, fstatSync, linkSync, mkdirSync, openSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { Random } from '../ports/random.ts';
import { codeOf, syncFolder, writeDurably } from './files.ts';

/** `message` names the file and says what to do. */
export interface MasterSecretFailure {
  readonly _tag:
    | 'MasterSecretMissing'
    | 'MasterSecretReadableByOthers'
    | 'MasterSecretMalformed'
    | 'MasterSecretNotAccessible';
  readonly message: string;
}

const FILE_NAME = 'secret';
const SECRET_BYTES = 32;
const SECRET_TEXT = /^[0-9a-f]{64}\n?$/;
const READABLE_BY_OTHERS = 0o077;

/**
 * The master secret of a data folder, made there at the first start: 32 random bytes as hex, in a file that only its
 * owner can read. It is complete on disk before it has its name, and of two first starts at once both get the same.
 * `inUse`: something was encrypted under it before, so that a new one would not do.
 */
export const loadOrCreateMasterSecret = (
  dataDir: string,
  random: Random,
  inUse = false,
): Either<MasterSecretFailure, string> => {
  const path = join(dataDir, FILE_NAME);
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const found = readSecret(path);
    if (found !== undefined) return found;
    if (!inUse) return createSecret(dataDir, path, random);
    const message = `${path} is missing, and webhook secrets are sealed under it: restore it from a backup, or start with the same CALLBOARD_SECRET as before`;
    return left({ _tag: 'MasterSecretMissing', message });
  } catch (error) {
    return left({ _tag: 'MasterSecretNotAccessible', message: `${path}: ${codeOf(error)}` });
  }
};

/** Undefined when there is none yet. */
const readSecret = (path: string): Either<MasterSecretFailure, string> | undefined => {
  const file = openIfThere(path);
  if (file === undefined) return undefined;
  try {
    const { mode } = fstatSync(file);
    if (process.platform !== 'win32' && (mode & READABLE_BY_OTHERS) !== 0) {
      const message = `${path} can be read by others: chmod 600 it, and replace it if others may have read it`;
      return left({ _tag: 'MasterSecretReadableByOthers', message });
    }
    const text = readFileSync(file, 'utf8');
    return SECRET_TEXT.test(text)
      ? right(text.trimEnd())
      : left({
          _tag: 'MasterSecretMalformed',
          message: `${path} must hold 64 hex digits: restore it from a backup`,
        });
  } finally {
    closeSync(file);
  }
};

const createSecret = (dataDir: string, path: string, random: Random): Either<MasterSecretFailure, string> => {
  const draft = join(dataDir, `${FILE_NAME}.${Buffer.from(random.bytes(8)).toString('hex')}.tmp`);
  writeDurably(draft, `${Buffer.from(random.bytes(SECRET_BYTES)).toString('hex')}\n`, 'wx');
  try {
    // A link, not a rename: it fails when another start was faster, and never replaces a secret in use.
    linkSync(draft, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
  syncFolder(dataDir);
  return readSecret(path) ?? left({ _tag: 'MasterSecretNotAccessible', message: `${path} vanished` });
};

const openIfThere = (path: string): number | undefined => {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
};
