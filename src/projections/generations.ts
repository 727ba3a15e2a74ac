import type { Database } from './database.ts';
import { GENERATION_ROWS } from './schema.ts';

/** Gives invocations their generations (see schema.ts). */
export interface Generations {
  /** The generation of the n-th row, n from 0, which is about to be written. */
  of(row: number): number;
}

export const openGenerations = (db: Database): Generations => {
  const begin = db.prepare('INSERT OR IGNORE INTO generations VALUES (?)');
  return {
    of: (row) => {
      const generation = Math.floor(row / GENERATION_ROWS);
      if (row % GENERATION_ROWS === 0) begin.run(generation);
      return generation;
    },
  };
};
