import { Lru } from './lru.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';

/**
 * Which fields of what is reported are a customer's personal data, and how they are masked. Names are compared without case,
 * underscores, dashes and spaces: `first_name` is `firstName`.
 */

/** A name of a field, and where it is known from. */
interface PersonalField {
  readonly name: string;
  readonly source: string;
}

const ORDER = 'the order that Moshtix prints for ORDER_SAVED';
const LIKE = 'another usual name of the same';

/** Personal wherever they stand: in an order, a ticket, a transaction, or fields that no page speaks of. */
export const PERSONAL_FIELDS: ReadonlyArray<PersonalField> = [
  { name: 'email', source: `${ORDER}: data.customer.email` },
  { name: 'firstName', source: `${ORDER}: data.customer.firstName, data.tickets.items[].firstName` },
  { name: 'lastName', source: `${ORDER}: data.customer.lastName, data.tickets.items[].lastName` },
  { name: 'telephone', source: `${ORDER}: data.customer.telephone` },
  { name: 'ipAddress', source: `${ORDER}: data.transactions.items[].ipAddress` },
  ...['emailAddress', 'mail', 'customerEmail', 'buyerEmail', 'contactEmail'].map((name) => ({
    name,
    source: LIKE,
  })),
  ...['middleName', 'surname', 'familyName', 'givenName', 'fullName', 'customerName', 'buyerName'].map(
    (name) => ({ name, source: LIKE }),
  ),
  ...['attendeeName', 'guestName', 'holderName', 'cardholderName', 'contactName'].map((name) => ({
    name,
    source: LIKE,
  })),
  ...['phone', 'phoneNumber', 'telephoneNumber', 'mobile', 'mobileNumber', 'mobilePhone'].map((name) => ({
    name,
    source: LIKE,
  })),
  ...['ip', 'customerIp', 'clientIp', 'remoteAddress'].map((name) => ({ name, source: LIKE })),
];

/**
 * Objects, or lists of them, that are about one person: all in them is masked but what is called `id`. `name` alone is not
 * personal, as events and ticket types have one.
 */
export const PERSONS: ReadonlyArray<PersonalField> = [
  { name: 'customer', source: `${ORDER}: data.customer` },
  ...['buyer', 'purchaser', 'attendee', 'guest', 'holder', 'ticketHolder', 'cardholder'].map((name) => ({
    name,
    source: LIKE,
  })),
  ...[
    'customers',
    'attendees',
    'guests',
    'billing',
    'billingAddress',
    'shippingAddress',
    'deliveryAddress',
  ].map((name) => ({ name, source: LIKE })),
];

export const MASK = '***';

const plain = (name: string): string => name.toLowerCase().replace(/[_\-\s]/g, '');

const FIELD_NAMES: ReadonlySet<string> = new Set(PERSONAL_FIELDS.map(({ name }) => plain(name)));
const PERSON_NAMES: ReadonlySet<string> = new Set(PERSONS.map(({ name }) => plain(name)));

type Kind = 'field' | 'person' | 'id' | 'other';

/** Reports have the same few names again and again; whoever invents names does not fill the memory. */
const KINDS_KNOWN_MAX = 10_000;
const kinds = new Lru<string, Kind>(KINDS_KNOWN_MAX);

const kindOf = (name: string): Kind => {
  const known = kinds.get(name);
  if (known !== undefined) return known;
  const key = plain(name);
  const kind = FIELD_NAMES.has(key)
    ? 'field'
    : PERSON_NAMES.has(key)
      ? 'person'
      : key === 'id'
        ? 'id'
        : 'other';
  kinds.set(name, kind);
  return kind;
};

/** Objects of reports come a few levels deep; whoever nests deeper gets what lies there withheld, and no stack overflows. */
const DEPTH_MAX = 64;

/**
 * With every personal value masked, at any depth. What was not reported (null, an empty text) shows that it was not. The very same
 * value where nothing is masked: most reports hold nothing personal, and every one is looked at.
 */
