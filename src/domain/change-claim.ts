/**
 * Where several nodes share a store, a change is claimed before it is stored: its stream is that of its resource, so two
 * reports with one id and source but different subjects would never meet. The stream of the claim is where they do.
 */
export interface ChangeClaimed {
  readonly type: 'ChangeClaimed';
  readonly change: string;
  /** Of the report that was first: equal ones are duplicates, others conflict with it. */
  readonly fingerprint: string;
  readonly atMs: number;
}

export type ClaimEvent = ChangeClaimed;
