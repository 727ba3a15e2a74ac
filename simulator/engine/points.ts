/** Places between two durable steps where a process may end; each is reached, and died at, in every nightly run. */
export const CRASH_POINTS = {
  C1: 'a report is taken, nothing appended',
  C2: 'a report is on disk, not answered',
  C3: 'a change is on disk, its invocations are not',
  C4: 'an invocation is scheduled, no attempt started',
  C5: 'the start of an attempt is under way to the disk',
  C6: 'an attempt is started on disk, no byte sent',
  C7: 'the receiver has the request, no answer',
  C8: 'an answer is read, the outcome is not on disk',
  C9: 'a failed attempt is on disk, its next due time is nowhere else',
  C10: 'an end is on disk, the read models do not know',
  C11: 'read models are between two transactions',
  C12: 'a group of appends is being committed',
  C16: 'during recovery',
  C17: 'while draining',
  C18: 'a webhook was changed on disk, its owner not answered',
  C19: 'an fsync failed',
  C20: 'the disk is full',
  C21: 'a change is claimed, not stored',
  C22: 'what a node says to the others is on disk, and it does not know',
} as const;

/** Only where several nodes share a store. */
export const NODE_POINTS = ['C21', 'C22'] as const satisfies ReadonlyArray<keyof typeof CRASH_POINTS>;

export type CrashPoint = keyof typeof CRASH_POINTS;
