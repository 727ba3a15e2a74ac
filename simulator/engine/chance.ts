import { createHash } from 'node:crypto';
import type { Random } from '../../src/ports/random.ts';

/**
 * Numbers that a seed and a purpose determine: one more draw for one purpose shifts no other. State: 128 bits from
 * SHA-256 of both; the algorithm is sfc32.
 */
export class Chance implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  constructor(seed: number, purpose: string) {
    const state = createHash('sha256').update(`${seed}:${purpose}`).digest();
    this.#a = state.readUInt32LE(0);
    this.#b = state.readUInt32LE(4);
    this.#c = state.readUInt32LE(8);
    this.#counter = state.readUInt32LE(12);
  }

  u32(): number {
    const mixed = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + mixed) >>> 0;
    return mixed;
  }

  /** 0 ≤ x < 1. */
  next(): number {
    return this.u32() / 2 ** 32;
  }

  /** Whole, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** Draws even where the answer is certain, so that a rate of 0 or 1 shifts nothing. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(values: ReadonlyArray<T>): T {
    if (values.length === 0) throw new Error('nothing to pick from');
    return values[Math.floor(this.next() * values.length)] as T;
  }

  /** The same ones in another order. */
  shuffled<T>(values: ReadonlyArray<T>): ReadonlyArray<T> {
    const left = [...values];
    return values.map(() => left.splice(Math.floor(this.next() * left.length), 1)[0] as T);
  }

  /** Whole milliseconds, as often below as above the geometric middle of both: short and long ones alike. */
  delayMs(leastMs: number, mostMs: number): number {
    return Math.round(
      Math.exp(Math.log(leastMs + 1) + this.next() * Math.log((mostMs + 1) / (leastMs + 1))) - 1,
    );
  }

  uuid(): string {
    const [a, b, c, d] = [this.u32(), this.u32(), this.u32(), this.u32()];
    const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
    return (
      `${hex(a, 8)}-${hex(b >>> 16, 4)}-4${hex(b & 0xfff, 3)}-` +
      `${hex(0x8000 | ((c >>> 16) & 0x3fff), 4)}-${hex(c & 0xffff, 4)}${hex(d, 8)}`
    );
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.u32() & 0xff);
  }
}
