import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { bytesOf } from '../eventstore/batch.ts';
import type { EventData, EventStore, RecordedEvent, StreamAppend } from '../eventstore/event-store.ts';
import { LogCursor, type LogSource } from './log-cursor.ts';
import { type MoveFailure, notAppended, placeOf, unavailable } from './move-failure.ts';

export type CopyTarget = Pick<EventStore, 'readAll' | 'readStream' | 'append' | 'appendBytesMax'>;

export interface CopyOptions {
  /** Events of the target that were found there, compared one by one; called before the first one is copied. */
  readonly beforeCopying: (found: number) => Promise<Either<MoveFailure, void>>;
  /** How many events the target is known to hold by now. */
  readonly onProgress?: (done: number) => void;
}

export interface Copied {
  /** Were there before. */
  readonly found: number;
  readonly copied: number;
}

/** Events appended at once; less after a crash is left to compare and to repeat. */
const BATCH_EVENTS = 200;

/**
 * Brings the target to the source's end: all events in the source's order, one append after the other, so that at any
 * moment, after any crash, what the target holds is a beginning of the source. That it is, is looked at event by event
 * before anything is written.
 */
export const copyLog = async (
  source: LogSource,
  target: CopyTarget,
  { beforeCopying, onProgress }: CopyOptions,
): Promise<Either<MoveFailure, Copied>> => {
  const from = new LogCursor(source);
  const found = await skipCommon(from, target, onProgress);
  if (isLeft(found)) return found;
  const allowed = await beforeCopying(found.right);
  if (isLeft(allowed)) return allowed;

  let copied = 0;
  let batch: RecordedEvent[] = [];
  let bytes = 0;
  const flush = async (): Promise<Either<MoveFailure, void>> => {
    const written = await appendAll(target, batch);
    copied += batch.length;
    batch = [];
    bytes = 0;
    if (!isLeft(written)) onProgress?.(found.right + copied);
    return written;
  };
  for (;;) {
    const next = await from.next();
    if (isLeft(next)) return left(unavailable('source', next.left));
    const recorded = next.right;
    const size = recorded === undefined ? 0 : sizeOf(recorded);
    const full = batch.length >= BATCH_EVENTS || bytes + size > target.appendBytesMax;
    if (batch.length > 0 && (full || recorded === undefined)) {
      const written = await flush();
      if (isLeft(written)) return written;
    }
    if (recorded === undefined) return right({ found: found.right, copied });
    batch.push(recorded);
    bytes += size;
  }
};

/** Goes past what both have. Left: the target holds something that is not the source's. */
const skipCommon = async (
  from: LogCursor,
  target: LogSource,
  onProgress: CopyOptions['onProgress'],
): Promise<Either<MoveFailure, number>> => {
  const to = new LogCursor(target);
  for (let found = 0; ; found += 1) {
    const there = await to.next();
    if (isLeft(there)) return left(unavailable('target', there.left));
    if (there.right === undefined) return right(found);
    const here = await from.next();
    if (isLeft(here)) return left(unavailable('source', here.left));
    const difference = differenceOf(here.right, there.right);
    if (difference !== undefined) return left({ _tag: 'TargetDiffers', message: difference });
    onProgress?.(found + 1);
  }
};

/** What the target holds instead of the source's event, in words; undefined when they are the same to the byte. */
export const differenceOf = (
  source: RecordedEvent | undefined,
  target: RecordedEvent | undefined,
): string | undefined => {
  if (source === undefined || target === undefined) {
    if (target !== undefined) return `the target goes on where the source ends: ${placeOf(target)}`;
    return source === undefined ? undefined : `the target ends where the source has ${placeOf(source)}`;
  }
  if (source.stream !== target.stream || source.revision !== target.revision) {
    return `the target has ${placeOf(target)} where the source has ${placeOf(source)}`;
  }
  for (const field of ['id', 'type', 'data', 'metadata'] as const) {
    if (source.event[field] !== target.event[field]) {
      return `the target has another event in ${placeOf(source)}: its ${field} differs`;
    }
  }
  return undefined;
};

const appendAll = async (
  target: CopyTarget,
  batch: ReadonlyArray<RecordedEvent>,
): Promise<Either<MoveFailure, void>> => {
  const [first] = batch;
  if (first === undefined) return right(undefined);
  const appended = await append(target, runsOf(batch), placeOf(first));
  if (!isLeft(appended)) return right(undefined);
  if (appended.left._tag !== 'WrittenMeanwhile') return appended;
  // The last append of a move that was killed may arrive late, and may have held a part of this one.
  for (const recorded of batch) {
    const { stream, revision, event } = recorded;
    const page = await target.readStream(stream, { fromRevision: revision, limit: 1 })();
    if (isLeft(page)) return left(unavailable('target', page.left));
    const [there] = page.right;
    if (there !== undefined) {
      const difference = differenceOf(recorded, there);
      if (difference !== undefined) return left({ _tag: 'TargetDiffers', message: difference });
      continue;
    }
    const one = { stream, expectedRevision: revision - 1, events: [event] };
    const written = await append(target, [one], placeOf(recorded));
    if (isLeft(written)) return written;
  }
  return right(undefined);
};

const append = async (
  target: CopyTarget,
  batch: ReadonlyArray<StreamAppend>,
  place: string,
): Promise<Either<MoveFailure, void>> => {
  try {
    const appended = await target.append(batch)();
    return isLeft(appended) ? left(notAppended(place, appended.left)) : right(undefined);
  } catch (error) {
    // A store may ask more of an event's text than the one that it comes from.
    const reason = error instanceof Error ? error.message : String(error);
    return left({ _tag: 'SourceRefused', message: `the target does not take ${place}: ${reason}` });
  }
};

/** Neighbours of one stream go in one append. */
const runsOf = (batch: ReadonlyArray<RecordedEvent>): ReadonlyArray<StreamAppend> => {
  const runs: Array<{ stream: string; expectedRevision: number; events: EventData[] }> = [];
  for (const { stream, revision, event } of batch) {
    const last = runs.at(-1);
    if (last?.stream === stream) last.events.push(event);
    else runs.push({ stream, expectedRevision: revision - 1, events: [event] });
  }
  return runs;
};

const sizeOf = ({ stream, revision, event }: RecordedEvent): number =>
  bytesOf([{ stream, expectedRevision: revision - 1, events: [event] }], Infinity);
