import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { AccountCommand, AccountRejection, AccountState, OpenAccountState } from '../domain/account.ts';
import type { AccountEvent, RetentionApplied } from '../domain/account.ts';
import type { ClientRejection } from '../domain/client.ts';
import type { Cause } from '../domain/events.ts';
import { streamOf } from '../domain/ids.ts';
import { Lru } from '../domain/lru.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import {
  load,
  type Loaded,
  type StoreFailure,
  transact,
  type Transacted,
  type TransactDeps,
} from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import { account, client } from './aggregates.ts';
import { Followed } from './followed.ts';

export interface AccountDeps extends TransactDeps {
  readonly clock: Clock;
  /** Of a log that was restored from an earlier copy: no smaller number is given out any more. */
  readonly numbersFrom?: number;
}

/** Why a client id cannot stand for a company. */
export type ClientFailure =
  Extract<AccountRejection, { _tag: 'AccountHasAnotherClient' }> | ClientRejection | StoreFailure;

const CACHED_MAX = 20_000;

/** All reading and writing of accounts, and of the client ids that stand for them. */
export class Accounts {
  readonly #deps: AccountDeps;
  readonly #known = new Followed<AccountState>(CACHED_MAX, streamOf.account);
  readonly #opening = new Map<string, Promise<Either<StoreFailure, void>>>();
  readonly #turns = new Map<string, Promise<unknown>>();
  /** A claim is never given back, so what is known stays true. */
  readonly #companies = new Lru<number, string>(CACHED_MAX);

  constructor(deps: AccountDeps) {
    this.#deps = deps;
  }

  /** Opens the account unless it is open. */
  async open(companyId: string, cause: Cause): Promise<Either<StoreFailure, void>> {
    if (this.#known.get(companyId)?.state.situation === 'open') return right(undefined);
    // Whoever comes meanwhile waits for the same answer, and goes on in the order in which all came.
    const opening = this.#opening.get(companyId) ?? this.#openNow(companyId, cause);
    this.#opening.set(companyId, opening);
    try {
      return await opening;
    } finally {
      this.#opening.delete(companyId);
    }
  }

  async #openNow(companyId: string, cause: Cause): Promise<Either<StoreFailure, void>> {
    const opened = await this.#execute({ type: 'OpenAccount', companyId, atMs: this.#nowMs() }, cause);
    return isLeft(opened) ? left(onlyStoreFailure(opened.left)) : right(undefined);
  }

  /** The account, or undefined when nothing was ever done for the company. */
  async get(companyId: string): Promise<Either<StoreFailure, OpenAccountState | undefined>> {
    const loaded = await this.#known.read(companyId, (stream) => load(this.#deps.store, stream, account));
    if (isLeft(loaded)) return loaded;
    const { state } = loaded.right;
    return right(state.situation === 'open' ? state : undefined);
  }

  /** Whether reports that contradict what is known are refused. */
  async isStrict(companyId: string): Promise<Either<StoreFailure, boolean>> {
    const found = await this.get(companyId);
    return isLeft(found) ? found : right(found.right?.strict ?? false);
  }

