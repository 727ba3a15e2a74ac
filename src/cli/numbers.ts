import { type Either, left, right } from 'fp-ts/lib/Either.js';

/** Options that are numbers, as typed. A Left is the complaint. */

export const wholeOption = (
  option: string,
  text: string,
  min: number,
  max: number,
): Either<string, number> => {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max
    ? right(value)
    : left(`${option} must be a whole number from ${min} to ${max.toLocaleString('en-US')}, not "${text}"`);
};

/** More than `above`, at most `max`. */
export const numberOption = (
  option: string,
  text: string,
  above: number,
  max: number,
): Either<string, number> => {
  const value = /^\d{1,12}(?:\.\d{1,12})?$/.test(text) ? Number(text) : Number.NaN;
  return value > above && value <= max
    ? right(value)
    : left(
        `${option} must be a number above ${above}, at most ${max.toLocaleString('en-US')}, not "${text}"`,
      );
};
