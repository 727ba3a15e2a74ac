import type { Position } from '../eventstore/event-store.ts';
import type { Database } from './database.ts';
import { OPEN, TIME_BLOCK_ROWS } from './schema.ts';

/**
 * Where in the log a range of times can lie. Positions and times grow together but for clocks that jump, so the times of
 * each block of rows tell which blocks to look at.
 */
export interface TimeBlocks {
  /** The row with this number, from 0, stands at this position and has this time. */
  note(number: number, position: Position, atMs: number): void;
  /** Writes what was noted since; inside a `Database.write`. */
  save(): void;
  forget(): void;
  /** All rows of the time or later lie here or later. */
  startOf(fromMs: number): Position;
  /** A place that the log gave, after which all of them lie; undefined: there are none. */
  placeBefore(fromMs: number): Position | undefined;
  /** All rows from before the time lie before this one. */
  endOf(toMs: number): Position;
}

export const openTimeBlocks = (db: Database, table: 'scheduled_times' | 'change_times'): TimeBlocks => {
  const noted = new Map<number, { firstPosition: Position; earliest: number; latest: number }>();
  const insert = db.prepare(`
    INSERT INTO ${table} VALUES (?, ?, ?, ?) ON CONFLICT (block) DO UPDATE
      SET earliest = min(earliest, excluded.earliest), latest = max(latest, excluded.latest)`);
  const selectBlockBefore = db.prepare(
    `SELECT block FROM ${table} WHERE earliest < ? ORDER BY block DESC LIMIT 1`,
  );
  const selectStartOf = db.prepare(`SELECT first_position FROM ${table} WHERE block = ?`);
  const selectStartFrom = db.prepare(
    `SELECT block, first_position FROM ${table} WHERE latest >= ? ORDER BY block LIMIT 1`,
  );

  return {
    note: (number, position, atMs) => {
      const block = Math.floor(number / TIME_BLOCK_ROWS);
      const range = noted.get(block);
      if (range === undefined) noted.set(block, { firstPosition: position, earliest: atMs, latest: atMs });
      else {
        range.earliest = Math.min(range.earliest, atMs);
        range.latest = Math.max(range.latest, atMs);
      }
    },
    save: () => {
      for (const [block, { firstPosition, earliest, latest }] of noted)
        insert.run(block, firstPosition, earliest, latest);
      noted.clear();
    },
    forget: () => noted.clear(),
    endOf: (toMs) => {
      const last = selectBlockBefore.get(toMs) as { block: number } | undefined;
      if (last === undefined) return 0;
      const next = selectStartOf.get(last.block + 1) as { first_position: number } | undefined;
      return next?.first_position ?? OPEN;
    },
    placeBefore: (fromMs) => {
      const first = selectStartFrom.get(fromMs) as { block: number } | undefined;
      if (first === undefined) return undefined;
      // The row that it names itself is too old, as its whole block is.
      const before = selectStartOf.get(first.block - 1) as { first_position: number } | undefined;
      return before?.first_position ?? 0;
    },
    startOf: (fromMs) =>
      (selectStartFrom.get(fromMs) as { first_position: number } | undefined)?.first_position ?? OPEN,
  };
};
