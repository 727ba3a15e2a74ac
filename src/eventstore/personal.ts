import { type CustomerKey, isKeyId } from '../domain/customer-key.ts';
import type { DomainEvent } from '../domain/events.ts';
import type { AttemptFailed, InvocationDelivered, InvocationScheduled } from '../domain/invocation.ts';
import { isJsonObject, type Json } from '../domain/json.ts';
import { MASK, masked } from '../domain/personal-fields.ts';
import { partTaken, type PersonalPart, withPart } from '../domain/personal-part.ts';
import type { ResourceChange } from '../domain/resource-change.ts';

/**
 * How personal data stands in the log: the event keeps its shape, with every personal value masked, and what was masked stands
 * encrypted beside it.
 *
 *     "customer": "<id of the key>", "box": "<base64url>"
 *
 * Whoever has the key reads the event as it was; whoever has not reads the masked one. A storage format.
 */

/** What an event holds of a person, as a value that can be masked, and the event with another in its place. */
interface Holding<E> {
  readonly take: (event: E) => Json;
  readonly put: (event: E, value: Json) => E;
  readonly mask: (value: Json) => Json;
}

/** A text that may hold anything: hidden as a whole. */
const hideText = (value: Json): Json => (value === null || value === '' ? value : MASK);

const change: Holding<ResourceChange> = {
  take: ({ data, order }) => (order === undefined ? [data] : [data, order as unknown as Json]),
  put: (event, value) => {
    const [data = null, order] = value as ReadonlyArray<Json>;
    return {
      ...event,
      data,
      ...(order !== undefined && { order: order as unknown as NonNullable<ResourceChange['order']> }),
    };
  },
  mask: (value) => withQuotesMasked(value, masked(value)),
};

const scheduled: Holding<InvocationScheduled> = {
  take: ({ body }) => body,
  put: (event, body) => ({ ...event, body: body as string }),
  mask: hideText,
};

const ended = <E extends AttemptFailed | InvocationDelivered>(): Holding<E> => ({
  take: ({ result }) => result.responseExcerpt,
  put: (event, excerpt) => ({
    ...event,
    result: { ...event.result, responseExcerpt: excerpt as string | null },
  }),
  mask: hideText,
});

const HOLDINGS: { readonly [E in DomainEvent as E['type']]?: Holding<E> } = {
  ResourceChanged: change,
  OrderSold: change,
  TicketsRefunded: change,
  TicketsReissued: change,
  OrderCancelled: change,
  TicketsScanned: change,
  InvocationScheduled: scheduled,
  AttemptFailed: ended(),
  InvocationDelivered: ended(),
};

const holdingOf = (type: string): Holding<object> | undefined =>
  Object.hasOwn(HOLDINGS, type) ? (HOLDINGS as Record<string, Holding<object>>)[type] : undefined;

/** What contradicts what is known is said in words, which may quote a value. */
const withQuotesMasked = (value: Json, mask: Json): Json => {
  const [data = null, order] = mask as ReadonlyArray<Json>;
  const contradictions = isJsonObject(order) ? order['contradictions'] : undefined;
  if (!Array.isArray(contradictions) || contradictions.length === 0) return mask;
  const values = partTaken(value, mask).flatMap(([, one]) => (typeof one === 'string' ? [one] : []));
  const quiet = (contradictions as ReadonlyArray<Json>).map((one) => {
    const message = isJsonObject(one) ? one['message'] : undefined;
    const quotes = typeof message === 'string' && values.some((each) => message.includes(each));
    return quotes ? { ...(one as object), message: MASK } : one;
  });
  return [data, { ...(order as object), contradictions: quiet }];
};

/** The event as whoever has no key reads it. What nobody's key is for stays as it is. */
export const withoutPersonal = <E extends DomainEvent>(event: E): E => {
  const holding = holdingOf(event.type) as Holding<E> | undefined;
  return holding === undefined ? event : holding.put(event, holding.mask(holding.take(event)));
};

/** Whether a change holds anything personal, and the order after it counts, too. */
export const isPersonal = (event: ResourceChange): boolean => {
  const value = change.take(event);
  return masked(value) !== value;
};

/** What is written of an event that has a key; the box is missing where nothing was masked, or the key is forgotten. */
export const boxed = <E extends DomainEvent & { readonly customer: CustomerKey }>(
  event: E,
  place: string,
): E & { readonly box?: string } => {
  const holding = holdingOf(event.type) as Holding<E> | undefined;
  if (holding === undefined) throw new Error(`${event.type} holds nothing of a customer`);
  const value = holding.take(event);
  const mask = holding.mask(value);
  if (mask === value) return event;
  const part = partTaken(value, mask);
  const box = event.customer.seal(place, JSON.stringify(part));
  const shown = holding.put(event, mask);
  return box === undefined ? shown : { ...shown, box };
};

/** The key is there, and does not open the box: it is another one, or the box was altered. */
export const CLOSED = 'closed';

/** The fields of a stored event, with what its key opens put back; undefined: they are of no customer. */
export const unboxed = (
  type: string,
  fields: unknown,
  place: string,
  keyOf: (id: string) => CustomerKey,
): { readonly fields: object; readonly customer: CustomerKey } | typeof CLOSED | undefined => {
  if (!isJsonObject(fields)) return undefined;
  const { customer: id, box, ...rest } = fields;
  const holding = holdingOf(type);
  if (typeof id !== 'string' || !isKeyId(id) || holding === undefined) return undefined;
  const customer = keyOf(id);
  const plain = typeof box === 'string' ? customer.open(place, box) : undefined;
  if (plain === undefined) {
    return typeof box === 'string' && !customer.isForgotten ? CLOSED : { fields: rest, customer };
  }
  const value = withPart(holding.take(rest), JSON.parse(plain) as PersonalPart);
  return { fields: holding.put(rest, value), customer };
};

/** Of an event at this revision of this stream: what was boxed there opens nowhere else. */
export const placeOf = (stream: string, revision: number): string => `${revision}@${stream}`;
