import { type Either, isLeft, left, right, tryCatch } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { chainHash, closeMetadata, emptyHead, hashIn, headOf, verifyChain } from './chain.ts';
import type { ChainBreak, Head } from './decoded.ts';
import type { EventStore, Position, ReadFailure, RecordedEvent, StreamAppend } from './event-store.ts';

/**
 * What was removed from the beginning of streams by policy, written down before it went, in a stream of its own that no
 * projection reads. What remains of such a stream hangs on the hash that stands here. A storage format: never changed.
 */
export const REMOVALS_STREAM = 'callboard-removed';
const TYPE = 'BeginningsRemoved';
const OPEN_METADATA = '{"schemaVersion":1';

/** The last event of the stream that goes: what remains begins with the next revision. */
export interface Removal {
  readonly stream: string;
  readonly revision: number;
  readonly hash: string;
  /**
   * Seals of which an event that goes is a leaf: with what it was, their roots can still be computed. The last event of the
   * stream stays, so there are none where one seal covers all of it.
   */
  readonly sealed?: ReadonlyArray<SealedLeaf>;
  /**
   * Where the events that go stood: one for each revision from 0 on, the first as it is, each other as the distance to the one
   * before. Only of a store with positions that are counted: there none may be missing without a word.
   */
  readonly positions?: ReadonlyArray<number>;
}

/** Positions as they are recorded. */
export const asSteps = (positions: ReadonlyArray<Position>): ReadonlyArray<number> =>
  positions.map((position, at) => position - (positions[at - 1] ?? 0));

export const fromSteps = (steps: ReadonlyArray<number>): ReadonlyArray<Position> => {
  let position = 0;
  return steps.map((step) => (position += step));
};

/** A stream's leaf in the tree of the seal with that number. */
export interface SealedLeaf {
  readonly seal: number;
  readonly revision: number;
  readonly hash: string;
}

/** Removals in one record: some 170 bytes each, far below what a store takes in one append. */
export const REMOVALS_MAX = 1_000;

const sealedLeaf = t.strict({ seal: t.number, revision: t.number, hash: t.string });
const record = t.strict({
  removed: t.readonlyArray(
    t.exact(
      t.intersection([
        t.type({ stream: t.string, revision: t.number, hash: t.string }),
        t.partial({ sealed: t.readonlyArray(sealedLeaf), positions: t.readonlyArray(t.number) }),
      ]),
    ),
  ),
});
/** Of a record that was made by a company's own policy. */
const byPolicy = t.strict({
  atMs: t.number,
  company: t.string,
  streams: t.number,
  events: t.number,
  bytes: t.number,
});

/** What a record says of itself: when, and by whose policy. */
export type RecordNote = t.TypeOf<typeof byPolicy>;

/** One record after `head`. */
export const sealRemovals = (
  head: Head,
  id: string,
  atMs: number,
  removed: ReadonlyArray<Removal>,
  policy?: Omit<RecordNote, 'atMs'>,
): { readonly append: StreamAppend; readonly head: Head } => {
  const data = JSON.stringify({ atMs, ...policy, removed });
  const hash = chainHash(head.hash, id, TYPE, data, OPEN_METADATA);
  const events = [{ id, type: TYPE, data, metadata: closeMetadata(OPEN_METADATA, hash) }];
  return {
    append: { stream: REMOVALS_STREAM, expectedRevision: head.revision, events },
    head: { revision: head.revision + 1, hash },
  };
};

type Log = Pick<EventStore, 'readStream'>;

/** The newest record, whose removals may not all have been done, and where the next one goes. */
export const lastRemovals = async (
  log: Log,
): Promise<Either<ReadFailure, { readonly head: Head; readonly removed: ReadonlyArray<Removal> }>> => {
  const page = await log.readStream(REMOVALS_STREAM, { direction: 'backwards', limit: 1 })();
  if (isLeft(page)) return page;
  const [last] = page.right;
  if (last === undefined) return right({ head: emptyHead(REMOVALS_STREAM), removed: [] });
  const removed = removedIn(last);
  if (removed === undefined) return left({ _tag: 'StoreUnavailable', message: breakAt(last).reason });
  return right({ head: headOf([last], REMOVALS_STREAM), removed });
};

/** Records read at once: some megabytes at most. */
const PAGE = 20;

/** Hands over every removal in the order in which they were written. Right: where the records do not hang together. */
export const readRemovals = async (
  log: Log,
  take: (removal: Removal, record: RecordedEvent) => void,
): Promise<Either<ReadFailure, ChainBreak | undefined>> => {
  let head = emptyHead(REMOVALS_STREAM);
  for (;;) {
    const page = await log.readStream(REMOVALS_STREAM, { fromRevision: head.revision + 1, limit: PAGE })();
    if (isLeft(page)) return page;
    const broken = verifyChain(REMOVALS_STREAM, page.right, head);
    if (broken !== undefined) return right(broken);
    for (const recorded of page.right) {
      const removed = removedIn(recorded);
      if (removed === undefined) return right(breakAt(recorded));
      for (const removal of removed) take(removal, recorded);
    }
    if (page.right.length > 0) head = headOf(page.right, REMOVALS_STREAM);
    if (page.right.length < PAGE) return right(undefined);
  }
};

/** The note of a record as it was stored; undefined: it was made by hand, or is none. */
export const noteIn = ({ event }: RecordedEvent): RecordNote | undefined => {
  const parsed = tryCatch(
    (): unknown => JSON.parse(event.data),
    () => undefined,
  );
  const decoded = isLeft(parsed) ? undefined : byPolicy.decode(parsed.right);
  return decoded === undefined || isLeft(decoded) ? undefined : decoded.right;
};

/** When the record was written. */
export const recordedAtMs = (data: string): number | undefined => {
  const parsed = tryCatch(
    (): unknown => JSON.parse(data),
    () => undefined,
  );
  const decoded = isLeft(parsed) ? undefined : t.type({ atMs: t.number }).decode(parsed.right);
  return decoded === undefined || isLeft(decoded) ? undefined : decoded.right.atMs;
};

const removedIn = ({ event }: RecordedEvent): ReadonlyArray<Removal> | undefined => {
  const parsed = tryCatch(
    (): unknown => JSON.parse(event.data),
    () => undefined,
  );
  if (event.type !== TYPE || hashIn(event.metadata) === undefined || isLeft(parsed)) return undefined;
  const decoded = record.decode(parsed.right);
  return isLeft(decoded) ? undefined : decoded.right.removed;
};

const breakAt = ({ revision, position }: RecordedEvent): ChainBreak => ({
  stream: REMOVALS_STREAM,
  revision,
  position,
  reason: `stream ${REMOVALS_STREAM}: no record of what was removed`,
});
