import { isJsonObject, type Json, type JsonObject } from './json.ts';
import type { Order } from './order.ts';

/**
 * An order as Moshtix prints it in `data` of ORDER_SAVED: every field of the printed payload, in its order. What was
 * never reported is null, an empty text or an empty list; other reported fields follow behind.
 */

/** What stands for a field that was not reported, and how a reported one is written. */
interface Field {
  readonly absent: Json;
  readonly print: (reported: Json) => Json;
}
type Shape = Readonly<Record<string, Field>>;

const asReported = (value: Json): Json => value;
const ANY: Field = { absent: null, print: asReported };
const TEXT: Field = { absent: '', print: asReported };

const TIME = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/** Moshtix writes times in UTC with milliseconds. What is no time is written as it was reported. */
export const inMilliseconds = (value: Json): Json => {
  const parts = typeof value === 'string' ? TIME.exec(value) : null;
  if (parts === null) return value;
  const [text, year, month, day] = parts;
  // Date.parse takes 30 February for 2 March.
  if (Number(day) > new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()) return value;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? value : new Date(atMs).toISOString();
};
const TIMESTAMP: Field = { absent: null, print: inMilliseconds };

const printed = (shape: Shape, reported: JsonObject): JsonObject => {
  const object: Record<string, Json> = {};
  for (const [name, { absent, print }] of Object.entries(shape)) {
    const value = reported[name];
    object[name] = value === undefined ? absent : print(value);
  }
  for (const [name, value] of Object.entries(reported)) {
    if (!Object.hasOwn(shape, name)) object[name] = value;
  }
  return object;
};

/** Null when it was not reported; what is no object is written as it was reported. */
const objectOf = (shape: Shape): Field => ({
  absent: null,
  print: (value) => (isJsonObject(value) ? printed(shape, value) : value),
});

const TAGS: Field = { absent: { items: [] }, print: asReported };

const CUSTOMER = objectOf({ id: ANY, email: ANY, firstName: ANY, lastName: ANY, telephone: ANY });
const EVENT = objectOf({
  id: ANY,
  name: ANY,
  startDate: TIMESTAMP,
  endDate: TIMESTAMP,
  client: ANY,
  tags: TAGS,
});

const TICKET: Shape = {
  id: ANY,
  firstName: ANY,
  lastName: ANY,
  valid: ANY,
  barcode: ANY,
  unitCost: ANY,
  bookingFee: ANY,
  totalCost: ANY,
  discount: ANY,
  ticketType: objectOf({ id: ANY, name: ANY, tags: TAGS }),
};
const TRANSACTION: Shape = { id: ANY, type: ANY, status: ANY, ipAddress: ANY };

const ORDER: Shape = {
  id: ANY,
  createdDate: TIMESTAMP,
  channel: ANY,
  refCode: TEXT,
  offerCode: TEXT,
  customer: CUSTOMER,
  event: EVENT,
  tickets: ANY,
  transactions: ANY,
};

export const printedOrder = ({ id, fields, tickets, replaced, transactions }: Order): JsonObject =>
  printed(ORDER, {
    ...fields,
    id,
    tickets: { items: [...tickets, ...replaced].map((ticket) => printed(TICKET, ticket)) },
    transactions: { items: transactions.map((transaction) => printed(TRANSACTION, transaction)) },
  });
