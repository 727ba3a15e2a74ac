import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { SecretBox } from './adapters/secret-box.ts';
import type { StoreConfig } from './config.ts';
import { type KeyKeeper, KeyRing } from './eventstore/key-ring.ts';
import { keysOf } from './eventstore/sqlite-keys-file.ts';
import { openSqliteKeys } from './eventstore/sqlite-keys.ts';
import type { CustomerKeys } from './ports/customer-keys.ts';
import type { Random } from './ports/random.ts';

/**
 * The keys of customers, beside the embedded store. What is kept in memory ends with the process, and on a database of its own nothing
 * keeps them yet, nor where they are not wanted: undefined, personal data is stored there as it is reported, and cannot be erased. Left: in words for the operator.
 */
export const openCustomerKeys = (
  store: StoreConfig,
  box: SecretBox,
  random: Random,
  isWanted = true,
): Either<string, CustomerKeys | undefined> => {
  if (store.kind !== 'sqlite') return right(undefined);
  const keeper = openSqliteKeys(store.path);
  if (isLeft(keeper)) return keeper;
  if (!isWanted) {
    void keeper.right.close();
    const { length } = keysOf(store.path);
    return length === 0
      ? right(undefined)
      : left(
          `CALLBOARD_CUSTOMER_KEYS=off: personal data in ${store.path} stands under the keys of customers (${length} of them); leave it on`,
        );
  }
  return right(keyRing(keeper.right, box, random));
};

export const keyRing = (keeper: KeyKeeper, box: SecretBox, random: Random): CustomerKeys =>
  new KeyRing({
    keeper,
    random,
    wrap: (plain) => box.seal(plain),
    unwrap: (wrapped) => box.open(wrapped),
    subjectSecret: box.subjectKey(),
  });
