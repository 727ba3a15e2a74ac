import { type Either, isLeft, left, mapLeft, right } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { isJsonObject } from '../domain/json.ts';
import { type Check, optional } from './checks.ts';
import { type FieldError, invalid, type RequestFailure } from './failure.ts';

/** A table of fields: what each one's value has to look like. */
export type Fields = Readonly<Record<string, Check<unknown>>>;

/** The values once they were checked. */
export type Checked<F extends Fields> = {
  readonly [Name in keyof F]: F[Name] extends Check<infer A> ? A : never;
};

export type FieldsCodec<F extends Fields> = t.Type<Checked<F>, unknown, unknown>;

/** Checks every field, absent ones too, and drops what the table does not name. */
export const codecOf = <F extends Fields>(fields: F): FieldsCodec<F> =>
  t.strict(
    Object.fromEntries(Object.entries(fields).map(([name, check]) => [name, field(name, check)])),
  ) as t.Type<unknown, unknown, unknown> as FieldsCodec<F>;

/** Of the same table, for changing some of the values: what is absent stays undefined. */
export const patchCodecOf = <F extends Fields>(fields: F): t.Type<Partial<Checked<F>>, unknown, unknown> =>
  codecOf(
    Object.fromEntries(Object.entries(fields).map(([name, check]) => [name, optional(check)])),
  ) as t.Type<unknown, unknown, unknown> as t.Type<Partial<Checked<F>>, unknown, unknown>;

/** A check as a codec of io-ts, whose error carries the check's own message. */
const field = <A>(name: string, check: Check<A>): t.Type<A, unknown, unknown> =>
  new t.Type<A, unknown, unknown>(
    name,
    (value): value is A => check(value)._tag === 'Right',
    (value, context) => {
      const checked = check(value);
      return checked._tag === 'Right' ? t.success(checked.right) : t.failure(value, context, checked.left);
    },
    (value) => value,
  );

/** All that is wrong at once, by field. */
export const decodeFields = <A>(
  codec: t.Type<A, unknown, unknown>,
  values: unknown,
): Either<RequestFailure, A> => {
  if (!isJsonObject(values)) return left(invalid('body', 'must be a JSON object'));
  return mapLeft((errors: t.Errors): RequestFailure => ({
    _tag: 'InvalidFields',
    errors: fieldErrors(errors),
  }))(codec.decode(values));
};

const fieldErrors = (errors: t.Errors): ReadonlyArray<FieldError> =>
  errors.map(({ context, message }) => ({
    field: context.map(({ key }) => key).find((key) => key !== '') ?? 'body',
    message: message ?? 'is not valid',
  }));

/** The named values of a query string; a name that comes twice is refused. */
export const decodeQuery = <A>(
  codec: t.Type<A, unknown, unknown>,
  query: URLSearchParams,
): Either<RequestFailure, A> => {
  const values = queryFields(query);
  return isLeft(values) ? values : decodeFields(codec, values.right);
};

const queryFields = (query: URLSearchParams): Either<RequestFailure, Readonly<Record<string, string>>> => {
  const names = [...query.keys()];
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  return repeated === undefined
    ? right(Object.fromEntries(query))
    : left(invalid(repeated, 'must be given only once'));
};
