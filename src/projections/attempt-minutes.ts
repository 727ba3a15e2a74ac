import type { InvocationEvent } from '../domain/invocation.ts';
import type { Database } from './database.ts';
import type { AttemptMinute } from './read-models.ts';

/** A ring: a new minute takes the rows of the one a day before. */
const MINUTES_KEPT = 24 * 60;
const MINUTE_MS = 60_000;

/** Upper bounds of the buckets by which durations are counted, in milliseconds; what is slower is in one more. */
export const BUCKETS_MS: ReadonlyArray<number> = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/** How many attempts ended in each minute, and how long they took: for all webhooks together. */
export interface MinuteTable {
  minutes(fromMs: number, toMs: number): ReadonlyArray<AttemptMinute>;
  add(event: InvocationEvent): void;
  save(): void;
  forget(): void;
}

export const openAttemptMinutes = (db: Database): MinuteTable => {
  const added = new Map<string, { minute: number; bucket: number; delivered: number; failed: number }>();

  const put = db.prepare(`
    INSERT INTO attempt_minutes VALUES (?, ?, ?, ?, ?) ON CONFLICT (slot, bucket) DO UPDATE SET
      delivered = iif(minute = excluded.minute, delivered, 0) + excluded.delivered,
      failed = iif(minute = excluded.minute, failed, 0) + excluded.failed,
      minute = excluded.minute
    WHERE excluded.minute >= minute`);
  const select = db.prepare(
    'SELECT minute, bucket, delivered, failed FROM attempt_minutes WHERE slot = ? AND minute = ? ORDER BY bucket',
  );

  return {
    add: (event) => {
      if (event.type !== 'InvocationDelivered' && event.type !== 'AttemptFailed') return;
      const minute = Math.floor(event.atMs / MINUTE_MS);
      const bound = BUCKETS_MS.findIndex((ms) => event.result.durationMs <= ms);
      const bucket = bound === -1 ? BUCKETS_MS.length : bound;
      const key = `${minute}:${bucket}`;
      const sums = added.get(key) ?? { minute, bucket, delivered: 0, failed: 0 };
      added.set(key, sums);
      if (event.type === 'InvocationDelivered') sums.delivered += 1;
      else sums.failed += 1;
    },
    save: () => {
      for (const { minute, bucket, delivered, failed } of added.values()) {
        put.run(minute % MINUTES_KEPT, bucket, minute, delivered, failed);
      }
      added.clear();
    },
    minutes: (fromMs, toMs) => {
      const last = Math.floor(toMs / MINUTE_MS);
      const first = Math.max(Math.floor(fromMs / MINUTE_MS), last - MINUTES_KEPT + 1);
      const found: AttemptMinute[] = [];
      for (let minute = first; minute <= last; minute += 1) {
        found.push(...(select.all(minute % MINUTES_KEPT, minute) as unknown as ReadonlyArray<AttemptMinute>));
      }
      return found;
    },
    forget: () => added.clear(),
  };
};
