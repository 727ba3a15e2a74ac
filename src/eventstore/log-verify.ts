import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { emptyHead, hashIn, linkFault } from './chain.ts';
import type { ChainBreak, Head } from './decoded.ts';
import type { EventStore, ReadFailure, RecordedEvent, StreamFilter } from './event-store.ts';

/** What was read of a log, and where it does not hang together. */
export interface LogVerification {
  readonly streams: number;
  readonly events: number;
  /** In the order found; at most {@link LOG_BREAKS_MAX}, then the search ends. */
  readonly breaks: ReadonlyArray<ChainBreak>;
}

export const LOG_BREAKS_MAX = 1_000;
const PAGE = 1_000;

/**
 * Every stream's chain and revisions, up to where the log ends when this is called, read through the port alone: for
 * stores that only a server can read. What such a store has lost at a stream's end cannot be told from what never was.
 */
export const verifyLog = async (
  store: EventStore,
  filter: StreamFilter,
  onProgress?: (events: number) => void,
): Promise<Either<ReadFailure, LogVerification>> => {
  const end = await store.head()();
  if (isLeft(end)) return end;
  const heads = new Map<string, Head>();
  const breaks: ChainBreak[] = [];
  let events = 0;
  for (let after = 0; ;) {
    const page = await store.readAll({ after, limit: PAGE, filter })();
    if (isLeft(page)) return page;
    for (const recorded of page.right.events) {
      if (recorded.position > end.right) break;
      events += 1;
      const reason = faultOf(heads.get(recorded.stream) ?? emptyHead(recorded.stream), recorded);
      const { stream, revision, position } = recorded;
      if (reason !== undefined) breaks.push({ stream, revision, position, reason });
      heads.set(stream, { revision, hash: hashIn(recorded.event.metadata) ?? '' });
    }
    onProgress?.(events);
    after = page.right.next;
    if (page.right.atEnd || after >= end.right || breaks.length >= LOG_BREAKS_MAX) {
      return right({ streams: heads.size, events, breaks: breaks.slice(0, LOG_BREAKS_MAX) });
    }
  }
};

const faultOf = (before: Head, { revision, event }: RecordedEvent): string | undefined =>
  revision === before.revision + 1
    ? linkFault(before.hash, event)
    : `follows revision ${before.revision} of what is there`;
