import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { INHERITED } from '../../support/inherited.ts';

const FILES = join(import.meta.dirname, '../../../src/cli/audit/files.ts');
const DURABLE = join(import.meta.dirname, '../../../src/adapters/files.ts');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callboard-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** In a process that may write no more than a few hundred bytes into any file: the rest fails, as on a full disk. */
const onFullDisk = (module: string, expression: string): string => {
  const program = `import * as files from ${JSON.stringify(module)};
    const path = ${JSON.stringify(join(folder, 'file'))};
    const text = 'x'.repeat(10_000);
    try { console.log(JSON.stringify(${expression})); } catch (error) { console.log(error.code); }`;
  const limited = 'ulimit -f 1 && exec "$0" --input-type=module-typescript -e "$1"';
  const { stdout } = spawnSync('sh', ['-c', limited, process.execPath, program], {
    env: INHERITED,
    encoding: 'utf8',
  });
  return stdout;
};

describe.skipIf(process.platform === 'win32')('files on a full disk', () => {
  it('are not there at all', () => {
    expect(onFullDisk(FILES, 'files.writeNew(path, text)')).toContain('EFBIG');
    expect(existsSync(join(folder, 'file'))).toBe(false);
    expect(onFullDisk(FILES, "files.writeWhole(path, text, 'w')")).toContain('EFBIG');
    expect(existsSync(join(folder, 'file'))).toBe(false);
    expect(onFullDisk(DURABLE, "files.writeDurably(path, text, 'wx')")).toContain('EFBIG');
    expect(existsSync(join(folder, 'file'))).toBe(false);
  });

  it('stay as they were where there is one already', () => {
    writeFileSync(join(folder, 'file'), 'kept');
    expect(onFullDisk(FILES, 'files.writeNew(path, text)')).toContain('EEXIST');
    expect(onFullDisk(DURABLE, "files.writeDurably(path, text, 'wx')")).toContain('EEXIST');
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('kept');
  });
});
