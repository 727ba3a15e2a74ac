/** A failure as the partner's log shows it, and the address that was dialled when the error knows it. */
export interface Failure {
  readonly words: string;
  readonly address: string | null;
}

/** By code, or by name where there is none: of the system, the resolver, the TLS library and the HTTP client. Never their messages: those quote too much. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by the receiver',
  EPIPE: 'connection reset by the receiver',
  UND_ERR_SOCKET: 'connection closed by the receiver before it answered',
  ETIMEDOUT: 'connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  EADDRNOTAVAIL: 'network unreachable',
  ENOTFOUND: 'host name not found',
  ENODATA: 'host name has no address',
  EAI_AGAIN: 'host name could not be resolved: no answer from DNS',
  ETIMEOUT: 'host name could not be resolved: no answer from DNS',
  ESERVFAIL: 'host name could not be resolved: its DNS server failed',
  EREFUSED: 'host name could not be resolved: its DNS server refused',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer is not valid HTTP',
  HTTPParserError: 'the answer is not valid HTTP',
  UND_ERR_HEADERS_OVERFLOW: 'headers of the answer are too large',
  EPROTO: 'TLS handshake failed',
  CERT_HAS_EXPIRED: 'TLS certificate has expired',
  CERT_NOT_YET_VALID: 'TLS certificate is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS certificate is self-signed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS certificate is for another host name',
  HOSTNAME_MISMATCH: 'TLS certificate is for another host name',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'TLS certificate cannot be verified: its chain is incomplete',
  UNABLE_TO_GET_ISSUER_CERT: 'TLS certificate cannot be verified: its chain is incomplete',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'TLS certificate cannot be verified: its chain is incomplete',
};

const PREFIXES: ReadonlyArray<readonly [string, string]> = [
  ['ERR_SSL_', 'TLS handshake failed'],
  ['ERR_TLS_', 'TLS handshake failed'],
];

/** Errors that are ours, or that say no more than which header or path is wrong: their own message is fit to print. */
const OWN_MESSAGE: ReadonlySet<string> = new Set(['CALLBOARD_ADDRESS_REFUSED', 'UND_ERR_INVALID_ARG']);

/** The client has one code for all that ends a connection; these two of its messages mean something else. */
const UNASKED_INTERIM: ReadonlySet<string> = new Set(['bad response', 'bad upgrade']);

export const failureInWords = (error: unknown): Failure => {
  const cause: unknown = error instanceof AggregateError ? (error.errors[0] ?? error) : error;
  if (!(cause instanceof Error)) return { words: 'request failed', address: null };
  const code = textProperty(cause, 'code') ?? cause.name;
  if (code === 'UND_ERR_SOCKET' && UNASKED_INTERIM.has(cause.message)) {
    return { words: 'an interim answer (100 or 101) that was not asked for', address: null };
  }
  const known = WORDS[code] ?? PREFIXES.find(([prefix]) => code.startsWith(prefix))?.[1];
  const words = OWN_MESSAGE.has(code) ? cause.message : (known ?? `request failed (${code})`);
  return { words, address: textProperty(cause, 'address') };
};

const textProperty = (error: Error, name: 'code' | 'address'): string | null => {
  const value: unknown = name in error ? (error as Error & Record<typeof name, unknown>)[name] : null;
  return typeof value === 'string' ? value : null;
};
