import { isGuid } from '../domain/ids.ts';
import { Lru } from '../domain/lru.ts';
import type { Database } from './database.ts';
import { guidBytes } from './guid.ts';

/** Small integers for guids that many rows name. Ids are given out in the order of the log: 1, 2, 3 … */
export interface Dictionary {
  /** The id, given out now if the guid is new; inside a `Database.write`. Throws when it is no guid. */
  idOf(guid: string): number;
  /** Undefined for what no row names, whatever text it is. */
  find(guid: string): number | undefined;
  /** After a roll-back. */
  forget(): void;
}

const REMEMBERED_MAX = 20_000;

export const openDictionary = (
  db: Database,
  table: 'routing_companies' | 'log_companies' | 'log_webhooks',
): Dictionary => {
  let remembered = new Lru<string, number>(REMEMBERED_MAX);
  const select = db.prepare(`SELECT id FROM ${table} WHERE guid = ?`);
  const insert = db.prepare(`INSERT INTO ${table} (guid) VALUES (?)`);

  const find = (guid: string): number | undefined => {
    const known = remembered.get(guid);
    if (known !== undefined || !isGuid(guid)) return known;
    const row = select.get(guidBytes(guid)) as { id: number } | undefined;
    if (row !== undefined) remembered.set(guid, row.id);
    return row?.id;
  };

  return {
    find,
    idOf: (guid) => {
      const known = find(guid);
      if (known !== undefined) return known;
      const id = Number(insert.run(guidBytes(guid)).lastInsertRowid);
      remembered.set(guid, id);
      return id;
    },
    forget: () => {
      remembered = new Lru(REMEMBERED_MAX);
    },
  };
};
