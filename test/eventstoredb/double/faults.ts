/** What may go wrong with one append, once. Stored or not is the point: the client is told the same. */
export type AppendFault =
  /** No answer ever. */
  | 'silent'
  | 'silent_stored'
  /** The connection breaks. */
  | 'cut'
  | 'cut_stored'
  /** The server ends the shared call as if all were well, with appends unanswered. */
  | 'end_call'
  | 'end_call_stored'
  /** RST_STREAM, which the client knows as INTERNAL. */
  | 'reset'
  | 'reset_stored'
  /** Answers over the living call. */
  | 'busy'
  | 'not_ready'
  | 'timeout'
  | 'timeout_stored'
  | 'access_denied'
  /** The answer comes after `lateMs`. */
  | 'late';

export type ReadFault =
  | 'unavailable'
  | 'busy'
  | 'not_ready'
  /** With the leader's address, which is this very server unless another one is named. */
  | 'not_leader'
  | 'access_denied'
  | 'silent'
  /** Some events, then the connection breaks. */
  | 'cut';

export type SubscriptionFault =
  | 'unavailable'
  /** Confirmed, and never heard of again. */
  | 'silent'
  /** Some events, then an end without an error. */
  | 'end'
  | 'cut'
  /** As 23.10 and older drop a subscriber that lags more than 32 events behind. */
  | 'too_slow';

export type ProbeFault = 'unavailable' | 'internal' | 'silent' | 'unimplemented';

/** Faults to come, first come first served; `undefined` in between lets one through. */
export class Faults {
  readonly appends: Array<AppendFault | undefined> = [];
  readonly reads: Array<ReadFault | undefined> = [];
  readonly subscriptions: Array<SubscriptionFault | undefined> = [];
  readonly probes: Array<ProbeFault | undefined> = [];
  /** For every append while it is set. */
  everyAppend: AppendFault | undefined;
  lateMs = 300;
  /** Between an append and its being indexed; its twin that comes meanwhile is dropped, and times out. */
  indexDelayMs = 0;
  /** The server's own timeout for an append. */
  timeoutMs = 2_000;
  /** Before each event of a read. */
  readDelayMs = 0;
  version = '24.6.0.0';
  leader: { readonly address: string; readonly port: number } | undefined;
  /** Basic authentication: with TLS only, as the real one. */
  users: Readonly<Record<string, string>> | undefined;
}
