import type { Json, JsonObject } from './json.ts';
import {
  type Contradiction,
  noteContradictions,
  type Say,
  sayNothing,
  shown,
  type TicketName,
} from './order-contradiction.ts';
import {
  amountText,
  hasPurchase,
  hasRefund,
  totalOf,
  type Transactions,
  withTransactions,
} from './order-money.ts';
import { reissueTickets } from './order-reissue.ts';
import { type ReadReport, readReport, ticketName, transactionKey } from './order-report.ts';
import { cancelTickets, nameOf, refundTickets, scanTickets, takeIn } from './order-rules.ts';
import { type Ticket, TicketBook } from './order-tickets.ts';

/**
 * The order aggregate: what a sale and the reports after it make of an order, and what in them contradicts what was
 * known. A report is a fact, so nothing here refuses one: the order after it is the best sense of it.
 *
 * Source: the order that Moshtix prints as `data` of ORDER_SAVED, and what its page tells of the life of an order.
 */

// Events

export type OrderEventType =
  'OrderSold' | 'TicketsRefunded' | 'TicketsReissued' | 'OrderCancelled' | 'TicketsScanned';

/** What the event of a report keeps of the order. */
export interface OrderOutcome {
  /** The whole order: the newest event alone tells the state. */
  readonly after: Order;
  /** Empty when the report fits what was known. */
  readonly contradictions: ReadonlyArray<Contradiction>;
}

// State

/** `unknown_sale`: other reports came, the sale did not. */
export const ORDER_SITUATIONS = ['unknown_sale', 'sold', 'cancelled'] as const;
export type OrderSituation = (typeof ORDER_SITUATIONS)[number];

export interface Order {
  readonly situation: OrderSituation;
  /** The subject of its reports, written as they write it: a number when it is all digits. */
  readonly id: number | string;
  /** As reported last, without id, tickets, transactions and relations. */
  readonly fields: JsonObject;
  /** In the order reported. */
  readonly tickets: ReadonlyArray<Ticket>;
  /** What reissues replaced, never valid: printed behind the tickets, for turnstiles to forget the barcodes. */
  readonly replaced: ReadonlyArray<Ticket>;
  readonly transactions: ReadonlyArray<JsonObject>;
  readonly scanned: ReadonlyArray<TicketName>;
}

// Command

export interface OrderReport {
  readonly type: OrderEventType;
  /** As reported: `order.sold`. */
  readonly changeType: string;
  /** The subject. */
  readonly identifier: string;
  readonly data: Json;
}

export interface OrderRules {
  readonly reissueScanned: boolean;
}

// Decide

export const decideOrder = (
  before: Order | undefined,
  report: OrderReport,
  rules: OrderRules,
): OrderOutcome => {
  const { noted, say } = noteContradictions();
  const read = readReport(report.data);
  const id = checkIdentity(before, report, read, say);
  checkSituation(before, report, say);
  const known = new Map((before?.transactions ?? []).map((one) => [transactionKey(one), one]));
  const transactions = withTransactions(known, read.transactions, say);
  const book = new TicketBook(before?.tickets ?? [], before?.replaced ?? []);
  const scanned = readTickets({ before, report, read, book, transactions, rules, say });
  return {
    after: {
      situation: situationAfter(before, report),
      id,
      fields: { ...before?.fields, ...read.fields },
      tickets: book.tickets,
      replaced: book.replaced,
      transactions: transactions.all,
      scanned,
    },
    contradictions: noted,
  };
};

const situationAfter = (before: Order | undefined, { type }: OrderReport): OrderSituation => {
  if (type === 'OrderCancelled' || before?.situation === 'cancelled') return 'cancelled';
  return type === 'OrderSold' ? 'sold' : (before?.situation ?? 'unknown_sale');
};

const DIGITS = /^(?:0|[1-9]\d{0,15})$/;

/** As contextId of the bodies: a number where that holds it exactly. */
const idOf = (identifier: string): Order['id'] => {
  const number = Number(identifier);
  return DIGITS.test(identifier) && Number.isSafeInteger(number) ? number : identifier;
};

