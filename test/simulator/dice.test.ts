import { expect, it } from 'vitest';
import { Dice } from '../../simulator/dice.ts';

const rolls = (dice: Dice, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, () => dice.next());
const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

it('rolls the same for the same path, and something else for every other', () => {
  const paths = [[], [0], [1], [2 ** 32], [2 ** 32 + 1], [0, 1], [1, 0], [1, 1], [-1]];
  const first = paths.map((path) => rolls(new Dice(...path), 4).join());
  expect(new Set(first).size).toBe(paths.length);
  const dice = new Dice(9);
  rolls(dice, 10);
  expect(paths.map((path) => rolls(dice.reseed(...path), 4).join())).toEqual(first);
});

it('keeps the stream that seeds are recorded with', () => {
  const dice = new Dice(1, 2, 3);
  expect(Array.from({ length: 4 }, () => dice.bits())).toMatchInlineSnapshot(`
    [
      3443507083,
      942318300,
      4248217959,
      2989125168,
    ]
  `);
});

it('is even, and independent from one path to the next', () => {
  const values = rolls(new Dice(5), 100_000);
  expect(mean(values)).toBeCloseTo(0.5, 2);
  const tenths = Array.from(
    { length: 10 },
    (_, tenth) => values.filter((value) => Math.floor(value * 10) === tenth).length,
  );
  for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  const firsts = Array.from({ length: 20_000 }, (_, path) => new Dice(5, path).next());
  expect(mean(firsts)).toBeCloseTo(0.5, 1);
  const correlation = mean(firsts.slice(1).map((value, at) => (value - 0.5) * ((firsts[at] ?? 0) - 0.5)));
  expect(Math.abs(correlation)).toBeLessThan(0.003);
});

it('picks by weight and waits by mean', () => {
  const dice = new Dice(6);
  const counts = [0, 0, 0];
  for (let n = 0; n < 30_000; n += 1) {
    const at = dice.weighted([1, 0, 2]);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  expect(counts[1]).toBe(0);
  expect((counts[2] ?? 0) / (counts[0] ?? 1)).toBeCloseTo(2, 0);
  expect(mean(Array.from({ length: 30_000 }, () => dice.exponential(7)))).toBeCloseTo(7, 0);
  expect([dice.between(3, 3), dice.chance(0), dice.chance(1), dice.pick(['a'])]).toEqual([
    3,
    false,
    true,
    'a',
  ]);
  expect(() => dice.pick([])).toThrow('nothing');
});
