import { status } from '@grpc/grpc-js';
import { isLeft, left } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordedEvent, Subscription } from '../../src/eventstore/event-store.ts';
import type { DatabaseOptions, DatabaseStore } from '../../src/eventstore/eventstoredb.ts';
import { append, get } from '../contract/event-store.ts';
import { Writer } from '../eventstore/events.ts';
import type { ReadFault, SubscriptionFault } from './double/faults.ts';
import { Double } from './double/server.ts';
import { openAt } from './stores.ts';

const TIMES = { answerMs: 400, silenceMs: 250, read: { answerMs: 300, patienceMs: 2_500 } };
const FILTER = { streamPrefixes: ['order-'] };

let double: Double;
let store: DatabaseStore;
const writer = () => new Writer('order-1');
const open = (options: Partial<DatabaseOptions> = {}) => openAt(double.url, { times: TIMES, ...options });
beforeEach(async () => {
  double = await new Double().start();
  store = await open();
});
afterEach(async () => {
  await store.close();
  double.stop();
});
const numbers = (count: number, from = 1) => Array.from({ length: count }, (_, n) => from + n);
const revisions = (events: ReadonlyArray<RecordedEvent>) => events.map(({ revision }) => revision);

describe('a read', () => {
  const faults: ReadonlyArray<ReadFault> = [
    'unavailable',
    'busy',
    'not_ready',
    'not_leader',
    'silent',
    'cut',
  ];
  it.each(faults)('is tried again after: %s', async (fault) => {
    await append(store, writer().next(numbers(10)));
    double.faults.reads.push(fault);
    expect(revisions(get(await store.readStream('order-1', { limit: 100 })()))).toEqual(numbers(10, 0));
    double.faults.reads.push(fault);
    const page = get(await store.readAll({ after: 0, limit: 100, filter: FILTER })());
    expect(revisions(page.events)).toEqual(numbers(10, 0));
    double.faults.reads.push(fault);
    expect(get(await store.head()())).toBeGreaterThanOrEqual(page.next);
  });

  it('that the server refuses is told at once', async () => {
    double.faults.reads.push('access_denied');
    expect(await store.head()()).toMatchObject(left({ _tag: 'StoreUnavailable' }));
  });

  it('ends in bounded time where nothing answers', async () => {
    double.faults.reads.push(...Array.from({ length: 50 }, () => 'silent' as const));
    const startedMs = performance.now();
    expect(await store.head()()).toMatchObject(left({ _tag: 'StoreUnavailable' }));
    expect(performance.now() - startedMs).toBeLessThan(6_000);
    double.faults.reads.length = 0;
  });

  it('goes on as long as events come, however long that takes', async () => {
    await append(store, writer().next(numbers(20)));
    double.faults.readDelayMs = 40;
    expect(get(await store.readStream('order-1', { limit: 100 })())).toHaveLength(20);
    double.faults.readDelayMs = 0;
  });

  it('asks the leader, and turns to it where the node is none', async () => {
    const leader = await new Double({ log: double.log }).start();
    await append(store, writer().next([1]));
    double.faults.leader = { address: '127.0.0.1', port: leader.port };
    expect(get(await store.readStream('order-1', { limit: 10 })())).toHaveLength(1);
    expect(leader.reads.reads).toBeGreaterThan(0);
    leader.stop();
  });

  it('does not see what the server or others keep there, and its positions go over it', async () => {
    const ours = writer();
    for (const n of numbers(40)) {
      await append(store, ours.next([n]));
      await append(store, new Writer(`somebody-else-${n}`).next([n]));
    }
    const seen: RecordedEvent[] = [];
    let after = 0;
    for (let atEnd = false; !atEnd;) {
      const page = get(await store.readAll({ after, limit: 7, filter: FILTER })());
      seen.push(...page.events);
      [after, atEnd] = [page.next, page.atEnd];
    }
    expect(revisions(seen)).toEqual(numbers(40, 0));
    expect(after).toBe(get(await store.head()()));
    const everything = get(await store.readAll({ after: 0, limit: 1_000 })());
    expect(everything.events.filter(({ stream }) => stream.startsWith('$'))).toEqual([]);
  });
});

