import fc from 'fast-check';
import { expect, it } from 'vitest';
import { UnderWay } from '../../src/adapters/under-way.ts';

it('holds what was added and not taken, each under a number of its own, and is never longer than it had to be', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat())), (steps) => {
      const underWay = new UnderWay<{ readonly name: number }>();
      const expected = new Map<number, { readonly name: number }>();
      let most = 0;
      for (const [name, which] of steps.entries()) {
        const open = [...expected.keys()];
        const number = which === null ? undefined : open[which % Math.max(1, open.length)];
        if (number === undefined) {
          const one = { name };
          const given = underWay.add(one);
          expect(expected.has(given)).toBe(false);
          expected.set(given, one);
          most = Math.max(most, expected.size);
          expect(given).toBeLessThan(most);
        } else {
          expect(underWay.take(number)).toBe(expected.get(number));
          expected.delete(number);
          expect(underWay.take(number)).toBeUndefined();
        }
        expect(new Map(underWay.entries())).toEqual(expected);
      }
    }),
  );
});

it('tells of no number that it never gave', () => {
  expect(new UnderWay<string>().take(3)).toBeUndefined();
});

it('can be emptied while it is gone through', () => {
  const underWay = new UnderWay<string>();
  for (const one of ['a', 'b', 'c']) underWay.add(one);
  const seen = underWay.entries().map(([number]) => underWay.take(number));
  expect(seen).toEqual(['a', 'b', 'c']);
  expect(underWay.entries()).toEqual([]);
});
