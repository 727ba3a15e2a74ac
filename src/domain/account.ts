import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { RetentionPolicy } from './retention.ts';

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
/** From now on, after a day's grace, what was settled longer ago goes; null: all is kept. */
export interface RetentionSet {
  readonly type: 'RetentionSet';
  readonly invocationsMonths: number | null;
  readonly atMs: number;
}
/**
 * What the policy has removed. Each stream is named in the records of `callboard-removed`, which no seal covers: the account names
 * the newest of them by its hash, which by their chain stands for all before it, and accounts are sealed.
 */
export interface RetentionApplied {
  readonly type: 'RetentionApplied';
  readonly settledBeforeMs: number;
  /** Revision and hash of the newest record. */
  readonly record: number;
  readonly hash: string;
  readonly streams: number;
  readonly events: number;
  readonly bytes: number;
  readonly atMs: number;
}

export type AccountEvent =
  AccountOpened | ClientAttached | StrictModeSwitched | IdsIssued | RetentionSet | RetentionApplied;

/** All that a company's policy has removed so far. */
export interface RetentionTotals {
  readonly record: number;
  readonly streams: number;
  readonly events: number;
  readonly bytes: number;
  readonly atMs: number;
}

// State

export interface OpenAccountState {
  readonly situation: 'open';
  readonly companyId: string;
  readonly clientId: number | null;
  /** Reports that contradict what is known are refused instead of kept and marked. */
  readonly strict: boolean;
  /** The next whole number to give out to a webhook, header or system event type of the Moshtix dialect. */
  readonly nextId: number;
  /** Null: never set, all is kept. */
  readonly retention: RetentionPolicy | null;
  readonly removed: RetentionTotals | null;
}

export type AccountState = { readonly situation: 'unknown' } | OpenAccountState;

export const initialAccount: AccountState = { situation: 'unknown' };

export const evolveAccount = (state: AccountState, event: AccountEvent): AccountState => {
  if (event.type === 'AccountOpened') {
    return {
      situation: 'open',
      companyId: event.companyId,
      clientId: null,
      strict: false,
      nextId: 1,
      retention: null,
      removed: null,
    };
  }
  if (state.situation === 'unknown') return state;
  switch (event.type) {
    case 'ClientAttached':
      return { ...state, clientId: event.clientId };
    case 'StrictModeSwitched':
      return { ...state, strict: event.strict };
    case 'IdsIssued':
      return { ...state, nextId: event.first + event.count };
    case 'RetentionSet':
      return {
        ...state,
        retention: { invocationsMonths: event.invocationsMonths, setAtMs: event.atMs },
      };
    case 'RetentionApplied': {
      const { streams, events, bytes } = state.removed ?? { streams: 0, events: 0, bytes: 0 };
      return {
        ...state,
        removed: {
          record: event.record,
          streams: streams + event.streams,
          events: events + event.events,
          bytes: bytes + event.bytes,
          atMs: event.atMs,
        },
      };
    }
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
export interface SetRetention extends ForCompany {
  readonly type: 'SetRetention';
  readonly invocationsMonths: number | null;
}
/** Noting the same record again decides nothing. */
export interface NoteRetention extends ForCompany, Omit<RetentionApplied, 'type' | 'atMs'> {
  readonly type: 'NoteRetention';
}

export type AccountCommand =
  OpenAccount | AttachClient | SwitchStrictMode | IssueIds | SetRetention | NoteRetention;

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
    case 'SetRetention': {
      const now = state.situation === 'open' ? state.retention : null;
      const { invocationsMonths } = command;
      return right(
        (now?.invocationsMonths ?? null) === invocationsMonths
          ? opened
          : [...opened, { type: 'RetentionSet', invocationsMonths, atMs }],
      );
    }
    case 'NoteRetention': {
      const noted = state.situation === 'open' ? (state.removed?.record ?? -1) : -1;
      if (command.record <= noted) return right(opened);
      const { settledBeforeMs, record, hash, streams, events, bytes } = command;
      return right([
        ...opened,
        { type: 'RetentionApplied', settledBeforeMs, record, hash, streams, events, bytes, atMs },
      ]);
    }
  }
};
