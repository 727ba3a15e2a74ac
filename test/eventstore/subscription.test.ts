import { setImmediate as immediate } from 'node:timers/promises';
import { left, right } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import type { EventStore, RecordedEvent } from '../../src/eventstore/event-store.ts';
import { liveFeed, SubscriptionReadError, subscriptionsTo } from '../../src/eventstore/subscription.ts';

const recorded = (position: number): RecordedEvent => ({
  stream: 'order-1',
  revision: position - 1,
  position,
  event: { id: '', type: 'T', data: '{}', metadata: '{}' },
});

const pageTo = (last: number): EventStore['readAll'] => {
  const all = Array.from({ length: last }, (_, index) => recorded(index + 1));
  return ({ after }) =>
    async () =>
      right({ events: all.slice(after), next: Math.max(last, after), atEnd: true });
};

describe('the switch from stored to live events', () => {
  it('drops live events that the last page held already', async () => {
    const feed = liveFeed(1);
    const seen: number[] = [];
    const { subscribe, stopAll } = subscriptionsTo(pageTo(3), feed);
    subscribe({
      after: 0,
      batchMax: 10,
      onEvents: async (events) => void seen.push(...events.map(({ position }) => position)),
      onFailure: (failure) => seen.push(Number(failure)),
    });
    await immediate();
    // On disk since before the page was read; the writer's answer comes only now.
    feed.publish([recorded(2)]);
    feed.publish([recorded(3), recorded(4)]);
    await immediate();
    await stopAll();
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it('says how far it has come past events that do not pass its filter, stored and live', async () => {
    const feed = liveFeed(2);
    const seen: Array<{ readonly events: number; readonly upTo: number }> = [];
    const stored = [recorded(1), { ...recorded(2), stream: '$settings' }];
    const page: EventStore['readAll'] =
      ({ after }) =>
      async () =>
        right({ events: stored.slice(after, 1), next: Math.max(2, after), atEnd: true });
    const { subscribe, stopAll } = subscriptionsTo(page, feed);
    subscribe({
      after: 0,
      batchMax: 10,
      filter: { streamPrefixes: ['order-'] },
      onEvents: async (events, upTo) => void seen.push({ events: events.length, upTo }),
      onFailure: (failure) => {
        throw failure as Error;
      },
    });
    await immediate();
    feed.publish([{ ...recorded(3), stream: '$settings' }]);
    await immediate();
    feed.publish([recorded(4), { ...recorded(5), stream: '$settings' }]);
    await immediate();
    await stopAll();
    expect(seen).toEqual([
      { events: 1, upTo: 2 },
      { events: 0, upTo: 3 },
      { events: 1, upTo: 5 },
    ]);
  });

  it('tells its subscriber when the store cannot be read, once, and ends', async () => {
    const feed = liveFeed(0);
    const failures: unknown[] = [];
    const unreadable: EventStore['readAll'] = () => async () =>
      left({ _tag: 'StoreUnavailable', message: 'gone' });
    const { subscribe, stopAll } = subscriptionsTo(unreadable, feed);
    const seen: unknown[] = [];
    subscribe({
      after: 0,
      batchMax: 10,
      onEvents: async (events) => void seen.push(events),
      onFailure: (failure) => failures.push(failure),
    });
    await immediate();
    feed.publish([recorded(1)]);
    await immediate();
    await stopAll();
    expect(failures).toEqual([new SubscriptionReadError('gone')]);
    expect(seen).toEqual([]);
  });
});
