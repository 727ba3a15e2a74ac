/** The promises that are checked; the numbers are those of docs/simulate.md. */
export const INVARIANTS = {
  S1: 'what was answered 202 is durable',
  S2: 'the same report is stored once, and refused with other content',
  S3: 'one invocation for each webhook that a change matches, and no other',
  S4: 'attempts are bounded and numbered without gap or repeat',
  S5: 'no request without its durable start record, and each at most once',
  S6: 'no attempt before its time',
  S7: 'a round ends once, and nothing follows but a retry by hand',
  S8: 'one attempt of an invocation in flight at a time',
  S9: 'the same bytes on every attempt, signed with the secrets in force',
  S10: 'nothing starts for a webhook that is known to be disabled or deleted',
  S11: 'nobody sees what belongs to another company',
  S12: 'the log is complete: cause, actor and hash chain of every event',
  S13: 'read models equal a fold of the log',
  S14: 'revisions and positions grow without gap or repeat, and readers skip nothing',
  S15: 'a restart without a fault appends nothing',
  S16: 'the address that was dialled is recorded',
  S17: 'bounds hold: slots, excerpts, durations',
  S18: 'no secret in the log in clear, nor in what is logged or answered',
  S20: 'no duration is negative, whatever the clock does',
  S21: 'ordered webhooks hear of a resource in order',
  S22: 'a node starts and sends nothing once its lease was given to another, and nobody alive loses one',
  S23: 'attempts at one endpoint are started by one node at a time',
  L1: 'everything accepted comes to its end',
  L2: 'nothing stays in flight, and no timer is left over',
  L3: 'read models reach the end of the log',
  L4: 'work goes on by itself after an outage',
  L5: 'nodes that are gone are noticed, and those that run share the work',
  D1: 'the engine meets nothing that it holds impossible',
  D2: 'nothing comes from a process that has ended',
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  readonly invariant: Invariant;
  readonly atMs: number;
  readonly message: string;
}
