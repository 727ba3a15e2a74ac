import * as t from 'io-ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';

/** Small words to write the formats of stored events with: the type of the domain says which keys there are. */

/** Every key of T exactly once, optional ones too: a field added to the domain is an error here. */
export type Props<T> = { readonly [K in keyof T]-?: t.Type<Required<T>[K]> };

type OptionalKeys<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];
type RequiredOf<T> = Omit<T, OptionalKeys<T>>;
type OptionalOf<T> = Pick<T, OptionalKeys<T>>;

export const object = <T>(props: Props<T>): t.Type<T> => t.strict(props) as t.Mixed;
/** With keys that may be missing. */
export const objectWith = <T>(
  required: Props<RequiredOf<T>>,
  optional: { readonly [K in keyof OptionalOf<T>]-?: t.Type<NonNullable<OptionalOf<T>[K]>> },
): t.Type<T> => t.exact(t.intersection([t.type(required), t.partial(optional)])) as t.Mixed;
export const partial = <T>(props: Props<T>): t.Type<Partial<T>> => t.exact(t.partial(props));
export const oneOf = <T extends string>(names: ReadonlyArray<T>): t.Type<T> =>
  t.keyof(Object.fromEntries(names.map((name) => [name, null])) as Record<T, null>);
export const nullable = <T>(codec: t.Type<T>): t.Type<T | null> => t.union([codec, t.null]);

/** Anything that JSON can say; what was parsed is JSON already, it only has to be there. */
export const json = new t.Type<Json>(
  'Json',
  (value): value is Json => value !== undefined,
  (value, context) => (value === undefined ? t.failure(value, context) : t.success(value as Json)),
  t.identity,
);

export const jsonObject = new t.Type<JsonObject>(
  'JsonObject',
  isJsonObject,
  (value, context) => (isJsonObject(value) ? t.success(value) : t.failure(value, context)),
  t.identity,
);
