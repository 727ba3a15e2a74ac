/**
 * What is under way, each under a number that is given again once it is over. A Map or a Set would be the obvious thing, but where
 * thousands of entries come and go in a second V8 builds their tables anew several times in a second, each old table points to the
 * next, and one that has outlived the young generation keeps all that was ever in those after it until the next full collection:
 * every request, with all that belongs to it. It keeps as many places as there ever were things under way at once.
 */
export class UnderWay<T> {
  readonly #places: Array<T | undefined> = [];
  readonly #free: number[] = [];

  /** Answers its number. */
  add(one: T): number {
    const number = this.#free.pop() ?? this.#places.length;
    this.#places[number] = one;
    return number;
  }

  /** It is over. Undefined: it was so before. */
  take(number: number): T | undefined {
    const one = this.#places[number];
    if (one === undefined) return undefined;
    this.#places[number] = undefined;
    this.#free.push(number);
    return one;
  }

  /** Numbers and what is under way now; it may change meanwhile. */
  entries(): ReadonlyArray<readonly [number, T]> {
    return this.#places.flatMap((one, number) => (one === undefined ? [] : [[number, one] as const]));
  }
}
