import { backoffMs } from '../domain/backoff.ts';
import type { InvocationEvent } from '../domain/invocation.ts';

/** One attempt of an invocation's first round, as it is on record. */
export interface RecordedAttempt {
  readonly dueAtMs: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly succeeded: boolean;
}

/** A round of attempts, as it was or would have been. */
export interface Round {
  /** When each began, in milliseconds since the epoch. */
  readonly startedAtMs: ReadonlyArray<number>;
  /** `unknown`: an attempt would have come after the last one on record, whose answer nobody knows. */
  readonly outcome: 'delivered' | 'exhausted' | 'unknown';
}

export interface RetryPolicy {
  readonly retries: number;
  readonly retryBaseMs: number;
}

/** The attempts of the first round; undefined while it goes on, and where it came to no end of its own. */
export const recordedRound = (
  events: ReadonlyArray<InvocationEvent>,
): ReadonlyArray<RecordedAttempt> | undefined => {
  const attempts: RecordedAttempt[] = [];
  let dueAtMs: number | undefined;
  let startedAtMs = 0;
  for (const event of events) {
    switch (event.type) {
      case 'AttemptStarted':
        startedAtMs = event.atMs;
        break;
      case 'AttemptFailed':
      case 'InvocationDelivered': {
        const succeeded = event.type === 'InvocationDelivered';
        attempts.push({
          dueAtMs: dueAtMs ?? startedAtMs,
          startedAtMs,
          endedAtMs: event.atMs,
          succeeded,
        });
        if (succeeded) return attempts;
        dueAtMs = event.nextAttemptAtMs ?? undefined;
        break;
      }
      case 'InvocationExhausted':
        return attempts;
      case 'RetryRequested':
      case 'InvocationCancelled':
      case 'InvocationSuperseded':
        return undefined;
      case 'InvocationScheduled':
        break;
    }
  }
  return undefined;
};

export const roundOf = (attempts: ReadonlyArray<RecordedAttempt>): Round => ({
  startedAtMs: attempts.map(({ startedAtMs }) => startedAtMs),
  outcome: attempts.at(-1)?.succeeded === true ? 'delivered' : 'exhausted',
});

/**
 * The same round under another policy, given what is on record of the receiver: at any moment it answers as it did to the
 * newest attempt on record until then. So what is delivered here would have been, and a receiver that recovered between
 * two attempts counts as recovered only at the second. What a receiver asked for by Retry-After is not considered.
 */
export const shadowRound = (
  guid: string,
  attempts: ReadonlyArray<RecordedAttempt>,
  { retries, retryBaseMs }: RetryPolicy,
): Round => {
  const startedAtMs: number[] = [];
  const lastDueMs = attempts.at(-1)?.dueAtMs ?? 0;
  let dueAtMs = attempts[0]?.dueAtMs ?? 0;
  for (let number = 1; ; number += 1) {
    const answered = attempts.findLast((attempt) => attempt.dueAtMs <= dueAtMs) ?? attempts[0];
    if (answered === undefined) return { startedAtMs, outcome: 'unknown' };
    if (dueAtMs > Math.max(lastDueMs, answered.startedAtMs) && !answered.succeeded)
      return { startedAtMs, outcome: 'unknown' };
    // An attempt begins a moment after it is due: where this is the one on record, so does this one.
    const startMs = Math.max(dueAtMs, dueAtMs <= answered.startedAtMs ? answered.startedAtMs : 0);
    startedAtMs.push(startMs);
    if (answered.succeeded) return { startedAtMs, outcome: 'delivered' };
    if (number > retries) return { startedAtMs, outcome: 'exhausted' };
    const endMs = startMs + (answered.endedAtMs - answered.startedAtMs);
    dueAtMs = endMs + backoffMs(retryBaseMs, number, `${guid}:${number}`);
  }
};
