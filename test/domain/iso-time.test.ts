import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isoTimes } from '../../src/domain/iso-time.ts';

it('writes every time as Date does, whatever was asked before', () => {
  const few = fc.integer({ min: -3, max: 3 }).map((step) => 1_767_323_045_000 + step);
  const times = fc.array(fc.oneof(few, fc.constant(0), fc.integer({ min: -1e12, max: 4e12 })));
  fc.assert(
    fc.property(times, (asked) => {
      const isoTime = isoTimes();
      expect(asked.map(isoTime)).toEqual(asked.map((atMs) => new Date(atMs).toISOString()));
    }),
  );
});
