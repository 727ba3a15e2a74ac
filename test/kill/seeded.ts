/** Numbers that a seed and a purpose determine: one more draw for one purpose shifts no other. Source: mulberry32. */
export class Seeded {
  #state: number;

  constructor(seed: number, purpose: string) {
    let hash = seed >>> 0;
    for (const character of purpose)
      hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
    this.#state = hash;
  }

  /** 0 ≤ x < 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Whole, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(values: ReadonlyArray<T>): T {
    const picked = values[Math.floor(this.next() * values.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }
}
