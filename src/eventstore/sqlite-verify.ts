import { availableParallelism } from 'node:os';
import type { DatabaseSync } from 'node:sqlite';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { contentsFault, type HistorySealed } from '../domain/seal.ts';
import type { ChainBreak } from './decoded.ts';
import type { Position } from './event-store.ts';
import { type SealCounts, sealBreak } from './seal-watch.ts';
import { readSeals } from './seals.ts';
import { describeBreak, headBreaks } from './sqlite-check.ts';
import { openReader } from './sqlite-reader.ts';
import { checkRemovals, type RemovedCounts } from './sqlite-verify-removals.ts';
import {
  damaged,
  nameHash,
  openForReading,
  type OpenFailure,
  SCAN_CACHE_KIB,
  textOf,
  value,
} from './sqlite-schema.ts';
import type { VerifyAnswer, VerifyAsk } from './sqlite-verify-part.ts';
import { askAll } from './sqlite-verify-threads.ts';

export { describeBreak };

/** Does the log hang together, and is it what its seals say? Nothing here writes or repairs. */

export interface Verification {
  readonly streams: number;
  readonly events: number;
  readonly seals: SealCounts;
  /** What retention has removed, all of it recorded. */
  readonly removed: RemovedCounts;
  /** In the order of the log, as far as they were found; at most {@link BREAKS_MAX}, then the search ends. */
  readonly breaks: ReadonlyArray<ChainBreak>;
}

export const BREAKS_MAX = 1_000;

/** Positions of a part of the log that no seal covers. */
const PART = 20_000;
/** Starting a thread costs as much as checking so many events. */
const ALONE_MAX = 100_000;
const THREADS_MAX = 4;
const STREAMS_AT_ONCE = 50_000;

/**
 * Every stream's chain, revisions without gaps, positions 1 … N, nothing missing at an end, and every seal: as of one moment, also
 * while a server writes. In parts, on several threads where it is worth it; a part is what one seal covers, so that its tree is
 * computed where its events are read. `onProgress` hears how many of all events are done.
 */
export const verifySqliteStore = async (
  path: string,
  onProgress?: (done: number, all: number) => void,
  threads = Math.min(availableParallelism(), THREADS_MAX),
): Promise<Either<OpenFailure, Verification>> => {
  const opened = openForReading(path, SCAN_CACHE_KIB);
  if (isLeft(opened)) return opened;
  const db = opened.right;
  try {
    db.exec('BEGIN');
    const events = Number(value(db, 'SELECT count(*) FROM events'));
    const streams = Number(value(db, 'SELECT count(*) FROM streams'));
    const newest = Number(value(db, 'SELECT max(position) FROM events') ?? 0);
    const reader = openReader(db);
    const read = await readSeals({
      readStream: (stream, options) => async () => right(reader.stream(stream, options)),
    });
    if (isLeft(read)) return left(damaged(path, read.left.message));
    const head = Number(value(db, 'SELECT head FROM log'));
    const { parts, lost } = partsOf(db, read.right.seals, Math.max(newest, head));
    const asks: VerifyAsk[] = [
      ...parts.map(({ after, upTo, seal }): VerifyAsk => ({
        kind: 'events',
        after,
        upTo,
        ...(seal !== undefined && { seal: seal.number }),
      })),
      ...endsOf(Number(value(db, 'SELECT max(stream_no) FROM streams') ?? 0)),
    ];
    let done = 0;
    const tell = (): void => onProgress?.(done, events);
    const verifiers = { db, path, threads: events > ALONE_MAX ? threads : 0, breaksMax: BREAKS_MAX };
    const told = await askAll(verifiers, asks, (answer) => {
      done += answer.events;
      tell();
    });
    const breaks: ChainBreak[] = told.flatMap((answer) => answer?.breaks ?? []);
    const sealed = compareSeals(parts, told);
    const broken = read.right.broken;
    breaks.push(
      ...headBreaks(db, newest),
      ...(broken === undefined ? [] : [broken]),
      ...lost,
      ...sealed.breaks,
    );
    const removed = await checkRemovals(
      db,
      reader,
      told.flatMap((answer) => answer?.pins ?? []),
    );
    breaks.push(...removed.breaks);
    tell();
    return right({
      streams,
      events,
      seals: sealed.counts,
      removed: removed.counts,
      breaks: breaks.slice(0, BREAKS_MAX),
    });
  } catch (error) {
    return left(damaged(path, textOf(error)));
  } finally {
    db.close();
  }
};

