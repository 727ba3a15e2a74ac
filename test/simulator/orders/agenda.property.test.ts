import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Agenda, type Entry } from '../../../simulator/orders/agenda.ts';

const entry: fc.Arbitrary<Entry> = fc.record({
  atMs: fc.nat({ max: 50 }),
  show: fc.nat({ max: 3 }),
  order: fc.nat({ max: 3 }),
  step: fc.nat({ max: 3 }),
  soldAtMs: fc.nat(),
});

const before = (a: Entry, b: Entry): number =>
  a.atMs - b.atMs || a.show - b.show || a.order - b.order || a.step - b.step;
const key = ({ atMs, show, order, step }: Entry): string => [atMs, show, order, step].join();

it('gives back what came, the earliest first, also while more comes', () => {
  fc.assert(
    fc.property(fc.array(fc.option(entry), { maxLength: 5_000, size: 'max' }), (actions) => {
      const agenda = new Agenda();
      const model: Entry[] = [];
      const take = (): void => {
        const taken = agenda.take();
        model.sort(before);
        const expected = model[0];
        expect(taken === undefined).toBe(expected === undefined);
        if (taken === undefined || expected === undefined) return;
        expect(key(taken)).toBe(key(expected));
        const at = model.findIndex((one) => key(one) === key(taken) && one.soldAtMs === taken.soldAtMs);
        expect(at).toBeGreaterThanOrEqual(0);
        model.splice(at, 1);
      };
      for (const action of actions) {
        if (action === null) {
          take();
          continue;
        }
        agenda.add(action);
        model.push(action);
      }
      expect(agenda.size).toBe(model.length);
      const rest = Array.from({ length: model.length }, () => key(agenda.take() as Entry));
      expect(rest).toEqual(model.sort(before).map(key));
      expect(agenda.take()).toBeUndefined();
    }),
    { numRuns: 20 },
  );
});
