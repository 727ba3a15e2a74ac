import { isLeft } from 'fp-ts/lib/Either.js';
import { decode } from '../eventstore/codec.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, Position, RecordedEvent } from '../eventstore/event-store.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { ReadModels } from './read-models.ts';

/** Events written to the log group at once: a longer transaction would hold up everything else. */
const BATCH_MAX = 2_000;
/** How long rows of the log group may wait for company: many events of one invocation then cost one write. */
const LINGER_MS = 60;
/** The same where something else waits for what they show: it bounds how often that is. */
const SOON_MS = 10;

export interface ProjectorDeps {
  readonly store: EventStore;
  readonly readModels: ReadModels;
  readonly clock: Clock;
  readonly onDefect: (error: unknown) => void;
}

/** An event of ours that this program cannot read: the projections stop and say which. */
export class UndecodableEvent extends Error {
  override readonly name = 'UndecodableEvent';
  readonly at: UndecodablePlace;

  constructor(at: UndecodablePlace) {
    super(`${at.stream}, revision ${at.revision}: ${at.reason}`);
    this.at = at;
  }
}

export interface UndecodablePlace {
  readonly stream: string;
  readonly revision: number;
  /** 0 where it is not known: read from a stream of a store whose positions are opaque. */
  readonly position: Position;
  readonly type: string;
  readonly reason: string;
}

/** All of them, or those before the first one that cannot be read, and that one. */
export const decodeUpTo = (
  events: ReadonlyArray<RecordedEvent>,
): { readonly decoded: ReadonlyArray<Decoded>; readonly unreadable: UndecodableEvent | undefined } => {
  const read: Decoded[] = [];
  for (const recorded of events) {
    const decoded = decode(recorded);
    if (isLeft(decoded)) {
      const { stream, revision, position, reason } = decoded.left;
      const { type } = recorded.event;
      return {
        decoded: read,
        unreadable: new UndecodableEvent({ stream, revision, position, type, reason }),
      };
    }
    read.push(decoded.right);
  }
  return { decoded: read, unreadable: undefined };
};

/** Throws `UndecodableEvent`. */
export const decodeAll = (events: ReadonlyArray<RecordedEvent>): ReadonlyArray<Decoded> => {
  const { decoded, unreadable } = decodeUpTo(events);
  if (unreadable !== undefined) throw unreadable;
  return decoded;
};

/** Brings the log group of the read models up to date, a moment behind the log; at once when somebody waits. */
export class Projector {
  readonly #deps: ProjectorDeps;
  readonly #listeners: Array<(events: ReadonlyArray<Decoded>, position: Position) => void> = [];
  #buffer: Decoded[] = [];
  #read: Position = 0;
  #timer: Timer | undefined;
  /** What is to be shown soon. */
  #soon: Position = 0;
  #stopped = false;
  #waiters: Array<{ readonly position: Position; readonly resolve: () => void }> = [];

  constructor(deps: ProjectorDeps) {
    this.#deps = deps;
  }

  /** Called after each batch that became visible, with its events and the position reached. */
  onProjected(listener: (events: ReadonlyArray<Decoded>, position: Position) => void): void {
    this.#listeners.push(listener);
  }

  /** The read models show everything up to here. */
  get shownUpTo(): Position {
    return this.#buffer.length === 0 ? this.#read : this.#deps.readModels.checkpoint('log');
  }

  /** Takes events in log order; all up to `position` have been seen. */
  take(events: ReadonlyArray<Decoded>, position: Position): void {
    for (const event of events) this.#buffer.push(event);
    this.#read = Math.max(this.#read, position);
    if (this.#buffer.length >= BATCH_MAX || this.#waiters.length > 0) this.flush();
    else if (this.#buffer.length > 0) this.#timer ??= this.#flushIn(this.#isAwaited ? SOON_MS : LINGER_MS);
  }

  /** Shows everything up to `position` soon, once it was taken. Whoever cannot go on before waits for `reached`. */
  showSoon(position: Position): void {
    const isHurried = this.#isAwaited;
    this.#soon = Math.max(this.#soon, position);
    if (isHurried || !this.#isAwaited || this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = this.#flushIn(SOON_MS);
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const events = this.#buffer;
    this.#buffer = [];
    try {
      for (let start = 0; start < events.length; start += BATCH_MAX) {
        const batch = events.slice(start, start + BATCH_MAX);
        const last = start + BATCH_MAX >= events.length;
        this.#apply(batch, last ? this.#read : (batch.at(-1)?.position ?? this.#read));
      }
    } catch (error) {
      this.#deps.onDefect(error);
      return;
    }
    const reached = this.#waiters.filter(({ position }) => position <= this.#read);
    this.#waiters = this.#waiters.filter(({ position }) => position > this.#read);
    for (const { resolve } of reached) resolve();
  }

  /**
   * Resolves when the read models show everything that is in the store now. False: they may not, since the store is
   * away or the end has come.
   */
  async settled(): Promise<boolean> {
    const head = await this.#deps.store.head()();
    // While the store is away nothing new can be shown: what is there is answered.
    return isLeft(head) ? false : this.reached(head.right);
  }

  /** Shows what was taken, and lets nobody wait any longer. */
  stop(): void {
    this.#stopped = true;
    this.flush();
    for (const { resolve } of this.#waiters) resolve();
    this.#waiters = [];
  }

  /** False: it never will be. */
  async reached(position: Position): Promise<boolean> {
    if (!this.#stopped && (this.#buffer.length > 0 || this.#read < position)) {
      const reached = new Promise<void>((resolve) => this.#waiters.push({ position, resolve }));
      if (this.#read >= position) this.flush();
      await reached;
    }
    return this.#read >= position;
  }

  get #isAwaited(): boolean {
    return this.#soon > 0 && this.#soon > this.shownUpTo;
  }

  #flushIn(delayMs: number): Timer {
    return this.#deps.clock.setTimer(delayMs, () => this.flush());
  }

  #apply(events: ReadonlyArray<Decoded>, position: Position): void {
    this.#deps.readModels.apply('log', events, position);
    for (const listener of this.#listeners) listener(events, position);
  }
}
