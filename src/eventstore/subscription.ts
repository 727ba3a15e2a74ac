import { isLeft } from 'fp-ts/lib/Either.js';
import { assertLimit, passes, unitsOf } from './batch.ts';
import type { EventStore, Position, RecordedEvent, SubscribeOptions, Subscription } from './event-store.ts';

/** Tells subscribers of a store without gaps what was just stored. */
export interface LiveFeed {
  /** Everything up to here was published before. */
  readonly upTo: Position;
  /** Events in log order, the first at `upTo` + 1. */
  publish(events: ReadonlyArray<RecordedEvent>): void;
  /** Returns the function that ends it. */
  listen(listener: (events: ReadonlyArray<RecordedEvent>) => void): () => void;
}

export const liveFeed = (start: Position): LiveFeed => {
  const listeners = new Set<(events: ReadonlyArray<RecordedEvent>) => void>();
  let upTo = start;
  return {
    get upTo() {
      return upTo;
    },
    publish: (events) => {
      upTo = events.at(-1)?.position ?? upTo;
      for (const listener of listeners) listener(events);
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};

/** A subscriber further behind than this goes back to reading pages; what is queued for it is let go. */
const QUEUED_EVENTS_MAX = 40_000;
const QUEUED_UNITS_MAX = 32 * 1024 * 1024;

/** The subscriptions of one store, so that closing it ends them. */
export const subscriptionsTo = (
  readAll: EventStore['readAll'],
  feed: LiveFeed,
): { readonly subscribe: EventStore['subscribe']; readonly stopAll: () => Promise<void> } => {
  const running = new Set<Subscription>();
  return {
    subscribe: (options) => {
      const subscription = start(readAll, feed, options, () => running.delete(subscription));
      running.add(subscription);
      return subscription;
    },
    stopAll: async () => {
      await Promise.all([...running].map((subscription) => subscription.stop()));
    },
  };
};

/**
 * Reads pages until the store has nothing more, then takes what the feed publishes, and goes back to pages when it
 * falls too far behind. The switch happens at once when a page ended at or after the last published position: all
 * that is published later comes over the feed, and what of it was in the page already is known by its position.
 */
const start = (
  readAll: EventStore['readAll'],
  feed: LiveFeed,
  options: SubscribeOptions,
  onEnd: () => void,
): Subscription => {
  assertLimit(options.batchMax);
  const prefixes = options.filter?.streamPrefixes;
  /** Everything up to here was handed over, or does not pass the filter. */
  let cursor = options.after;
  let live = false;
  let queue: RecordedEvent[] = [];
  let queuedUnits = 0;
  let stopped = false;
  let wake: () => void = () => undefined;

  const unlisten = feed.listen((events) => {
    if (!live) return;
    for (const event of events) {
      if (event.position <= cursor || !passes(event.stream, prefixes)) continue;
      queue.push(event);
      queuedUnits += unitsOf(event.event);
    }
    if (queue.length > QUEUED_EVENTS_MAX || queuedUnits > QUEUED_UNITS_MAX) leaveLive();
    wake();
  });

  const leaveLive = (): void => {
    live = false;
    queue = [];
    queuedUnits = 0;
  };

  const somethingPublished = async (): Promise<void> => {
    while (live && feed.upTo <= cursor && !stopped) {
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };

  const takeQueued = (): ReadonlyArray<RecordedEvent> => {
    const batch = queue.length <= options.batchMax ? queue : queue.slice(0, options.batchMax);
    queue = queue.length <= options.batchMax ? [] : queue.slice(options.batchMax);
    for (const { event } of batch) queuedUnits -= unitsOf(event);
    // Nothing left: what was published behind the last of them does not pass the filter.
    cursor = queue.length === 0 ? feed.upTo : (batch.at(-1)?.position ?? cursor);
    return batch;
  };

  const run = async (): Promise<void> => {
    let caughtUp = false;
    while (!stopped) {
      if (live) {
        await somethingPublished();
        // Fell behind or was stopped meanwhile.
        if (!live || stopped) continue;
        const batch = takeQueued();
        await options.onEvents(batch, cursor);
        continue;
      }
      const page = await readAll({
        after: cursor,
        limit: options.batchMax,
        ...(options.filter !== undefined && { filter: options.filter }),
      })();
      if (stopped) return;
      if (isLeft(page)) throw new SubscriptionReadError(page.left.message);
      const { events, next, atEnd } = page.right;
      if (next > cursor) await options.onEvents(events, next);
      cursor = next;
      if (!atEnd || cursor < feed.upTo) continue;
      live = true;
      if (!caughtUp && !stopped) {
        caughtUp = true;
        options.onCaughtUp?.();
      }
    }
  };

  const running = run().catch((failure: unknown) => {
    if (!stopped) options.onFailure(failure);
  });
  const ended = running.finally(() => {
    stopped = true;
    unlisten();
    leaveLive();
    onEnd();
  });

  return {
    stop: () => {
      stopped = true;
      wake();
      return ended;
    },
  };
};

/** The store could not be read; the subscription has ended. */
export class SubscriptionReadError extends Error {
  override readonly name = 'SubscriptionReadError';
}
