import { expect } from 'vitest';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { InvocationEvent } from '../../src/domain/invocation.ts';
import { verifyChain } from '../../src/eventstore/chain.ts';
import type { RecordedEvent } from '../../src/eventstore/event-store.ts';
import type { World } from './engine-world.ts';

/** What holds of every log and of every receiver, whatever happened. */
export const auditWorld = async (world: World): Promise<void> => {
  expect(world.defects).toEqual([]);
  const page = await world.store.readAll({ after: 0, limit: 1_000_000 })();
  if (page._tag === 'Left') throw new Error(page.left.message);
  for (const [stream, events] of byStream(page.right.events)) {
    expect(verifyChain(stream, events), stream).toBeUndefined();
  }
  const log = await world.log();
  for (const [stream, events] of byStream(log))
    if (stream.startsWith('invocation-')) auditInvocation(world, stream, events);
  const scheduled = new Set(log.map(({ event }) => (event.type === 'InvocationScheduled' ? event.guid : '')));
  for (const { id } of world.sender.seen) expect(scheduled.has(id), `request ${id} is in the log`).toBe(true);
};

const byStream = <E extends Decoded | RecordedEvent>(events: ReadonlyArray<E>): Map<string, E[]> => {
  const streams = new Map<string, E[]>();
  for (const event of events) streams.set(event.stream, [...(streams.get(event.stream) ?? []), event]);
  return streams;
};

const auditInvocation = (world: World, stream: string, decoded: ReadonlyArray<Decoded>): void => {
  const events = decoded.map(({ event }) => event as InvocationEvent);
  const [first] = events;
  if (first?.type !== 'InvocationScheduled') throw new Error(`${stream} does not begin with its scheduling`);
  let round = first;
  let startedBefore = 0;
  let started = 0;
  let dueAtMs: number | null = first.atMs;
  let settled = false;
  for (const event of events.slice(1)) {
    if (settled) expect(event.type, `${stream}: what follows its end`).toBe('RetryRequested');
    switch (event.type) {
      case 'InvocationScheduled':
        throw new Error(`${stream} was scheduled twice`);
      case 'AttemptStarted':
        started += 1;
        expect(event.number, `${stream}: attempts are numbered without gap or repeat`).toBe(started);
        expect(dueAtMs, `${stream}: attempt ${started} is due`).not.toBeNull();
        expect(event.atMs, `${stream}: attempt ${started} is not early`).toBeGreaterThanOrEqual(
          dueAtMs ?? Infinity,
        );
        expect(started - startedBefore, `${stream}: attempts of one round`).toBeLessThanOrEqual(
          1 + round.retries,
        );
        dueAtMs = null;
        break;
      case 'AttemptFailed': {
        const failures = started - startedBefore;
        expect(event.number).toBe(started);
        if (event.nextAttemptAtMs !== null) {
          const leastMs = Math.min(round.retryBaseMs * 2 ** (failures - 1), 24 * 60 * 60 * 1000);
          expect(event.nextAttemptAtMs - event.atMs).toBeGreaterThanOrEqual(leastMs);
        }
        dueAtMs = event.nextAttemptAtMs;
        break;
      }
      case 'RetryRequested':
        round = { ...round, retries: event.retries, retryBaseMs: event.retryBaseMs };
        startedBefore = started;
        dueAtMs = event.atMs;
        settled = false;
        break;
      case 'InvocationDelivered':
        expect(event.number).toBe(started);
        settled = true;
        break;
      default:
        settled = true;
    }
  }
  const seen = world.sender.of(first.guid);
  expect(seen.length, `${stream}: requests seen`).toBeLessThanOrEqual(started);
  for (const { body } of seen) expect(body, `${stream}: the same bytes every time`).toBe(first.body);
};
