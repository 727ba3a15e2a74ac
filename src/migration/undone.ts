import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { type ClusterEvent, doneByAll, evolveCluster, initialCluster } from '../domain/cluster.ts';
import { isResourceStream, STREAM_PREFIXES, streamOf } from '../domain/ids.ts';
import { decode } from '../eventstore/codec.ts';
import type { Position } from '../eventstore/event-store.ts';
import { oursOf } from '../eventstore/ours.ts';
import type { LogSource } from './log-cursor.ts';

const PAGE = 500;

/**
 * How many changes of a shared store its nodes have not said to be done with. What nodes say of themselves does not move
 * with the history, and the history alone does not tell it: nodes schedule side by side, so a later change may have been
 * told already while an earlier one has not. Left: what cannot be read.
 */
export const undoneChanges = async (source: LogSource): Promise<Either<string, number>> => {
  const done = await doneUpTo(source);
  if (isLeft(done)) return done;
  // No node was ever here, as after a move: then the history comes from a store where the order does tell it.
  if (done.right === undefined) return right(0);
  let undone = 0;
  for (let after = done.right; ;) {
    const filter = { streamPrefixes: STREAM_PREFIXES };
    const page = await source.readAll({ after, limit: PAGE, filter })();
    if (isLeft(page)) return left(page.left.message);
    undone += oursOf(page.right.events).filter(({ stream }) => isResourceStream(stream)).length;
    if (page.right.atEnd) return right(undone);
    after = page.right.next;
  }
};

/** Everything before is done for all webhooks; undefined: no node has ever said anything. */
const doneUpTo = async (source: LogSource): Promise<Either<string, Position | undefined>> => {
  let state = initialCluster;
  for (;;) {
    const options = { fromRevision: state.revision + 1, limit: PAGE };
    const page = await source.readStream(streamOf.cluster, options)();
    if (isLeft(page)) return left(page.left.message);
    for (const recorded of page.right) {
      const decoded = decode(recorded);
      if (isLeft(decoded))
        return left(`${streamOf.cluster}, revision ${recorded.revision}: ${decoded.left.reason}`);
      state = evolveCluster(state, decoded.right.event as ClusterEvent, recorded.revision);
    }
    if (page.right.length < PAGE) return right(state.revision < 0 ? undefined : doneByAll(state));
  }
};
