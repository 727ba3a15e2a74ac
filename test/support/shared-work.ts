import { silentLog } from '../../src/ports/log.ts';
import { Membership } from '../../src/delivery/membership.ts';
import { type IsOurs, type Redone, Takeovers } from '../../src/delivery/takeovers.ts';
import { PARTITIONS } from '../../src/domain/partitions.ts';
import type { Position } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { faulty } from './faulty-store.ts';
import { Mortal } from './mortal.ts';
import { VirtualClock } from './virtual-clock.ts';

export const LEASE_MS = 6_000;
const READ_EVERY_MS = 100;
const BATCH_MAX = 4;
const REDO_PAGE = 3;
export const WEBHOOKS = 12;

/** From a position on a webhook is in a partition. */
interface Place {
  readonly from: Position;
  readonly partition: number;
}

/**
 * A log in which every entry asks for one thing of every webhook, and the nodes that do it: the product's membership and
 * takeovers, with next to nothing in place of the engine. What matters is what is done, by whom and in which order.
 */
export class SharedWork {
  readonly clock = new VirtualClock();
  readonly store = faulty(openMemoryStore());
  readonly broken: string[] = [];
  head: Position = 0;
  /** What each webhook was told, up to where without a gap. */
  readonly done: number[] = Array.from({ length: WEBHOOKS }, () => 0);
  readonly places: Place[][] = Array.from({ length: WEBHOOKS }, (_, n) => [
    { from: 0, partition: (n * 53 + 7) % PARTITIONS },
  ]);
  #drawn = 0;

  uuid(): string {
    this.#drawn += 1;
    return `10000000-0000-4000-8000-${this.#drawn.toString(16).padStart(12, '0')}`;
  }

  grow(by: number): void {
    this.head += by;
  }

  move(webhook: number, partition: number): void {
    this.head += 1;
    this.places[webhook]?.unshift({ from: this.head, partition });
  }

  partitionsOf(webhook: string, from: Position, upTo: Position): ReadonlyArray<number> {
    const places = this.places[Number(webhook)] ?? [];
    const inRange = places.filter(
      (place, n) => place.from <= upTo && (n === 0 || (places[n - 1]?.from ?? 0) > from),
    );
    return inRange.map(({ partition }) => partition).toReversed();
  }

  /** What was done before is passed over, as scheduling twice is. */
  tell(webhook: number, at: Position, by: string): void {
    const done = this.done[webhook] ?? 0;
    if (at <= done) return;
    if (at > done + 1)
      this.broken.push(`${by} told webhook ${webhook} of ${at}, it knew only what is up to ${done}`);
    this.done[webhook] = at;
  }
}

/** One process among them. */
export class Worker {
  readonly mortal = new Mortal();
  readonly membership: Membership;
  readonly #work: SharedWork;
  readonly #takeovers: Takeovers;
  readonly #name: string;
  /** What one entry costs. */
  readonly #delayMs: number;
  #handled: Position;
  #seen: Position;
  #turn: Promise<void> = Promise.resolve();
  #stopped = false;
  #resumedOrAssigned = 0;

  constructor(work: SharedWork, name: string, delayMs: number) {
    this.#work = work;
    this.#name = name;
    this.#delayMs = delayMs;
    this.#handled = work.head;
    this.#seen = work.head;
    const clock = this.mortal.clock(work.clock);
    this.membership = new Membership({
      store: this.mortal.store(work.store),
      clock,
      random: { uuid: () => work.uuid(), bytes: (length) => new Uint8Array(length) },
      log: silentLog,
      identity: { name, url: '', version: '' },
      leaseMs: LEASE_MS,
      onLease: () => undefined,
      onFenced: () => undefined,
      onDefect: (error) => work.broken.push(String(error)),
    });
    this.#takeovers = new Takeovers({
      routing: work,
      seenUpTo: () => this.#seen,
      doneByAll: () => this.membership.doneByAll,
      inTurn: (todo) => void this.#inTurn(todo),
      redo: (after, upTo, isOurs, onDone) => this.#redo(after, upTo, isOurs, onDone),
    });
    void this.membership.join({
      handledUpTo: () => this.#takeovers.upTo(this.#handled),
      handledBefore: () => 0,
      readUpTo: () => this.#seen,
      inFlight: () => 0,
      assigned: (partitions, undoneFrom) => {
        this.#resumedOrAssigned += 1;
        this.#takeovers.assigned(partitions, undoneFrom);
      },
      busyNodes: () => [],
      takeOverAttempts: () => undefined,
      resumed: () => (this.#resumedOrAssigned += 1),
    });
    this.#read();
  }

  async stop(): Promise<void> {
    await this.membership.beginLeaving();
    this.#stopped = true;
    await this.membership.leave();
  }

  /** Partitions at whose endpoints it may start attempts. */
  held(): ReadonlyArray<number> {
    return Array.from({ length: PARTITIONS }, (_, partition) => partition).filter((partition) =>
      this.membership.mayAttempt(partition),
    );
  }

  /** Changes when what is due was to be looked at again. */
  get looks(): number {
    return this.#resumedOrAssigned;
  }

  #read(): void {
    this.mortal.clock(this.#work.clock).setTimer(READ_EVERY_MS, () => {
      void this.#inTurn(() => this.#batch()).then(() => this.#read());
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    return (this.#turn = this.#turn.then(work));
  }

  async #batch(): Promise<void> {
    const upTo = Math.min(this.#work.head, this.#seen + BATCH_MAX);
    const after = this.#seen;
    if (upTo <= after) return;
    await this.#tell(after, upTo, await this.#takeovers.begin(this.#movesIn(after, upTo)));
    if (this.#stopped) return;
    this.#seen = upTo;
    this.#handled = upTo;
  }

  #movesIn(after: Position, upTo: Position) {
    return this.#work.places.flatMap((places, webhook) =>
      places
        .toReversed()
        .flatMap(({ from }) =>
          from > after && from <= upTo ? [{ webhook: String(webhook), at: from }] : [],
        ),
    );
  }

  async #redo(
    after: Position,
    upTo: Position,
    isOurs: IsOurs,
    onDone?: (upTo: Position) => void,
  ): Promise<Redone> {
    let reacted = Promise.resolve();
    for (let from = after; from < upTo && !this.#stopped; from += REDO_PAGE) {
      const done = Math.min(from + REDO_PAGE, upTo);
      await this.#tell(from, done, isOurs);
      reacted = reacted
        .then(() => this.#pause())
        .then(() => {
          if (!this.#stopped) onDone?.(done);
        });
    }
    return { reacted };
  }

  async #tell(after: Position, upTo: Position, isOurs: IsOurs): Promise<void> {
    for (let at = after + 1; at <= upTo && !this.#stopped; at += 1) {
      const ours = this.#work.done.flatMap((_, webhook) => (isOurs(String(webhook), at) ? [webhook] : []));
      await this.#pause();
      for (const webhook of ours) this.#work.tell(webhook, at, this.#name);
    }
  }

  #pause(): Promise<void> {
    return new Promise(
      (resolve) => void this.mortal.clock(this.#work.clock).setTimer(this.#delayMs, resolve),
    );
  }
}
