import { isLeft } from 'fp-ts/lib/Either.js';
import { invocation as aggregate } from '../commands/aggregates.ts';
import { streamOf } from '../domain/ids.ts';
import { load, transact, type TransactDeps } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { DueList } from '../projections/read-models.ts';
import { attemptCause, UNKNOWN_OUTCOME } from './attempt.ts';
import { NotStored } from './not-stored.ts';

export interface RecoveryDeps extends TransactDeps {
  readonly clock: Clock;
  readonly dueList: Pick<DueList, 'inFlight'>;
}

const PAGE = 200;

/**
 * Attempts that were running when the last process ended: nobody knows what came of them. Each is recorded as
 * interrupted, counts like a failure and is tried again if its budget allows. Answers how many there were. Throws
 * `NotStored`: doing it again records what is left.
 */
export const recordInterrupted = async (deps: RecoveryDeps): Promise<number> => {
  let after = 0;
  let recorded = 0;
  for (;;) {
    const rows = deps.dueList.inFlight(after, PAGE);
    await Promise.all(rows.map(({ guid }) => recordOne(deps, guid)));
    recorded += rows.length;
    if (rows.length < PAGE) return recorded;
    after = rows.at(-1)?.position ?? after;
  }
};

const recordOne = async (deps: RecoveryDeps, guid: string): Promise<void> => {
  const stream = streamOf.invocation(guid);
  const loaded = await load(deps.store, stream, aggregate);
  if (isLeft(loaded)) throw new NotStored('interrupted attempts', loaded.left._tag);
  const { state } = loaded.right;
  if (state.situation !== 'in_flight') return;
  const { number, facts } = state;
  const written = await transact(
    deps,
    stream,
    aggregate,
    {
      type: 'RecordFailure',
      number,
      outcome: 'interrupted',
      result: UNKNOWN_OUTCOME,
      atMs: deps.clock.nowMs(),
    },
    { ...attemptCause(facts.scheduled), actor: 'engine:recovery' },
    loaded.right,
  );
  if (isLeft(written)) throw new NotStored('interrupted attempts', written.left._tag);
};
