import { type Either, right } from 'fp-ts/lib/Either.js';
import { erasureGuid } from './ids.ts';

/** The erasure of a customer's personal data. One stream for each customer; an event for each key that was forgotten. */

// Events

/** From here on the key counts as forgotten, wherever it still is. */
export interface CustomerErased {
  readonly type: 'CustomerErased';
  readonly guid: string;
  readonly companyId: string;
  /** Tells nobody who it was. */
  readonly subject: string;
  /** Null: nothing was stored of such a customer. */
  readonly key: string | null;
  /** Changes with data of the customer. */
  readonly changes: number;
  /** Subject of the token. */
  readonly askedBy: string;
  readonly atMs: number;
}

export type ErasureEvent = CustomerErased;

// State

/** Erasures of one customer, oldest first. */
export type ErasureState = ReadonlyArray<CustomerErased>;

export const initialErasure: ErasureState = [];

export const evolveErasure = (state: ErasureState, event: ErasureEvent): ErasureState => [...state, event];

// Commands

export interface EraseCustomer {
  readonly type: 'EraseCustomer';
  readonly companyId: string;
  readonly subject: string;
  /** The newest one that the customer has or had. */
  readonly key: string | null;
  readonly changes: number;
  readonly askedBy: string;
  readonly atMs: number;
}

// Decide

/** Decides nothing where the key was forgotten before, or where there is none and was none. */
export const decideErasure = (
  state: ErasureState,
  { companyId, subject, key, changes, askedBy, atMs }: EraseCustomer,
): Either<never, ReadonlyArray<ErasureEvent>> => {
  if (erasureOf(state, key) !== undefined) return right([]);
  const guid = erasureGuid(companyId, subject, key);
  return right([{ type: 'CustomerErased', guid, companyId, subject, key, changes, askedBy, atMs }]);
};

// Questions

/** What a request for this key is answered with once it is done. */
export const erasureOf = (state: ErasureState, key: string | null): CustomerErased | undefined =>
  state.find((one) => one.key === key);