interface Part {
  readonly after: Position;
  readonly upTo: Position;
  /** It covers exactly this part. */
  readonly seal?: HistorySealed;
}

/** Cuts the log where seals end. Also: seals that end nowhere, or before the one before them. */
const partsOf = (
  db: DatabaseSync,
  seals: ReadonlyArray<HistorySealed>,
  newest: Position,
): { readonly parts: ReadonlyArray<Part>; readonly lost: ReadonlyArray<ChainBreak> } => {
  const positionOf = db.prepare(
    `SELECT e.position FROM streams s CROSS JOIN events e ON e.stream_no = s.stream_no
     WHERE s.name_hash = ? AND s.name = ? AND e.revision = ?`,
  );
  const reader = openReader(db);
  const parts: Part[] = [];
  const lost: ChainBreak[] = [];
  let after = 0;
  let beginsHere = true;
  for (const seal of seals) {
    const { stream, revision } = seal.last;
    const found = positionOf.get(nameHash(stream), stream, revision)?.['position'];
    const end = Number(found ?? reader.removedPosition(stream, revision) ?? 0);
    if (end > after) {
      parts.push({ after, upTo: end, ...(beginsHere && { seal }) });
      after = end;
    } else lost.push(sealBreak(seal, 'the event that it ends with is not there, or not in its place'));
    beginsHere = end === after;
  }
  // Each ends with an event: what is missing before the next one, or jumped over by a restoration, is seen by one part alone.
  const lastUpTo = db.prepare('SELECT max(position) AS position FROM events WHERE position <= ?');
  const firstAfter = db.prepare('SELECT min(position) AS position FROM events WHERE position > ?');
  while (after < newest) {
    const last = Number(lastUpTo.get(after + PART)?.['position'] ?? 0);
    const upTo = last > after ? last : Number(firstAfter.get(after)?.['position'] ?? newest);
    parts.push({ after, upTo });
    after = upTo;
  }
  return { parts, lost };
};

const endsOf = (streamNoMax: number): ReadonlyArray<VerifyAsk> =>
  Array.from({ length: Math.ceil(streamNoMax / STREAMS_AT_ONCE) }, (_, part) => ({
    kind: 'ends',
    fromNo: part * STREAMS_AT_ONCE + 1,
    toNo: (part + 1) * STREAMS_AT_ONCE,
  }));

const compareSeals = (
  parts: ReadonlyArray<Part>,
  told: ReadonlyArray<VerifyAnswer | undefined>,
): { readonly counts: SealCounts; readonly breaks: ReadonlyArray<ChainBreak> } => {
  const breaks: ChainBreak[] = [];
  let [holding, thinned, unsealed] = [0, 0, 0];
  for (const [index, { seal }] of parts.entries()) {
    const answer = told[index];
    if (answer?.contents === undefined) continue;
    const { contents, removed } = answer;
    if (seal === undefined) {
      unsealed += contents.count;
      continue;
    }
    const whole = contents.count === seal.count;
    // Of what is missing only the number is known; what had gone before it was sealed the seal never counted.
    const accounted = contents.count < seal.count && contents.count + removed >= seal.count;
    const fault = contentsFault(seal, contents, whole || !accounted);
    if (fault !== undefined) breaks.push(sealBreak(seal, fault));
    else {
      holding += 1;
      if (!whole) thinned += 1;
    }
  }
  return { counts: { holding, thinned, unprovable: 0, unsealed }, breaks };
};
