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
import type { Customers } from '../projections/read-models.ts';
import { erasure as aggregate, resource } from './aggregates.ts';

export interface ErasureDeps extends TransactDeps {
  readonly clock: Clock;
  readonly keys: CustomerKeys;
  readonly readModels: Pick<Customers, 'countOfKey'>;
  /** Resolves when the read models show everything that is in the store now. False: they may not. */
  readonly caughtUp: () => Promise<boolean>;
  /** Resolves when what follows from the event at this place is done: what waits is cancelled. False: not soon. */
  readonly followed: (position: Position) => Promise<boolean>;
  /** Beside the store, for whoever restores a backup from before. Durable when it resolves; a key stands there once. */
  readonly note: (
    erased: CustomerErased & { readonly key: string },
  ) => Promise<Either<KeysUnavailable, void>>;
}

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
    const { keys, readModels, clock, caughtUp, followed } = this.#deps;
    const found = await this.#subjectOf(companyId, person);
    if (isLeft(found)) return found;
    const subject = found.right;
    if (!(await caughtUp())) {
      return left({ _tag: 'StoreUnavailable', message: 'what is stored of the customer is not known' });
    }
    const key = keys.newest(subject) ?? null;
    const changes = key === null ? 0 : readModels.countOfKey(key);
    const stored = await transact(
      this.#deps,
      streamOf.erasure(companyId, subject),
      aggregate,
      { type: 'EraseCustomer', companyId, subject, key, changes, askedBy: cause.actor, atMs: clock.nowMs() },
      cause,
    );
    if (isLeft(stored)) return stored;
    const erased = erasureOf(stored.right.state, key);
    if (erased === undefined) throw new Error('an erasure was decided and is not there');
    const completed = await this.complete(erased);
    if (isLeft(completed)) return completed;
    const { position } = stored.right;
    if (position !== undefined && !(await followed(position))) {
      return left({
        _tag: 'OutcomeUnknown',
        message: 'what waits for the customer is still being cancelled',
      });
    }
    return right(erased);
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