export const masked = (value: Json, depth = 0): Json => {
  if (depth > DEPTH_MAX) return MASK;
  if (typeof value === 'string') return maskedText(value, depth);
  if (Array.isArray(value)) return mapped(value as ReadonlyArray<Json>, (item) => masked(item, depth + 1));
  return isJsonObject(value) ? maskedObject(value, depth) : value;
};

const maskedObject = (value: JsonObject, depth: number): JsonObject =>
  mappedFields(value, (name, field) => {
    const kind = kindOf(name);
    if (kind === 'field') return hidden(field);
    return kind === 'person' ? maskedPerson(field, depth + 1) : masked(field, depth + 1);
  });

const maskedPerson = (value: Json, depth: number): Json => {
  if (depth > DEPTH_MAX) return MASK;
  if (Array.isArray(value))
    return mapped(value as ReadonlyArray<Json>, (item) => maskedPerson(item, depth + 1));
  if (!isJsonObject(value)) return hidden(value);
  return mappedFields(value, (name, field) => {
    const kind = kindOf(name);
    const isInner = typeof field === 'object' && field !== null && kind !== 'field';
    if (isInner) return maskedPerson(field, depth + 1);
    return kind === 'id' ? field : hidden(field);
  });
};

/** Copied only once something differs. */
const mapped = (items: ReadonlyArray<Json>, shownOf: (item: Json) => Json): ReadonlyArray<Json> => {
  let copy: Json[] | undefined;
  for (let at = 0; at < items.length; at += 1) {
    const item = items[at] as Json;
    const shown = shownOf(item);
    if (shown === item) continue;
    copy ??= [...items];
    copy[at] = shown;
  }
  return copy ?? items;
};

/** The same. A field may be called __proto__: the copy has it as its own, and so it is set as any other. */
const mappedFields = (value: JsonObject, shownOf: (name: string, field: Json) => Json): JsonObject => {
  let copy: Record<string, Json> | undefined;
  for (const name of Object.keys(value)) {
    const field = value[name] as Json;
    const shown = shownOf(name, field);
    if (shown === field) continue;
    copy ??= { ...value };
    copy[name] = shown;
  }
  return copy ?? value;
};

const hidden = (value: Json): Json => (value === null || value === '' ? value : MASK);

const EMAIL = /[^\s@"'<>()[\]{},;:\\]{1,64}@[^\s@"'<>()[\]{},;:\\]{1,255}/g;
const JSON_START = /^\s*[[{]/;

/** A name of a personal field or a person in quotes, escaped or not, as it stands in a piece of JSON; or as an element of XML. */
const NAMED = new RegExp(
  `["<]\\s*(?:${[...FIELD_NAMES, ...PERSON_NAMES].map((name) => [...name].join('[_\\- ]?')).join('|')})(?:\\s*\\\\*["\\s>/])`,
  'i',
);

/** A text that may hold JSON, whole or a piece of it, or an address. */
const maskedText = (text: string, depth: number): string => {
  if (JSON_START.test(text)) {
    const inner = parsed(text);
    if (inner !== undefined) return maskedJsonText(text, inner, depth);
  }
  // Most texts hold none of the three characters, and looking for those is cheaper.
  if ((text.includes('"') || text.includes('<')) && NAMED.test(text)) return MASK;
  return text.includes('@') ? text.replace(EMAIL, MASK) : text;
};

/**
 * JSON text with nothing personal in it stays as it is, to the byte. One with such a name in it is written anew in any case: a field
 * that stands there twice is parsed as its last value alone.
 */
const maskedJsonText = (text: string, value: Json, depth: number): string => {
  const inner = JSON.stringify(masked(value, depth + 1));
  return inner === JSON.stringify(value) && !NAMED.test(text) ? text : inner;
};

const parsed = (text: string): Json | undefined => {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
};

/** The body of a request: JSON with the personal fields masked; null where it is no JSON, and withheld as a whole. */
export const maskedBody = (body: string): string | null => {
  const value = parsed(body);
  return value === undefined ? null : maskedJsonText(body, value, 0);
};

/** A piece of text from elsewhere, for example the beginning of an answer. */
export const maskedExcerpt = (text: string): string => maskedText(text, 0);
