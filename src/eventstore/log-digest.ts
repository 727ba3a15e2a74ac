import { hash } from 'node:crypto';

/**
 * One number for a whole log up to a place: the digest before an event, and the event's hash. Whoever has the same log finds the
 * same; unlike the chains of the streams it also tells the order of all events. A storage format: never changed.
 */
export const EMPTY_DIGEST = hash('sha256', 'callboard log');

/** `eventHash`: 64 hex digits, what the event's metadata ends with. */
export const nextDigest = (digest: string, eventHash: string): string =>
  hash('sha256', `${digest}\n${eventHash}`);
