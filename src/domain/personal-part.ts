import { isJsonObject, type Json } from './json.ts';

/**
 * What masking takes out of a value, and putting it back. Leaves are counted in the order in which they stand in the masked
 * value, so a part is known by one number: no path, whatever the fields are called.
 */
export type PersonalPart = ReadonlyArray<readonly [leaf: number, value: Json]>;

/** What `masked` does not show of `value`, of which it is the masked form. Empty: nothing was masked. */
export const partTaken = (value: Json, masked: Json): PersonalPart => {
  const taken: Array<readonly [number, Json]> = [];
  let leaf = 0;
  const walk = (original: Json, shown: Json): void => {
    if (Array.isArray(shown)) {
      const items = original as ReadonlyArray<Json>;
      for (const [index, item] of (shown as ReadonlyArray<Json>).entries()) walk(items[index] ?? null, item);
    } else if (isJsonObject(shown)) {
      const fields = Object.entries(original as object) as ReadonlyArray<[string, Json]>;
      for (const [index, field] of Object.values(shown).entries()) walk(fields[index]?.[1] ?? null, field);
    } else {
      if (shown !== original) taken.push([leaf, original]);
      leaf += 1;
    }
  };
  walk(value, masked);
  return taken;
};

/** The value that the part was taken from. */
export const withPart = (masked: Json, part: PersonalPart): Json => {
  const values = new Map(part);
  let leaf = -1;
  const walk = (shown: Json): Json => {
    if (Array.isArray(shown)) return (shown as ReadonlyArray<Json>).map(walk);
    // Not an assignment each: a field may be called __proto__.
    if (isJsonObject(shown))
      return Object.fromEntries(
        Object.entries(shown).map(([name, field]): [string, Json] => [name, walk(field)]),
      );
    leaf += 1;
    const value = values.get(leaf);
    return value === undefined ? shown : value;
  };
  return walk(masked);
};
