import { hash } from 'node:crypto';
import { isResource } from './resources.ts';

/** Callboard's own name space for version 5 UUIDs. A storage format: never changed. */
const CALLBOARD_NAMESPACE = '8b3ffb3c-6c0f-5d3e-9d55-3f6f2c7e1a90';

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const GUID_BYTES = 16;
const UTF8_BYTES_PER_UNIT_MAX = 3;

/** Lower case, with dashes, any version. */
export const isGuid = (text: string): boolean => GUID.test(text);

/**
 * A version 5 UUID: the same namespace and name give the same id on every node and after every crash.
 * Source: RFC 9562, section 5.5.
 */
export const uuidV5 = (namespace: string, name: string): string => {
  const bytesMax = GUID_BYTES + name.length * UTF8_BYTES_PER_UNIT_MAX;
  const input = bytesMax <= scratch.length ? scratch : Buffer.allocUnsafe(bytesMax);
  writeGuid(namespace, input);
  const end = GUID_BYTES + input.write(name, GUID_BYTES, 'utf8');
  const hex = hash('sha1', input.subarray(0, end));
  const variant = VARIANT_DIGITS.charAt(DIGIT_VALUES[hex.charCodeAt(16)] ?? 0);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

/** For what is hashed and forgotten at once: memory for each costs as much as hashing a short one. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** Undefined when it is no guid in lower case with dashes. */
export const guidBytesIn = (text: string): Uint8Array | undefined => {
  if (text.length !== GUID_LENGTH) return undefined;
  for (const at of GUID_DASHES) if (text.charCodeAt(at) !== DASH) return undefined;
  const bytes = new Uint8Array(GUID_BYTES);
  return writeGuid(text, bytes) ? bytes : undefined;
};

const GUID_LENGTH = 36;
const GUID_DASHES = [8, 13, 18, 23] as const;

/** By character code; several times cheaper than taking the dashes out and having the rest decoded. */
const DIGIT_VALUES = new Uint8Array(128).fill(255);
for (let digit = 0; digit < 16; digit += 1) DIGIT_VALUES[digit.toString(16).charCodeAt(0)] = digit;

/** The hex digit for each one that stands there: the upper two bits become 10. */
const VARIANT_DIGITS = '89ab'.repeat(4);
const DASH = '-'.charCodeAt(0);

/** False: it is no guid. */
const writeGuid = (guid: string, into: Uint8Array): boolean => {
  let byte = 0;
  let digits = 0;
  for (let at = 0; at < guid.length; at += 2) {
    if (guid.charCodeAt(at) === DASH) at += 1;
    const high = DIGIT_VALUES[guid.charCodeAt(at)] ?? 255;
    const low = DIGIT_VALUES[guid.charCodeAt(at + 1)] ?? 255;
    digits |= high | low;
    into[byte] = (high << 4) | low;
    byte += 1;
  }
  return byte === GUID_BYTES && digits < 16;
};

/** The guid of a change is the id of its event: one per company, source and id, whoever reports it and how often. */
export const changeGuid = (companyId: string, source: string, id: string): string =>
  uuidV5(CALLBOARD_NAMESPACE, JSON.stringify(['change', companyId, source, id]));

/** At most one invocation per webhook and change: scheduling twice hits the same stream. */
export const invocationGuid = (webhook: string, change: string): string => uuidV5(webhook, change);

/**
 * Event id of an InvocationScheduled: two fan-outs of the same change that write the same bytes write the same event. Nodes
 * that are configured otherwise, or of another version, may write others: those must not be taken for it, as whoever
 * goes on from there builds on the hash of what is stored. `content` is the event as text.
 */
export const scheduledEventId = (invocation: string, content: string): string =>
  contentEventId(invocation, 'scheduled', content);

/** Event id of the cancellation of an invocation whose body is too large: decided with its scheduling, as often. */
export const tooLargeEventId = (invocation: string, content: string): string =>
  contentEventId(invocation, 'too large', content);

/** Which job it is: whoever asks for the same while it is not over means this one. `generation` counts those before it. */
export const jobScopeKey = (scope: ReadonlyArray<string | number | null>): string =>
  uuidV5(CALLBOARD_NAMESPACE, JSON.stringify(['job', ...scope]));
export const jobGuid = (scopeKey: string, generation: number): string => uuidV5(scopeKey, String(generation));

/** Event id of the RetryRequested that a job leads to: one for each invocation, however often the job comes to it. */
export const jobRetryEventId = (job: string, invocation: string): string => uuidV5(job, invocation);

/** An erasure is known by the key that it forgets: asked for again it is the same. `key`: null where there was none. */
export const erasureGuid = (companyId: string, subject: string, key: string | null): string =>
  uuidV5(CALLBOARD_NAMESPACE, JSON.stringify(['erasure', companyId, subject, key]));

/** Event id of the cancellation of an invocation whose customer was erased before it was scheduled. */
export const erasedEventId = (invocation: string, content: string): string =>
  contentEventId(invocation, 'erased', content);

const contentEventId = (invocation: string, what: string, content: string): string =>
  uuidV5(invocation, `${what} ${content}`);

export const streamOf = {
  account: (companyId: string): string => `account-${companyId}`,
  client: (clientId: number): string => `client-${clientId}`,
  webhook: (guid: string): string => `webhook-${guid}`,
  resource: (companyId: string, resource: string, identifier: string): string =>
    `${resource}-${companyId}-${identifier}`,
  invocation: (guid: string): string => `invocation-${guid}`,
  job: (guid: string): string => `job-${guid}`,
  erasure: (companyId: string, subject: string): string => `erasure-${companyId}-${subject}`,
  /** The next two are between nodes: no projection reads them, and they hold nothing that the others do not. */
  claim: (change: string): string => `claim-${change}`,
  cluster: 'callboard-cluster',
  /** What the history held from time to time: no projection reads it, but it is moved and checked with the rest. */
  seals: 'callboard-seals',
};

/** Whether its events are changes: the stream of a resource, of those that are ours. */
export const isResourceStream = (stream: string): boolean => isResource(stream.slice(0, stream.indexOf('-')));

/** The prefixes of all streams that are ours; whatever else a shared store holds is not read. */
export const STREAM_PREFIXES: ReadonlyArray<string> = [
  'account-',
  'client-',
  'webhook-',
  'event-',
  'ticket-',
  'product-',
  'shop-',
  'scanner-',
  'order-',
  'invocation-',
  'job-',
  'erasure-',
];

/** The same with the seals: what is moved, and what is checked as a whole. */
export const HISTORY_PREFIXES: ReadonlyArray<string> = [...STREAM_PREFIXES, streamOf.seals];
