import { isLeft } from 'fp-ts/lib/Either.js';
import { evolveInvocation, initialInvocation } from '../domain/invocation.ts';
import { decode } from '../eventstore/codec.ts';
import type { EventStore } from '../eventstore/event-store.ts';
import type { DueRow } from '../projections/read-models.ts';
import type { HeldInvocation } from './attempt.ts';

/** Neighbours in a backlog mostly stand close together in the log: so many events are read for each one wanted. */
const EVENTS_PER_ROW_MAX = 6;
const PAGE_ROWS = 128;
/** With more than this read, in code units of bodies, the rest is left for its own turn. */
const BODIES_MAX = 8 * 1024 * 1024;

/**
 * Reads invocations that have been scheduled and nothing more, many at once by their places in the log: several times
 * cheaper than stream by stream. What it leaves out (too far apart, or the store is away) is read on its own later. Should one have
 * moved on since the due list was read, its next append meets a revision that is taken.
 */
export const readScheduled = async (
  store: Pick<EventStore, 'readAll' | 'positions'>,
  rows: ReadonlyArray<DueRow>,
): Promise<ReadonlyMap<string, HeldInvocation>> => {
  const held = new Map<string, HeldInvocation>();
  // How far two of them stand apart is known only where positions are counted.
  if (store.positions !== 'dense') return held;
  const firsts = rows.filter(({ retry }) => !retry).sort((a, b) => a.position - b.position);
  let bodies = 0;
  for (let start = 0; start < firsts.length && bodies < BODIES_MAX; start += PAGE_ROWS) {
    const page = firsts.slice(start, start + PAGE_ROWS);
    const after = (page[0]?.position ?? 1) - 1;
    const span = (page.at(-1)?.position ?? after) - after;
    if (span > page.length * EVENTS_PER_ROW_MAX) continue;
    const read = await store.readAll({ after, limit: span })();
    if (isLeft(read)) return held;
    const wanted = new Map(page.map(({ position, guid }) => [position, guid]));
    for (const recorded of read.right.events) {
      const guid = wanted.get(recorded.position);
      const decoded = guid === undefined ? undefined : decode(recorded);
      if (guid === undefined || decoded === undefined || isLeft(decoded)) continue;
      const { event, metadata, stream, revision } = decoded.right;
      if (event.type !== 'InvocationScheduled') continue;
      bodies += event.body.length;
      const state = evolveInvocation(initialInvocation, event);
      held.set(guid, { state, head: { revision, hash: metadata.hash }, stream });
    }
  }
  return held;
};
