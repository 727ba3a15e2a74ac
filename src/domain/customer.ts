import type { Person } from './customer-key.ts';
import { isJsonObject, type Json, type JsonObject } from './json.ts';
import { MASK } from './personal-fields.ts';
import type { Resource } from './resources.ts';

/** Whom a report is about. */

/** The order that Moshtix prints has `customer`; the others are usual names of the same. */
const CUSTOMERS = ['customer', 'buyer', 'purchaser'];
const EMAILS = ['email', 'emailAddress', 'mail'];
/** Of an order or a scan that has no such object. */
const FLAT_EMAILS = ['customerEmail', 'buyerEmail', 'email', 'emailAddress'];

/** The same person however it was typed. */
export const emailOf = (text: string): string => text.trim().toLowerCase();

/** The customer in a report's data; undefined where it names none, or one who is masked. */
export const customerIn = (data: Json, resource: Resource): Person | undefined => {
  if (!isJsonObject(data)) return undefined;
  const persons = personsIn(data);
  const email =
    persons.map((person) => textIn(person, EMAILS)).find((found) => found !== undefined) ??
    (resource === 'order' || resource === 'scanner' ? textIn(data, FLAT_EMAILS) : undefined);
  if (email !== undefined) return { by: 'email', value: emailOf(email) };
  const id = numberOf(persons);
  return id === undefined ? undefined : { by: 'id', value: id };
};

/** The customer's id, whatever else is known of the customer. */
export const customerNumberIn = (data: Json): string | undefined =>
  isJsonObject(data) ? numberOf(personsIn(data)) : undefined;

const personsIn = (data: JsonObject): ReadonlyArray<JsonObject> =>
  CUSTOMERS.flatMap((name) => {
    const person = field(data, name);
    return isJsonObject(person) ? [person] : [];
  });

const numberOf = (persons: ReadonlyArray<JsonObject>): string | undefined =>
  persons.map((person) => textIn(person, ['id'])).find((found) => found !== undefined);

const textIn = (object: JsonObject, names: ReadonlyArray<string>): string | undefined => {
  for (const name of names) {
    const value = field(object, name);
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text === 'string' && text.trim() !== '' && text !== MASK) return text.trim();
  }
  return undefined;
};

/** By its name, without case, dashes and underscores. */
const field = (object: JsonObject, name: string): Json | undefined => {
  if (Object.hasOwn(object, name)) return object[name];
  const wanted = plain(name);
  const found = Object.keys(object).find((one) => plain(one) === wanted);
  return found === undefined ? undefined : object[found];
};

const plain = (name: string): string => name.toLowerCase().replace(/[_\-\s]/g, '');
