import { isJsonObject, type Json } from './json.ts';

/**
 * What masking takes out of a value, and putting it back. Leaves are counted in the order in which they stand in the masked
 * value, so a part is known by one number: no path, whatever the fields are called.
 */
export type PersonalPart = ReadonlyArray<readonly [leaf: number, value: Json]>;

/** What `masked` does not show of `value`, of which it is the masked form. Empty: nothing was masked. */
export const partTaken = (value: Json, masked: Json): PersonalPart => {
  if (masked === value) return [];
  const taken: Array<readonly [number, Json]> = [];
  let leaf = 0;
  const walk = (original: Json, shown: Json): void => {
    if (Array.isArray(shown)) {
      const items = original as ReadonlyArray<Json>;
      for (let at = 0; at < shown.length; at += 1) walk(items[at] as Json, shown[at] as Json);
    } else if (isJsonObject(shown)) {
      const fields = original as { readonly [name: string]: Json };
      for (const name of Object.keys(shown)) walk(fields[name] as Json, shown[name] as Json);
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
    if (isJsonObject(shown)) {
      // A field may be called __proto__: the copy has it as its own, and so it is set as any other.
      const copy: Record<string, Json> = { ...shown };
      for (const name of Object.keys(copy)) copy[name] = walk(copy[name] as Json);
      return copy;
    }
    leaf += 1;
    const value = values.get(leaf);
    return value === undefined ? shown : value;
  };
  return walk(masked);
};
