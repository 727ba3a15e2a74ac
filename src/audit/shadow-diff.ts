import { isJsonObject, type Json } from '../domain/json.ts';

/** One place at which two bodies differ; undefined: nothing stands there. Texts are cut. */
export interface BodyDifference {
  /** As in `data.lines[3].price`; empty for the whole. */
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

const DIFFERENCES_MAX = 20;
const VALUE_MAX = 200;
const CONTEXT = 40;

/** Where two bodies differ, the first places of it. Empty exactly when they are the same bytes. */
export const diffBodies = (before: string, after: string): ReadonlyArray<BodyDifference> => {
  if (before === after) return [];
  const [one, other] = [parsed(before), parsed(after)];
  const found: BodyDifference[] = [];
  if (one !== undefined && other !== undefined) diffJson('', one, other, found);
  // The same values, written otherwise; or no JSON.
  return found.length > 0 ? found : [diffText(before, after)];
};

const diffJson = (path: string, before: Json, after: Json, found: BodyDifference[]): void => {
  if (found.length >= DIFFERENCES_MAX) return;
  if (Array.isArray(before) && Array.isArray(after)) {
    for (let at = 0; at < Math.max(before.length, after.length); at += 1)
      diffPlace(`${path}[${at}]`, before[at] as Json | undefined, after[at] as Json | undefined, found);
    return;
  }
  if (isJsonObject(before) && isJsonObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const place = path === '' ? key : `${path}.${key}`;
      diffPlace(place, own(before, key), own(after, key), found);
    }
    return;
  }
  if (JSON.stringify(before) !== JSON.stringify(after)) found.push({ path, ...shown(before, after) });
};

const diffPlace = (
  path: string,
  before: Json | undefined,
  after: Json | undefined,
  found: BodyDifference[],
): void => {
  if (before !== undefined && after !== undefined) return diffJson(path, before, after, found);
  if (found.length < DIFFERENCES_MAX) found.push({ path, ...shown(before, after) });
};

const own = (of: Readonly<Record<string, Json>>, key: string): Json | undefined =>
  Object.hasOwn(of, key) ? of[key] : undefined;

const shown = (before: Json | undefined, after: Json | undefined) => ({
  before: before === undefined ? undefined : cut(JSON.stringify(before)),
  after: after === undefined ? undefined : cut(JSON.stringify(after)),
});

/** Around the first character that differs. */
const diffText = (before: string, after: string): BodyDifference => {
  let at = 0;
  while (at < before.length && before[at] === after[at]) at += 1;
  const from = Math.max(0, at - CONTEXT);
  const around = (text: string): string => cut(text.slice(from, at + CONTEXT));
  return { path: `character ${at + 1}`, before: around(before), after: around(after) };
};

const cut = (text: string): string => (text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text);

const parsed = (text: string): Json | undefined => {
  try {
    return JSON.parse(text) as Json;
  } catch (_notJson) {
    return undefined;
  }
};
