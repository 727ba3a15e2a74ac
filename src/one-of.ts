import * as t from 'io-ts';

/** One of these texts, as a codec that says so when it refuses. */
export const oneOf = <V extends string, I = unknown>(values: ReadonlyArray<V>): t.Type<V, V, I> => {
  const isOne = (value: unknown): value is V => values.includes(value as V);
  return new t.Type<V, V, I>(
    `one of ${values.join(', ')}`,
    isOne,
    (value, context) => (isOne(value) ? t.success(value) : t.failure(value, context)),
    (value) => value,
  );
};
