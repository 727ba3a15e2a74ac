import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A path for a database, in a folder that is gone afterwards. */
export const withScratchFile = <A>(use: (path: string) => A): A => {
  const folder = mkdtempSync(join(tmpdir(), 'callboard-read-models-'));
  try {
    return use(join(folder, 'data', 'read-models.db'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Every row of every table, in a fixed order. */
export const allRows = (path: string): Readonly<Record<string, ReadonlyArray<unknown>>> => {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
    return Object.fromEntries(
      tables.map(({ name }) => {
        const statement = db.prepare(`SELECT * FROM ${String(name)}`);
        statement.setReturnArrays(true);
        const rows = statement.all().map((row) => JSON.stringify(row));
        return [String(name), rows.sort()];
      }),
    );
  } finally {
    db.close();
  }
};
