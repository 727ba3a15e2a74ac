import type { Database } from './database.ts';

/** Named numbers, held in memory and written with the rows they belong to. What counts 0 has no row. */
export interface Counters {
  get(name: string): number;
  set(name: string, value: number): void;
  /** Writes what changed; inside a `Database.write`. */
  save(): void;
  /** Back to what the table says: after a roll-back. */
  reload(): void;
}

export const openCounters = (db: Database): Counters => {
  const values = new Map<string, number>();
  const changed = new Set<string>();
  const all = db.prepare('SELECT name, value FROM counters');
  const put = db.prepare(
    'INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  );
  const remove = db.prepare('DELETE FROM counters WHERE name = ?');

  const reload = (): void => {
    values.clear();
    changed.clear();
    for (const row of all.all()) values.set(String(row['name']), Number(row['value']));
  };
  reload();

  return {
    get: (name) => values.get(name) ?? 0,
    set: (name, value) => {
      if (values.get(name) === value) return;
      values.set(name, value);
      changed.add(name);
    },
    save: () => {
      for (const name of changed) {
        const value = values.get(name) ?? 0;
        if (value === 0) remove.run(name);
        else put.run(name, value);
      }
      changed.clear();
    },
    reload,
  };
};
