import type { Position } from '../eventstore/event-store.ts';
import type { Database } from './database.ts';
import { TIME_BLOCK_ROWS } from './schema.ts';

/** The range of times of each block of rows: finds the blocks that a time can lie in, without an index of times. */
export interface TimeBlocks {
  /** Takes the n-th row in, n from 0. */
  note(row: number, position: Position, atMs: number): void;
  /** Writes what was noted; inside a `Database.write`. */
  save(): void;
  forget(): void;
}

export const openTimeBlocks = (db: Database, table: 'scheduled_times' | 'change_times'): TimeBlocks => {
  const noted = new Map<number, { firstPosition: Position; earliest: number; latest: number }>();
  const insert = db.prepare(`
    INSERT INTO ${table} VALUES (?, ?, ?, ?) ON CONFLICT (block) DO UPDATE
      SET earliest = min(earliest, excluded.earliest), latest = max(latest, excluded.latest)`);

  return {
    note: (row, position, atMs) => {
      const block = Math.floor(row / TIME_BLOCK_ROWS);
      const range = noted.get(block);
      if (range === undefined) {
        noted.set(block, { firstPosition: position, earliest: atMs, latest: atMs });
      } else {
        range.earliest = Math.min(range.earliest, atMs);
        range.latest = Math.max(range.latest, atMs);
      }
    },
    save: () => {
      for (const [block, { firstPosition, earliest, latest }] of noted) {
        insert.run(block, firstPosition, earliest, latest);
      }
      noted.clear();
    },
    forget: () => noted.clear(),
  };
};
