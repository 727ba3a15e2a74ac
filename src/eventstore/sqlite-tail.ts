import type { DatabaseSync } from 'node:sqlite';
import type { ChainBreak } from './decoded.ts';
import { endBreaks, eventsIn, headBreaks, openCheck } from './sqlite-check.ts';
import { value } from './sqlite-schema.ts';

/**
 * The first break among the newest events, each checked against its predecessor. Fast, unless something is missing
 * and the stream it belonged to has to be found.
 */
export const tailBreak = (db: DatabaseSync, newest: number): ChainBreak | undefined => {
  const head = Number(value(db, 'SELECT head FROM log'));
  const after = Math.max(0, head - newest);
  const check = openCheck(db, after);
  const streamNos = new Set<number>();
  let missing: ChainBreak | undefined;
  for (const event of eventsIn(db, after)) {
    streamNos.add(event[1]);
    for (const found of check.check(event)) {
      if (found.stream !== null) return found;
      missing ??= found;
    }
  }
  missing ??= [...check.end(head), ...headBreaks(db, newestIn(db))][0];
  for (const found of endBreaks(db, missing === undefined ? streamNos : undefined)) {
    return { ...found, position: missing?.position ?? null };
  }
  return missing;
};

const newestIn = (db: DatabaseSync): number => Number(value(db, 'SELECT max(position) FROM events') ?? 0);
