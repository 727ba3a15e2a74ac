import { isJsonObject, type Json } from '../domain/json.ts';
import type { FieldError } from './failure.ts';

/**
 * Whether the data of `order.sold` and the reports after it can be read as an order at all: an object, or nothing;
 * its tickets and transactions objects in `{"items": […]}`; their ids texts or numbers. Everything is optional, ids
 * too: what the report means, and what it contradicts, is for the order to say.
 */
export const orderDataErrors = (data: Json): ReadonlyArray<FieldError> => {
  if (data === null) return [];
  if (!isJsonObject(data)) return [{ field: 'data', message: 'must be an order: a JSON object' }];
  return LISTS.flatMap((list) => itemsErrors(`data.${list}`, data[list] ?? null));
};

/** Tickets, or transactions, in one report: what follows from a report of an order is made at once. */
export const ORDER_ITEMS_MAX = 10_000;

const LISTS = ['tickets', 'transactions'] as const;

const itemsErrors = (field: string, list: Json): ReadonlyArray<FieldError> => {
  if (list === null) return [];
  if (!isJsonObject(list)) return [{ field, message: 'must be an object with a list "items"' }];
  const items = list['items'] ?? null;
  if (items === null) return [];
  if (!Array.isArray(items)) return [{ field: `${field}.items`, message: 'must be a list' }];
  if (items.length > ORDER_ITEMS_MAX) {
    return [{ field: `${field}.items`, message: `must have at most ${ORDER_ITEMS_MAX} entries` }];
  }
  return (items as ReadonlyArray<Json>).flatMap((item, index) => {
    const at = `${field}.items[${index}]`;
    if (!isJsonObject(item)) return [{ field: at, message: 'must be an object' }];
    return isId(item['id'] ?? null) ? [] : [{ field: `${at}.id`, message: 'must be a text or a number' }];
  });
};

const isId = (id: Json): boolean =>
  id === null || typeof id === 'number' || (typeof id === 'string' && id !== '');
