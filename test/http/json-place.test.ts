import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brokenAt } from '../../src/http/json-place.ts';

const parses = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe('where JSON breaks', () => {
  it.each([
    ['{"a": x}', 6],
    ['{"a": 1,}', 8],
    ['[1, 2', 5],
    ['[1,, 2]', 3],
    ['{"a" 1}', 5],
    ['{a: 1}', 1],
    ['{} {}', 3],
    ['"tab\t"', 4],
    ['"\\x"', 1],
    ['"open', 5],
    ['[1}', 2],
    ['01', 1],
    ['nul', 0],
    ['', 0],
    [']', 0],
  ])('%j breaks at %i', (text, at) => {
    expect(brokenAt(text)).toBe(at);
  });

  it('is nowhere in a text that is JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(brokenAt(text)).toBe(text.length);
      }),
    );
  });

  it('is never behind a place from which the text could still have been completed', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom('}', ']', ',', ':', 'x', '\u0000'),
        (json, seed, wrong) => {
          const cut = seed % (json.length + 1);
          const text = json.slice(0, cut) + wrong + json.slice(cut);
          if (parses(text)) return;
          expect(brokenAt(text)).toBeGreaterThanOrEqual(0);
          expect(brokenAt(text)).toBeLessThanOrEqual(text.length);
          // Nothing before the wrong character is blamed, unless it made one token with what stood before it.
          expect(text.slice(brokenAt(text), cut)).toMatch(/^[-+.\w\\]*$/);
        },
      ),
    );
  });

  it('takes no stack for brackets without end', () => {
    expect(brokenAt('['.repeat(500_000))).toBe(500_000);
  });
});
