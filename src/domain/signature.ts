import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { Lru } from './lru.ts';

/** A signing key as the crypto library wants it; preparing it once is six times cheaper than once per message. */
export type SigningKey = KeyObject;

const SECRET_PREFIX = 'whsec_';

/** As the partner sees it: `whsec_` and the key in Base64. */
export const formatSecret = (key: Uint8Array): string =>
  `${SECRET_PREFIX}${Buffer.from(key).toString('base64')}`;

export const signingKey = (secret: string): SigningKey =>
  createSecretKey(Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64'));

type Headers = Readonly<Record<string, string>>;

interface Unsigned {
  readonly headers: Headers;
  readonly body: string;
  readonly secrets: ReadonlyArray<string>;
}

/** Signs as in Standard Webhooks 1.0. Keeps secrets and the keys prepared from them, in memory only. */
export class Signer {
  readonly #keys = new Lru<string, SigningKey>(KEYS_MAX);

  /** The headers with the signature, where there are secrets. */
  signed({ headers, body, secrets }: Unsigned): Headers {
    return secrets.length === 0
      ? headers
      : { ...headers, [SIGNATURE_HEADER]: this.signature(secrets, headers, body) };
  }

  /**
   * The `webhook-signature` header: one `v1` signature for each secret, separated by spaces. HMAC-SHA256 over
   * `id.timestamp.body`, with id and timestamp as they stand in the headers.
   */
  signature(secrets: ReadonlyArray<string>, headers: Headers, body: string): string {
    const content = `${headers['webhook-id'] ?? ''}.${headers['webhook-timestamp'] ?? ''}.${body}`;
    return secrets
      .map((secret) => `v1,${createHmac('sha256', this.#key(secret)).update(content).digest('base64')}`)
      .join(' ');
  }

  #key(secret: string): SigningKey {
    const known = this.#keys.get(secret);
    if (known !== undefined) return known;
    const key = signingKey(secret);
    this.#keys.set(secret, key);
    return key;
  }
}

const KEYS_MAX = 20_000;

/** Where the signature of a request stands. */
export const SIGNATURE_HEADER = 'webhook-signature';
