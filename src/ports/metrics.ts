import type { InvocationStatus } from '../domain/invocation.ts';

/** What is measured at the moment of asking. Nothing here names a tenant. */
export interface Readings {
  readonly ready: boolean;
  /** Counts over the whole store, as this process's read models show it. */
  readonly changes: number;
  readonly scheduled: number;
  readonly places: Readonly<Record<InvocationStatus, number>>;
  /** 0 when every invocation stands in exactly one place. */
  readonly difference: number;
  /** By how much the longest due invocation is late; 0 when none is. Milliseconds. */
  readonly lateMs: number;
  /** By how many positions the read models are behind the log; undefined while the store is away. */
  readonly lag: number | undefined;
  /** Attempts of this process under way. */
  readonly inFlight: number;
  readonly nodes: number;
  readonly partitions: number;
}

export type AttemptOutcome = 'succeeded' | 'failed' | 'interrupted';

export interface Metrics {
  /** One attempt of this process has ended. */
  attemptEnded(outcome: AttemptOutcome, durationMs: number): void;
  /** In the text format of Prometheus. */
  print(): Promise<{ readonly contentType: string; readonly text: string }>;
}
