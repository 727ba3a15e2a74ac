import { streamOf } from '../../src/domain/ids.ts';
import type { InvocationEvent } from '../../src/domain/invocation.ts';
import { emptyHead, seal } from '../../src/eventstore/codec.ts';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { append } from '../contract/event-store.ts';
import { result, scheduled } from '../domain/invocation-samples.ts';
import { CAUSE } from '../eventstore/events.ts';

/** Invocations as they end, or do not end. */

export const DAY_MS = 24 * 60 * 60 * 1000;

export const invocationOf = (n: number): string => guidOf(0x1000 + n);

const started = (number: number, atMs: number): InvocationEvent => ({
  type: 'AttemptStarted',
  number,
  url: 'https://partner.example/',
  webhookRevision: 0,
  atMs,
});
const failed = (number: number, nextAttemptAtMs: number | null, atMs: number): InvocationEvent => ({
  type: 'AttemptFailed',
  number,
  outcome: 'failed',
  result: result(500),
  nextAttemptAtMs,
  atMs,
});
const delivered = (number: number, atMs: number): InvocationEvent => ({
  type: 'InvocationDelivered',
  number,
  result: result(204),
  atMs,
});

/** What comes after the scheduling, by how it goes. All at the same time. */
export const LIVES: Readonly<Record<string, (atMs: number) => ReadonlyArray<InvocationEvent>>> = {
  delivered: (atMs) => [started(1, atMs), delivered(1, atMs)],
  exhausted: (atMs) => [
    started(1, atMs),
    failed(1, null, atMs),
    { type: 'InvocationExhausted', gone: false, atMs },
  ],
  cancelled: (atMs) => [{ type: 'InvocationCancelled', reason: 'webhook_disabled', atMs }],
  superseded: (atMs) => [{ type: 'InvocationSuperseded', by: invocationOf(0), atMs }],
  retried: (atMs) => [
    started(1, atMs),
    delivered(1, atMs),
    { type: 'RetryRequested', retries: 1, retryBaseMs: 1_000, atMs },
    started(2, atMs),
    delivered(2, atMs),
  ],
  waiting: () => [],
  failing: (atMs) => [started(1, atMs), failed(1, atMs + DAY_MS, atMs)],
  inFlight: (atMs) => [started(1, atMs)],
  askedAgain: (atMs) => [
    started(1, atMs),
    delivered(1, atMs),
    { type: 'RetryRequested', retries: 1, retryBaseMs: 1_000, atMs },
  ],
};

/** Those whose newest event settles them. */
export const SETTLED: ReadonlyArray<string> = [
  'delivered',
  'exhausted',
  'cancelled',
  'superseded',
  'retried',
];

/** Writes an invocation with all that became of it; answers its stream. */
export const live = async (store: EventStore, n: number, life: string, atMs: number): Promise<string> => {
  const guid = invocationOf(n);
  const stream = streamOf.invocation(guid);
  const events = [{ ...scheduled, guid, change: null, test: true, atMs }, ...(LIVES[life]?.(atMs) ?? [])];
  const sealed = events.map((event, index) => ({ id: guidOf(0x100000 + n * 16 + index), event }));
  await append(store, seal(stream, emptyHead(stream), sealed, CAUSE).append);
  return stream;
};
