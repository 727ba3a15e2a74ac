import { right } from 'fp-ts/lib/Either.js';
import { beforeEach, expect, it } from 'vitest';
import type { EventStore, StreamAppend } from '../../src/eventstore/event-store.ts';
import { verifyLog } from '../../src/eventstore/log-verify.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { append } from '../contract/event-store.ts';
import { Writer } from './events.ts';

let store: EventStore;
beforeEach(() => {
  store = openMemoryStore();
});
const verify = () => verifyLog(store, ['order-']);

it('counts events and streams, and looks at no others', async () => {
  expect(await verify()).toEqual(right({ streams: 0, events: 0, breaks: [] }));
  const [a, b] = [new Writer('order-a'), new Writer('order-b')];
  // More than a page.
  for (let n = 0; n < 700; n += 1) await append(store, a.next([2 * n, 2 * n + 1]), b.next([n]));
  const foreign = new Writer('somebody-else').next([1]);
  await append(store, { ...foreign, events: foreign.events.map((event) => ({ ...event, metadata: '{}' })) });
  const progress: Array<readonly [number, number]> = [];
  expect(await verifyLog(store, ['order-'], (at, head) => progress.push([at, head]))).toEqual(
    right({ streams: 2, events: 2_100, breaks: [] }),
  );
  expect(progress.at(-1)).toEqual([2_101, 2_101]);
});

const altered = (batch: StreamAppend, change: (data: string) => string): StreamAppend => ({
  ...batch,
  events: batch.events.map((event) => ({ ...event, data: change(event.data) })),
});

it('tells where content does not fit its hash, once, with what follows checked on', async () => {
  const a = new Writer('order-a');
  await append(store, a.next([1, 2]));
  await append(
    store,
    altered(a.next([3]), (data) => data.replace('event.update', 'event.delete')),
  );
  await append(store, a.next([4]));
  await append(
    store,
    altered(a.next([5]), (data) => `${data} `),
  );
  const reason = 'its hash fits neither its content nor its predecessor';
  expect(await verify()).toEqual(
    right({
      streams: 1,
      events: 5,
      breaks: [
        { stream: 'order-a', revision: 2, position: 3, reason },
        { stream: 'order-a', revision: 4, position: 5, reason },
      ],
    }),
  );
});

it('tells of an event whose predecessor is another, and of one without a hash', async () => {
  const a = new Writer('order-a');
  a.next([1]);
  await append(store, { ...a.next([2]), expectedRevision: -1 });
  const b = new Writer('order-b').next([1]);
  await append(store, { ...b, events: b.events.map((event) => ({ ...event, metadata: '{}' })) });
  expect(await verify()).toMatchObject(
    right({
      breaks: [
        { stream: 'order-a', revision: 0 },
        { stream: 'order-b', revision: 0, reason: 'its metadata holds no hash' },
      ],
    }),
  );
});

it('tells of revisions that are missing', async () => {
  const a = new Writer('order-a');
  for (let n = 0; n < 5; n += 1) await append(store, a.next([n]));
  const without: Pick<EventStore, 'readAll' | 'head'> = {
    head: () => store.head(),
    readAll: (wanted) => async () => {
      const page = await store.readAll(wanted)();
      return page._tag === 'Left'
        ? page
        : right({ ...page.right, events: page.right.events.filter(({ revision }) => revision % 3 !== 0) });
    },
  };
  expect(await verifyLog(without, ['order-'])).toMatchObject(
    right({
      events: 3,
      breaks: [
        { stream: 'order-a', revision: 0, reason: 'followed by revision 1' },
        { stream: 'order-a', revision: 3, reason: 'followed by revision 4' },
      ],
    }),
  );
});

it('ends with what was there when it began', async () => {
  const a = new Writer('order-a');
  await append(store, a.next([1]));
  const growing: Pick<EventStore, 'readAll' | 'head'> = {
    head: () => store.head(),
    readAll: (wanted) => async () => {
      await append(store, a.next([2]));
      return store.readAll(wanted)();
    },
  };
  expect(await verifyLog(growing, ['order-'])).toMatchObject(right({ events: 1, breaks: [] }));
});
