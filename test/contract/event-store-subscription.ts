import { setImmediate as immediate } from 'node:timers/promises';
import { isLeft } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import type {
  EventStore,
  RecordedEvent,
  SubscribeOptions,
  Subscription,
} from '../../src/eventstore/event-store.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import type { Writer } from '../eventstore/events.ts';
import { asInStream } from './as-in-stream.ts';

interface Context {
  readonly store: EventStore;
  /** All streams of the test start with it. */
  readonly prefix: string;
  readonly writer: (suffix?: string) => Writer;
}

/** Resolves when the condition holds; the test's own timeout ends a wait in vain. */
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await immediate();
};

const gate = (): { readonly opened: Promise<void>; readonly open: () => void } => {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
};

/** The part of the event store's contract that is about subscriptions. */
export const subscriptionContract = (context: () => Context): void => {
  describe('subscribe', () => {
    const head = async (): Promise<number> => {
      const position = await context().store.head()();
      if (isLeft(position)) throw new Error(position.left.message);
      return position.right;
    };
    const write = async (writer: Writer, ids: ReadonlyArray<number>): Promise<void> => {
      const result = await context().store.append([writer.next(ids)])();
      if (isLeft(result)) throw new Error(result.left._tag);
    };
    const subscribe = (
      after: number,
      options: Partial<SubscribeOptions> = {},
    ): {
      readonly subscription: Subscription;
      readonly seen: RecordedEvent[];
      readonly caughtUpAt: number[];
    } => {
      const seen: RecordedEvent[] = [];
      const caughtUpAt: number[] = [];
      const subscription = context().store.subscribe({
        after,
        batchMax: 100,
        filter: { streamPrefixes: [context().prefix] },
        onEvents: async (events) => void seen.push(...events),
        onCaughtUp: () => caughtUpAt.push(seen.length),
        onFailure: (failure) => {
          throw failure instanceof Error ? failure : new Error(String(failure));
        },
        ...options,
      });
      return { subscription, seen, caughtUpAt };
    };
    const idsOf = (events: ReadonlyArray<RecordedEvent>): ReadonlyArray<string> =>
      events.map(({ event }) => event.id);

    it('hands over what is stored, says so once, and goes on with what comes', async () => {
      const after = await head();
      const writer = context().writer();
      const first = writer.next([1, 2, 3]);
      await context().store.append([first])();
      const { subscription, seen, caughtUpAt } = subscribe(after, { batchMax: 2 });
      await until(() => caughtUpAt.length > 0);
      expect(caughtUpAt).toEqual([3]);
      await write(writer, [4]);
      await write(writer, [5, 6, 7]);
      await until(() => seen.length >= 7);
      await subscription.stop();
      expect(caughtUpAt).toEqual([3]);
      const stored = await context().store.readStream(writer.stream, { limit: 10 })();
      expect(asInStream(context().store, seen)).toEqual(
        asInStream(context().store, isLeft(stored) ? [] : stored.right),
      );
      expect(seen[0]).toMatchObject({ stream: writer.stream, revision: 0, event: first.events[0] });
    });

    it('starts after a position, never with it', async () => {
      const writer = context().writer();
      await write(writer, [1]);
      const after = await head();
      await write(writer, [2]);
      const { subscription, seen, caughtUpAt } = subscribe(after);
      await until(() => caughtUpAt.length > 0);
      await subscription.stop();
      expect(idsOf(seen)).toEqual([guidOf(2)]);
    });

    it('does not miss what is written while it handles the last of what was stored', async () => {
      const after = await head();
      const writer = context().writer();
      await write(writer, [1]);
      const seen: RecordedEvent[] = [];
      const { subscription } = subscribe(after, {
        onEvents: async (events) => {
          seen.push(...events);
          if (seen.length < 4) await write(writer, [1 + seen.length]);
        },
      });
      await until(() => seen.length >= 4);
      await subscription.stop();
      expect(idsOf(seen)).toEqual([1, 2, 3, 4].map(guidOf));
    });

    it(
      'neither skips nor repeats while others write around the moment it catches up',
      { timeout: 60_000 },
      async () => {
        const after = await head();
        const writers = ['a', 'b', 'c', 'd'].map((suffix) => context().writer(suffix));
        const ROUNDS = 60;
        let next = 0;
        const subscribed: ReturnType<typeof subscribe>[] = [];
        const writing = writers.map(async (writer) => {
          for (let round = 0; round < ROUNDS; round += 1) {
            await write(writer, [(next += 1), (next += 1)]);
            if (round % 4 === 0) subscribed.push(subscribe(after, { batchMax: 1 + (subscribed.length % 7) }));
          }
        });
        await Promise.all(writing);
        const total = writers.length * ROUNDS * 2;
        for (const { subscription, seen, caughtUpAt } of subscribed) {
          await until(() => seen.length >= total && caughtUpAt.length > 0);
          await subscription.stop();
          const positions = seen.map(({ position }) => position);
          expect(positions).toEqual([...new Set(positions)].toSorted((x, y) => x - y));
          expect(seen).toHaveLength(total);
          for (const writer of writers) {
            const revisions = seen
              .filter(({ stream }) => stream === writer.stream)
              .map(({ revision }) => revision);
            expect(revisions).toEqual(Array.from({ length: ROUNDS * 2 }, (_, revision) => revision));
          }
        }
      },
    );

    it('hands a subscriber that fell far behind everything, one batch at a time', async () => {
      const after = await head();
      const writer = context().writer();
      await write(writer, [0]);
      const held = gate();
      const batches: number[] = [];
      let running = 0;
      const seen: RecordedEvent[] = [];
      const { subscription, caughtUpAt } = subscribe(after, {
        batchMax: 1_000,
        onEvents: async (events) => {
          running += 1;
          expect(running).toBe(1);
          batches.push(events.length);
          seen.push(...events);
          if (seen.length > 1) await held.opened;
          running -= 1;
        },
      });
      await until(() => caughtUpAt.length > 0);
      const APPENDS = 50;
      const EACH = 250;
      for (let index = 0; index < APPENDS; index += 1) {
        await write(
          writer,
          Array.from({ length: EACH }, (_, n) => 1 + index * EACH + n),
        );
      }
      held.open();
      await until(() => seen.length > APPENDS * EACH);
      await write(writer, [1_000_000]);
      await until(() => seen.length > APPENDS * EACH + 1);
      await subscription.stop();
      expect(seen.map(({ revision }) => revision)).toEqual(Array.from(seen, (_, revision) => revision));
      expect(Math.max(...batches)).toBeLessThanOrEqual(1_000);
    });

    it('filters by prefixes of the stream name, stored and live', async () => {
      const after = await head();
      const [x, y] = [context().writer('x'), context().writer('y')];
      await write(y, [1]);
      await write(x, [2]);
      const { subscription, seen, caughtUpAt } = subscribe(after, { filter: { streamPrefixes: [x.stream] } });
      await until(() => caughtUpAt.length > 0);
      await write(y, [3]);
      await write(x, [4]);
      await write(y, [5]);
      await write(x, [6]);
      await until(() => seen.length >= 3);
      await subscription.stop();
      expect(idsOf(seen)).toEqual([2, 4, 6].map(guidOf));
    });

    it('tells how far it has read, though nothing there passes the filter', async () => {
      const after = await head();
      const [x, y] = [context().writer('x'), context().writer('y')];
      await write(y, [1]);
      const reached: number[] = [];
      const { subscription } = subscribe(after, {
        filter: { streamPrefixes: [x.stream] },
        onEvents: async (_, upTo) => void reached.push(upTo),
      });
      const stored = await head();
      await until(() => (reached.at(-1) ?? 0) >= stored);
      await write(y, [2]);
      const live = await head();
      await until(() => (reached.at(-1) ?? 0) >= live);
      await subscription.stop();
      expect(reached).toEqual(reached.toSorted((a, b) => a - b));
    });

    it('stops when the running handler is done, and hands over nothing afterwards', async () => {
      const after = await head();
      const writer = context().writer();
      await write(writer, [1, 2, 3]);
      const held = gate();
      const seen: RecordedEvent[] = [];
      const { subscription } = subscribe(after, {
        batchMax: 1,
        onEvents: async (events) => {
          seen.push(...events);
          await held.opened;
        },
      });
      await until(() => seen.length > 0);
      let stopped = false;
      const stopping = subscription.stop().then(() => (stopped = true));
      await immediate();
      expect(stopped).toBe(false);
      held.open();
      await stopping;
      await write(writer, [4]);
      await immediate();
      expect(idsOf(seen)).toEqual([guidOf(1)]);
      await subscription.stop();
    });

    it('stops while it waits for something to happen', async () => {
      const { subscription, caughtUpAt } = subscribe(await head());
      await until(() => caughtUpAt.length > 0);
      await expect(subscription.stop()).resolves.toBeUndefined();
    });

    it('ends with the failure of its handler', async () => {
      const after = await head();
      const writer = context().writer();
      await write(writer, [1, 2]);
      const failures: unknown[] = [];
      const seen: RecordedEvent[] = [];
      const { subscription } = subscribe(after, {
        batchMax: 1,
        onEvents: async (events) => {
          seen.push(...events);
          throw new Error('handler');
        },
        onFailure: (failure) => failures.push(failure),
      });
      await until(() => failures.length > 0);
      await write(writer, [3]);
      await subscription.stop();
      expect(failures).toEqual([new Error('handler')]);
      expect(idsOf(seen)).toEqual([guidOf(1)]);
    });

    it('ends when the store is closed', async () => {
      const { caughtUpAt, seen, subscription } = subscribe(await head());
      await until(() => caughtUpAt.length > 0);
      await context().store.close();
      await expect(subscription.stop()).resolves.toBeUndefined();
      expect(seen).toEqual([]);
    });
  });
};
