/** Everything unpredictable: identifiers, nonces, keys. Seeded in simulations. */
export interface Random {
  /** A version 4 UUID in lower case. */
  uuid(): string;
  /** Cryptographically strong bytes. */
  bytes(length: number): Uint8Array;
}
