import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** What the demo's receivers do, and what they write down. They know the public contract and nothing of the engine. */

export const RECEIVERS = ['good', 'flaky', 'slow'] as const;
export type ReceiverName = (typeof RECEIVERS)[number];

export const CHARACTER: Readonly<Record<ReceiverName, string>> = {
  good: 'answers at once',
  flaky: 'fails every third delivery at first: 500, 503, hangs up',
  slow: 'takes 1 to 1.8 seconds for each answer',
};

/** How a request ended at the receiver. `gone`: whoever sent it went away before the answer. */
export type Ending =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfterSeconds: number | null }
  | { readonly kind: 'cut' }
  | { readonly kind: 'gone' };

/** One request as the receiver saw it. Times are milliseconds since the epoch, from a clock that is never set back. */
export interface SeenRequest {
  readonly serial: number;
  readonly receiver: ReceiverName;
  /** The path without its slash: the name of the subscription. */
  readonly hook: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly bodyHash: string;
  readonly arrivedMs: number;
  /** What is not as the contract says (signature, nonce, dedupe key); null when all is. */
  readonly complaint: string | null;
}

export interface EndedRequest extends SeenRequest {
  readonly ending: Ending;
  readonly endedMs: number;
}

export const idOf = ({ headers }: SeenRequest): string => headers['webhook-id'] ?? '';

export const isAccepted = ({ ending }: EndedRequest): boolean =>
  ending.kind === 'answered' && ending.status >= 200 && ending.status <= 299;

/** What a receiver needs to know of a webhook to tell that a request is genuine. */
export interface Keys {
  readonly hook: string;
  readonly secret: string;
  /** Null: a webhook of the Moshtix dialect, which has none. */
  readonly nonce: string | null;
}

export type FromReceivers =
  | { readonly kind: 'listening'; readonly ports: Readonly<Record<ReceiverName, number>> }
  | { readonly kind: 'arrived'; readonly request: SeenRequest }
  | { readonly kind: 'ended'; readonly serial: number; readonly ending: Ending; readonly endedMs: number };

export type ToReceivers = { readonly kind: 'keys'; readonly keys: Keys };

export type Plan =
  | {
      readonly do: 'answer';
      readonly status: number;
      readonly retryAfterSeconds: number | null;
      readonly afterMs: number;
    }
  | { readonly do: 'cut' };

const answer = (status: number, afterMs = 0, retryAfterSeconds: number | null = null): Plan => ({
  do: 'answer',
  status,
  retryAfterSeconds,
  afterMs,
});

const FAILURES: ReadonlyArray<ReadonlyArray<Plan>> = [
  [answer(500)],
  [answer(503, 0, 1)],
  [{ do: 'cut' }],
  [answer(500), { do: 'cut' }],
];

/** What to do with the n-th request (from 1) for the same thing. `topic` names it, so that every evening is alike. */
export const planFor = (receiver: ReceiverName, topic: string, nth: number): Plan => {
  const roll = createHash('sha256').update(topic).digest().readUInt16BE(0);
  switch (receiver) {
    case 'good':
      return answer(204);
    case 'slow':
      return answer(200, 1_000 + (roll % 800));
    case 'flaky':
      return FAILURES[roll % (3 * FAILURES.length)]?.[nth - 1] ?? answer(200);
  }
};

/** How old a signed request may be. Source: Standard Webhooks 1.0. */
const TOLERANCE_SECONDS = 300;

/** Null when the request is genuine, else what is wrong with it. */
export const complaintAbout = (
  keys: Keys | undefined,
  headers: Readonly<Record<string, string>>,
  body: string,
  nowMs: number,
): string | null => {
  if (keys === undefined) return 'no webhook was made for this path';
  const {
    'webhook-id': id = '',
    'webhook-timestamp': timestamp = '',
    'webhook-signature': signature = '',
  } = headers;
  if (!/^\d+$/.test(timestamp)) return 'webhook-timestamp is not a number of seconds';
  if (Math.abs(nowMs / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) return 'webhook-timestamp is too old';
  const key = Buffer.from(keys.secret.replace('whsec_', ''), 'base64');
  const expected = Buffer.from(
    createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64'),
  );
  const signed = signature.split(' ').some((part) => {
    const given = Buffer.from(part.replace('v1,', ''));
    return part.startsWith('v1,') && given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!signed) return 'webhook-signature does not match';
  if (keys.nonce === null) return null;
  if (headers['openticket-identifier'] !== keys.nonce) return 'OpenTicket-Identifier is not the nonce';
  if (headers['openticket-dedupe-key'] !== id.replaceAll('-', ''))
    return 'OpenTicket-Dedupe-Key is not the id';
  return null;
};
