import type { JobExample } from '../commands/jobs.ts';
import { type KnownJob, leftOf } from '../domain/job.ts';

/** A job as the API shows it. `done` is counted from the invocations, and so exact at any moment. */
export const printedJob = (guid: string, job: KnownJob, done: number) => {
  const { created, counts, updatedAtMs } = job.facts;
  const isOver = job.situation === 'completed' || job.situation === 'cancelled';
  const left = isOver ? 0 : leftOf(job.facts, done);
  return {
    guid,
    kind: created.kind,
    company_id: created.companyId,
    webhook: created.webhook,
    from: created.fromMs === null ? null : isoTime(created.fromMs),
    to: created.toMs === null ? null : isoTime(created.toMs),
    rate: created.ratePerSecond,
    status: job.situation,
    reason: 'reason' in job ? job.reason : null,
    asked_by: created.askedBy,
    created_at: isoTime(created.atMs),
    updated_at: isoTime(updatedAtMs),
    ended_at: isOver ? isoTime(updatedAtMs) : null,
    counted: created.counted,
    done,
    skipped: counts.skipped,
    looked_at: counts.lookedAt,
    left,
    seconds_left: left === null ? null : Math.ceil(left / created.ratePerSecond),
  };
};

export const printedExample = (example: JobExample) =>
  example.kind === 'retry_failed'
    ? {
        invocation: example.invocation,
        webhook: example.webhook,
        status: example.status,
        scheduled_at: isoTime(example.scheduledAtMs),
      }
    : {
        invocation: example.invocation,
        change: example.change,
        type: example.changeType,
        resource: example.ref.resource,
        identifier: example.ref.identifier,
        recorded_at: isoTime(example.recordedAtMs),
      };

const isoTime = (atMs: number): string => new Date(atMs).toISOString();
