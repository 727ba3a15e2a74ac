import type { SendOutcome } from '../../../src/ports/http-sender.ts';

/** What the auditor knows, folded from the log in its own words; nothing here is the engine's. */

export interface Settings {
  readonly url: string;
  readonly retries: number;
  readonly retryBaseMs: number | null;
  readonly ordering: string;
  readonly coalesce: boolean;
  readonly selection: {
    readonly dialect: string;
    readonly resource?: string;
    readonly trigger?: string;
    readonly identifier?: string;
    readonly triggeredByChildResources?: boolean;
    readonly systemEvents?: ReadonlyArray<{ readonly systemEvent: string }>;
  };
}

/** A webhook after one of its events. */
export interface WebhookVersion {
  readonly settings: Settings;
  readonly situation: 'enabled' | 'disabled' | 'deleted';
  /** Sealed, the newest first; those before it with their end. */
  readonly secrets: ReadonlyArray<{ readonly sealed: string; readonly untilMs: number }>;
}

export interface WebhookBook {
  readonly guid: string;
  readonly company: string;
  readonly versions: WebhookVersion[];
  /** What each process was told of it last, and when in the order of all that happened. */
  readonly knownBy: Map<
    number,
    { readonly revision: number; readonly off: boolean; readonly moment: number }
  >;
}

export type Status =
  'waiting' | 'in_flight' | 'failed_last' | 'delivered' | 'exhausted' | 'cancelled' | 'superseded';

/** One attempt, and its request as the network saw it. */
export interface AttemptBook {
  readonly number: number;
  /** The process that started it. */
  readonly process: number;
  /** The node that it says it is of; undefined where the process is alone. */
  readonly node: string | undefined;
  readonly startMs: number;
  readonly url: string;
  readonly webhookRevision: number;
  sent: boolean;
  seen: boolean;
  /** Handed to the process: what the outcome in the log must say. */
  outcome: SendOutcome | undefined;
  endedTrueMs: number;
}

export interface InvocationBook {
  readonly guid: string;
  readonly webhook: WebhookBook;
  readonly change: string | null;
  readonly position: number;
  readonly originKey: string;
  readonly body: string;
  readonly ordering: string;
  readonly coalesce: boolean;
  readonly scheduledTrueMs: number;
  readonly attempts: AttemptBook[];
  status: Status;
  attemptsBefore: number;
  retries: number;
  baseMs: number;
  dueMs: number;
  settledOnce: boolean;
  /** When its status changed last, in virtual time. */
  changedTrueMs: number;
}

export const isSettled = (status: Status): boolean =>
  status === 'delivered' || status === 'exhausted' || status === 'cancelled' || status === 'superseded';
