import { type Either, left, right } from 'fp-ts/lib/Either.js';
import { isGuid } from '../domain/ids.ts';

/**
 * What a single value has to look like. A Left is the message for whoever sent it, and reads on from the name of the
 * field. Form fields and JSON values go through the same checks: a form's value is a text.
 */
export type Check<A> = (value: unknown) => Either<string, A>;

/** Characters (code points) in a name or an identifier. */
export const TEXT_MAX = 255;

/** They can be neither seen nor typed, and no identifier of a platform holds one. */
const CONTROL = /\p{Cc}/u;

/** Text of 0 to `max` characters without control characters and unpaired surrogates. */
export const text =
  (max: number = TEXT_MAX): Check<string> =>
  (value) => {
    if (typeof value !== 'string') return left('must be a text');
    // A character takes at most two code units, so most texts need no counting.
    if (value.length > max && (value.length > 2 * max || characters(value) > max)) {
      return left(`must have at most ${max} characters`);
    }
    if (CONTROL.test(value)) return left('must not contain control characters');
    return value.isWellFormed() ? right(value) : left('must be well-formed Unicode');
  };

/** The same, with at least one character that is not a space. */
export const nonEmptyText = (max: number = TEXT_MAX): Check<string> => {
  const anyText = text(max);
  return (value) => {
    if (value === undefined || value === null) return left('is required');
    const checked = anyText(value);
    return checked._tag === 'Right' && checked.right.trim() === '' ? left('must not be empty') : checked;
  };
};

export const oneOf = <A extends string>(values: ReadonlyArray<A>): Check<A> => {
  const known: ReadonlyMap<unknown, A> = new Map(values.map((value) => [value, value]));
  const refusal = left(`must be one of ${values.join(', ')}`);
  return (value) => {
    if (value === undefined || value === null) return left('is required');
    const found = known.get(value);
    return found === undefined ? refusal : right(found);
  };
};

const DIGITS = /^\d{1,15}$/;

/** A whole number, as a JSON number or as digits alone. */
export const wholeNumber =
  (min: number, max: number): Check<number> =>
  (value) => {
    const number = typeof value === 'string' && DIGITS.test(value) ? Number(value) : value;
    return typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max
      ? right(number)
      : left(`must be a whole number from ${min} to ${max}`);
  };

const BOOLEANS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [true, true],
  ['true', true],
  ['1', true],
  [1, true],
  [false, false],
  ['false', false],
  ['0', false],
  [0, false],
  ['', false],
]);

/** As forms send it, or as JSON has it. */
export const boolean: Check<boolean> = (value) => {
  const known = BOOLEANS.get(value);
  return known === undefined ? left('must be true or false (in forms also 1, 0 or empty)') : right(known);
};

/** In any case; GUIDs are kept in lower case. */
export const guid: Check<string> = (value) => {
  const lower = typeof value === 'string' ? value.toLowerCase() : '';
  return isGuid(lower) ? right(lower) : left('must be a GUID');
};

const TIME =
  /^(\d{4})-(\d{2})-(\d{2})[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const TIME_CHARACTERS_MAX = 64;

/** An RFC 3339 time, as milliseconds since the epoch; finer fractions are cut. */
export const time: Check<number> = (value) => {
  const parts = typeof value === 'string' && value.length <= TIME_CHARACTERS_MAX ? TIME.exec(value) : null;
  if (parts === null || Number(parts[3]) > daysIn(Number(parts[1]), Number(parts[2])))
    return left(TIME_REFUSAL);
  const atMs = Date.parse(parts[0].toUpperCase());
  return Number.isNaN(atMs) ? left(TIME_REFUSAL) : right(atMs);
};

const TIME_REFUSAL = 'must be a time as in RFC 3339, for example 2023-07-19T09:43:50Z';

/** Date.parse takes 30 February for 2 March. */
const daysIn = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate();

/** Null and absence stand for the default. */
export const withDefault =
  <A>(check: Check<A>, fallback: A): Check<A> =>
  (value) =>
    value === undefined || value === null ? right(fallback) : check(value);

/** Absence stays absence. */
export const optional =
  <A>(check: Check<A>): Check<A | undefined> =>
  (value) =>
    value === undefined ? right(undefined) : check(value);

export const required =
  <A>(check: Check<A>): Check<A> =>
  (value) =>
    value === undefined || value === null ? left('is required') : check(value);

const characters = (value: string): number => {
  let count = 0;
  for (const _character of value) count += 1;
  return count;
};
