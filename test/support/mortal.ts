import type { EventStore } from '../../src/eventstore/event-store.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { HttpSender } from '../../src/ports/http-sender.ts';

/**
 * What a process holds of the world. After `die` nothing it waits for ever comes, its timers do not fire and what it
 * still asks for does not happen: as after a kill. What reached the store or the network before stays there.
 */
export class Mortal {
  #alive = true;

  die(): void {
    this.#alive = false;
  }

  store(store: EventStore): EventStore {
    const task =
      <A>(work: () => Promise<A>): (() => Promise<A>) =>
      () =>
        this.#promise(work);
    return {
      ...store,
      append: (batch) => task(store.append(batch)),
      readStream: (stream, options) => task(store.readStream(stream, options)),
      readAll: (options) => task(store.readAll(options)),
      head: () => task(store.head()),
      subscribe: (options) =>
        store.subscribe({
          ...options,
          onEvents: (events, upTo) => this.#promise(() => options.onEvents(events, upTo)),
          onCaughtUp: () => {
            if (this.#alive) options.onCaughtUp?.();
          },
        }),
    };
  }

  clock(clock: Clock): Clock {
    return {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      setTimer: (delayMs, callback) =>
        this.#alive
          ? clock.setTimer(delayMs, () => {
              if (this.#alive) callback();
            })
          : { cancel: () => undefined },
    };
  }

  sender(sender: HttpSender): HttpSender {
    return {
      send: (request, signal) => this.#promise(() => sender.send(request, signal)),
      close: () => sender.close(),
    };
  }

  #promise<A>(work: () => Promise<A>): Promise<A> {
    if (!this.#alive) return new Promise(() => undefined);
    return new Promise((resolve, reject) => {
      work().then(
        (value) => {
          if (this.#alive) resolve(value);
        },
        (error: Error) => {
          if (this.#alive) reject(error);
        },
      );
    });
  }
}
