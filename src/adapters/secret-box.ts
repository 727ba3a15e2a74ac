import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync } from 'node:crypto';
import { formatSecret } from '../domain/signature.ts';
import type { Random } from '../ports/random.ts';

/**
 * Encrypts what is kept at rest, under keys derived from the operator's master secret. A sealed text reads
 * `v1.<key id>.<base64url of IV, tag and ciphertext>`; it is a storage format.
 */
export interface SecretBox {
  /** Names the key in every seal; tells nothing of it. */
  readonly keyId: string;
  seal(plain: string): string;
  /** Throws `SecretBoxError` for what this box did not seal. */
  open(sealed: string): string;
  /** For signing access tokens (HMAC), 32 bytes. */
  tokenKey(): Uint8Array;
  /** For naming customers (HMAC), 32 bytes. */
  subjectKey(): Uint8Array;
}

/** `OtherMasterSecret`: sealed under another master secret. `SealBroken`: damaged, tampered with, or not a seal at all. */
export class SecretBoxError extends Error {
  readonly _tag: 'OtherMasterSecret' | 'SealBroken';

  constructor(tag: SecretBoxError['_tag'], message: string) {
    super(message);
    this.name = 'SecretBoxError';
    this._tag = tag;
  }
}

const VERSION = 'v1';
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
const IV_BYTES = 12;
const TAG_BYTES = 16;

export const openSecretBox = (masterSecret: string, random: Random): SecretBox => {
  if (masterSecret === '') throw new RangeError('the master secret is empty');
  const derive = (purpose: string, length: number): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', masterSecret, '', `callboard ${purpose}`, length));
  const key = createSecretKey(derive('seal v1', KEY_BYTES));
  const keyId = Buffer.from(derive('seal v1 key id', KEY_ID_BYTES)).toString('hex');
  const tokenKey = derive('token v1', KEY_BYTES);
  const prefix = `${VERSION}.${keyId}.`;

  return {
    keyId,

    seal(plain) {
      const iv = random.bytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(prefix));
      const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return prefix + Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url');
    },

    open(sealed) {
      const [version, sealedKeyId, text = '', ...rest] = sealed.split('.');
      const bytes = Buffer.from(text, 'base64url');
      // Base64 has several spellings of the same bytes; only ours is accepted.
      const canonical = bytes.toString('base64url') === text;
      if (version !== VERSION || rest.length > 0 || !canonical || bytes.length < IV_BYTES + TAG_BYTES)
        throw broken();
      if (sealedKeyId !== keyId) {
        const message = `sealed under key ${printableKeyId(sealedKeyId)}, not ${keyId}: was the master secret replaced?`;
        throw new SecretBoxError('OtherMasterSecret', message);
      }
      const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, IV_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(prefix));
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      try {
        const plain = decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES));
        return Buffer.concat([plain, decipher.final()]).toString('utf8');
      } catch {
        throw broken();
      }
    },

    tokenKey: () => tokenKey.slice(),

    subjectKey: () => derive('customer subject v1', KEY_BYTES),
  };
};

const broken = (): SecretBoxError =>
  new SecretBoxError('SealBroken', 'a sealed secret is damaged or was tampered with');

const printableKeyId = (keyId: string | undefined): string =>
  (keyId ?? '').replace(/[^0-9a-f]/g, '?').slice(0, 16);

const WEBHOOK_SECRET_BYTES = 24;

/** A fresh signing secret in the form that partners see (`whsec_…`), 24 random bytes. */
export const newWebhookSecret = (random: Random): string => formatSecret(random.bytes(WEBHOOK_SECRET_BYTES));

const NONCE_LENGTH = 20;
const NONCE_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Bytes from here on are thrown away, so that no letter is likelier than another. */
const NONCE_BYTE_END = 256 - (256 % NONCE_ALPHABET.length);

/** A webhook's identifier for its receiver: 20 letters and digits, about 119 bits. */
export const newNonce = (random: Random): string => {
  let nonce = '';
  while (nonce.length < NONCE_LENGTH) {
    for (const byte of random.bytes(NONCE_LENGTH)) {
      if (byte < NONCE_BYTE_END && nonce.length < NONCE_LENGTH)
        nonce += NONCE_ALPHABET.charAt(byte % NONCE_ALPHABET.length);
    }
  }
  return nonce;
};
