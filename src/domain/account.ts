import { type Either, left, right } from 'fp-ts/lib/Either.js';

// Events

export interface AccountOpened {
  readonly type: 'AccountOpened';
  readonly companyId: string;
  readonly atMs: number;
}

export type AccountEvent = AccountOpened;

// State

export type AccountState =
  { readonly situation: 'unknown' } | { readonly situation: 'open'; readonly companyId: string };

export const initialAccount: AccountState = { situation: 'unknown' };

export const evolveAccount = (_state: AccountState, event: AccountEvent): AccountState => {
  switch (event.type) {
    case 'AccountOpened':
      return { situation: 'open', companyId: event.companyId };
  }
};

// Commands

export interface OpenAccount {
  readonly type: 'OpenAccount';
  readonly companyId: string;
  readonly atMs: number;
}

export type AccountRejection = { readonly _tag: 'AccountOfAnotherCompany'; readonly companyId: string };

/** A company's account is opened by the first thing that is done for it; opening it again decides nothing. */
export const decideAccount = (
  state: AccountState,
  command: OpenAccount,
): Either<AccountRejection, ReadonlyArray<AccountEvent>> => {
  if (state.situation === 'unknown') {
    return right([{ type: 'AccountOpened', companyId: command.companyId, atMs: command.atMs }]);
  }
  return state.companyId === command.companyId
    ? right([])
    : left({ _tag: 'AccountOfAnotherCompany', companyId: state.companyId });
};
