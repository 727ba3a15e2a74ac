import { hash } from 'node:crypto';

/** Callboard's own name space for version 5 UUIDs. A storage format: never changed. */
const CALLBOARD_NAMESPACE = '8b3ffb3c-6c0f-5d3e-9d55-3f6f2c7e1a90';

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const NAMESPACE_BYTES = 16;

/** Lower case, with dashes, any version. */
export const isGuid = (text: string): boolean => GUID.test(text);

/**
 * A version 5 UUID: the same namespace and name give the same id on every node and after every crash.
 * Source: RFC 9562, section 5.5.
 */
export const uuidV5 = (namespace: string, name: string): string => {
  const input = Buffer.allocUnsafe(NAMESPACE_BYTES + Buffer.byteLength(name));
  input.write(namespace.replaceAll('-', ''), 0, 'hex');
  input.write(name, NAMESPACE_BYTES, 'utf8');
  const digest = hash('sha1', input, 'buffer');
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x50;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

/** The guid of a change is the id of its event: one per company, source and id, whoever reports it and how often. */
export const changeGuid = (companyId: string, source: string, id: string): string =>
  uuidV5(CALLBOARD_NAMESPACE, JSON.stringify(['change', companyId, source, id]));

/** At most one invocation per webhook and change: scheduling twice hits the same stream. */
export const invocationGuid = (webhook: string, change: string): string => uuidV5(webhook, change);

/** Event id of an InvocationScheduled: two fan-outs of the same change write the same event. */
export const scheduledEventId = (invocation: string): string => uuidV5(invocation, 'scheduled');

export const streamOf = {
  account: (companyId: string): string => `account-${companyId}`,
  client: (clientId: number): string => `client-${clientId}`,
  webhook: (guid: string): string => `webhook-${guid}`,
  resource: (companyId: string, resource: string, identifier: string): string =>
    `${resource}-${companyId}-${identifier}`,
  invocation: (guid: string): string => `invocation-${guid}`,
};

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
];