/** The subject is what the order is called; the report's own `id` only says whether as a number or as text. */
const checkIdentity = (
  before: Order | undefined,
  { identifier }: OrderReport,
  { id }: ReadReport,
  say: Say,
): Order['id'] => {
  const own = before?.id ?? idOf(identifier);
  if (id === undefined) return own;
  if ((typeof id === 'number' || typeof id === 'string') && String(id) === identifier) return id;
  say('other_order', 'data.id', `the subject is ${shown(identifier)}; reported: ${shown(id)}`);
  return own;
};

const checkSituation = (before: Order | undefined, { type, changeType }: OrderReport, say: Say): void => {
  const reported = `reported: ${changeType}`;
  if (before?.situation === 'cancelled') {
    say('after_cancellation', 'type', `the order is cancelled; ${reported}`);
  } else if (type !== 'OrderSold' && before?.situation !== 'sold') {
    say('before_sale', 'type', `no sale of this order was reported so far; ${reported}`);
  } else if (type === 'OrderSold' && before?.situation === 'sold') {
    say('sold_twice', 'type', `the order is sold already; ${reported}`);
  }
};

interface Reading {
  readonly before: Order | undefined;
  readonly report: OrderReport;
  readonly read: ReadReport;
  readonly book: TicketBook;
  readonly transactions: Transactions;
  readonly rules: OrderRules;
  readonly say: Say;
}

/** Reads the listed tickets into the book. Gives the tickets scanned so far. */
const readTickets = (reading: Reading): ReadonlyArray<TicketName> => {
  const { before, report, read, book, rules } = reading;
  const listed = read.tickets;
  const scanned = before?.scanned ?? [];
  const isCancelled = before?.situation === 'cancelled';
  const isSale = report.type === 'OrderSold';
  const isUnsold = !isSale && (before === undefined || before.situation === 'unknown_sale');
  // One contradiction says that the order is cancelled or not sold yet; each ticket would only say it again.
  const say = isCancelled || isUnsold ? sayNothing : reading.say;
  // Nobody knows yet which tickets the order has: those that are named.
  if (isUnsold)
    takeIn(book, listed, ({ valid }) => report.type === 'TicketsRefunded' || valid !== false, say);

  switch (report.type) {
    case 'OrderSold':
      takeIn(book, listed, ({ valid }) => !isCancelled && valid !== false, say);
      checkPurchase(reading);
      return scanned;
    case 'TicketsRefunded':
      checkRefund(reading, refundTickets(book, listed, say), say);
      return scanned;
    case 'TicketsReissued':
      reissueTickets(book, listed, { scanned, scannedToo: rules.reissueScanned }, say);
      return scanned;
    case 'OrderCancelled':
      cancelTickets(book, listed, say);
      return scanned;
    case 'TicketsScanned':
      return scanTickets(book, listed, scanned, say);
  }
};

const checkPurchase = ({ read, transactions, say }: Reading): void => {
  const total = read.tickets.reduce((sum, { reported }) => sum + (totalOf(reported) ?? 0n), 0n);
  if (total <= 0n || hasPurchase(transactions.all)) return;
  const message = `tickets for ${amountText(total)} were sold; no successful PURCHASE transaction was reported`;
  say('purchase_missing', 'data.transactions', message);
};

const checkRefund = (
  { read, transactions, say }: Reading,
  refunded: ReadonlyArray<Ticket>,
  sayOfTickets: Say,
): void => {
  if (hasRefund(transactions.added)) return;
  const paid = refunded.find((ticket) => (totalOf(ticket) ?? 0n) > 0n);
  if (paid !== undefined) {
    const message = `ticket ${nameOf(paid)} was sold for ${amountText(totalOf(paid) ?? 0n)}; reported as refunded without a new REFUND transaction`;
    say('refund_missing', 'data.transactions', message, ticketName(paid));
  }
  if (read.tickets.length > 0 && read.tickets.every(({ valid }) => valid === true)) {
    sayOfTickets(
      'nothing_refunded',
      'data.tickets',
      'every listed ticket is reported as valid; reported: order.refunded',
    );
  }
};
