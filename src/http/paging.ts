import { left, right } from 'fp-ts/lib/Either.js';
import { type Check, wholeNumber, withDefault } from './checks.ts';

export const LIMIT_DEFAULT = 50;
export const LIMIT_MAX = 200;

const CURSOR = /^c(\d{1,15})$/;

/** What a client sends back as `after`. */
export const formatCursor = (place: number): string => Buffer.from(`c${place}`).toString('base64url');

/** A place in a list, as an earlier page gave it out. */
const cursor: Check<number | undefined> = (value) => {
  if (value === undefined) return right(undefined);
  const found = typeof value === 'string' ? CURSOR.exec(Buffer.from(value, 'base64url').toString()) : null;
  const place = Number(found?.[1]);
  return formatCursor(place) === value ? right(place) : left('must be the "next" of an earlier answer');
};

/** The query parameters that every list takes. */
export const PAGE_FIELDS = {
  limit: withDefault(wholeNumber(1, LIMIT_MAX), LIMIT_DEFAULT),
  after: cursor,
};

export interface PageOf<Row> {
  readonly rows: ReadonlyArray<Row>;
  /** Null when this is the end of the list. */
  readonly next: string | null;
}

/** Cuts what was read with one row to spare. `place` is a row's cursor. */
export const pageOf = <Row>(
  read: ReadonlyArray<Row>,
  limit: number,
  place: (row: Row) => number,
): PageOf<Row> => {
  const rows = read.slice(0, limit);
  const last = rows.at(-1);
  return { rows, next: read.length > limit && last !== undefined ? formatCursor(place(last)) : null };
};
