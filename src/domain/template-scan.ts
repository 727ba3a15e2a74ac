import { type Either, left, right } from 'fp-ts/lib/Either.js';

/** What the scanners of body templates share. */

/**
 * Stands for a placeholder in the text that is scanned: one character, so that nothing can stand between its parts.
 * Templates with a NUL of their own are refused before.
 */
export const HOLE = '\0';

/** How the value of a placeholder is written, decided by where the placeholder stands. */
export type Writing = 'jsonValue' | 'jsonText' | 'formText' | 'xmlText' | 'plainText';

/** `at` is an index into the scanned text. */
export interface Fault {
  readonly reason: string;
  readonly at: number;
}

/** Right: one way of writing for each hole, in their order. Left: the first place where the text cannot be filled. */
export type Scan = (text: string) => Either<Fault, ReadonlyArray<Writing>>;

export const fault = (at: number, reason: string): Either<Fault, never> => left({ reason, at });

/** A text body has no structure that a value could break. */
export const scanText: Scan = (text) => right(holesIn(text).map(() => 'plainText'));

/** Nobody knows how a value would have to be escaped. */
export const scanOther: Scan = (text) => {
  const [first] = holesIn(text);
  return first === undefined
    ? right([])
    : fault(
        first,
        'How values are escaped under this Content-Type is not known: use JSON, XML, application/x-www-form-urlencoded or text/plain, or no placeholders.',
      );
};

const PERCENT_BEFORE = /%[0-9a-f]?$/i;

/** Names, values and separators are the template's own; only an unfinished escape could swallow a value. */
export const scanForm: Scan = (text) => {
  const holes = holesIn(text);
  const swallowed = holes.find((at) => PERCENT_BEFORE.test(text.slice(Math.max(0, at - 2), at)));
  return swallowed === undefined
    ? right(holes.map(() => 'formText'))
    : fault(
        swallowed,
        'The value would become part of the escape that the % before it begins: write %25 for a literal %.',
      );
};

export const holesIn = (text: string): ReadonlyArray<number> => {
  const holes: number[] = [];
  for (let at = text.indexOf(HOLE); at !== -1; at = text.indexOf(HOLE, at + 1)) holes.push(at);
  return holes;
};
