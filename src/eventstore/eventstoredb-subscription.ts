import type { AllStreamResolvedEvent } from '@eventstore/db-client';
import { isLeft } from 'fp-ts/lib/Either.js';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { assertLimit, passes } from './batch.ts';
import type { Connection, Session } from './eventstoredb-connection.ts';
import { fromPosition, isSystem, positionOf, toRecorded } from './eventstoredb-events.ts';
import { describe } from './eventstoredb-failure.ts';
import type { Reader } from './eventstoredb-read.ts';
import type { EventStore, Position, RecordedEvent, SubscribeOptions, Subscription } from './event-store.ts';

export interface SubscriptionDeps {
  readonly connection: Connection;
  readonly reader: Pick<Reader, 'head'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly times: SubscriptionTimes;
}

export interface SubscriptionTimes {
  /** After so long without an event the head is asked for: what it shows must come within the same time. */
  readonly silenceMs: number;
}

export const SUBSCRIPTION_TIMES: SubscriptionTimes = { silenceMs: 10_000 };

const CONNECTION_MS = 1_000;
const BACKOFF_MIN_MS = 50;
const BACKOFF_MAX_MS = 2_000;
/** Events that the client may hold ready; more wait at the server, by the flow control of HTTP/2. */
const BUFFER_EVENTS = 256;

/** The subscriptions of one store, so that closing it ends them. */
export const subscriptionsTo = (
  deps: SubscriptionDeps,
): { readonly subscribe: EventStore['subscribe']; readonly stopAll: () => Promise<void> } => {
  const running = new Set<Subscription>();
  return {
    subscribe: (options) => {
      assertLimit(options.batchMax);
      const following = new Following(deps, options);
      const ended = following.run().finally(() => running.delete(subscription));
      const subscription: Subscription = {
        stop: () => {
          following.stop();
          return ended;
        },
      };
      running.add(subscription);
      return subscription;
    },
    stopAll: async () => {
      await Promise.all([...running].map((subscription) => subscription.stop()));
    },
  };
};

/** A handler's rejection: ends the subscription, unlike whatever the connection does. */
class HandlerFailed extends Error {
  readonly failure: unknown;
  constructor(failure: unknown) {
    super('the handler failed');
    this.failure = failure;
  }
}

/**
 * Follows the log. The place reached is that of the last event whose handler has returned, never what the client has ready;
 * whenever the subscription breaks, falls silent or ends, another one starts there. Nothing is skipped (the server starts
 * strictly after a position), nothing comes twice (what is not behind the place reached is let go).
 */
class Following {
  readonly #deps: SubscriptionDeps;
  readonly #options: SubscribeOptions;
  /** Everything up to here was handed over or does not pass the filter. */
  #cursor: Position;
  /** The head when it started: once reached, all that was stored then has been handed over. */
  #target: Position | undefined;
  #caughtUp = false;
  #failures = 0;
  readonly #stopped = new AbortController();

  constructor(deps: SubscriptionDeps, options: SubscribeOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#cursor = options.after;
  }

  stop(): void {
    this.#stopped.abort();
  }