  async setStrict(
    companyId: string,
    strict: boolean,
    cause: Cause,
  ): Promise<Either<StoreFailure, OpenAccountState>> {
    const command = { type: 'SwitchStrictMode', companyId, strict, atMs: this.#nowMs() } as const;
    const switched = await this.#execute(command, cause);
    return isLeft(switched) ? left(onlyStoreFailure(switched.left)) : right(openStateOf(switched.right));
  }

  /** Null: all is kept. */
  async setRetention(
    companyId: string,
    invocationsMonths: number | null,
    cause: Cause,
  ): Promise<Either<StoreFailure, OpenAccountState>> {
    const command = { type: 'SetRetention', companyId, invocationsMonths, atMs: this.#nowMs() } as const;
    const set = await this.#execute(command, cause);
    return isLeft(set) ? left(onlyStoreFailure(set.left)) : right(openStateOf(set.right));
  }

  /** What the policy has removed. */
  async noteRetention(
    companyId: string,
    applied: Omit<RetentionApplied, 'type' | 'atMs'>,
    cause: Cause,
  ): Promise<Either<StoreFailure, void>> {
    const command = { type: 'NoteRetention', companyId, ...applied, atMs: this.#nowMs() } as const;
    const noted = await this.#execute(command, cause);
    return isLeft(noted) ? left(onlyStoreFailure(noted.left)) : right(undefined);
  }

  /**
   * Makes the client id stand for the company; doing so again changes nothing. The account is asked before the id is
   * claimed, so that a refusal takes no id away. A crash between the two leaves a claim that the next try completes.
   */
  async attachClient(
    companyId: string,
    clientId: number,
    cause: Cause,
  ): Promise<Either<ClientFailure, OpenAccountState>> {
    const found = await this.get(companyId);
    if (isLeft(found)) return found;
    const has = found.right?.clientId ?? null;
    if (found.right !== undefined && has === clientId) return right(found.right);
    if (has !== null) return left({ _tag: 'AccountHasAnotherClient', clientId: has });
    const atMs = this.#nowMs();
    const claimed = await transact(
      this.#deps,
      streamOf.client(clientId),
      client,
      { type: 'ClaimClient', clientId, companyId, atMs },
      cause,
    );
    if (isLeft(claimed)) return claimed;
    const attached = await this.#execute({ type: 'AttachClient', companyId, clientId, atMs }, cause);
    if (isLeft(attached)) {
      return left(
        attached.left._tag === 'AccountHasAnotherClient' ? attached.left : onlyStoreFailure(attached.left),
      );
    }
    return right(openStateOf(attached.right));
  }

  /** The company that the client id stands for, undefined when it stands for none yet. */
  async companyOfClient(clientId: number): Promise<Either<StoreFailure, string | undefined>> {
    const known = this.#companies.get(clientId);
    if (known !== undefined) return right(known);
    const loaded = await load(this.#deps.store, streamOf.client(clientId), client);
    if (isLeft(loaded)) return loaded;
    if (loaded.right.state.situation === 'free') return right(undefined);
    const { companyId } = loaded.right.state;
    this.#companies.set(clientId, companyId);
    return right(companyId);
  }

  /** The first of `count` whole numbers in a row that nothing else in the account has or will have. */
  async issueIds(companyId: string, count: number, cause: Cause): Promise<Either<StoreFailure, number>> {
    const { numbersFrom: from } = this.#deps;
    const issued = await this.#execute(
      { type: 'IssueIds', companyId, count, ...(from !== undefined && { from }), atMs: this.#nowMs() },
      cause,
    );
    if (isLeft(issued)) return left(onlyStoreFailure(issued.left));
    return right(openStateOf(issued.right).nextId - count);
  }

  /** Follows what others wrote. */
  observe({ stream, revision }: Decoded): void {
    this.#known.observe(stream.slice(ACCOUNT_PREFIX.length), revision);
  }

  async #execute(
    command: AccountCommand,
    cause: Cause,
  ): Promise<Either<AccountRejection | StoreFailure, Transacted<AccountState, AccountEvent>>> {
    const { companyId } = command;
    return this.#inTurn(companyId, () =>
      this.#known.write(companyId, (stream, known, onLoaded) =>
        transact(this.#deps, stream, account, command, cause, known, onLoaded),
      ),
    );
  }

  /** Commands on one account go one after the other: it has one stream, where they would only get in each other's way. */
  async #inTurn<A>(companyId: string, work: () => Promise<A>): Promise<A> {
    const before = this.#turns.get(companyId) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#turns.set(companyId, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(companyId) === mine) this.#turns.delete(companyId);
    }
  }

  #nowMs(): number {
    return this.#deps.clock.nowMs();
  }
}

const ACCOUNT_PREFIX = streamOf.account('');

const openStateOf = ({ state }: Loaded<AccountState>): OpenAccountState => {
  if (state.situation === 'unknown') throw new Error('a command on an account leaves it open');
  return state;
};

/** The stream's name and its events name the same company, and only attaching a client can meet another one. */
const onlyStoreFailure = (failure: AccountRejection | StoreFailure): StoreFailure => {
  if (failure._tag === 'AccountOfAnotherCompany' || failure._tag === 'AccountHasAnotherClient') {
    throw new Error(`an account refused what it never refuses: ${failure._tag}`);
  }
  return failure;
};
