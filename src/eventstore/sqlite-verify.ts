import type { DatabaseSync } from 'node:sqlite';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { ChainBreak } from './decoded.ts';
import type { Position } from './event-store.ts';
import { endBreaks, type EventRow, openCheck } from './sqlite-check.ts';
import { damaged, openForReading, type OpenFailure, textOf, value } from './sqlite-schema.ts';
import { BREAKS_MAX, type Verification } from './verification.ts';

/** Does the log hang together? Nothing here writes or repairs. */

const EVENTS_PER_TURN = 1_000;

/**
 * Every stream's chain, revisions without gaps, positions 1 … N, nothing missing at an end: as of one moment, also
 * while a server writes. Gives way to the event loop; `onProgress` hears how many of all events are done.
 */
export const verifySqliteStore = async (
  path: string,
  onProgress?: (done: number, all: number) => void,
): Promise<Either<OpenFailure, Verification>> => {
  const opened = openForReading(path);
  if (isLeft(opened)) return opened;
  const db = opened.right;
  try {
    db.exec('BEGIN');
    const events = Number(value(db, 'SELECT count(*) FROM events'));
    const streams = Number(value(db, 'SELECT count(*) FROM streams'));
    const check = openCheck(db, 0);
    const breaks: ChainBreak[] = [];
    let done = 0;
    for (const event of eventsAfter(db, 0)) {
      breaks.push(...check.check(event));
      if (breaks.length >= BREAKS_MAX) break;
      done += 1;
      if (done % EVENTS_PER_TURN !== 0) continue;
      onProgress?.(done, events);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (breaks.length < BREAKS_MAX) breaks.push(...check.end(), ...endBreaks(db));
    onProgress?.(done, events);
    return right({ streams, events, breaks: breaks.slice(0, BREAKS_MAX) });
  } catch (error) {
    return left(damaged(path, textOf(error)));
  } finally {
    db.close();
  }
};

/**
 * The first break among the newest events, each checked against its predecessor. Fast, unless something is missing
 * and the stream it belonged to has to be found.
 */
export const tailBreak = (db: DatabaseSync, newest: number): ChainBreak | undefined => {
  const after = Math.max(0, Number(value(db, 'SELECT head FROM log')) - newest);
  const check = openCheck(db, after);
  const streamNos = new Set<number>();
  let missing: ChainBreak | undefined;
  for (const event of eventsAfter(db, after)) {
    streamNos.add(event[1]);
    for (const found of check.check(event)) {
      if (found.stream !== null) return found;
      missing ??= found;
    }
  }
  missing ??= check.end()[0];
  for (const found of endBreaks(db, missing === undefined ? streamNos : undefined)) {
    return { ...found, position: missing?.position ?? null };
  }
  return missing;
};

const eventsAfter = (db: DatabaseSync, after: Position): Iterable<EventRow> => {
  const statement = db.prepare(
    'SELECT position, stream_no, revision, id, type, data, metadata FROM events WHERE position > ? ORDER BY position',
  );
  statement.setReturnArrays(true);
  return statement.iterate(after) as unknown as Iterable<EventRow>;
};
