import { PassThrough, type Readable } from 'node:stream';
import type { Clock, Timer } from '../../ports/clock.ts';

/** Pages that may follow at the same time; each holds a connection. */
export const FOLLOWERS_MAX = 200;
/** Then the browser connects again, and has to show anew who it is. */
const FOLLOWED_MAX_MS = 10 * 60 * 1000;
/** What a page that does not read may leave in memory. */
const UNREAD_BYTES_MAX = 64 * 1024;

/** What a page's elements show, by their id; `id@d` is an attribute of one. */
export type Shown = Readonly<Record<string, string>>;

interface Follower {
  readonly stream: PassThrough;
  readonly untilMs: number;
}

/**
 * Server-sent events for pages that follow the same thing. However many there are, it is computed once an interval, and
 * not at all while nobody looks.
 */
export class LiveFeed {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #compute: () => Shown | Promise<Shown>;
  readonly #followers = new Set<Follower>();
  #timer: Timer | undefined;
  #isComputing = false;
  #last: string | undefined;

  constructor(clock: Clock, everyMs: number, compute: () => Shown | Promise<Shown>) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#compute = compute;
  }

  get followers(): number {
    return this.#followers.size;
  }

  /** Undefined: too many follow already. */
  follow(): Readable | undefined {
    if (this.#followers.size >= FOLLOWERS_MAX) return undefined;
    const follower = {
      stream: new PassThrough(),
      untilMs: this.#clock.monotonicMs() + FOLLOWED_MAX_MS,
    };
    this.#followers.add(follower);
    follower.stream.on('close', () => this.#leave(follower));
    follower.stream.on('error', () => this.#leave(follower));
    follower.stream.write(`retry: 2000\n\n${this.#last ?? ''}`);
    if (!this.#isComputing) this.#timer ??= this.#clock.setTimer(0, () => void this.#tick());
    return follower.stream;
  }

  #leave(follower: Follower): void {
    this.#followers.delete(follower);
    if (this.#followers.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#last = undefined;
  }

  async #tick(): Promise<void> {
    this.#timer = undefined;
    this.#isComputing = true;
    try {
      this.#last = `data: ${JSON.stringify(await this.#compute())}\n\n`;
    } catch (_unavailable) {
      // The page goes on showing what it has; the next tick tries again.
      this.#last = ': nothing new\n\n';
    }
    this.#isComputing = false;
    const nowMs = this.#clock.monotonicMs();
    for (const follower of [...this.#followers]) {
      const { stream, untilMs } = follower;
      if (stream.writableLength > UNREAD_BYTES_MAX) stream.destroy();
      else if (nowMs < untilMs) stream.write(this.#last);
      else {
        this.#followers.delete(follower);
        stream.end();
      }
    }
    this.#timer =
      this.#followers.size === 0 ? undefined : this.#clock.setTimer(this.#everyMs, () => void this.#tick());
  }
}
