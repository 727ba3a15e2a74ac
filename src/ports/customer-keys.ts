import type { Either } from 'fp-ts/lib/Either.js';
import type { CustomerKey, Person } from '../domain/customer-key.ts';

/** The keys could not be written: nothing that needs them is. The caller may try again later. */
export interface KeysUnavailable {
  readonly _tag: 'StoreUnavailable';
  readonly message: string;
}

/** Keeps a key for every customer, and forgets it for good. Looking one up waits for nothing. */
export interface CustomerKeys {
  /** The same for the same person of the same company, and for nobody else. */
  subjectOf(companyId: string, person: Person): string;
  /** What is encrypted for this customer now; undefined: there is no key, or it is forgotten. */
  current(subject: string): CustomerKey | undefined;
  /** Id of the newest key that the customer has or had. */
  newest(subject: string): string | undefined;
  /** A key that is not known here counts as forgotten. */
  keyOf(id: string): CustomerKey;
  /** Afterwards each of them has a current key, which is on disk. */
  make(subjects: Iterable<string>): Promise<Either<KeysUnavailable, void>>;
  /** At once for whoever asks; on disk, and its bytes overwritten, when this resolves. Again changes nothing. */
  forget(id: string): Promise<Either<KeysUnavailable, void>>;
  close(): Promise<void>;
}
