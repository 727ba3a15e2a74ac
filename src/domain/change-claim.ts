/**
 * Where several nodes share a store, a change is claimed before it is stored: its stream is that of its resource, so two
 * reports with one id and source but different subjects would never meet. The stream of the claim is where they do.
 */
export interface ChangeClaimed {
  readonly type: 'ChangeClaimed';
  readonly change: string;
  /** Of the report that was first: equal ones join the claim with an event of their own, others conflict with it. */
  readonly fingerprint: string;
  readonly atMs: number;
}

/** By the one who claimed, whose report was refused as a whole, and only where nobody has joined: nothing was stored. */
export interface ClaimReleased {
  readonly type: 'ClaimReleased';
  readonly change: string;
  readonly atMs: number;
}

export type ClaimEvent = ChangeClaimed | ClaimReleased;

export type ClaimState =
  { readonly situation: 'free' } | { readonly situation: 'claimed'; readonly fingerprint: string };

export const initialClaim: ClaimState = { situation: 'free' };

/** The newest event alone tells how it stands. */
export const evolveClaim = (_state: ClaimState, event: ClaimEvent): ClaimState =>
  event.type === 'ClaimReleased' ? initialClaim : { situation: 'claimed', fingerprint: event.fingerprint };
