/**
 * Seeded chance: the same seed rolls the same numbers on every machine. The generator is xoshiro128**, its state filled
 * by splitmix32 from a path of numbers; so each thing of a simulation has dice of its own (`new Dice(seed, 3, 17)`), and
 * what one of them rolls never moves the others.
 *
 * Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (public domain algorithm).
 */
export class Dice {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  /** Whole numbers, negative ones too; more than 32 bits of each count. */
  constructor(...path: ReadonlyArray<number>) {
    this.reseed(...path);
  }

  /** As new, without another object. */
  reseed(...path: ReadonlyArray<number>): this {
    let state = 0;
    for (const number of path) {
      state = mix32((state + Math.floor(number / TWO_32) + WEYL) | 0);
      state = mix32((state ^ (number | 0)) + WEYL);
    }
    this.#a = mix32((state = (state + WEYL) | 0));
    this.#b = mix32((state = (state + WEYL) | 0));
    this.#c = mix32((state = (state + WEYL) | 0));
    // Never all zero, which would stay so.
    this.#d = mix32((state + WEYL) | 0) | 1;
    return this;
  }

  /** 32 bits, as a whole number from 0. */
  bits(): number {
    const scrambled = Math.imul(rotated(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotated(this.#d, 11);
    return scrambled;
  }

  /** At least 0, less than 1. */
  next(): number {
    return this.bits() / TWO_32;
  }

  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(items: ReadonlyArray<T>): T {
    const item = items[Math.floor(this.next() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** The place of one of the weights, each as likely as its share of their sum. */
  weighted(weights: ReadonlyArray<number>): number {
    let sum = 0;
    for (const weight of weights) sum += weight;
    let left = this.next() * sum;
    for (let at = 0; at < weights.length; at += 1) {
      left -= weights[at] ?? 0;
      if (left < 0) return at;
    }
    return weights.length - 1;
  }

  /** The time to the next of what happens once in `mean` on average. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }
}

const TWO_32 = 2 ** 32;
const WEYL = 0x9e3779b9;

const rotated = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

/** Source: the finalizer "lowbias32" of Chris Wellons' hash prospector (public domain). */
export const mix32 = (value: number): number => {
  let mixed = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
};
