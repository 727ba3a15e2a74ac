/** Signs what seals say with the operator's Ed25519 key. */
export interface SealSigner {
  /** Tells the public key that fits. */
  readonly keyId: string;
  /** The signature in Base64. The same text is always signed alike. */
  sign(statement: string): string;
}
