import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lru } from '../../src/domain/lru.ts';

describe('a map that forgets', () => {
  it('never answers with anything but the newest value, and not with what was deleted', () => {
    const step = fc.record({
      key: fc.nat(12),
      act: fc.constantFrom('get' as const, 'set' as const, 'delete' as const),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(step, { maxLength: 200 }), (sizeMax, steps) => {
        const lru = new Lru<number, number>(sizeMax);
        const all = new Map<number, number>();
        for (const [index, { key, act }] of steps.entries()) {
          if (act === 'set') {
            lru.set(key, index);
            all.set(key, index);
          } else if (act === 'delete') {
            lru.delete(key);
            all.delete(key);
          } else {
            const found = lru.get(key);
            if (found !== undefined) expect(found).toBe(all.get(key));
          }
        }
      }),
    );
  });

  it('keeps the half used last, and forgets what was not used', () => {
    const lru = new Lru<number, string>(8);
    lru.set(0, 'kept by use');
    lru.set(1, 'forgotten');
    for (let key = 2; key < 40; key += 1) {
      lru.set(key, `value ${key}`);
      expect(lru.get(0)).toBe('kept by use');
    }
    expect(lru.get(1)).toBeUndefined();
    for (const key of [37, 38, 39]) expect(lru.get(key)).toBe(`value ${key}`);
  });
});
