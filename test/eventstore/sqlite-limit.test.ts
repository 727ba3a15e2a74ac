import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { LIMIT } from '../../src/eventstore/sqlite-limit.ts';

const SRC = join(import.meta.dirname, '..', '..', 'src');

describe('a limit that is bound', () => {
  it.each([
    [0, []],
    [2, [1, 2]],
    [9_007_199_254_740_991, [1, 2, 3]],
  ])('lets %d rows through at most', (limit, values) => {
    const db = new DatabaseSync(':memory:');
    db.exec('CREATE TABLE numbers (value INTEGER PRIMARY KEY); INSERT INTO numbers VALUES (1), (2), (3)');
    const rows = db.prepare(`SELECT value FROM numbers ORDER BY value ${LIMIT}`).all(limit);
    expect(rows.map(({ value }) => value)).toEqual(values);
  });

  it('stands nowhere bare, as SQLite would plan anew each time', () => {
    const files = globSync('**/*.ts', { cwd: SRC });
    const bare = files.filter((file) => /LIMIT \?\d*(?!\d| \+ 0)[`'"\s]/.test(codeOf(file)));
    expect(files.length).toBeGreaterThan(100);
    expect(bare).toEqual([]);
  });
});

const codeOf = (file: string): string =>
  readFileSync(join(SRC, file), 'utf8').replace(/^\s*(?:\/?\*|\/\/).*$/gm, '');
