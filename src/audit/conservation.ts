import type { ReadModels, Tally, TallyDays, TallyRow } from '../projections/read-models.ts';

/** How many invocations stand in no place, or in two: 0 when all adds up. */
export const differenceOf = ({ scheduled, ...places }: Tally): number =>
  scheduled - Object.values(places).reduce((sum, count) => sum + count, 0);

/** By what the invocations of a company can be counted apart. */
export const GROUPINGS = ['company', 'webhook', 'day'] as const;
export type Grouping = (typeof GROUPINGS)[number];

export const ALL_DAYS: TallyDays = { fromDay: 0, toDay: Number.MAX_SAFE_INTEGER };

const DAY_MS = 86_400_000;

/** As `2026-11-22`. */
export const dayText = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);
export const dayOfText = (text: string): number => Date.parse(`${text}T00:00:00Z`) / DAY_MS;

const PAGE = 500;

/** The tallies of every company, counted apart, a page at a time. */
export function* everyTally(
  models: Pick<ReadModels, 'talliesByCompany' | 'talliesByWebhook' | 'talliesByDay'>,
  by: Grouping,
): Generator<TallyRow> {
  for (const company of walk((after) => models.talliesByCompany(ALL_DAYS, after, PAGE))) {
    const { companyId } = company;
    if (by === 'company' || companyId === undefined) {
      yield company;
      continue;
    }
    const of = { ...ALL_DAYS, companyId };
    const page = by === 'webhook' ? models.talliesByWebhook : models.talliesByDay;
    for (const row of walk((after) => page(of, after, PAGE))) yield { ...row, companyId };
  }
}

function* walk(page: (after: number) => ReadonlyArray<TallyRow>): Generator<TallyRow> {
  for (let after = -1; ;) {
    const rows = page(after);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last.place;
  }
}
