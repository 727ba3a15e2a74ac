import { right } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import { streamOf } from '../../src/domain/ids.ts';
import type { EventStore, RecordedEvent } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { checkLog } from '../../src/migration/check-log.ts';
import type { LogSource } from '../../src/migration/log-cursor.ts';
import { append, get } from '../contract/event-store.ts';
import { CAUSE, change, resourceStream, Writer } from '../eventstore/events.ts';
import { plain, write } from './logs.ts';

/** The log as it would be with some events altered (or gone: undefined). */
const altered = (
  store: EventStore,
  alter: (event: RecordedEvent) => RecordedEvent | undefined,
): LogSource => ({
  readAll: (options) => async () => {
    const page = get(await store.readAll(options)());
    return right({ ...page, events: page.events.map(alter).filter((event) => event !== undefined) });
  },
  readStream: (stream, options) => async () => {
    const events = get(await store.readStream(stream, options)());
    return right(events.map(alter).filter((event) => event !== undefined));
  },
});

describe('checkLog', () => {
  it('counts the events and streams of a history that hangs together', async () => {
    const store = openMemoryStore();
    await write(store, plain(1_203, 7));
    const streams = new Set(plain(1_203, 7).map(({ stream }) => stream)).size;
    expect(get(await checkLog(store, { breaksMax: 1 }))).toEqual({ events: 1_203, streams, breaks: [] });
  });

  it('does not look at streams of others', async () => {
    const store = openMemoryStore();
    const events = [{ id: '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a01', type: 'X', data: 'x', metadata: 'x' }];
    const theirs = [
      'somebody-1',
      'order-5',
      'event-7-1',
      `order-${CAUSE.companyId}`,
      'client-5',
      'invocation-x',
    ];
    for (const stream of theirs) await append(store, { stream, expectedRevision: -1, events });
    expect(get(await checkLog(store, { breaksMax: 1 }))).toEqual({ events: 0, streams: 0, breaks: [] });
  });

  it.each([
    ['data', (event: RecordedEvent['event']) => ({ ...event, data: `${event.data} ` })],
    ['type', (event: RecordedEvent['event']) => ({ ...event, type: `${event.type}2` })],
    [
      'metadata',
      (event: RecordedEvent['event']) => ({ ...event, metadata: `{${event.metadata.slice(1, -2)}x"}` }),
    ],
  ])('finds an event with other %s, and says where', async (_, alter) => {
    const store = openMemoryStore();
    const ours = new Writer(resourceStream('event', 1));
    await append(store, ours.next([1, 2, 3]));
    const log = altered(store, (event) =>
      event.revision === 1 ? { ...event, event: alter(event.event) } : event,
    );
    const { breaks } = get(await checkLog(log, { breaksMax: 10 }));
    expect(breaks[0]).toMatchObject({ stream: resourceStream('event', 1), revision: 1 });
  });

  it('finds a gap in the middle of a stream', async () => {
    const store = openMemoryStore();
    await append(store, new Writer(resourceStream('event', 1)).next([1, 2, 3]));
    const log = altered(store, (event) => (event.revision === 1 ? undefined : event));
    const { breaks } = get(await checkLog(log, { breaksMax: 10 }));
    expect(breaks).toMatchObject([{ revision: 2, reason: 'stored after revision 0' }]);
  });

  it('says of a stream whose beginning is gone where it begins now, and checks the rest', async () => {
    const store = openMemoryStore();
    await append(store, new Writer(streamOf.invocation(CAUSE.companyId)).next([1, 2, 3, 4]));
    const log = altered(store, (event) => (event.revision < 2 ? undefined : event));
    const { breaks } = get(await checkLog(log, { breaksMax: 10 }));
    expect(breaks).toHaveLength(1);
    expect(breaks[0]).toMatchObject({ stream: streamOf.invocation(CAUSE.companyId), revision: 2 });
    expect(breaks[0]?.reason).toContain('begins here');
  });

  it('reads again what it has forgotten of many streams', async () => {
    const store = openMemoryStore();
    const writers = Array.from({ length: 50_100 }, (_, n) => new Writer(resourceStream('event', n)));
    for (const writer of writers) await append(store, writer.next([1]));
    await append(store, (writers[0] as Writer).next([2]));
    let reads = 0;
    const log: LogSource = {
      readAll: store.readAll,
      readStream: (stream, options) => {
        reads += 1;
        return store.readStream(stream, options);
      },
    };
    expect(get(await checkLog(log, { breaksMax: 1 }))).toMatchObject({ events: 50_101, breaks: [] });
    expect(reads).toBe(1);
  });

  it('names an event that the other store does not take', async () => {
    const store = openMemoryStore();
    const ours = new Writer(resourceStream('event', 1));
    await append(
      store,
      ours.next([1]),
      ours.next([2], (n) => change(n, '€'.repeat(700))),
    );
    const { breaks } = get(await checkLog(store, { breaksMax: 10, eventBytesMax: 2_000 }));
    expect(breaks).toHaveLength(1);
    expect(breaks[0]).toMatchObject({ revision: 1 });
    expect(breaks[0]?.reason).toMatch(/bytes, the target takes 2000/);
  });
});
