import type { EventStore } from '../../src/eventstore/event-store.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { HttpSender } from '../../src/ports/http-sender.ts';

/**
 * What a process holds of the world. After `die` nothing it waits for ever comes, its timers do not fire and what it
 * still asks for does not happen: as after a kill. What reached the store or the network before stays there. Between
 * `pause` and `resume` nothing of it runs, as after SIGSTOP; then everything that came meanwhile comes at once.
 */
export class Mortal {
  #alive = true;
  /** What came while it is paused, in order. */
  #held: Array<() => void> | undefined;

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#held !== undefined;
  }

  die(): void {
    this.#alive = false;
    this.#held = undefined;
  }

  pause(): void {
    this.#held ??= [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const come of held) this.#come(come);
  }

  /** Something reaches the process. */
  #come(come: () => void): void {
    if (!this.#alive) return;
    if (this.#held === undefined) come();
    else this.#held.push(come);
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
          onEvents: (events, upTo) =>
            new Promise((resolve, reject) => {
              this.#come(
                () => void this.#promise(() => options.onEvents(events, upTo)).then(resolve, reject),
              );
            }),
          onCaughtUp: () => this.#come(() => options.onCaughtUp?.()),
        }),
    };
  }

  clock(clock: Clock): Clock {
    return {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      setTimer: (delayMs, callback) =>
        this.#alive ? clock.setTimer(delayMs, () => this.#come(callback)) : { cancel: () => undefined },
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
        (value) => this.#come(() => resolve(value)),
        (error: Error) => this.#come(() => reject(error)),
      );
    });
  }
}
