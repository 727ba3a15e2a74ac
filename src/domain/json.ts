export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON with the keys of every object in code unit order: equal values give equal text. */
export const canonicalJson = (value: Json): string => {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  let members = '';
  if (Array.isArray(value)) {
    for (const item of value as ReadonlyArray<Json>) members += `,${canonicalJson(item)}`;
    return `[${members.slice(1)}]`;
  }
  const object = value as JsonObject;
  for (const key of Object.keys(object).sort()) {
    members += `,${JSON.stringify(key)}:${canonicalJson(object[key] as Json)}`;
  }
  return `{${members.slice(1)}}`;
};
