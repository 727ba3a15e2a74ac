import { LIMIT } from '../eventstore/sqlite-limit.ts';
import type { InvocationEvent } from '../domain/invocation.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import { guidText } from './guid.ts';
import type { Health, SlowWebhook, WebhookHealth } from './read-models.ts';

/** Hours that are kept of each webhook. A ring: a new hour takes the row of the one so many hours before. */
export const HOURS_KEPT = 48;
export const HOUR_MS = 3_600_000;
/** More than there ever are. */
const WEBHOOKS_MAX = 2 ** 40;

interface Attempts {
  delivered: number;
  failed: number;
  durationMs: number;
  deliveredAtMs: number;
  failedAtMs: number;
}

/** How attempts went, by webhook and hour, so that a list of webhooks can say so at a glance. */
export interface HealthTable {
  health(webhook: string, nowMs: number): WebhookHealth;
  slowest: Health['slowest'];
  /** Takes the next event of the batch in, of the webhook with this number in `log_webhooks`. */
  add(webhook: number, event: InvocationEvent): void;
  save(): void;
  forget(): void;
}

export const openWebhookHealth = (db: Database, webhooks: Dictionary): HealthTable => {
  /** What the batch adds, by webhook and hour. */
  const added = new Map<number, Map<number, Attempts>>();

  const addHour = db.prepare(`
    INSERT INTO webhook_hours VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (webhook, slot) DO UPDATE SET
      delivered = iif(hour = excluded.hour, delivered, 0) + excluded.delivered,
      failed = iif(hour = excluded.hour, failed, 0) + excluded.failed,
      duration_ms = iif(hour = excluded.hour, duration_ms, 0) + excluded.duration_ms,
      hour = excluded.hour
    WHERE excluded.hour >= hour`);
  const addLast = db.prepare(`
    INSERT INTO webhook_lasts VALUES (?, ?, ?) ON CONFLICT (webhook) DO UPDATE SET
      delivered_at = max(delivered_at, excluded.delivered_at), failed_at = max(failed_at, excluded.failed_at)`);
  const selectHours = db.prepare(`
    SELECT hour, delivered, failed, duration_ms AS durationMs FROM webhook_hours
    WHERE webhook = ? AND hour > ? AND hour <= ? ORDER BY hour`);
  const selectLast = db.prepare(
    'SELECT delivered_at AS deliveredAtMs, failed_at AS failedAtMs FROM webhook_lasts WHERE webhook = ?',
  );

  const selectLastId = db.prepare('SELECT max(id) AS id FROM log_webhooks');
  const selectSlowest = db.prepare(`
    SELECT w.guid, h.attempts, h.averageMs FROM (
      SELECT webhook, sum(delivered + failed) AS attempts, sum(duration_ms) * 1.0 / sum(delivered + failed) AS averageMs
      FROM webhook_hours INDEXED BY webhook_hours_by_hour
      WHERE hour IN (?, ?) AND webhook > ? AND webhook <= ? GROUP BY webhook
      ORDER BY averageMs DESC ${LIMIT}
    ) h CROSS JOIN log_webhooks w ON w.id = h.webhook ORDER BY h.averageMs DESC`);

  return {
    add: (webhook, event) => {
      if (event.type !== 'InvocationDelivered' && event.type !== 'AttemptFailed') return;
      const hour = Math.floor(event.atMs / HOUR_MS);
      const hours = added.get(webhook) ?? new Map<number, Attempts>();
      added.set(webhook, hours);
      const sums = hours.get(hour) ?? {
        delivered: 0,
        failed: 0,
        durationMs: 0,
        deliveredAtMs: 0,
        failedAtMs: 0,
      };
      hours.set(hour, sums);
      // A stored number may have a fraction; the column has none.
      sums.durationMs += Math.round(event.result.durationMs);
      if (event.type === 'InvocationDelivered') {
        sums.delivered += 1;
        sums.deliveredAtMs = Math.max(sums.deliveredAtMs, event.atMs);
      } else {
        sums.failed += 1;
        sums.failedAtMs = Math.max(sums.failedAtMs, event.atMs);
      }
    },
    save: () => {
      for (const [webhook, hours] of added) {
        for (const [hour, sums] of hours) {
          const { delivered, failed, durationMs, deliveredAtMs, failedAtMs } = sums;
          addHour.run(webhook, hour % HOURS_KEPT, hour, delivered, failed, durationMs);
          addLast.run(webhook, deliveredAtMs, failedAtMs);
        }
      }
      added.clear();
    },
    health: (guid, nowMs) => {
      const webhook = webhooks.find(guid);
      if (webhook === undefined) return { deliveredAtMs: null, failedAtMs: null, hours: [] };
      const hour = Math.floor(nowMs / HOUR_MS);
      const last = selectLast.get(webhook) as { deliveredAtMs: number; failedAtMs: number } | undefined;
      const rows = selectHours.all(webhook, hour - HOURS_KEPT, hour) as unknown as ReadonlyArray<
        WebhookHealth['hours'][number]
      >;
      return {
        deliveredAtMs: last?.deliveredAtMs || null,
        failedAtMs: last?.failedAtMs || null,
        hours: rows,
      };
    },
    slowest: (nowMs, limit, after = 0, among = WEBHOOKS_MAX) => {
      const hour = Math.floor(nowMs / HOUR_MS);
      const upTo = after + among;
      const found = selectSlowest.all(hour - 1, hour, after, upTo, limit) as unknown as ReadonlyArray<
        Omit<SlowWebhook, 'webhook'> & { readonly guid: Uint8Array }
      >;
      const { id } = selectLastId.get() as { readonly id: number | null };
      return {
        rows: found.map(({ guid, attempts, averageMs }) => ({
          webhook: guidText(guid),
          attempts,
          averageMs,
        })),
        next: id !== null && upTo < id ? upTo : undefined,
      };
    },
    forget: () => added.clear(),
  };
};
