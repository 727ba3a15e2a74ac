import type { FieldError } from '../failure.ts';
import { invalidValues } from './refusal.ts';

export const PAGE_SIZE_MAX = 200;

/** How far back a list goes that can only be walked through, row by row. */
export const WALK_ROWS_MAX = 10_000;

export interface Page {
  readonly pageIndex: number;
  readonly pageSize: number;
}

/** As GraphQL hands them over: null when the request says null. */
export interface PageArguments {
  readonly pageIndex: number | null;
  readonly pageSize: number | null;
}

export const pageOf = (
  { pageIndex, pageSize }: PageArguments,
  pageSizeDefault: number,
  rowsMax = Number.POSITIVE_INFINITY,
): Page => {
  const page = { pageIndex: pageIndex ?? 0, pageSize: pageSize ?? pageSizeDefault };
  const errors: FieldError[] = [];
  if (page.pageIndex < 0) errors.push({ field: 'pageIndex', message: 'must be 0 or more' });
  if (page.pageSize < 1 || page.pageSize > PAGE_SIZE_MAX) {
    errors.push({ field: 'pageSize', message: `must be a whole number from 1 to ${PAGE_SIZE_MAX}` });
  } else if ((page.pageIndex + 1) * page.pageSize > rowsMax) {
    errors.push({
      field: 'pageIndex',
      message: `must not lead further than ${rowsMax} rows into the list; narrow it instead`,
    });
  }
  if (errors.length > 0) throw invalidValues('Page', errors);
  return page;
};

export interface PageInfo extends Page {
  readonly hasPreviousPage: boolean;
  readonly hasNextPage: boolean;
}

/** As the vendor answers every list. */
export interface Connection<Item> {
  readonly items: ReadonlyArray<Item>;
  /** Null where counting is not cheap. */
  readonly totalCount: number | null;
  readonly pageInfo: PageInfo;
}

/** A page of a list of which `totalCount` rows are known to be there, whatever the items on this page. */
export const countedPage = <Item>(
  items: ReadonlyArray<Item>,
  { pageIndex, pageSize }: Page,
  totalCount: number,
): Connection<Item> => ({
  items,
  totalCount,
  pageInfo: {
    hasPreviousPage: pageIndex > 0,
    hasNextPage: (pageIndex + 1) * pageSize < totalCount,
    pageIndex,
    pageSize,
  },
});

/** A list that is short by nature, on one page. */
export const wholeList = <Item>(items: ReadonlyArray<Item>): Connection<Item> =>
  countedPage(items, { pageIndex: 0, pageSize: Math.max(1, items.length) }, items.length);
