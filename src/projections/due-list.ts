import type { Position } from '../eventstore/event-store.ts';
import { refKey } from '../domain/resources.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import { guidText } from './guid.ts';
import { invocationRow, ROW_COLUMNS, ROW_JOINS, type RowColumns } from './invocation-rows.ts';
import type { DueList, DueRow, InvocationRow } from './read-models.ts';
import { LIMIT } from '../eventstore/sqlite-limit.ts';

/** Above so many rows in a range of due times, webhooks are looked at one by one instead of rows. */
const DUE_ROWS_MAX = 10_000;

/** Reads the tables that invocation-writer.ts writes. */
export const openDueList = (
  db: Database,
  webhooks: Dictionary,
): Omit<DueList, 'failedIn' | 'countFailedIn'> => {
  const selectDue = db.prepare(`
    SELECT d.position, d.due_at, i.guid FROM due d INDEXED BY due_ready
    CROSS JOIN invocations i ON i.position = d.position
    WHERE d.blocked = 0 AND d.webhook = ? AND d.retry = ? AND d.due_at <= ?
    ORDER BY d.due_at, d.position ${LIMIT}`);

  const dueOf = (webhook: number, retry: boolean, nowMs: number, limit: number): ReadonlyArray<DueRow> =>
    (selectDue.all(webhook, Number(retry), nowMs, limit) as unknown as DueColumns[]).map((row) => ({
      guid: guidText(row.guid),
      position: row.position,
      retry,
      dueAtMs: row.due_at,
    }));

  const selectFewDue = db.prepare(`
    SELECT webhook.guid, sum(rows) OVER () AS rows FROM (
      SELECT webhook AS id, count(*) AS rows FROM (
        SELECT webhook FROM due INDEXED BY due_next
        WHERE blocked = 0 AND due_at > ? AND due_at <= ? AND retry >= ? LIMIT ${DUE_ROWS_MAX + 1})
      GROUP BY webhook)
    CROSS JOIN log_webhooks webhook USING (id) ORDER BY id`);
  const fellDue = (retry: 0 | 1): string => `EXISTS (
    SELECT 1 FROM due INDEXED BY due_ready
    WHERE blocked = 0 AND webhook = waiting.webhook AND retry = ${retry} AND due_at > ? AND due_at <= ?)`;
  const selectManyDue = db.prepare(`
    WITH RECURSIVE waiting (webhook) AS (
      SELECT min(webhook) FROM due INDEXED BY due_ready WHERE blocked = 0
      UNION ALL
      SELECT (SELECT min(webhook) FROM due INDEXED BY due_ready WHERE blocked = 0 AND webhook > waiting.webhook)
      FROM waiting WHERE webhook IS NOT NULL)
    SELECT webhook.guid FROM waiting CROSS JOIN log_webhooks webhook ON webhook.id = waiting.webhook
    WHERE (? = 0 AND ${fellDue(0)}) OR ${fellDue(1)} ORDER BY webhook.id`);

  const webhooksDue = (afterMs: number, untilMs: number, retriesOnly = false): ReadonlyArray<string> => {
    const retry = Number(retriesOnly);
    const few = selectFewDue.all(afterMs, untilMs, retry) as unknown as { guid: Uint8Array; rows: number }[];
    const rows =
      (few[0]?.rows ?? 0) <= DUE_ROWS_MAX
        ? few
        : (selectManyDue.all(retry, afterMs, untilMs, afterMs, untilMs) as unknown as { guid: Uint8Array }[]);
    return rows.map((row) => guidText(row.guid));
  };

  const selectNextDue = db.prepare(`
    SELECT due_at FROM due INDEXED BY due_next WHERE blocked = 0 AND due_at > ? ORDER BY due_at LIMIT 1`);

  const selectNextFirst = db.prepare(`
    SELECT due_at FROM due INDEXED BY due_first WHERE blocked = 0 AND retry = 0 AND due_at > ?
    ORDER BY due_at LIMIT 1`);

  /** A query for rows of one webhook that ends with a limit. */
  const rowsOfWebhook = (from: string, where: string, order: string) => {
    const statement = db.prepare(
      `SELECT ${ROW_COLUMNS} FROM ${from} ${ROW_JOINS} WHERE ${where} ORDER BY ${order}`,
    );
    return (guid: string, ...values: ReadonlyArray<number | string>): ReadonlyArray<InvocationRow> => {
      const webhook = webhooks.find(guid);
      if (webhook === undefined) return [];
      return (statement.all(webhook, ...values) as unknown as RowColumns[]).map(invocationRow);
    };
  };

  const waitingOf = rowsOfWebhook(
    'due d INDEXED BY due_by_webhook CROSS JOIN invocations i ON i.position = d.position',
    'd.webhook = ? AND d.position > ? AND i.heard_position < ?',
    `d.position ${LIMIT}`,
  );
  const failedAndWaitingOf = rowsOfWebhook(
    'due d INDEXED BY due_failed CROSS JOIN invocations i ON i.position = d.position',
    'd.webhook = ? AND d.failed = 1 AND d.position > ?',
    `d.position ${LIMIT}`,
  );
  const exhaustedOf = rowsOfWebhook(
    'undelivered u INDEXED BY undelivered_by_webhook CROSS JOIN invocations i ON i.position = u.position',
    "u.webhook = ? AND u.status = 'exhausted' AND u.position > ?",
    `u.position ${LIMIT}`,
  );
  const olderWaiting = rowsOfWebhook(
    'due d INDEXED BY due_coalescing CROSS JOIN invocations i ON i.position = d.position',
    'd.webhook = ? AND d.coalesced_by = ? AND d.coalesced_by IS NOT NULL AND d.position < ?',
    'd.position',
  );
  const newest = rowsOfWebhook(
    'invocations i INDEXED BY invocations_coalescing',
    'i.webhook = ? AND i.coalesced_by = ? AND i.coalesced_by IS NOT NULL AND i.position > ?',
    'i.position DESC LIMIT 1',
  );

  const selectNodes = db.prepare('SELECT DISTINCT node FROM in_flight');
  const selectInFlightOf = db.prepare(`
    SELECT ${ROW_COLUMNS} FROM in_flight f NOT INDEXED
    CROSS JOIN invocations i ON i.position = f.position ${ROW_JOINS}
    WHERE f.node = ? AND f.position > ? ORDER BY f.position ${LIMIT}`);
  const selectInFlight = db.prepare(`
    SELECT ${ROW_COLUMNS} FROM in_flight f NOT INDEXED
    CROSS JOIN invocations i ON i.position = f.position ${ROW_JOINS}
    WHERE f.position > ? ORDER BY f.position ${LIMIT}`);

  return {
    dueOf: (guid, nowMs, limit) => {
      const webhook = webhooks.find(guid);
      if (webhook === undefined) return [];
      const first = dueOf(webhook, false, nowMs, limit);
      return first.length < limit ? [...first, ...dueOf(webhook, true, nowMs, limit - first.length)] : first;
    },
    webhooksDue,
    nextDueAfter: (afterMs) => (selectNextDue.get(afterMs) as { due_at: number } | undefined)?.due_at,
    nextFirstAfter: (afterMs) => (selectNextFirst.get(afterMs) as { due_at: number } | undefined)?.due_at,
    inFlight: (after: Position, limit) =>
      (selectInFlight.all(after, limit) as unknown as RowColumns[]).map(invocationRow),
    inFlightNodes: () => (selectNodes.all() as unknown as { node: string }[]).map(({ node }) => node),
    inFlightOf: (node, after, limit) =>
      (selectInFlightOf.all(node, after, limit) as unknown as RowColumns[]).map(invocationRow),
    waitingOf: (guid, before, after, limit) => waitingOf(guid, after, before, limit),
    failedOf: (guid, after, limit) =>
      [...exhaustedOf(guid, after, limit), ...failedAndWaitingOf(guid, after, limit)]
        .sort((a, b) => a.position - b.position)
        .slice(0, limit),
    olderWaiting: (guid, origin, before) => olderWaiting(guid, refKey(origin), before),
    newerThan: (guid, origin, than) => newest(guid, refKey(origin), than)[0],
  };
};

interface DueColumns {
  readonly position: number;
  readonly due_at: number;
  readonly guid: Uint8Array;
}
