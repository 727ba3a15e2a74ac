import { BEHAVIOURS } from './plan/behaviour.ts';
import { CRASH_POINTS } from './points.ts';

/** What a long hunt has to come through; one that does not proves nothing of it. */
export const EXPECTED_MARKS: ReadonlyArray<string> = [
  ...Object.keys(CRASH_POINTS).flatMap((point) =>
    point === 'C12' ? [] : [`point.${point}`, `died.${point}`],
  ),
  // A crash while a group is being committed: it is there afterwards, or it is not.
  'group_kept',
  'group_lost',
  // A write-ahead log with an end that was never synced.
  'wal_cut',
  'wal_zeroed',
  'wal_flipped',
  ...BEHAVIOURS.map((behaviour) => `receiver.${behaviour}`),
  ...[
    'InvocationScheduled',
    'AttemptStarted',
    'AttemptFailed',
    'InvocationDelivered',
    'InvocationExhausted',
    'InvocationCancelled',
    'InvocationSuperseded',
    'RetryRequested',
    'WebhookUpdated',
    'WebhookEnabled',
    'WebhookDisabled',
    'WebhookDeleted',
    'SecretRotated',
  ].map((type) => `event.${type}`),
  ...[
    'ResourceChanged',
    'OrderSold',
    'TicketsRefunded',
    'TicketsReissued',
    'OrderCancelled',
    'TicketsScanned',
  ].map((type) => `change.${type}`),
  ...['no_name', 'unreachable', 'reset_before', 'reset_after', 'answer_lost'].map(
    (fault) => `network_${fault}`,
  ),
  ...['request_lost', 'answer_lost', 'late', 'store_away', 'stored_in_part', 'WrongExpectedRevision'],
  ...['read_error', 'disk_full', 'fsync_error', 'fatal', 'group_commit'],
  ...[
    'crash',
    'crash_in_recovery',
    'stop',
    'pause',
    'overlap',
    'clock_back',
    'clock_forward',
    'clock_frozen',
  ],
  ...['read_models_kept', 'read_models_taken_back', 'read_models_empty'],
  // More changes to fan out than are held in memory.
  'changes_read_again',
  ...['interrupted_after_seen', 'interrupted_before_seen', 'retry_after', 'test_invocation'],
  ...['receipt.accepted', 'receipt.duplicate', 'refused.ChangeConflict', 'listed'],
  ...[1, 2, 3, 4, 5].map((number) => `attempt_number.${number}`),
  // Several nodes on one store: what they meet, and what each of them has to do then.
  ...['cut_off', 'cut_off_answer', 'depart.killed', 'depart.in_order', 'stood_still.C6', 'start_of_the_dead'],
  ...['joined.nobody', 'joined.others', 'lease_expired', 'handed_over_at_leave'],
  ...['takeover_fan_out', 'takeover_attempts', 'takeover_from_itself', 'lease_run_out', 'zombie_stopped'],
  ...['claim_joined', 'claim_lost', 'claim_released'],
];