describe('a subscription', () => {
  interface Followed {
    readonly seen: RecordedEvent[];
    readonly subscription: Subscription;
    caughtUp: number;
  }
  const follow = (
    handle: (events: ReadonlyArray<RecordedEvent>) => Promise<void> = async () => undefined,
  ): Followed => {
    const seen: RecordedEvent[] = [];
    const followed: Followed = {
      seen,
      caughtUp: 0,
      subscription: store.subscribe({
        after: 0,
        filter: FILTER,
        batchMax: 10,
        onEvents: async (events) => {
          await handle(events);
          seen.push(...events);
        },
        onCaughtUp: () => (followed.caughtUp += 1),
        onFailure: (error) => {
          throw error instanceof Error ? error : new Error(String(error));
        },
      }),
    };
    return followed;
  };
  const whole = async (followed: Followed, count: number): Promise<void> => {
    await expect.poll(() => followed.seen.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(count);
    expect(revisions(followed.seen)).toEqual(numbers(count, 0));
    expect(followed.caughtUp).toBe(1);
  };

  const faults: ReadonlyArray<SubscriptionFault> = ['unavailable', 'silent', 'end', 'cut', 'too_slow'];
  it.each(faults)('goes on where it was after: %s', async (fault) => {
    const ours = writer();
    await append(store, ours.next(numbers(40)));
    double.faults.subscriptions.push(fault, fault, undefined);
    const followed = follow();
    await whole(followed, 40);
    await append(store, ours.next(numbers(5)));
    await whole(followed, 45);
  });

  it('goes on when it is broken while it is live', async () => {
    const ours = writer();
    const followed = follow();
    for (const [round, code] of [undefined, status.UNAVAILABLE, status.ABORTED, status.INTERNAL].entries()) {
      await append(store, ours.next(numbers(3)));
      await whole(followed, 3 * (round + 1));
      double.reads.endSubscriptions(code);
    }
    await append(store, ours.next([1]));
    await whole(followed, 13);
  });

  it('starts again after the last event that was handled, not after the last that came', async () => {
    const ours = writer();
    // More than the client keeps ready.
    const COUNT = 900;
    for (let n = 0; n < 3; n += 1) await append(store, ours.next(numbers(COUNT / 3, n * 300)));
    const held = Promise.withResolvers<void>();
    let batches = 0;
    const handled: number[] = [];
    const followed = follow(async (events) => {
      batches += 1;
      if (batches === 2) await held.promise;
      handled.push(events.at(-1)?.position ?? 0);
    });
    await expect.poll(() => batches).toBe(2);
    expect(followed.seen).toHaveLength(10);
    double.reads.endSubscriptions(status.UNAVAILABLE);
    held.resolve();
    await whole(followed, COUNT);
    const [, again] = double.reads.subscribedFrom;
    expect(handled).toContain(again);
  });

  it('that is alive and says nothing is replaced', async () => {
    double.faults.subscriptions.push('silent');
    const ours = writer();
    const followed = follow();
    await expect.poll(() => double.reads.subscribedFrom.length).toBe(1);
    await append(store, ours.next([1, 2]));
    await whole(followed, 2);
    expect(double.reads.subscribedFrom.length).toBeGreaterThan(1);
  });

  it('is left alone while there is nothing to say', async () => {
    const followed = follow();
    await expect.poll(() => followed.caughtUp).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(double.reads.subscribedFrom).toHaveLength(1);
  });

  it('outlives a server that is away, and hears everything', async () => {
    const ours = writer();
    const followed = follow();
    await append(store, ours.next([1, 2]));
    await whole(followed, 2);
    double.stop();
    await expect.poll(() => store.away, { timeout: 5_000 }).not.toBeUndefined();
    expect(await store.append([writer().next([9])])()).toMatchObject(left({ _tag: 'StoreUnavailable' }));
    await double.start();
    await expect.poll(() => store.away, { timeout: 8_000 }).toBeUndefined();
    await append(store, ours.next([3]));
    await whole(followed, 3);
  });

  it('brings everything to a handler that is slow, at its pace', async () => {
    const ours = writer();
    for (let n = 0; n < 40; n += 1) await append(store, ours.next(numbers(250, n * 250)));
    const followed = follow(() => new Promise((resolve) => setImmediate(resolve)));
    await whole(followed, 10_000);
  });
});

describe('the connection', () => {
  it('makes a new client when the feature probe failed, whatever the failure', async () => {
    await store.close();
    double.faults.probes.push('internal', 'unavailable', 'internal');
    store = await open();
    expect(double.probes).toBeGreaterThanOrEqual(4);
    await append(store, writer().next([1]));
  });

  it('does not wait for a probe that is never answered', async () => {
    await store.close();
    double.faults.probes.push('silent');
    store = await open();
    await append(store, writer().next([1]));
  });

  it('is lost and found: away says so', async () => {
    expect(store.away).toBeUndefined();
    double.stop();
    expect(isLeft(await store.head()())).toBe(true);
    expect(store.away).toMatch(/ECONNREFUSED|No connection|broke|no answer/);
    await double.start();
    await expect.poll(() => store.away, { timeout: 8_000 }).toBeUndefined();
    expect(get(await store.head()())).toBeGreaterThan(0);
  });
});
