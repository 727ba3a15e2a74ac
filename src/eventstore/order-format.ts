import * as t from 'io-ts';
import { isJsonObject } from '../domain/json.ts';
import { type Order, ORDER_SITUATIONS, type OrderOutcome, type OrderSituation } from '../domain/order.ts';
import {
  type Contradiction,
  CONTRADICTION_KINDS,
  type ContradictionKind,
  type TicketName,
} from '../domain/order-contradiction.ts';
import type { Ticket } from '../domain/order-tickets.ts';
import { jsonObject, object, objectWith, oneOf } from './codec-parts.ts';

const isTicket = (value: unknown): value is Ticket =>
  isJsonObject(value) && typeof value['valid'] === 'boolean';
const ticket = new t.Type<Ticket>(
  'Ticket',
  isTicket,
  (value, context) => (isTicket(value) ? t.success(value) : t.failure(value, context)),
  t.identity,
);
const ticketName: t.Type<TicketName> = t.union([t.number, t.string]);

/** What the events of orders hold beside the report. */
export const orderOutcome = object<OrderOutcome>({
  after: object<Order>({
    situation: oneOf<OrderSituation>(ORDER_SITUATIONS),
    id: ticketName,
    fields: jsonObject,
    tickets: t.readonlyArray(ticket),
    replaced: t.readonlyArray(ticket),
    transactions: t.readonlyArray(jsonObject),
    scanned: t.readonlyArray(ticketName),
  }),
  contradictions: t.readonlyArray(
    objectWith<Contradiction>(
      { kind: oneOf<ContradictionKind>(CONTRADICTION_KINDS), field: t.string, message: t.string },
      { ticket: ticketName },
    ),
  ),
});
