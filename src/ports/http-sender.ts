/** One POST: the sender adds its signature, and what HTTP itself needs (host, content-length, connection). */
export interface SendRequest {
  readonly url: string;
  /** Lower-case or canonical names; every name at most once. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** In clear, `whsec_…`: with each it is signed as in Standard Webhooks 1.0; where there is none it goes out as it is. */
  readonly secrets: ReadonlyArray<string>;
  /** One deadline over the whole attempt: name resolution, connect, TLS, request and answer. Milliseconds. */
  readonly timeoutMs: number;
}

/** How an attempt ended. A receiver's refusal is an outcome, not an error: this type has no failing side. */
export type SendOutcome =
  | {
      readonly kind: 'answered';
      readonly statusCode: number;
      /** The raw Retry-After header, if there was one. */
      readonly retryAfter: string | null;
      /** The first part of the answer's body as text, at most 16 KiB; null when it was empty. */
      readonly responseExcerpt: string | null;
      /** IP address dialled. */
      readonly address: string | null;
    }
  | {
      readonly kind: 'not_answered';
      /** What happened in words for the log of the partner, e.g. "connection refused", "timed out after 15000 ms". */
      readonly error: string;
      readonly address: string | null;
    }
  /** Cut off by `abort()` at shutdown: nobody knows whether the receiver saw it. */
  | { readonly kind: 'interrupted'; readonly address: string | null };

export interface HttpSender {
  /** Never rejects. `signal` interrupts a request at shutdown. */
  send(request: SendRequest, signal: AbortSignal): Promise<SendOutcome>;
  close(): Promise<void>;
}
