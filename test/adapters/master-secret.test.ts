import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRight } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadOrCreateMasterSecret, type MasterSecretFailure } from '../../src/adapters/master-secret.ts';
import { systemRandom } from '../../src/adapters/system-random.ts';
import type { Random } from '../../src/ports/random.ts';

const random = systemRandom();
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callboard-secret-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const secretOf = (dataDir: string, from: Random = random): string => {
  const loaded = loadOrCreateMasterSecret(dataDir, from);
  if (!isRight(loaded)) throw new Error(loaded.left.message);
  return loaded.right;
};
const failureOf = (dataDir: string): MasterSecretFailure | null => {
  const loaded = loadOrCreateMasterSecret(dataDir, random);
  return isRight(loaded) ? null : loaded.left;
};
const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe('loadOrCreateMasterSecret', () => {
  it('makes 32 bytes in a file and a folder of its owner, and finds them again', () => {
    const dataDir = join(folder, 'data');
    const secret = secretOf(dataDir);
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(readFileSync(join(dataDir, 'secret'), 'utf8')).toBe(`${secret}\n`);
    expect([modeOf(dataDir), modeOf(join(dataDir, 'secret'))]).toEqual([0o700, 0o600]);
    expect(readdirSync(dataDir)).toEqual(['secret']);
    expect(secretOf(dataDir)).toBe(secret);
  });

  it('gives two first starts at once the same secret', () => {
    let other = '';
    const slow: Random = {
      ...random,
      bytes: (length) => {
        if (other === '') {
          other = 'being made';
          other = secretOf(folder);
        }
        return random.bytes(length);
      },
    };
    expect(secretOf(folder, slow)).toBe(other);
    expect(readdirSync(folder)).toEqual(['secret']);
  });

  it.each([0o640, 0o604, 0o644, 0o660, 0o666])('refuses a file of mode %o', (mode) => {
    secretOf(folder);
    chmodSync(join(folder, 'secret'), mode);
    expect(failureOf(folder)?._tag).toBe('MasterSecretReadableByOthers');
  });

  it.each(['', 'short', 'z'.repeat(64), `${'a'.repeat(64)}\n\n`, 'a'.repeat(65)])(
    'refuses the content %j',
    (text) => {
      writeFileSync(join(folder, 'secret'), text, { mode: 0o600 });
      expect(failureOf(folder)).toEqual({
        _tag: 'MasterSecretMalformed',
        message: `${join(folder, 'secret')} must hold 64 hex digits: restore it from a backup`,
      });
      expect(readFileSync(join(folder, 'secret'), 'utf8')).toBe(text);
    },
  );

  it('says when it cannot get there', () => {
    writeFileSync(join(folder, 'file'), '');
    const failure = failureOf(join(folder, 'file'));
    expect(failure).toEqual({
      _tag: 'MasterSecretNotAccessible',
      message: `${join(folder, 'file', 'secret')}: EEXIST`,
    });
  });
});
