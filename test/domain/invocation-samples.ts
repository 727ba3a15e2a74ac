import {
  type AttemptFailed,
  type AttemptResult,
  type AttemptStarted,
  decideInvocation,
  evolveInvocation,
  initialInvocation,
  type InvocationCommand,
  type InvocationScheduled,
} from '../../src/domain/invocation.ts';

/** One invocation and the moments of its life, for the tests of it. */

export const decider = { initial: initialInvocation, evolve: evolveInvocation, decide: decideInvocation };

export const result = (statusCode: number | null, error: string | null = null): AttemptResult => ({
  statusCode,
  error,
  durationMs: 20,
  address: '192.0.2.1',
  responseExcerpt: null,
});

export const answered = (statusCode: number) => ({ ...result(statusCode), statusCode });

export const scheduled: InvocationScheduled = {
  type: 'InvocationScheduled',
  guid: '1e0c4a3e-0000-5000-8000-000000000001',
  webhook: '96007e9b-b570-454c-aa3b-66a33a88280a',
  companyId: 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48',
  change: 'f70ba6eb-b611-5947-b9d5-3053de9c85bb',
  test: false,
  resource: 'ticket',
  trigger: 'paid',
  identifier: '7',
  origin: { resource: 'order', identifier: '1', trigger: 'paid' },
  matched: [
    {
      resource: 'ticket',
      identifier: '7',
      path: [
        { resource: 'order', identifier: '1' },
        { resource: 'ticket', identifier: '7' },
      ],
    },
  ],
  body: '{"resource":"ticket"}',
  retries: 2,
  retryBaseMs: 10_000,
  ordering: 'none',
  coalesce: false,
  atMs: 1_000,
};

export const schedule = (fields: Partial<InvocationScheduled> = {}): InvocationCommand => ({
  ...scheduled,
  ...fields,
  type: 'ScheduleInvocation',
});

const target = { url: 'https://example.com/receive', webhookRevision: 3 };

export const start = (
  number: number,
  atMs: number,
): InvocationCommand & { readonly type: 'StartAttempt' } => ({
  type: 'StartAttempt',
  number,
  ...target,
  atMs,
});
export const answer = (
  number: number,
  statusCode: number,
  atMs: number,
  retryAfter: string | null = null,
): InvocationCommand & { readonly type: 'RecordAnswer' } => ({
  type: 'RecordAnswer',
  number,
  result: answered(statusCode),
  retryAfter,
  atMs,
});
export const failure = (
  number: number,
  outcome: 'failed' | 'interrupted',
  atMs: number,
): InvocationCommand & { readonly type: 'RecordFailure' } => ({
  type: 'RecordFailure',
  number,
  outcome,
  result: result(null, 'connection refused'),
  atMs,
});
export const cancel = (atMs: number): InvocationCommand => ({
  type: 'CancelInvocation',
  reason: 'webhook_disabled',
  atMs,
});
export const supersede = (atMs: number): InvocationCommand => ({
  type: 'SupersedeInvocation',
  by: 'newer',
  atMs,
});
export const retry = (atMs: number, retries = 2, retryBaseMs = 10_000): InvocationCommand => ({
  type: 'RequestRetry',
  retries,
  retryBaseMs,
  atMs,
});

export const started = (number: number, atMs: number): AttemptStarted => ({
  type: 'AttemptStarted',
  number,
  ...target,
  atMs,
});
export const failed = (
  number: number,
  atMs: number,
  nextAttemptAtMs: number | null,
  status = 500,
): AttemptFailed => ({
  type: 'AttemptFailed',
  number,
  outcome: 'failed',
  result: result(status),
  nextAttemptAtMs,
  atMs,
});
