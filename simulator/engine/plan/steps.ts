import type { Ordering } from '../../../src/domain/webhook.ts';
import type { CrashPoint } from '../points.ts';
import type { Behaviour } from './behaviour.ts';

/** One report of the platform; its id and its data follow from the step that makes it. */
export interface ChangeSpec {
  readonly company: number;
  readonly type: string;
  readonly identifier: string;
  /** What it is declared to belong to, as `resource:identifier`; undefined when the report does not say. */
  readonly belongsTo?: ReadonlyArray<string>;
}

export interface WebhookSpec {
  readonly company: number;
  /** `event.update`; of the Moshtix dialect `ORDER_SAVED` or `EVENT_SAVED`. */
  readonly on: string;
  readonly identifier: string;
  readonly children: boolean;
  readonly endpoint: number;
  readonly retries: number;
  readonly retryBaseMs: number | null;
  readonly ordering: Ordering;
  readonly coalesce: boolean;
}

/** What users do, and what goes wrong: plain data, so that a failing run can be made smaller by leaving some out. */
export type Action =
  | { readonly do: 'report'; readonly changes: ReadonlyArray<ChangeSpec> }
  /** An earlier report once more, word for word. */
  | { readonly do: 'resend'; readonly which: number }
  /** Another content under the id of an earlier report. */
  | { readonly do: 'contradict'; readonly which: number }
  | { readonly do: 'subscribe'; readonly webhook: WebhookSpec }
  | { readonly do: 'edit'; readonly which: number; readonly endpoint: number; readonly retries: number }
  | { readonly do: 'enable' | 'disable' | 'delete' | 'rotate' | 'test' | 'retryAll'; readonly which: number }
  | { readonly do: 'retry'; readonly which: number }
  | { readonly do: 'list'; readonly company: number }
  | { readonly do: 'receiver'; readonly endpoint: number; readonly behaviour: Behaviour }
  | { readonly do: 'crash'; readonly node: number; readonly downMs: number }
  | {
      readonly do: 'crashAt';
      readonly node: number;
      readonly point: CrashPoint;
      /** The how manieth time it is reached from now on. */
      readonly nth: number;
      readonly downMs: number;
    }
  /** Crashes again and again while it recovers. */
  | { readonly do: 'crashLoop'; readonly node: number; readonly times: number; readonly upMs: number }
  | { readonly do: 'stop'; readonly node: number; readonly drainMs: number; readonly downMs: number }
  | { readonly do: 'pause'; readonly node: number; readonly forMs: number }
  | { readonly do: 'jump'; readonly node: number; readonly byMs: number }
  | { readonly do: 'freezeClock'; readonly node: number; readonly forMs: number }
  | { readonly do: 'slowStore'; readonly forMs: number; readonly mostMs: number }
  | { readonly do: 'storeAway'; readonly forMs: number }
  | { readonly do: 'readsFail'; readonly forMs: number }
  | { readonly do: 'fsyncError' }
  /** Another process on the same store for a while: after a wrong failover, or in a rolling restart. */
  | { readonly do: 'second'; readonly forMs: number }
  /** Given to two nodes at the same moment. */
  | { readonly do: 'together'; readonly how: Rivalry; readonly changes: ReadonlyArray<ChangeSpec> }
  /** A node does not reach the store any more, which others do. */
  | { readonly do: 'cutOff'; readonly node: number; readonly forMs: number }
  /** As SIGSTOP, for longer than its lease as a rule, now or the next time it is there; then it goes on. */
  | {
      readonly do: 'standstill';
      readonly node: number;
      readonly at: CrashPoint | null;
      readonly forMs: number;
    }
  /** Killed, or stopped in good order, and not started again for so long. */
  | {
      readonly do: 'depart';
      readonly node: number;
      readonly how: 'killed' | 'in_order';
      readonly downMs: number;
    };

/**
 * The very same report; another one with its id and another subject; or a batch that holds such a one beside a change of
 * its own, whose id is used again once the batch was refused.
 */
export const RIVALRIES = ['same', 'subject', 'batch'] as const;
export type Rivalry = (typeof RIVALRIES)[number];

export type Step = Action & {
  readonly id: number;
  readonly atMs: number;
};

/** Kinds of faults that are on or off in a run as a whole, in the order in which they are drawn. */
export const FAULTS_FIRST = [
  'crashes',
  'crash_points',
  'crash_loops',
  'stops',
  'pauses',
  'clock',
  'late_timers',
  'slow_store',
  'store_away',
  'reads_fail',
  'fsync_errors',
  'unknown_outcomes',
  'network',
  'receivers',
  'overlap',
] as const;

/** Only where several nodes share a store. */
export const NODE_FAULTS = ['cut_off', 'standstills', 'departures', 'drift'] as const;
export const FAULTS = [...FAULTS_FIRST, ...NODE_FAULTS] as const;
export type Fault = (typeof FAULTS)[number];

/** The kind of fault that a step belongs to; undefined: it is what users do. */
export const faultOf = (action: Action): Fault | undefined => STEP_FAULTS[action.do];

const STEP_FAULTS: Readonly<Partial<Record<Action['do'], Fault>>> = {
  crash: 'crashes',
  crashAt: 'crash_points',
  crashLoop: 'crash_loops',
  stop: 'stops',
  pause: 'pauses',
  jump: 'clock',
  freezeClock: 'clock',
  slowStore: 'slow_store',
  storeAway: 'store_away',
  readsFail: 'reads_fail',
  fsyncError: 'fsync_errors',
  receiver: 'receivers',
  second: 'overlap',
  cutOff: 'cut_off',
  standstill: 'standstills',
  depart: 'departures',
};
