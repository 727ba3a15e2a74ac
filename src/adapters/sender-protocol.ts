import type { SendOutcome, SendRequest } from '../ports/http-sender.ts';

/** What the engine and the thread that sends tell each other. */

export interface SenderThreadOptions {
  /** As the operator wrote it, and known to be valid. */
  readonly allowTargets: string;
  /** Of a `SharedLease`: nothing is sent once it is over. */
  readonly lease?: SharedArrayBuffer;
}

export type ToSender =
  | { readonly kind: 'send'; readonly packed: Packed }
  /** Everything sent so far with this signal is cut off; its outcomes still come. */
  | { readonly kind: 'interrupt'; readonly signal: number }
  /** What is running is cut off and its outcomes still come. */
  | { readonly kind: 'close' };

export type FromSender = { readonly kind: 'outcomes'; readonly packed: Packed } | { readonly kind: 'closed' };

/** Requests or outcomes as one flat list: cloning it between threads costs half of cloning the objects. */
export type Packed = ReadonlyArray<string | number | null>;

/** `id` is the caller's, and comes back with the outcome. */
export interface NumberedRequest {
  readonly id: number;
  readonly signal: number;
  /** Of the lease, when the request was handed over. */
  readonly term: number;
  readonly request: SendRequest;
}

export const packRequest = (into: (string | number | null)[], numbered: NumberedRequest): void => {
  const { id, signal, term, request } = numbered;
  const { url, headers, body, secrets, timeoutMs } = request;
  const names = Object.keys(headers);
  into.push(id, signal, term, url, timeoutMs, body, names.length);
  for (const name of names) into.push(name, headers[name] ?? '');
  into.push(secrets.length, ...secrets);
};

export const unpackRequests = (packed: Packed, each: (numbered: NumberedRequest) => void): void => {
  const { number, text, more } = reader(packed);
  while (more()) {
    const id = number();
    const signal = number();
    const term = number();
    const url = text();
    const timeoutMs = number();
    const body = text();
    const headers: Record<string, string> = {};
    for (let left = number(); left > 0; left -= 1) {
      const name = text();
      headers[name] = text();
    }
    const secrets: string[] = [];
    for (let left = number(); left > 0; left -= 1) secrets.push(text());
    each({ id, signal, term, request: { url, headers, body, secrets, timeoutMs } });
  }
};

export const packOutcome = (into: (string | number | null)[], id: number, outcome: SendOutcome): void => {
  into.push(id, outcome.kind, outcome.address);
  switch (outcome.kind) {
    case 'answered':
      into.push(outcome.statusCode, outcome.retryAfter, outcome.responseExcerpt);
      break;
    case 'not_answered':
      into.push(outcome.error);
      break;
    case 'interrupted':
      break;
  }
};

export const unpackOutcomes = (packed: Packed, each: (id: number, outcome: SendOutcome) => void): void => {
  const { number, text, textOrNull, more } = reader(packed);
  while (more()) {
    const id = number();
    const kind = text() as SendOutcome['kind'];
    const address = textOrNull();
    switch (kind) {
      case 'answered':
        each(id, {
          kind,
          statusCode: number(),
          retryAfter: textOrNull(),
          responseExcerpt: textOrNull(),
          address,
        });
        break;
      case 'not_answered':
        each(id, { kind, error: text(), address });
        break;
      case 'interrupted':
        each(id, { kind, address });
    }
  }
};

const reader = (packed: Packed) => {
  let at = 0;
  return {
    more: (): boolean => at < packed.length,
    number: (): number => packed[at++] as number,
    text: (): string => packed[at++] as string,
    textOrNull: (): string | null => packed[at++] as string | null,
  };
};
