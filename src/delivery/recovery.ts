import { isLeft } from 'fp-ts/lib/Either.js';
import { invocation as aggregate } from '../commands/aggregates.ts';
import type { Webhooks, WebhookSnapshot } from '../commands/webhooks.ts';
import { streamOf } from '../domain/ids.ts';
import { load, type TransactDeps } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { DueList } from '../projections/read-models.ts';
import { attemptCause, stepOf, UNKNOWN_OUTCOME } from './attempt.ts';
import { cancelReasonOf } from './cancel-reason.ts';
import { NotStored } from './not-stored.ts';

export interface RecoveryDeps extends TransactDeps {
  readonly clock: Clock;
  readonly dueList: Pick<DueList, 'inFlight'>;
  readonly webhooks: Pick<Webhooks, 'get'>;
  /** Where nodes share the store: whose attempts these are, and whether it is for us to end those of a webhook. */
  readonly of?: {
    readonly node: string;
    readonly isOurs: (webhook: WebhookSnapshot) => boolean;
  };
}

const PAGE = 200;
const WHAT = 'interrupted attempts';

/**
 * Attempts that were running when the last process ended: nobody knows what came of them. Each is recorded as
 * interrupted, counts like a failure and is tried again if its budget allows; where the webhook was disabled or deleted
 * meanwhile, the invocation is cancelled instead, as what waits for it was. Answers how many there were. Throws
 * `NotStored`: doing it again records what is left.
 */
export const recordInterrupted = async (deps: RecoveryDeps): Promise<number> => {
  let after = 0;
  let recorded = 0;
  for (;;) {
    const rows = deps.dueList.inFlight(after, PAGE);
    const ended = await Promise.all(rows.map(({ guid }) => recordOne(deps, guid)));
    recorded += ended.filter(Boolean).length;
    if (rows.length < PAGE) return recorded;
    after = rows.at(-1)?.position ?? after;
  }
};

/** False: it is not in flight any more, or not ours to end. */
const recordOne = async (deps: RecoveryDeps, guid: string): Promise<boolean> => {
  const stream = streamOf.invocation(guid);
  const loaded = await load(deps.store, stream, aggregate);
  if (isLeft(loaded)) throw new NotStored(WHAT, loaded.left._tag);
  const { state } = loaded.right;
  if (state.situation !== 'in_flight') return false;
  const { number, facts } = state;
  const webhook = await deps.webhooks.get(facts.scheduled.webhook);
  if (isLeft(webhook)) throw new NotStored(WHAT, webhook.left._tag);
  if (deps.of !== undefined) {
    const isTheirs = (facts.attempts.at(-1)?.node ?? '') === deps.of.node;
    if (!isTheirs || !deps.of.isOurs(webhook.right)) return false;
  }
  const atMs = deps.clock.nowMs();
  const cause = { ...attemptCause(facts.scheduled), actor: 'engine:recovery' };
  const interrupt = {
    type: 'RecordFailure',
    number,
    outcome: 'interrupted',
    result: UNKNOWN_OUTCOME,
    atMs,
  } as const;
  const interrupted = stepOf(deps.random, { ...loaded.right, stream }, interrupt, cause);
  if (interrupted === undefined) throw new Error(`${stream}: its interruption was refused`);

  const reason = cancelReasonOf(webhook.right, facts.scheduled);
  // In the same append: the next start would look at those in flight only. Nothing to cancel when it was the last try.
  const cancelled =
    reason && stepOf(deps.random, interrupted.after, { type: 'CancelInvocation', reason, atMs }, cause);
  const events = [...interrupted.append.events, ...(cancelled?.append.events ?? [])];
  const written = await deps.store.append([{ ...interrupted.append, events }])();
  // Somebody else recorded what came of it: that is as good.
  if (isLeft(written) && written.left._tag !== 'WrongExpectedRevision') {
    throw new NotStored(WHAT, written.left._tag);
  }
  return !isLeft(written);
};
