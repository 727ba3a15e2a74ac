import { isLeft } from 'fp-ts/lib/Either.js';
import { streamOf } from '../domain/ids.ts';
import type { EventStore } from '../eventstore/event-store.ts';
import { seals } from '../eventstore/seals.ts';
import { load } from '../eventstore/transact.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import type { SealSigner } from '../ports/sign-seal.ts';
import { sealHistory } from './seal-history.ts';

export interface SealerDeps {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly signer: SealSigner | undefined;
  readonly log: Log;
  /** 0: never. */
  readonly everyMs: number;
}

/** A process that is restarted more often than it is to seal still does. */
const FIRST_LOOK_MS = 60_000;
/** Between two small pieces of work, which leaves nearly all of the time to deliveries. */
const BREATH_MS = 10;
/** Before it stops. What is left over then is for the next one. */
const LAST_MS = 5_000;

/**
 * Seals the history from time to time, and when the process stops. Several nodes may do so: whoever finds the newest seal old
 * enough makes the next one, and of two at once one wins. Never in the way: what it cannot do now it does later.
 */
export class Sealer {
  readonly #deps: SealerDeps;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(deps: SealerDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { everyMs } = this.#deps;
    if (everyMs > 0) this.#wait(Math.min(everyMs, FIRST_LOOK_MS));
  }

  /** Seals what is new, if there is time for it. The store must still be open. */
  async stop(): Promise<void> {
    const { clock, everyMs } = this.#deps;
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
    if (everyMs === 0) return;
    const untilMs = clock.monotonicMs() + LAST_MS;
    await this.#seal(async () => clock.monotonicMs() < untilMs);
  }

  #wait(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = this.#deps.clock.setTimer(delayMs, () => {
      this.#running = this.#look();
    });
  }

  async #look(): Promise<void> {
    const { store, clock, everyMs } = this.#deps;
    const newest = await load(store, streamOf.seals, seals);
    const { state } = isLeft(newest) ? { state: seals.initial } : newest.right;
    const ageMs = state.situation === 'sealed' ? clock.nowMs() - state.seal.atMs : everyMs;
    // A seal of the future: its clock, or ours, was wrong.
    const dueInMs = ageMs < 0 ? 0 : everyMs - ageMs;
    if (dueInMs > 0) return this.#wait(dueInMs);
    await this.#seal(() => this.#breathe());
    this.#wait(everyMs);
  }

  #breathe(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#deps.clock.setTimer(BREATH_MS, () => resolve(!this.#stopped));
    });
  }

  async #seal(breathe: () => Promise<boolean>): Promise<void> {
    const { log } = this.#deps;
    const sealed = await sealHistory({ ...this.#deps, breathe });
    if (isLeft(sealed)) return log.warn({ reason: sealed.left }, 'the history was not sealed');
    for (const { number, count, events, total } of sealed.right) {
      log.info({ seal: number, newEvents: count, events, total }, 'history sealed');
    }
  }
}
