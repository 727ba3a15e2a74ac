import { type Either, left, right } from 'fp-ts/lib/Either.js';

/** A tenant: its company, the Moshtix client account that stands for it, and how strict it is with reports. */

// Events

export interface AccountOpened {
  readonly type: 'AccountOpened';
  readonly companyId: string;
  readonly atMs: number;
}
/** From now on this client account of the Moshtix dialect is this company. */
export interface ClientAttached {
  readonly type: 'ClientAttached';
  readonly clientId: number;
  readonly atMs: number;
}
export interface StrictModeSwitched {
  readonly type: 'StrictModeSwitched';
  readonly strict: boolean;
  readonly atMs: number;
}
/** The whole numbers from `first` on are given out, and never again in this account. */
export interface IdsIssued {
  readonly type: 'IdsIssued';
  readonly first: number;
  readonly count: number;
  readonly atMs: number;
}

export type AccountEvent = AccountOpened | ClientAttached | StrictModeSwitched | IdsIssued;

// State

export interface OpenAccountState {
  readonly situation: 'open';
  readonly companyId: string;
  readonly clientId: number | null;
  /** Reports that contradict what is known are refused instead of kept and marked. */
  readonly strict: boolean;
  /** The next whole number to give out to a webhook, header or system event type of the Moshtix dialect. */
  readonly nextId: number;
}

export type AccountState = { readonly situation: 'unknown' } | OpenAccountState;

export const initialAccount: AccountState = { situation: 'unknown' };

export const evolveAccount = (state: AccountState, event: AccountEvent): AccountState => {
  if (event.type === 'AccountOpened') {
    return { situation: 'open', companyId: event.companyId, clientId: null, strict: false, nextId: 1 };
  }
  if (state.situation === 'unknown') return state;
  switch (event.type) {
    case 'ClientAttached':
      return { ...state, clientId: event.clientId };
    case 'StrictModeSwitched':
      return { ...state, strict: event.strict };
    case 'IdsIssued':
      return { ...state, nextId: event.first + event.count };
  }
};

// Commands

/** Whoever does something for a company opens its account; doing so again decides nothing. */
interface ForCompany {
  readonly companyId: string;
  readonly atMs: number;
}
export interface OpenAccount extends ForCompany {
  readonly type: 'OpenAccount';
}
export interface AttachClient extends ForCompany {
  readonly type: 'AttachClient';
  readonly clientId: number;
}
export interface SwitchStrictMode extends ForCompany {
  readonly type: 'SwitchStrictMode';
  readonly strict: boolean;
}
export interface IssueIds extends ForCompany {
  readonly type: 'IssueIds';
  readonly count: number;
  /** Smaller ones may have been given out by a part of the history that is lost. */
  readonly from?: number;
}

export type AccountCommand = OpenAccount | AttachClient | SwitchStrictMode | IssueIds;

export type AccountRejection =
  | { readonly _tag: 'AccountOfAnotherCompany'; readonly companyId: string }
  /** The company is another client account already. */
  | { readonly _tag: 'AccountHasAnotherClient'; readonly clientId: number };

export const decideAccount = (
  state: AccountState,
  command: AccountCommand,
): Either<AccountRejection, ReadonlyArray<AccountEvent>> => {
  const { companyId, atMs } = command;
  if (state.situation === 'open' && state.companyId !== companyId) {
    return left({ _tag: 'AccountOfAnotherCompany', companyId: state.companyId });
  }
  const opened: ReadonlyArray<AccountEvent> =
    state.situation === 'open' ? [] : [{ type: 'AccountOpened', companyId, atMs }];
  const { clientId, strict, nextId } =
    state.situation === 'open' ? state : { clientId: null, strict: false, nextId: 1 };
  switch (command.type) {
    case 'OpenAccount':
      return right(opened);
    case 'AttachClient':
      if (clientId !== null && clientId !== command.clientId) {
        return left({ _tag: 'AccountHasAnotherClient', clientId });
      }
      return right(
        clientId === null
          ? [...opened, { type: 'ClientAttached', clientId: command.clientId, atMs }]
          : opened,
      );
    case 'SwitchStrictMode':
      return right(
        strict === command.strict
          ? opened
          : [...opened, { type: 'StrictModeSwitched', strict: command.strict, atMs }],
      );
    case 'IssueIds':
      return right([
        ...opened,
        {
          type: 'IdsIssued',
          first: Math.max(nextId, command.from ?? nextId),
          count: command.count,
          atMs,
        },
      ]);
  }
};
