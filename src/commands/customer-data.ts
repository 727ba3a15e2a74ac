import { hash } from 'node:crypto';
import { type CustomerKey, isKeyId, type Person } from '../domain/customer-key.ts';
import { customerIn, customerNumberIn } from '../domain/customer.ts';
import { canonicalJson } from '../domain/json.ts';
import { masked } from '../domain/personal-fields.ts';
import type { ResourceChange, ResourceState } from '../domain/resource-change.ts';
import { isPersonal, withoutPersonal } from '../eventstore/personal.ts';
import type { CustomerKeys } from '../ports/customer-keys.ts';
import type { ReportedChange } from './reported-change.ts';

/**
 * Whose key what a change holds stands under; undefined: nobody's. The customer that the report names, else the one that the order
 * has, or had: all that is told of an order goes with its customer. Without one, personal data in orders and scans goes with the order or the
 * scanner. What an event, ticket type, product or shop says of itself is no customer's.
 */
export const customerSubject = (
  keys: Pick<CustomerKeys, 'subjectOf'>,
  event: ResourceChange,
  before: ResourceState,
): string | undefined => {
  const { companyId, resource, identifier, data, order } = event;
  const named = customerIn(data, resource);
  const last = before.situation === 'known' ? before.lastChange : undefined;
  const known = last?.customer?.subject;
  if (named !== undefined && (known === undefined || !isNumberOf(named, last))) {
    return keys.subjectOf(companyId, named);
  }
  if (known !== undefined) return known;
  // Reported before keys were kept.
  const kept = order && customerIn(order.after.fields, resource);
  if (kept !== undefined) return keys.subjectOf(companyId, kept);
  if ((resource !== 'order' && resource !== 'scanner') || !isPersonal(event)) return undefined;
  const own: Person = { by: resource, value: identifier };
  return keys.subjectOf(companyId, own);
};

/** The customer of before, named by a number alone. */
const isNumberOf = (named: Person, last: ResourceChange | undefined): boolean =>
  named.by === 'id' &&
  [last?.order?.after.fields, last?.data].some(
    (data) => data !== undefined && customerNumberIn(data) === named.value,
  );

/** What is known of a resource once its customer was erased, whatever this process still has of it in memory. */
export const withErasures = (state: ResourceState): ResourceState =>
  state.situation === 'known' && state.lastChange.customer?.isForgotten === true
    ? { ...state, lastChange: withoutPersonal(state.lastChange) }
    : state;

// The same report repeated is told from another one under the same id by its fingerprint.

const content = ({ changeType, identifier, companyId, occurredAtMs }: ReportedChange, data: unknown) =>
  canonicalJson([changeType, identifier, companyId, occurredAtMs, data as ReportedChange['data']]);

/** Equal for reports with the same type, subject, company, time and data, however their JSON was written. */
export const plainFingerprint = (change: ReportedChange): string =>
  hash('sha256', content(change, change.data));

/**
 * Of a report with personal data: `<hash of the masked content>.<id of the key>.<mark under that key>`. A hash of all of it
 * would tell a telephone number to whoever tries them all.
 */
export const markedFingerprint = (change: ReportedChange, key: CustomerKey): string => {
  const shown = masked(change.data);
  if (shown === change.data) return plainFingerprint(change);
  return `${hash('sha256', content(change, shown))}.${key.id}.${key.mark(content(change, change.data))}`;
};

/** Once the key is forgotten only what is not personal is compared. */
export const isSameReport = (
  fingerprint: string,
  change: ReportedChange,
  keys: Pick<CustomerKeys, 'keyOf'> | undefined,
): boolean => {
  const [shown, subject, generation, mark] = fingerprint.split('.');
  const id = `${subject}.${generation}`;
  if (!isKeyId(id)) return fingerprint === plainFingerprint(change);
  if (shown !== hash('sha256', content(change, masked(change.data)))) return false;
  const now = keys?.keyOf(id).mark(content(change, change.data));
  return now === undefined || now === mark;
};
