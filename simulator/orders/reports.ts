import { mix32 } from '../dice.ts';
import type { Report } from './cloud-event.ts';
import type { Life, Step, StepKind } from './life.ts';
import { ipAddress, namesJson, personJson } from './names.ts';
import { timeText } from './time-text.ts';
import { FIRST_ID, type SoldTicket, type World } from './world.ts';

/**
 * An order's life as the platform reports it. Sales, refunds, reissues and cancellations carry the whole order in the
 * shape that Moshtix prints; a scan carries the tickets at the door.
 */

const TYPES: Readonly<Record<StepKind, string>> = {
  sold: 'order.sold',
  refunded: 'order.refunded',
  rebarcoded: 'order.reissued',
  replaced: 'order.reissued',
  cancelled: 'order.cancelled',
  scanned: 'order.scanned',
};

/** The order as it stands after a step. */
interface Book {
  readonly tickets: Array<{ version: number; name: number; valid: boolean }>;
  /** What reissues replaced. */
  readonly replaced: Array<{ readonly at: number; readonly version: number; readonly name: number }>;
  refunds: number;
}

export const reportOf = (world: World, life: Life, stepAt: number): Report => {
  const step = life.steps[stepAt] as Step;
  const type = TYPES[step.kind];
  const companyId = life.show.company.id;
  const id = idText(world, life.number);
  const book = bookAfter(life, stepAt);
  const data =
    step.kind === 'scanned' ? scanned(world, life, book, step, id) : wholeOrder(world, life, book, step, id);
  const text =
    `{"specversion":"1.0","id":"order-${id}-${stepAt}","source":"${world.source}","type":"${type}","subject":"${id}",` +
    `"time":"${timeText(step.atMs)}","companyid":"${companyId}","datacontenttype":"application/json","data":${data}}`;
  return { type, companyId, subject: id, text };
};

const bookAfter = ({ tickets, steps }: Life, last: number): Book => {
  const book: Book = {
    tickets: tickets.map(() => ({ version: 0, name: 0, valid: true })),
    replaced: [],
    refunds: 0,
  };
  for (let at = 1; at <= last; at += 1) {
    const { kind, tickets: affected } = steps[at] as Step;
    let paidBack = 0;
    for (const place of affected) {
      const ticket = book.tickets[place] as Book['tickets'][number];
      switch (kind) {
        case 'refunded':
        case 'cancelled':
          if (ticket.valid) paidBack += totalOf(tickets[place] as SoldTicket);
          ticket.valid = false;
          break;
        case 'rebarcoded':
        case 'replaced':
          book.replaced.push({ at: place, version: ticket.version, name: ticket.name });
          ticket.version += 1;
          if (kind === 'replaced') ticket.name += 1;
          break;
        case 'sold':
        case 'scanned':
          break;
      }
    }
    if (paidBack > 0) book.refunds += 1;
  }
  return book;
};

const totalOf = ({ unit, fee, discount }: SoldTicket): number => unit + fee - discount;

/** Of two reissues each gives a ticket another id at most. */
const NAMES_PER_TICKET = 3;
const TICKETS_PER_ORDER = 128;
const TRANSACTIONS_PER_ORDER = 8;

/** In two parts: whole numbers below 2^31 become text several times as fast as larger ones. */
const idText = ({ idPrefix }: World, number: number): string => idPrefix + String(FIRST_ID + number);

const ticketJson = (
  world: World,
  { number, tickets, customer, hash }: Life,
  at: number,
  { version, name, valid }: Book['tickets'][number],
): string => {
  const id = idText(world, number * TICKETS_PER_ORDER + at * NAMES_PER_TICKET + name);
  // Whoever takes over a ticket gives a name.
  const names =
    version === 0 ? '"firstName":null,"lastName":null' : namesJson(customer + version + (hash & 0xff));
  const { price } = tickets[at] as SoldTicket;
  return `{"id":${id},${names},"valid":${valid},"barcode":"${barcode(hash, number, at, version)}",${price}}`;
};

const scanned = (world: World, life: Life, book: Book, { tickets }: Step, id: string): string => {
  let items = '';
  for (const at of tickets) {
    const ticket = ticketJson(world, life, at, book.tickets[at] as Book['tickets'][number]);
    items += items === '' ? ticket : `,${ticket}`;
  }
  return `{"id":${id},"tickets":{"items":[${items}]}}`;
};

const wholeOrder = (world: World, life: Life, book: Book, { kind }: Step, id: string): string => {
  const { show, number, customer, hash, boxOffice, refCode, offerCode } = life;
  let tickets = '';
  for (let at = 0; at < book.tickets.length; at += 1) {
    const ticket = ticketJson(world, life, at, book.tickets[at] as Book['tickets'][number]);
    tickets += tickets === '' ? ticket : `,${ticket}`;
  }
  for (const { at, version, name } of book.replaced) {
    tickets += `,${ticketJson(world, life, at, { version, name, valid: false })}`;
  }
  const ip = ipAddress(hash);
  let transactions = '';
  for (let at = 0; at <= book.refunds; at += 1) {
    const transactionId = idText(world, number * TRANSACTIONS_PER_ORDER + at);
    const [comma, type] = at === 0 ? ['', 'PURCHASE'] : [',', 'REFUND'];
    transactions += `${comma}{"id":${transactionId},"type":"${type}","status":"SUCCESS","ipAddress":"${ip}"}`;
  }
  const createdDate = timeText((life.steps[0] as Step).atMs);
  return (
    `{"id":${id},"createdDate":"${createdDate}","channel":"${boxOffice ? 'BOX_OFFICE' : 'ONLINE'}",` +
    `"refCode":"${refCode}","offerCode":"${offerCode}",` +
    `"customer":{"id":${idText(world, customer)},${personJson(customer)}},"event":${show.inOrder},` +
    `"tickets":{"items":[${tickets}]},"transactions":{"items":[${transactions}]}` +
    `${kind === 'sold' ? relationsJson(life) : ''}}`
  );
};

/** Beside the event and the ticket types, which stand in the data itself. */
const relationsJson = ({ shop, product }: Life): string => {
  const products = product === undefined ? '' : `,{"resource":"product","identifier":"${product.id}"}`;
  return `,"relations":[{"resource":"shop","identifier":"${shop.id}"}${products}]`;
};

/** 128 bits in hex, another for each order, ticket and version: the last 64 are what tells them apart for certain. */
const barcode = (hash: number, number: number, at: number, version: number): string => {
  const first = mix32(hash ^ (at * 0x9e3779b9) ^ (version << 24));
  const second = mix32(first ^ number);
  return hex32(first) + hex32(second) + hex32(mix32((at << 8) | version | 0x5a000000)) + hex32(mix32(number));
};

const hex32 = (value: number): string =>
  (HEX[value >>> 24] as string) +
  (HEX[(value >>> 16) & 0xff] as string) +
  (HEX[(value >>> 8) & 0xff] as string) +
  (HEX[value & 0xff] as string);

const HEX: ReadonlyArray<string> = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).toUpperCase().padStart(2, '0'),
);