  async run(): Promise<void> {
    const { connection, log } = this.#deps;
    while (!this.#isStopped()) {
      const session = await connection.session(CONNECTION_MS);
      if (session === undefined || this.#isStopped()) continue;
      try {
        await this.#follow(session);
      } catch (error) {
        if (this.#isStopped()) return;
        if (error instanceof HandlerFailed) {
          this.stop();
          return this.#options.onFailure(error.failure);
        }
        const verdict = connection.verdict(error);
        if (verdict.kind === 'broken') connection.broken(session, verdict.message);
        log.warn({ reason: describe(error), after: this.#cursor }, 'EventStoreDB: subscribing again');
      }
      await this.#pauseUnlessStopped(Math.min(BACKOFF_MIN_MS * 2 ** this.#failures, BACKOFF_MAX_MS));
      this.#failures = Math.min(this.#failures + 1, 10);
    }
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #pauseUnlessStopped(delayMs: number): Promise<void> {
    const { signal } = this.#stopped;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const timer = this.#deps.clock.setTimer(delayMs, wake);
      signal.addEventListener('abort', wake);
    });
  }

  /** Until it is stopped; rejects when this subscription is of no more use. */
  async #follow(session: Session): Promise<void> {
    const { client } = session;
    const subscription = client.subscribeToAll(
      { fromPosition: fromPosition(this.#cursor) },
      { highWaterMark: BUFFER_EVENTS },
    );
    const feed = new Feed(session, this.#stopped.signal);
    // Without a listener for errors one of them would end the process. A clean end is an end all the same.
    subscription.on('error', (error: Error) => feed.fail(error));
    subscription.on('end', () => feed.fail(new Error('the server ended the subscription')));
    subscription.on('close', () => feed.fail(new Error('the subscription was closed')));
    subscription.on('readable', () => feed.wake());
    try {
      await this.#reachTarget();
      for (;;) {
        const { events, upTo } = this.#take(() => subscription.read() as AllStreamResolvedEvent | null);
        if (upTo > this.#cursor) {
          await this.#hand(events, upTo);
          if (this.#isStopped()) return;
          this.#failures = 0;
          this.#cursor = upTo;
          this.#sayCaughtUp();
          continue;
        }
        feed.check();
        if (this.#isStopped()) return;
        await this.#somethingOrSilence(feed);
      }
    } finally {
      feed.close();
      subscription.unsubscribe().catch(() => undefined);
    }
  }

  async #hand(events: ReadonlyArray<RecordedEvent>, upTo: Position): Promise<void> {
    try {
      await this.#options.onEvents(events, upTo);
    } catch (error) {
      throw new HandlerFailed(error);
    }
  }

  /** What is ready, up to one batch. */
  #take(read: () => AllStreamResolvedEvent | null): {
    readonly events: RecordedEvent[];
    readonly upTo: Position;
  } {
    const { batchMax, filter } = this.#options;
    const events: RecordedEvent[] = [];
    let upTo = this.#cursor;
    while (events.length < batchMax) {
      const resolved = read();
      if (resolved === null) break;
      const { event } = resolved;
      const position = positionOf(event?.position);
      if (event === undefined || position <= upTo) continue;
      upTo = position;
      if (!isSystem(event.streamId) && passes(event.streamId, filter?.streamPrefixes)) {
        events.push(toRecorded(event, position));
      }
    }
    return { events, upTo };
  }

  /** Asked once. Older servers do not say that a subscription has caught up, others more than once. */
  async #reachTarget(): Promise<void> {
    if (this.#target === undefined) {
      const head = await this.#deps.reader.head();
      if (isLeft(head)) throw new Error(head.left.message);
      this.#target = head.right;
    }
    this.#sayCaughtUp();
  }

  #sayCaughtUp(): void {
    if (this.#caughtUp || this.#isStopped() || this.#cursor < (this.#target ?? Infinity)) return;
    this.#caughtUp = true;
    this.#options.onCaughtUp?.();
  }

  /** A server that has more and says nothing: the connection may be fine and the subscription dead. */
  async #somethingOrSilence(feed: Feed): Promise<void> {
    const { clock, reader, times } = this.#deps;
    if (await feed.something(clock, times.silenceMs)) return;
    const head = await reader.head();
    if (isLeft(head) || head.right <= this.#cursor) return;
    if (await feed.something(clock, times.silenceMs)) return;
    throw new Error(`nothing came in ${times.silenceMs} ms, and the log goes on`);
  }
}

/** Waiting for one subscription of the client: for something to read, its failure, or the end of all. */
class Feed {
  readonly #session: Session;
  readonly #stopped: AbortSignal;
  #failure: Error | undefined;
  #ready = false;
  #wake: () => void = () => undefined;
  readonly #onEnd = (): void => this.#wake();

  constructor(session: Session, stopped: AbortSignal) {
    this.#session = session;
    this.#stopped = stopped;
    session.over.addEventListener('abort', this.#onEnd);
    stopped.addEventListener('abort', this.#onEnd);
  }

  wake(): void {
    this.#ready = true;
    this.#wake();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  /** Throws what has ended it. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#session.over.aborted) throw new Error('the connection broke');
  }

  /** False: nothing for so long. */
  async something(clock: Clock, boundMs: number): Promise<boolean> {
    const over = (): boolean =>
      this.#failure !== undefined || this.#session.over.aborted || this.#stopped.aborted;
    if (!this.#ready && !over()) {
      await new Promise<void>((resolve) => {
        const timer = clock.setTimer(boundMs, resolve);
        this.#wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    const something = this.#ready || over();
    this.#ready = false;
    return something;
  }

  close(): void {
    this.#session.over.removeEventListener('abort', this.#onEnd);
    this.#stopped.removeEventListener('abort', this.#onEnd);
  }
}
