import fc from 'fast-check';

/** Choices in the state reached, from numbers drawn beforehand: a life shrinks to fewer steps and earlier choices. */
export class Dice {
  readonly #numbers: ReadonlyArray<number>;
  #used = 0;

  constructor(numbers: ReadonlyArray<number>) {
    this.#numbers = numbers;
  }

  /** Once they are used up every choice is the first. */
  get usedUp(): boolean {
    return this.#used >= this.#numbers.length;
  }

  pick<const T>(...values: readonly [T, ...ReadonlyArray<T>]): T {
    const number = this.#numbers[this.#used] ?? 0;
    this.#used += 1;
    return values[number % values.length] ?? values[0];
  }
}

export const dice = (numbersMax: number): fc.Arbitrary<Dice> =>
  fc
    .array(fc.noBias(fc.nat({ max: 0xffff })), { minLength: 1, maxLength: numbersMax, size: 'max' })
    .map((numbers) => new Dice(numbers));
