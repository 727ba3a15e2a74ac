import type { Either } from 'fp-ts/lib/Either.js';
import type { Webhooks } from '../commands/webhooks.ts';
import type { CancelReason, InvocationCommand, InvocationScheduled } from '../domain/invocation.ts';
import type { Appended, AppendFailure, EventStore, Position } from '../eventstore/event-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import { appendUntilKnown } from './append-until-known.ts';
import { attemptCause, type HeldInvocation, type Step, stepOf } from './attempt.ts';
import { cancelReasonOf } from './cancel-reason.ts';
import type { Outage } from './outage.ts';

export interface RecorderDeps {
  readonly store: EventStore;
  readonly webhooks: Pick<Webhooks, 'get' | 'disableGone'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly outage: Outage;
  /** The process ends: what the store does not take now is found by the next start. */
  readonly draining: () => boolean;
}

/** The place in the log, or why there is none: somebody else has moved it on, or the process ends. */
export type Recorded = Position | 'moved_on' | 'not_recorded';

/** Writes what becomes of invocations, and waits for the store where it has to. */
export class Recorder {
  readonly #deps: RecorderDeps;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  /** Appends, and answers only what is certain, unless the process ends. */
  async append({ append }: Step): Promise<Either<AppendFailure, ReadonlyArray<Appended>>> {
    const { store, outage, draining } = this.#deps;
    const appended = await appendUntilKnown(store, [append], async (failure) => {
      if (draining()) return false;
      outage.failed(reasonOf(failure));
      await outage.turn();
      return !draining();
    });
    if (appended._tag === 'Right' || appended.left._tag === 'WrongExpectedRevision') outage.over();
    return appended;
  }

  /** Records an outcome. It is known, so it is written as soon as the store takes it. */
  async record(held: HeldInvocation, command: InvocationCommand): Promise<Recorded> {
    const { clock, random, outage, draining } = this.#deps;
    const scheduled = held.state.situation === 'unscheduled' ? undefined : held.state.facts.scheduled;
    const step = scheduled && stepOf(random, held, command, attemptCause(scheduled));
    if (scheduled === undefined || step === undefined) {
      throw new Error(`${held.stream}: ${command.type} was refused`);
    }
    for (;;) {
      const recorded = await this.append(step);
      if (recorded._tag === 'Right') {
        const reason =
          step.after.state.situation === 'waiting' ? await this.#cancelReason(scheduled) : undefined;
        if (reason === undefined) return recorded.right[0]?.position ?? 0;
        // Disabled, or the customer erased, while the attempt was running: then nothing waits.
        return this.record(step.after, { type: 'CancelInvocation', reason, atMs: clock.nowMs() });
      }
      // For example recorded as interrupted by a node that took over.
      if (recorded.left._tag === 'WrongExpectedRevision') return 'moved_on';
      outage.failed(reasonOf(recorded.left));
      if (draining()) return 'not_recorded';
      await outage.turn();
    }
  }

  /** Before the outcome: a crash in between leaves a disabled webhook and an interrupted attempt, never the reverse. */
  async disableGone(scheduled: InvocationScheduled, attempt: number): Promise<void> {
    const { webhooks, outage, draining } = this.#deps;
    const cause = attemptCause(scheduled);
    const gone = { invocation: scheduled.guid, attempt };
    for (;;) {
      const disabled = await webhooks.disableGone(scheduled.webhook, gone, cause);
      if (disabled._tag === 'Right' || disabled.left._tag === 'WebhookDeletedBefore' || draining()) return;
      await outage.pause();
    }
  }

  async #cancelReason(scheduled: InvocationScheduled): Promise<CancelReason | undefined> {
    const { webhooks, outage, draining } = this.#deps;
    for (;;) {
      const found = await webhooks.get(scheduled.webhook);
      if (found._tag === 'Right') return cancelReasonOf(found.right, scheduled);
      if (draining()) return undefined;
      await outage.pause();
    }
  }
}

/** In words for the operator. */
export const reasonOf = (failure: AppendFailure): string =>
  'message' in failure ? failure.message : failure._tag;
