import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import { masked } from '../../src/domain/personal-fields.ts';
import { partTaken, withPart } from '../../src/domain/personal-part.ts';

const NAMES = ['email', 'customer', 'first_name', 'id', 'ip', '__proto__', '7', 'note', 'attendees'];
const json = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<Json>(null, '', true, 5, 'x', 'a@b.org', '{"email":"a@b.org"}', '***'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.constantFrom(...NAMES), tie('value')), { maxLength: 5 })
      .map((entries) => Object.fromEntries(entries) as Json),
  ),
})).value;

const text = (value: Json): string => JSON.stringify(value);

describe('what masking takes out', () => {
  it('put back gives the value, also after both were written and read', () => {
    fc.assert(
      fc.property(json, (value) => {
        const shown = masked(value);
        const part = partTaken(value, shown);
        expect(part.length === 0).toBe(text(shown) === text(value));
        const again = JSON.parse(text(shown)) as Json;
        expect(text(withPart(again, JSON.parse(JSON.stringify(part)) as typeof part))).toBe(text(value));
      }),
    );
  });

  it('leaves the very value where nothing is masked, and never changes the one it was given', () => {
    fc.assert(
      fc.property(json, (value) => {
        const before = text(value);
        const shown = masked(value);
        expect(text(value)).toBe(before);
        expect(shown === value).toBe(text(shown) === before);
        expect(text(masked(shown))).toBe(text(shown));
      }),
    );
  });
});
