import type { HeldInvocation } from './attempt.ts';

/** Bounds of the invocations that wait in memory with their bodies; all others wait in the store. */
const HELD_MAX = 20_000;
const HELD_BYTES_MAX = 48 * 1024 * 1024;

/** Counts what waits in memory. */
export class HeldWindow {
  #count = 0;
  #bytes = 0;

  hasRoomFor(held: HeldInvocation): boolean {
    return this.#count < HELD_MAX && this.#bytes + bodyBytes(held) <= HELD_BYTES_MAX;
  }

  add(held: HeldInvocation): void {
    this.#count += 1;
    this.#bytes += bodyBytes(held);
  }

  remove(held: HeldInvocation): void {
    this.#count -= 1;
    this.#bytes -= bodyBytes(held);
  }
}

const bodyBytes = ({ state }: HeldInvocation): number =>
  state.situation === 'unscheduled' ? 0 : state.facts.scheduled.body.length;
