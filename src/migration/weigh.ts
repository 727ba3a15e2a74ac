import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { isGuid, streamOf } from '../domain/ids.ts';
import { bytesOf } from '../eventstore/batch.ts';
import { emptyHead, hashIn, linkFault } from '../eventstore/chain.ts';
import { decode } from '../eventstore/codec.ts';
import type { Head } from '../eventstore/decoded.ts';
import {
  type EventStore,
  NO_STREAM,
  type Position,
  type ReadFailure,
  type RecordedEvent,
} from '../eventstore/event-store.ts';
import type { Removal } from '../eventstore/removals.ts';

/** Whether an invocation may lose its beginning, and what would go. */

export const INVOCATION_PREFIX = streamOf.invocation('');

/** When the event settled its invocation; never for every other event. What follows it may have opened it again. */
export const settledAtMs = (recorded: RecordedEvent): number => {
  const { stream, revision } = recorded;
  if (revision === 0 || !SETTLING.has(recorded.event.type)) return Infinity;
  if (!stream.startsWith(INVOCATION_PREFIX) || !isGuid(stream.slice(INVOCATION_PREFIX.length)))
    return Infinity;
  const decoded = decode(recorded);
  return isLeft(decoded) ? Infinity : decoded.right.event.atMs;
};

/** What an invocation ends with, unless it is retried. */
export const SETTLING: ReadonlySet<string> = new Set([
  'InvocationDelivered',
  'InvocationExhausted',
  'InvocationCancelled',
  'InvocationSuperseded',
]);

const PAGE = 500;

export type Weighed =
  | {
      readonly kind: 'removable';
      readonly removal: Removal;
      /** What goes, by revision: where each stands, as far as the store tells, and its hash. */
      readonly places: ReadonlyArray<{ readonly position: Position; readonly hash: string }>;
      readonly events: number;
      readonly bytes: number;
    }
  | { readonly kind: 'removed' | 'not_newest' }
  | { readonly kind: 'broken'; readonly reason: string };

/** Reads the stream from its beginning. What goes is checked before it goes: a hash recorded of it has to mean something. */
export const weigh = async (
  log: Pick<EventStore, 'readStream'>,
  { stream, revision: settled }: RecordedEvent,
): Promise<Either<ReadFailure, Weighed>> => {
  let head: Head = emptyHead(stream);
  let before = head;
  const places: Array<{ readonly position: Position; readonly hash: string }> = [];
  let [bytes, lastBytes] = [0, 0];
  for (;;) {
    const page = await log.readStream(stream, { fromRevision: head.revision + 1, limit: PAGE })();
    if (isLeft(page)) return page;
    for (const { revision, position, event } of page.right) {
      if (revision > settled) return right({ kind: 'not_newest' });
      if (head.revision === NO_STREAM && revision === settled) return right({ kind: 'removed' });
      const fault =
        revision === head.revision + 1 ? linkFault(head.hash, event) : 'what came before it is gone';
      const hash = hashIn(event.metadata);
      if (fault !== undefined || hash === undefined) {
        return right({ kind: 'broken', reason: `stream '${stream}' at revision ${revision}: ${fault}` });
      }
      before = head;
      head = { revision, hash };
      if (revision < settled) places.push({ position, hash });
      lastBytes = bytesOf([{ stream, expectedRevision: revision - 1, events: [event] }], 0);
      bytes += lastBytes;
    }
    if (page.right.length === PAGE) continue;
    if (head.revision !== settled) return right({ kind: 'not_newest' });
    const removal = { stream, revision: before.revision, hash: before.hash };
    return right({ kind: 'removable', removal, places, events: settled, bytes: bytes - lastBytes });
  }
};
