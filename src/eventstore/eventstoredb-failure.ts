import type { CommandError, ErrorType as ErrorTypes } from '@eventstore/db-client';

/**
 * What an error of the client means for us. `later` and `broken` leave open whether an append was stored: the identical
 * append says it. Source of the codes: gRPC status codes and `src/EventStore.Core/Services/Transport/Grpc` of 24.6.
 */
export type Verdict =
  /** `actual` is −1 when the stream does not exist. */
  | { readonly kind: 'conflict'; readonly actual: number }
  | { readonly kind: 'too_large'; readonly bytesMax: number }
  | { readonly kind: 'no_such_stream' }
  /** An answer that another try will not change, such as missing rights. Nothing was stored. */
  | { readonly kind: 'refused'; readonly message: string }
  /** The server answered that it cannot do it now. The connection is fine. */
  | { readonly kind: 'later'; readonly message: string }
  /** Nothing more is to be expected from this client. */
  | { readonly kind: 'broken'; readonly message: string };

/** Ours: the client waits for ever for a server that does not answer. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;
const UNAUTHENTICATED = 16;
const INVALID_ARGUMENT = 3;
const REFUSING_CODES: ReadonlyArray<number> = [
  INVALID_ARGUMENT,
  PERMISSION_DENIED,
  UNIMPLEMENTED,
  UNAUTHENTICATED,
];

/** How a node says that it cannot serve: starting, stopping, without a leader, or with a full queue. */
const NOT_NOW = /Server Is (?:Not Ready|Too Busy|Busy)|No leader info/;

/** A position that is no event's: a defect of ours, which a new client does not mend. */
const NO_POSITION = /InvalidPosition|invalid position/;

/** The client's own text says that the certificate was not accepted; no later try changes that. */
const NOT_TRUSTED = /certificate|CERT_|self.signed|UNABLE_TO_VERIFY|hostname\/IP does not match/i;

const HINTS: ReadonlyArray<readonly [RegExp, string]> = [
  // How OpenSSL says that what answered was no TLS at all.
  [/wrong version number|packet length too long/, 'the server speaks no TLS there, which wants tls=false'],
  [
    /host\s?name\/IP does not match/i,
    "the server's certificate is for another name than the one it is reached by",
  ],
  [NOT_TRUSTED, "the server's certificate is not trusted: tlsCAFile names the CA's"],
  [/UNAUTHENTICATED/, 'CALLBOARD_STORE_USER or CALLBOARD_STORE_PASSWORD is wrong'],
  [/PERMISSION_DENIED|Access Denied/, 'the server wants CALLBOARD_STORE_USER with the right to do this'],
  [/Name resolution failed/, 'the host has no address'],
  [/Last error: Failed to connect/, 'it ends every connection, as a server with TLS does one without'],
];

export const verdictOf = (ErrorType: typeof ErrorTypes, error: unknown): Verdict => {
  const message = describe(error);
  if (!(error instanceof Error)) return { kind: 'broken', message };
  const { type, code } = error as Partial<CommandError> & { readonly code?: number };
  switch (type) {
    case ErrorType.WRONG_EXPECTED_VERSION: {
      const { actualVersion } = error as Extract<
        CommandError,
        { readonly type: ErrorTypes.WRONG_EXPECTED_VERSION }
      >;
      return { kind: 'conflict', actual: typeof actualVersion === 'bigint' ? Number(actualVersion) : -1 };
    }
    case ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED:
      return {
        kind: 'too_large',
        bytesMax: (error as { readonly maxAppendSize?: number }).maxAppendSize ?? 0,
      };
    case ErrorType.STREAM_NOT_FOUND:
      return { kind: 'no_such_stream' };
    case ErrorType.ACCESS_DENIED:
    case ErrorType.STREAM_DELETED:
    case ErrorType.INVALID_ARGUMENT:
    case ErrorType.INVALID_TRANSACTION:
    case ErrorType.UNSUPPORTED:
      return { kind: 'refused', message };
    case ErrorType.NOT_LEADER:
      // The client itself turns to the leader that the answer named.
      return { kind: 'later', message: 'the node is not the leader' };
    default:
  }
  if (code !== undefined && REFUSING_CODES.includes(code)) return { kind: 'refused', message };
  if (NO_POSITION.test(message)) return { kind: 'refused', message };
  if (NOT_NOW.test(message)) return { kind: 'later', message };
  // Of the answers that came over a living call the client keeps no status code.
  if (type !== undefined && code === undefined) return { kind: 'later', message };
  return { kind: 'broken', message };
};

export const isUntrusted = (message: string): boolean => NOT_TRUSTED.test(message);

/** Some errors of the client have no message at all: then their type says what they are. */
export const describe = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const { type } = error as { readonly type?: string };
  return error.message === '' ? (type ?? error.name) : error.message;
};

/** What an operator can do about a start that fails so; the client's own words stay behind it. */
export const explained = (message: string): string => {
  const [, hint] = HINTS.find(([pattern]) => pattern.test(message)) ?? [];
  return hint === undefined ? message : `${hint} (${message.replace(/\.? Resolution note: *$/, '')})`;
};
