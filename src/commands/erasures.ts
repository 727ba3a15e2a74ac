import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Person } from '../domain/customer-key.ts';
import { emailOf } from '../domain/customer.ts';
import { type CustomerErased, erasureOf } from '../domain/erasure.ts';
import type { Cause } from '../domain/events.ts';
import { streamOf } from '../domain/ids.ts';
import type { Position } from '../eventstore/event-store.ts';
import { load, type StoreFailure, transact, type TransactDeps } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { CustomerKeys, KeysUnavailable } from '../ports/customer-keys.ts';
import type { Changes, Customers } from '../projections/read-models.ts';
import { erasure as aggregate, resource } from './aggregates.ts';

export interface ErasureDeps extends TransactDeps {
  readonly clock: Clock;
  readonly keys: CustomerKeys;
  readonly readModels: Pick<Customers, 'countOfKey' | 'changesOfKey'> & Pick<Changes, 'change'>;
  /** Resolves when the read models show everything that is in the store now. False: they may not. */
  readonly caughtUp: () => Promise<boolean>;
  /** Resolves when what follows from the event at this place is done: what waits is cancelled. False: not soon. */
  readonly followed: (position: Position) => Promise<boolean>;
  /** Beside the store, for whoever restores a backup from before. Durable when it resolves; a key stands there once. */
  readonly note: (
    erased: CustomerErased & { readonly key: string },
  ) => Promise<Either<KeysUnavailable, void>>;
}

/** Changes looked at together. */
const PAGE = 200;

export type ErasureFailure =
  | StoreFailure
  /** This server keeps no keys. */
  | { readonly _tag: 'ErasureNotPossible' };

/**
 * Erases a customer's personal data by forgetting the key that it stands under. Each step may be done again, and whatever a crash cuts
 * off is done by the next start (see reactions.ts) or the same request:
 *
 * 1. `CustomerErased`. From here on it counts.
 * 2. The key's id is noted beside the store.
 * 3. The key is overwritten.
 * 4. What waits with the customer's data is cancelled.
 */
export class Erasures {
  readonly #deps: ErasureDeps;

  constructor(deps: ErasureDeps) {
    this.#deps = deps;
  }

  /** Answered alike for a customer that nobody knows: the answer tells nobody who is one. */
  async erase(
    companyId: string,
    person: Person,
    cause: Cause,
  ): Promise<Either<ErasureFailure, CustomerErased>> {
    const found = await this.#subjectOf(companyId, person);
    if (isLeft(found)) return found;
    const subject = found.right;
    if (!(await this.#deps.caughtUp())) {
      return left({ _tag: 'StoreUnavailable', message: 'what is stored of the customer is not known' });
    }
    // First: asked again after a crash, the customer's key still tells which these are.
    for (const own of this.#ownSubjects(companyId, subject)) {
      const erased = await this.#eraseSubject(companyId, own, cause);
      if (isLeft(erased)) return erased;
    }
    return this.#eraseSubject(companyId, subject, cause);
  }

  /** Of the customer's orders and scanners: what was reported of them before they named the customer stands under keys of their own. */
  #ownSubjects(companyId: string, subject: string): ReadonlySet<string> {
    const { keys, readModels } = this.#deps;
    const own = new Set<string>();
    const key = keys.newest(subject);
    if (key === undefined) return own;
    for (let after = 0; ;) {
      const changes = readModels.changesOfKey(key, after, PAGE);
      for (const { change } of changes) {
        const stream = readModels.change(change)?.stream ?? '';
        for (const by of ['order', 'scanner'] as const) {
          const prefix = streamOf.resource(companyId, by, '');
          if (!stream.startsWith(prefix)) continue;
          const one = keys.subjectOf(companyId, { by, value: stream.slice(prefix.length) });
          if (one !== subject && keys.newest(one) !== undefined) own.add(one);
        }
      }
      if (changes.length < PAGE) return own;
      after = changes.at(-1)?.position ?? after;
    }
  }

  async #eraseSubject(
    companyId: string,
    subject: string,
    cause: Cause,
  ): Promise<Either<ErasureFailure, CustomerErased>> {
    const { keys, readModels, clock, followed } = this.#deps;
    const key = keys.newest(subject) ?? null;
    const changes = key === null ? 0 : readModels.countOfKey(key);
    const stream = streamOf.erasure(companyId, subject);
    const stored = await transact(
      this.#deps,
      stream,
      aggregate,
      { type: 'EraseCustomer', companyId, subject, key, changes, askedBy: cause.actor, atMs: clock.nowMs() },
      cause,
    );
    if (isLeft(stored)) return stored;
    const erased = erasureOf(stored.right.state, key);
    if (erased === undefined) throw new Error('an erasure was decided and is not there');
    const completed = await this.complete(erased);
    if (isLeft(completed)) return completed;
    const position = await this.#positionOf(stream);
    if (isLeft(position)) return position;
    // Also where it was decided before: what follows from it may still be under way.
    if (!(await followed(position.right))) {
      return left({
        _tag: 'OutcomeUnknown',
        message: 'what waits for the customer is still being cancelled',
      });
    }
    return right(erased);
  }

  /** Of its newest event. */
  async #positionOf(stream: string): Promise<Either<StoreFailure, Position>> {
    const read = await this.#deps.store.readStream(stream, { direction: 'backwards', limit: 1 })();
    return isLeft(read) ? read : right(read.right[0]?.position ?? 0);
  }

  /** By an order: the customer whom it has, or had. Where none was ever named, what is personal stands under the order itself. */
  async #subjectOf(companyId: string, person: Person): Promise<Either<StoreFailure, string>> {
    const { keys, store } = this.#deps;
    const own = keys.subjectOf(companyId, normalized(person));
    const { by, value } = person;
    if (by !== 'order' && by !== 'scanner') return right(own);
    const loaded = await load(store, streamOf.resource(companyId, by, value), resource);
    if (isLeft(loaded)) return loaded;
    const { state } = loaded.right;
    return right((state.situation === 'known' ? state.lastChange.customer?.subject : undefined) ?? own);
  }

  /** Steps 2 and 3. */
  async complete(erased: CustomerErased): Promise<Either<KeysUnavailable, void>> {
    const { key } = erased;
    if (key === null) return right(undefined);
    const noted = await this.#deps.note({ ...erased, key });
    return isLeft(noted) ? noted : this.#deps.keys.forget(key);
  }
}

const normalized = ({ by, value }: Person): Person => ({
  by,
  value: by === 'email' ? emailOf(value) : by === 'id' ? value.trim() : value,
});
