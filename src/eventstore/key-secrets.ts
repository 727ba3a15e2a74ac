import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';

/** What one customer's key does. Formats of what stands in the log: never changed. */
export interface KeySecret {
  readonly encrypts: KeyObject;
  readonly marks: KeyObject;
}

export const SECRET_BYTES = 32;
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MARK_BYTES = 16;

export const secretFrom = (bytes: Uint8Array): KeySecret => {
  const derived = (purpose: string): KeyObject =>
    createSecretKey(
      new Uint8Array(hkdfSync('sha256', bytes, '', `callboard customer ${purpose} v1`, SECRET_BYTES)),
    );
  return { encrypts: derived('box'), marks: derived('mark') };
};

/**
 * AES-256-GCM, base64url of nonce, tag and ciphertext. The nonce is an HMAC over place and text: two nodes that write the same event
 * write the same bytes, and equal nonces mean equal texts.
 */
export const sealBox = ({ encrypts, marks }: KeySecret, place: string, plain: string): string => {
  const nonce = createHmac('sha256', marks)
    .update(`box\n${place}\n${plain}`)
    .digest()
    .subarray(0, NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, encrypts, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(place));
  const text = cipher.update(plain, 'utf8');
  cipher.final();
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
};

/** Undefined: nothing that this key sealed at this place. */
export const openBox = ({ encrypts }: KeySecret, place: string, box: string): string | undefined => {
  const bytes = Buffer.from(box, 'base64url');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, encrypts, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(place));
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  try {
    const text = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
};

export const markOf = ({ marks }: KeySecret, text: string): string =>
  createHmac('sha256', marks).update(`mark\n${text}`).digest().subarray(0, MARK_BYTES).toString('hex');
