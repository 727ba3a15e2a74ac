import type { TicketName } from './order-contradiction.ts';
import { canonicalJson, isJsonObject, type Json, type JsonObject } from './json.ts';

/**
 * Reads an order's report: an object with the fields of the payload that Moshtix prints for ORDER_SAVED, all of them
 * optional. Total: what is no order at all was refused before, and reads as an order without tickets here.
 */

/** One ticket as a report lists it. */
export interface ListedTicket {
  /** Its place in the report: `data.tickets.items[0]`. */
  readonly field: string;
  readonly reported: JsonObject;
  /** As text: the number 7 and the text "7" name the same ticket. Undefined when it carries none. */
  readonly id: string | undefined;
  readonly barcode: string | undefined;
  /** Undefined when the report does not say. */
  readonly valid: boolean | undefined;
}

export interface ListedTransaction {
  readonly field: string;
  readonly reported: JsonObject;
  /** Equal for the same transaction. Without an id it is the same when all of it is. */
  readonly key: string;
}

export interface ReadReport {
  /** All fields but `id`, `tickets`, `transactions` and `relations`, in the order reported. */
  readonly fields: JsonObject;
  readonly id: Json | undefined;
  readonly tickets: ReadonlyArray<ListedTicket>;
  readonly transactions: ReadonlyArray<ListedTransaction>;
}

export const readReport = (data: Json): ReadReport => {
  if (!isJsonObject(data)) return { fields: {}, id: undefined, tickets: [], transactions: [] };
  const { id, tickets, transactions, relations: _relations, ...fields } = data;
  return {
    fields,
    id: id ?? undefined,
    tickets: itemsOf(tickets).map((reported, index) => ({
      field: `data.tickets.items[${index}]`,
      reported,
      id: nameIn(reported['id']),
      barcode: nameIn(reported['barcode']),
      valid: typeof reported['valid'] === 'boolean' ? reported['valid'] : undefined,
    })),
    transactions: itemsOf(transactions).map((reported, index) => ({
      field: `data.transactions.items[${index}]`,
      reported,
      key: transactionKey(reported),
    })),
  };
};

const itemsOf = (list: Json | undefined): ReadonlyArray<JsonObject> => {
  const items = isJsonObject(list) ? list['items'] : undefined;
  return Array.isArray(items) ? items.filter(isJsonObject) : [];
};

export const transactionKey = (transaction: JsonObject): string => {
  const id = nameIn(transaction['id']);
  return id === undefined ? `all ${canonicalJson(transaction)}` : `id ${id}`;
};

/** An id or a barcode as text; undefined when the value is none. */
export const nameIn = (value: Json | undefined): string | undefined => {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** What to call a ticket: undefined when it carries neither id nor barcode. */
export const ticketName = ({ id, barcode }: JsonObject): TicketName | undefined =>
  isName(id) ? id : isName(barcode) ? barcode : undefined;

const isName = (value: Json | undefined): value is TicketName => nameIn(value) !== undefined;
