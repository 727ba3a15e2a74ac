import type { JobScope } from '../domain/job.ts';
import type { Position } from '../eventstore/event-store.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import { invocationRow, ROW_COLUMNS, ROW_JOINS, type RowColumns } from './invocation-rows.ts';
import type { DueList } from './read-models.ts';
import { OPEN } from './schema.ts';
import { openTimeBlocks } from './time-blocks.ts';

/** What failed in a job's scope: exhausted, or waiting after a failure. Reads the tables that invocation-writer.ts writes. */
export const openFailed = (
  db: Database,
  companies: Dictionary,
  webhooks: Dictionary,
): Pick<DueList, 'failedIn' | 'countFailedIn'> => {
  const times = openTimeBlocks(db, 'scheduled_times');

  const failedBy = (by: 'webhook' | 'company') => {
    const where = `r.${by} = ?1 AND r.position > ?2 AND r.position <= ?3`;
    const inTime = 'i.scheduled_at >= ?4 AND i.scheduled_at < ?5';
    const index = by === 'webhook' ? 'due_failed' : 'due_failed_by_company';
    const sources = [
      `due r INDEXED BY ${index} CROSS JOIN invocations i ON i.position = r.position
        ${ROW_JOINS} WHERE ${where} AND r.failed = 1 AND ${inTime}`,
      `undelivered r INDEXED BY undelivered_by_${by} CROSS JOIN invocations i ON i.position = r.position
        ${ROW_JOINS} WHERE ${where} AND r.status = 'exhausted' AND ${inTime}`,
    ];
    return {
      pages: sources.map((from) =>
        db.prepare(`SELECT ${ROW_COLUMNS}, i.scheduled_at FROM ${from} ORDER BY r.position LIMIT ?6 + 0`),
      ),
      counts: sources.map((from) => db.prepare(`SELECT count(*) AS rows FROM ${from}`)),
    };
  };
  const ofWebhook = failedBy('webhook');
  const ofCompany = failedBy('company');

  /** The statements and what they ask with; undefined: nothing was ever scheduled there. */
  const questionOf = ({ companyId, webhook, fromMs, toMs }: JobScope, after: Position, upTo: Position) => {
    const key = webhook === null ? companies.find(companyId) : webhooks.find(webhook);
    if (key === undefined) return undefined;
    const start = fromMs === null ? after : Math.max(after, times.startOf(fromMs) - 1);
    const end = toMs === null ? upTo : Math.min(upTo, times.endOf(toMs));
    return {
      ...(webhook === null ? ofCompany : ofWebhook),
      values: [key, start, end, fromMs ?? -OPEN, toMs ?? OPEN] as const,
    };
  };

  return {
    failedIn: (scope, upTo, after, limit) => {
      const question = questionOf(scope, after, upTo);
      if (question === undefined) return [];
      return question.pages
        .flatMap((page) => page.all(...question.values, limit) as unknown as ScheduledColumns[])
        .sort((a, b) => a.position - b.position)
        .slice(0, limit)
        .map((row) => ({ ...invocationRow(row), scheduledAtMs: row.scheduled_at }));
    },
    countFailedIn: (scope, upTo) => {
      const question = questionOf(scope, 0, upTo);
      if (question === undefined) return 0;
      return question.counts.reduce(
        (sum, count) => sum + (count.get(...question.values) as { rows: number }).rows,
        0,
      );
    },
  };
};

interface ScheduledColumns extends RowColumns {
  readonly scheduled_at: number;
}
