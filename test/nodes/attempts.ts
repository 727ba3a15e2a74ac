import type { RecordedEvent } from '../../src/eventstore/event-store.ts';
import type { Receiver } from '../kill/receiver.ts';
import { promised } from '../kill/violation.ts';
import type { Outage } from './outage.ts';

/** One attempt as the log has it. */
export interface LoggedAttempt {
  readonly invocation: string;
  readonly number: number;
  readonly node: string;
  readonly url: string;
  readonly startedAtMs: number;
  /** Its node had been declared gone before: nothing of it may be sent. */
  readonly startedWhenGone: boolean;
  readonly endedAtMs: number;
  readonly outcome: string;
}

const INVOCATION = 'invocation-';

interface Stored {
  readonly number: number;
  readonly node?: string;
  readonly url: string;
  readonly atMs: number;
  readonly outcome?: string;
}

/** From all events in the order of the log, those between the nodes included. */
export const attemptsIn = (events: ReadonlyArray<RecordedEvent>): ReadonlyArray<LoggedAttempt> => {
  const gone = new Set<string>();
  const open = new Map<string, LoggedAttempt>();
  const attempts: LoggedAttempt[] = [];
  for (const { stream, event } of events) {
    if (event.type === 'NodeExpired') gone.add((JSON.parse(event.data) as { readonly node: string }).node);
    if (!stream.startsWith(INVOCATION)) continue;
    if (event.type === 'AttemptStarted') {
      const { number, node = '', url, atMs } = JSON.parse(event.data) as Stored;
      open.set(stream, {
        invocation: stream.slice(INVOCATION.length),
        number,
        node,
        url,
        startedAtMs: atMs,
        startedWhenGone: gone.has(node),
        endedAtMs: Number.POSITIVE_INFINITY,
        outcome: 'running',
      });
      continue;
    }
    const started = open.get(stream);
    if (started === undefined) continue;
    const { atMs, number, outcome = 'ended' } = JSON.parse(event.data) as Stored;
    if (number !== started.number) continue;
    attempts.push({ ...started, endedAtMs: atMs, outcome });
    open.delete(stream);
  }
  return [...attempts, ...open.values()];
};

/** Times are whole milliseconds of one clock. */
const ROUNDING_MS = 2;
/** A busy receiver may note a request that much later than it came. */
const NOTED_LATE_MS = 2_000;

/** Every request belongs to an attempt of its own that was running when it came. */
export const checkRequestsRan = (receiver: Receiver, attempts: ReadonlyArray<LoggedAttempt>): void => {
  const byInvocation = Map.groupBy(attempts, ({ invocation }) => invocation);
  for (const [invocation, { arrivedAtMs }] of receiver.received) {
    // What was started by one that had gone must not be sent: another one's may begin within the time it may be noted late.
    const free = (byInvocation.get(invocation) ?? []).filter(({ startedWhenGone }) => !startedWhenGone);
    for (const arrival of arrivedAtMs) {
      const at = free.findIndex(
        ({ startedAtMs, endedAtMs }) =>
          startedAtMs - ROUNDING_MS <= arrival && arrival <= endedAtMs + NOTED_LATE_MS,
      );
      const [attempt] = at < 0 ? [] : free.splice(at, 1);
      promised(
        attempt !== undefined,
        () =>
          `a request of ${invocation} came at ${arrival}, when no attempt of it was running: ` +
          JSON.stringify({ arrivedAtMs, attempts: byInvocation.get(invocation) }),
      );
    }
  }
};

/** A graceful end interrupts nothing. */
export const checkNothingInterrupted = (
  { node, fromMs }: Outage,
  attempts: ReadonlyArray<LoggedAttempt>,
): void => {
  const cut = attempts.find(
    (one) => one.node === node && one.outcome === 'interrupted' && one.endedAtMs >= fromMs,
  );
  promised(cut === undefined, () => `a graceful end interrupted an attempt: ${JSON.stringify(cut)}`);
};

/** How long it took until somebody else started an attempt at each of the endpoints that had been its own. */
export const takenOverAfterMs = (
  outage: Outage,
  attempts: ReadonlyArray<LoggedAttempt>,
): ReadonlyArray<number> =>
  outage.urls.flatMap((url) => {
    const first = attempts
      .filter(
        (one) =>
          one.url === url &&
          one.node !== outage.node &&
          one.startedAtMs >= outage.fromMs &&
          one.startedAtMs <= outage.untilMs,
      )
      .map(({ startedAtMs }) => startedAtMs - outage.fromMs);
    return first.length === 0 ? [] : [Math.min(...first)];
  });
