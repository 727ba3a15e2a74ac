import { LIMIT } from '../eventstore/sqlite-limit.ts';
import type { InvocationStatus } from '../domain/invocation.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import { guidText } from './guid.ts';
import type { Tallies, Tally, TallyRow } from './read-models.ts';

const DAY_MS = 86_400_000;

/** The day in which an invocation counts for good: that of its scheduling, in days since the epoch. */
export const dayOf = (scheduledAtMs: number): number => Math.floor(scheduledAtMs / DAY_MS);

/** Under which an invocation is counted; the ids are those of the dictionaries. */
export interface Account {
  readonly company: number;
  readonly webhook: number;
  readonly day: number;
}

/** Keeps `tallies`: what a batch moves is summed up in memory and written once for each webhook and day. */
export interface TallyTable extends Tallies {
  /** One more that was scheduled; where it stands is counted apart. */
  scheduled(account: Account): void;
  /** `before` is null for one that was scheduled just now. */
  moved(account: Account, before: InvocationStatus | null, after: InvocationStatus): void;
  save(): void;
  forget(): void;
}

type Counts = Record<(typeof COLUMNS)[number], number>;

const COLUMNS = [
  'scheduled',
  'waiting',
  'in_flight',
  'delivered',
  'exhausted',
  'cancelled',
  'superseded',
] as const satisfies ReadonlyArray<'scheduled' | InvocationStatus>;

/** Of each kind none. */
export const zeros = (): Counts => ({
  scheduled: 0,
  waiting: 0,
  in_flight: 0,
  delivered: 0,
  exhausted: 0,
  cancelled: 0,
  superseded: 0,
});

/** More than any clock tells. */
const DAYS_MAX = 2 ** 24;

/** Stands in place of a webhook for all of the company. */
const ALL = 0;

export const openTallies = (db: Database, companies: Dictionary, webhooks: Dictionary): TallyTable => {
  /** Of webhooks alone, by webhook and day as one number; their companies are summed up when they are written. */
  const noted = new Map<number, Account & { readonly counts: Counts }>();

  const add = db.prepare(`
    INSERT INTO tallies VALUES (?, ?, ?, ${COLUMNS.map(() => '?').join(', ')})
    ON CONFLICT (company, webhook, day) DO UPDATE
      SET ${COLUMNS.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')}`);

  const countsOf = (account: Account): Counts => {
    const key = account.webhook * DAYS_MAX + account.day;
    const known = noted.get(key);
    if (known !== undefined) return known.counts;
    const { company, webhook, day } = account;
    const counts = zeros();
    noted.set(key, { company, webhook, day, counts });
    return counts;
  };

  const write = ({ company, webhook, day }: Account, counts: Counts): void => {
    if (COLUMNS.every((column) => counts[column] === 0)) return;
    add.run(company, webhook, day, ...COLUMNS.map((column) => counts[column]));
  };

  const sums = COLUMNS.map((column) => `sum(${column}) AS ${column}`).join(', ');
  const inDays = 'day >= ? AND day < ?';
  const selectCompanies = db.prepare(`
    SELECT c.id AS place, c.guid AS company, ${sums}
    FROM log_companies c CROSS JOIN tallies t ON t.company = c.id AND t.webhook = ${ALL} AND ${inDays}
    WHERE c.id > ? GROUP BY c.id ORDER BY c.id ${LIMIT}`);
  const selectWebhooks = db.prepare(`
    SELECT t.webhook AS place, w.guid AS webhook, ${sums}
    FROM tallies t CROSS JOIN log_webhooks w ON w.id = t.webhook
    WHERE t.company = ? AND t.webhook > ? AND ${inDays} GROUP BY t.webhook ORDER BY t.webhook ${LIMIT}`);
  const selectDays = db.prepare(`
    SELECT day AS place, day, ${sums} FROM tallies
    WHERE company = ? AND webhook = ? AND ${inDays} AND day > ? GROUP BY day ORDER BY day ${LIMIT}`);
  const selectAll = db.prepare(`
    SELECT 0 AS place, ${sums}
    FROM log_companies c CROSS JOIN tallies t ON t.company = c.id AND t.webhook = ${ALL} AND ${inDays}`);
  const selectTotal = db.prepare(`
    SELECT 0 AS place, ${sums} FROM tallies WHERE company = ? AND webhook = ? AND ${inDays}`);

  const accountOf = (companyId: string, webhook: string | undefined): [number, number] | undefined => {
    const company = companies.find(companyId);
    const of = webhook === undefined ? ALL : webhooks.find(webhook);
    return company === undefined || of === undefined ? undefined : [company, of];
  };

  return {
    scheduled: (account) => {
      countsOf(account).scheduled += 1;
    },
    moved: (account, before, after) => {
      if (before === after) return;
      const counts = countsOf(account);
      if (before !== null) counts[before] -= 1;
      counts[after] += 1;
    },
    save: () => {
      const wholes = new Map<number, Account & { readonly counts: Counts }>();
      for (const { company, webhook, day, counts } of noted.values()) {
        write({ company, webhook, day }, counts);
        const key = company * DAYS_MAX + day;
        const whole = wholes.get(key) ?? { company, webhook: ALL, day, counts: zeros() };
        wholes.set(key, whole);
        for (const column of COLUMNS) whole.counts[column] += counts[column];
      }
      for (const { counts, ...account } of wholes.values()) write(account, counts);
      noted.clear();
    },
    forget: () => noted.clear(),

    tallyOf: ({ companyId, webhook, fromDay, toDay }) => {
      if (companyId === null) return tallyIn(selectAll.get(fromDay, toDay) as unknown as Row);
      const account = accountOf(companyId, webhook);
      if (account === undefined) return NOTHING;
      return tallyIn(selectTotal.get(...account, fromDay, toDay) as unknown as Row);
    },
    talliesByCompany: ({ fromDay, toDay }, after, limit) =>
      rowsOf(selectCompanies.all(fromDay, toDay, after, limit)),
    talliesByWebhook: ({ companyId, fromDay, toDay }, after, limit) => {
      const company = companies.find(companyId);
      return company === undefined
        ? []
        : rowsOf(selectWebhooks.all(company, Math.max(after, ALL), fromDay, toDay, limit));
    },
    talliesByDay: ({ companyId, webhook, fromDay, toDay }, after, limit) => {
      const account = accountOf(companyId, webhook);
      return account === undefined ? [] : rowsOf(selectDays.all(...account, fromDay, toDay, after, limit));
    },
  };
};

type Row = Readonly<Record<keyof Counts, number | null>> & {
  readonly place: number;
  readonly company?: Uint8Array;
  readonly webhook?: Uint8Array;
  readonly day?: number;
};

const rowsOf = (rows: ReadonlyArray<unknown>): ReadonlyArray<TallyRow> =>
  (rows as ReadonlyArray<Row>).map((row) => ({
    place: row.place,
    ...(row.company !== undefined && { companyId: guidText(row.company) }),
    ...(row.webhook !== undefined && { webhook: guidText(row.webhook) }),
    ...(row.day !== undefined && { day: row.day }),
    tally: tallyIn(row),
  }));

/** A sum over no rows is null. */
const tallyIn = (row: Row): Tally =>
  Object.fromEntries(COLUMNS.map((column) => [column, row[column] ?? 0])) as unknown as Tally;

const NOTHING: Tally = zeros();
