import type { Chance } from './chance.ts';

export interface Scheduled {
  cancel(): void;
}

interface Entry {
  readonly dueMs: number;
  readonly tie: number;
  readonly made: number;
  run: (() => void) | undefined;
}

/** A cancelled entry stays in the heap until it comes up; with so many of them it is built anew. */
const DEAD_MAX = 4_096;

/**
 * Virtual time. What is due at the same millisecond runs in an order that the seed chooses: that is the search through
 * interleavings. Time passes only from one event to the next.
 */
export class Scheduler {
  #nowMs = 0;
  #made = 0;
  #dead = 0;
  #heap: Entry[] = [];
  readonly #chance: Chance;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Scheduled {
    return this.at(this.#nowMs + Math.max(delayMs, 0), run);
  }

  /** `tie` decides among those of the same millisecond, the lowest first; drawn when absent. */
  at(dueMs: number, run: () => void, tie = this.#chance.u32()): Scheduled {
    const entry: Entry = { dueMs: Math.ceil(dueMs), tie, made: (this.#made += 1), run };
    this.#push(entry);
    return {
      cancel: () => {
        if (entry.run === undefined) return;
        entry.run = undefined;
        this.#dead += 1;
        if (this.#dead > DEAD_MAX && this.#dead > this.#heap.length / 2) this.#compact();
      },
    };
  }

  /** When the next event is due; undefined: there is none. */
  nextMs(): number | undefined {
    this.#dropDead();
    return this.#heap[0]?.dueMs;
  }

  /** Runs the next event, if it is due up to then. False: there is none. */
  step(untilMs: number): boolean {
    const nextMs = this.nextMs();
    if (nextMs === undefined || nextMs > untilMs) {
      this.#nowMs = Math.max(this.#nowMs, untilMs);
      return false;
    }
    const entry = this.#pop();
    this.#nowMs = Math.max(this.#nowMs, entry.dueMs);
    const { run } = entry;
    entry.run = undefined;
    run?.();
    return true;
  }

  #dropDead(): void {
    while (this.#heap.length > 0 && this.#heap[0]?.run === undefined) {
      this.#pop();
      this.#dead -= 1;
    }
  }

  #compact(): void {
    const alive = this.#heap.filter(({ run }) => run !== undefined);
    this.#heap = [];
    this.#dead = 0;
    for (const entry of alive) this.#push(entry);
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as Entry;
      if (!isBefore(entry, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): Entry {
    const heap = this.#heap;
    const first = heap[0] as Entry;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Entry)) child += 1;
      const below = heap[child] as Entry;
      if (!isBefore(below, last)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

const isBefore = (a: Entry, b: Entry): boolean =>
  a.dueMs !== b.dueMs ? a.dueMs < b.dueMs : a.tie !== b.tie ? a.tie < b.tie : a.made < b.made;
