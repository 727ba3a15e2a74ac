import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Either } from 'fp-ts/lib/Either.js';
import { type CustomerKey, keyIdOf, partsOfKeyId, type Person } from '../domain/customer-key.ts';
import { Lru } from '../domain/lru.ts';
import type { CustomerKeys, KeysUnavailable } from '../ports/customer-keys.ts';
import type { Random } from '../ports/random.ts';
import { type KeySecret, markOf, openBox, sealBox, SECRET_BYTES, secretFrom } from './key-secrets.ts';

/** A customer's newest key. */
export interface NewestKey {
  readonly generation: number;
  readonly isForgotten: boolean;
}

/** Where wrapped keys lie. What it was told to make or forget is on disk when that resolves. */
export interface KeyKeeper {
  newest(subject: string): NewestKey | undefined;
  /** Undefined: forgotten, or never made. */
  wrapped(subject: string, generation: number): string | undefined;
  /** Whether there is, or was, such a key. */
  knows(subject: string, generation: number): boolean;
  /** Where the subject has a key in use the wrapped one given here is not taken. */
  make(
    keys: ReadonlyArray<{ readonly subject: string; readonly wrapped: string }>,
  ): Promise<Either<KeysUnavailable, void>>;
  forget(subject: string, generation: number): Promise<Either<KeysUnavailable, void>>;
  close(): Promise<void>;
}

export interface KeyRingOptions {
  readonly keeper: KeyKeeper;
  readonly random: Pick<Random, 'bytes'>;
  /** Under the operator's master secret; `unwrap` throws for what was not wrapped under it. */
  readonly wrap: (plain: string) => string;
  readonly unwrap: (wrapped: string) => string;
  /** From the master secret: without it nobody finds out which subject a customer is. */
  readonly subjectSecret: Uint8Array;
}

const SECRETS_MAX = 20_000;
const SUBJECT_DIGITS = 32;

/** Keys of customers, the ones used last in memory. */
export class KeyRing implements CustomerKeys {
  readonly #options: KeyRingOptions;
  readonly #subjects: KeyObject;
  readonly #secrets = new Lru<string, KeySecret>(SECRETS_MAX);
  readonly #current = new Lru<string, CustomerKey>(SECRETS_MAX);
  /** Forgotten by this process: they count as gone before the disk knows it. */
  readonly #forgotten = new Set<string>();
  /** Not at hand: not looked for again. */
  readonly #missing = new Lru<string, true>(SECRETS_MAX);

  constructor(options: KeyRingOptions) {
    this.#options = options;
    this.#subjects = createSecretKey(options.subjectSecret);
  }

  subjectOf(companyId: string, { by, value }: Person): string {
    return createHmac('sha256', this.#subjects)
      .update(JSON.stringify([companyId, by, value]))
      .digest('hex')
      .slice(0, SUBJECT_DIGITS);
  }

  current(subject: string): CustomerKey | undefined {
    const known = this.#current.get(subject);
    if (known !== undefined) return known;
    const newest = this.#options.keeper.newest(subject);
    if (newest === undefined || newest.isForgotten) return undefined;
    const id = keyIdOf(subject, newest.generation);
    // Being forgotten at this moment.
    if (this.#forgotten.has(id)) return undefined;
    const key = this.keyOf(id);
    this.#current.set(subject, key);
    return key;
  }

  newest(subject: string): string | undefined {
    const newest = this.#options.keeper.newest(subject);
    return newest === undefined ? undefined : keyIdOf(subject, newest.generation);
  }

  keyOf(id: string): CustomerKey {
    return new RingKey(
      id,
      (wanted) => this.#secretOf(wanted),
      (wanted) => this.#isForgotten(wanted),
    );
  }

  async make(subjects: Iterable<string>): Promise<Either<KeysUnavailable, void>> {
    const { keeper, random, wrap } = this.#options;
    return keeper.make(
      [...new Set(subjects)].map((subject) => ({
        subject,
        wrapped: wrap(Buffer.from(random.bytes(SECRET_BYTES)).toString('base64url')),
      })),
    );
  }

  async forget(id: string): Promise<Either<KeysUnavailable, void>> {
    const { subject, generation } = partsOfKeyId(id);
    this.#forgotten.add(id);
    this.#secrets.delete(id);
    this.#current.delete(subject);
    return this.#options.keeper.forget(subject, generation);
  }

  close(): Promise<void> {
    return this.#options.keeper.close();
  }

  /** Not so for a key that is missing: whoever lost a file of keys has not erased anybody. */
  #isForgotten(id: string): boolean {
    if (this.#secretOf(id) !== undefined) return false;
    const { subject, generation } = partsOfKeyId(id);
    return this.#forgotten.has(id) || this.#options.keeper.knows(subject, generation);
  }

  #secretOf(id: string): KeySecret | undefined {
    const known = this.#secrets.get(id);
    if (known !== undefined) return known;
    if (this.#forgotten.has(id) || this.#missing.get(id) === true) return undefined;
    const { subject, generation } = partsOfKeyId(id);
    const wrapped = this.#options.keeper.wrapped(subject, generation);
    if (wrapped === undefined) {
      this.#missing.set(id, true);
      return undefined;
    }
    const secret = secretFrom(Buffer.from(this.#options.unwrap(wrapped), 'base64url'));
    this.#secrets.set(id, secret);
    return secret;
  }
}

/** Asks the ring every time: so all that hold it see at once that it is forgotten. */
class RingKey implements CustomerKey {
  readonly id: string;
  readonly #secretOf: (id: string) => KeySecret | undefined;
  readonly #isForgotten: (id: string) => boolean;

  constructor(
    id: string,
    secretOf: (id: string) => KeySecret | undefined,
    isForgotten: (id: string) => boolean,
  ) {
    this.id = id;
    this.#secretOf = secretOf;
    this.#isForgotten = isForgotten;
  }

  get subject(): string {
    return partsOfKeyId(this.id).subject;
  }

  get isForgotten(): boolean {
    return this.#isForgotten(this.id);
  }

  seal(place: string, plain: string): string | undefined {
    const secret = this.#secretOf(this.id);
    return secret && sealBox(secret, place, plain);
  }

  open(place: string, box: string): string | undefined {
    const secret = this.#secretOf(this.id);
    return secret && openBox(secret, place, box);
  }

  mark(text: string): string | undefined {
    const secret = this.#secretOf(this.id);
    return secret && markOf(secret, text);
  }

  toJSON(): string {
    return this.id;
  }
}
