import { type Either, isLeft, left, right, tryCatch } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { chainHash, closeMetadata, hashIn } from './chain.ts';
import { nullable } from './codec-parts.ts';
import type { Head } from './decoded.ts';
import type { EventStore, Position, ReadFailure, StreamAppend } from './event-store.ts';

/**
 * That the log was put back to an earlier copy, written down as the first event after it, in a stream of its own that no
 * projection reads. Whatever the lost part had given out lies below what stands here. A storage format: never changed.
 */
export const RESTORATIONS_STREAM = 'callboard-restored';
const TYPE = 'StoreRestored';
const OPEN_METADATA = '{"schemaVersion":1';

/** The end of a copy of the log. */
export interface CopyEnd {
  readonly position: Position;
  readonly events: number;
  /** Over the hashes of all events in their order: see log-digest.ts. */
  readonly digest: string;
  /** The newest event; null in a log without any. */
  readonly last: { readonly stream: string; readonly revision: number; readonly hash: string } | null;
}

export interface Restoration {
  readonly atMs: number;
  /** Null: a copy that was not made by `callboard backup`. */
  readonly takenAtMs: number | null;
  /** The id of the store that the copy was made of. */
  readonly copyOf: string;
  readonly end: CopyEnd;
  /** The whole numbers below it may have been given out by the lost part, in whatever account. */
  readonly numbersFrom: number;
}

const copyEnd = t.strict({
  position: t.number,
  events: t.number,
  digest: t.string,
  last: nullable(t.strict({ stream: t.string, revision: t.number, hash: t.string })),
});

const restoration = t.strict({
  atMs: t.number,
  takenAtMs: nullable(t.number),
  copyOf: t.string,
  end: copyEnd,
  numbersFrom: t.number,
});

export const copyEndCodec: t.Type<CopyEnd> = copyEnd;

/** Reaches 2^31 − 1, beyond which the Moshtix dialect has no numbers, in the year 2094. */
const NUMBERS_EPOCH_MS = Date.UTC(2026, 0, 1);

/** A number that grows by one a second: an account that gave out fewer in the meantime never gives one out again. */
export const numbersFrom = (atMs: number): number =>
  Math.max(1, Math.floor((atMs - NUMBERS_EPOCH_MS) / 1000));

/** More positions than a log can grow by; with 15 digits until the year 2286, as the API's cursors have. */
const POSITIONS_PER_MS = 100;

/** Where the log goes on: behind every position that the lost part can have had. */
export const positionAfter = (end: Position, atMs: number): Position =>
  Math.max(end + 1, Math.floor(atMs) * POSITIONS_PER_MS);

/** The record after `head`, the end of the stream of restorations. */
export const sealRestoration = (head: Head, id: string, restored: Restoration): StreamAppend => {
  const data = JSON.stringify(restored);
  const hash = chainHash(head.hash, id, TYPE, data, OPEN_METADATA);
  const events = [{ id, type: TYPE, data, metadata: closeMetadata(OPEN_METADATA, hash) }];
  return { stream: RESTORATIONS_STREAM, expectedRevision: head.revision, events };
};

/** Undefined: the event records no restoration. */
export const restorationIn = (type: string, data: string, metadata: string): Restoration | undefined => {
  const parsed = tryCatch(
    (): unknown => JSON.parse(data),
    () => undefined,
  );
  if (type !== TYPE || hashIn(metadata) === undefined || isLeft(parsed)) return undefined;
  const decoded = restoration.decode(parsed.right);
  return isLeft(decoded) ? undefined : decoded.right;
};

/** The newest restoration, if there ever was one. */
export const lastRestoration = async (
  log: Pick<EventStore, 'readStream'>,
): Promise<Either<ReadFailure, Restoration | undefined>> => {
  const page = await log.readStream(RESTORATIONS_STREAM, { direction: 'backwards', limit: 1 })();
  if (isLeft(page)) return page;
  const [last] = page.right;
  if (last === undefined) return right(undefined);
  const { type, data, metadata } = last.event;
  const found = restorationIn(type, data, metadata);
  return found === undefined
    ? left({ _tag: 'StoreUnavailable', message: `stream ${RESTORATIONS_STREAM}: no record of a restoration` })
    : right(found);
};
