import { type Either, isLeft } from 'fp-ts/lib/Either.js';
import type { Appended, AppendFailure, EventStore, StreamAppend } from '../eventstore/event-store.ts';

/**
 * Appends, and answers only what is certain: while nobody knows whether it was stored, the identical append is
 * repeated. Ids and exact revisions make that safe. Without it an attempt could be in the log that nobody makes.
 * `wait` passes the time between two tries and says whether to go on; where it says no, the failure may be
 * `OutcomeUnknown`, and the next start finds out.
 */
export const appendUntilKnown = async (
  store: EventStore,
  batch: ReadonlyArray<StreamAppend>,
  wait: (failure: AppendFailure) => Promise<boolean>,
): Promise<Either<AppendFailure, ReadonlyArray<Appended>>> => {
  let mayBeStored = false;
  for (;;) {
    const appended = await store.append(batch)();
    if (!isLeft(appended)) return appended;
    const { _tag } = appended.left;
    mayBeStored ||= _tag === 'OutcomeUnknown';
    // A conflict is an answer, too: ours would have been recognised by its ids.
    if (!mayBeStored || _tag === 'WrongExpectedRevision' || !(await wait(appended.left))) return appended;
  }
};
