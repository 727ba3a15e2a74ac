import { checkAmounts } from './order-money.ts';
import { type Say, type TicketName, shown } from './order-contradiction.ts';
import { type ListedTicket, nameIn, ticketName } from './order-report.ts';
import {
  foundTicket,
  isUsed,
  nameOf,
  restate,
  sayInvalid,
  sayOtherBarcode,
  sayTwice,
} from './order-rules.ts';
import { type Found, keyOf, type Ticket, type TicketBook } from './order-tickets.ts';

/** Which scans a reissue has to ask of. */
export interface ReissueRules {
  readonly scanned: ReadonlyArray<TicketName>;
  /** Whether a scanned ticket may be reissued. */
  readonly scannedToo: boolean;
}

/** A listed ticket of the order. */
interface Named extends Found {
  readonly one: ListedTicket;
}

/** What a reissue lists, by what it means. */
interface Reading {
  /** Known tickets with a new barcode. */
  readonly rebarcoded: Named[];
  /** Known tickets that are valid so far and listed as `valid: false`. */
  readonly ended: Named[];
  /** Tickets that the order does not have. */
  readonly unknown: ListedTicket[];
  /** Known, valid tickets as they were. */
  readonly restated: Named[];
  /** Known, invalid tickets; some only restated. */
  readonly invalid: Named[];
}

/**
 * A reissue gives a ticket another barcode, in one of two ways: the ticket is listed with the new barcode; or it is
 * listed as `valid: false` together with a ticket that the order did not have, and replaces it. Of several, the first
 * invalid one is replaced by the first new one. What is listed as it was is untouched.
 */
export const reissueTickets = (
  book: TicketBook,
  listed: ReadonlyArray<ListedTicket>,
  rules: ReissueRules,
  say: Say,
): void => {
  const listsAll = book.isListedBy(listed);
  const { rebarcoded, ended, unknown, restated, invalid } = read(book, listed, say);
  const scanned = new Set(rules.scanned.map(String));
  const scannedBefore = ({ ticket, one }: Named): void => {
    const name = nameIn(ticketName(ticket));
    if (rules.scannedToo || name === undefined || !scanned.has(name)) return;
    const message = `ticket ${nameOf(ticket)} was scanned; reported as reissued`;
    say('scanned_ticket_reissued', one.field, message, ticketName(ticket));
  };

  let reissued = 0;
  for (const named of rebarcoded) {
    if (isUsed(book, named.one, say)) continue;
    scannedBefore(named);
    const { id } = named.ticket;
    book.replace(named, { ...named.one.reported, ...(nameIn(id) !== undefined && { id: id ?? null }) });
    checkListed(book, named.one, say);
    reissued += 1;
  }

  const keys = new Set(rebarcoded.map(({ ticket }) => keyOf(ticket)));
  const replacements = unknown.filter((one) => one.valid !== false);
  let replaced = 0;
  // The old entry of a ticket that has its new barcode in the same list is no other ticket.
  for (const named of ended.filter(({ ticket }) => !keys.has(keyOf(ticket)))) {
    const next = replacements[replaced];
    replaced += 1;
    scannedBefore(named);
    if (next === undefined) sayNotNew(named, say);
    if (next === undefined || isUsed(book, next, say)) {
      book.invalidate(named.at);
      continue;
    }
    if (next.barcode === undefined) sayNotNew({ ...named, one: next }, say);
    book.replace(named, { barcode: null, ...next.reported });
    checkListed(book, next, say);
    reissued += 1;
  }
  for (const one of [...replacements.slice(replaced), ...unknown.filter(({ valid }) => valid === false)]) {
    foundTicket(book, one, 'reported with a reissue, and replaces none', say);
  }
  for (const { ticket, one } of invalid) {
    if (one.valid === undefined && listsAll && reissued > 0) continue;
    sayInvalid(ticket, one, one.valid === true ? 'reported as valid' : 'reported as reissued', say);
  }
  if (rebarcoded.length + ended.length + unknown.length === 0) {
    for (const named of restated) sayNotNew(named, say);
  }
};

const read = (book: TicketBook, listed: ReadonlyArray<ListedTicket>, say: Say): Reading => {
  const reading: Reading = { rebarcoded: [], ended: [], unknown: [], restated: [], invalid: [] };
  const [rebarcoded, ended] = [new Set<number>(), new Set<number>()];
  for (const one of listed) {
    const found = book.find(one);
    if (found === undefined) {
      reading.unknown.push(one);
      continue;
    }
    const { ticket, at } = found;
    if (one.barcode !== undefined && one.barcode !== nameIn(ticket['barcode'])) {
      if (!ticket.valid) sayInvalid(ticket, one, 'reported with another barcode', say);
      else if (one.valid === false) sayOtherBarcode(ticket, one, say);
      else if (rebarcoded.has(at)) sayTwice(ticket, one, say);
      else reading.rebarcoded.push({ ...found, one });
      rebarcoded.add(at);
      continue;
    }
    const named = { ...found, ticket: restate(book, found, one, say), one };
    if (!ticket.valid) {
      if (one.valid !== false) reading.invalid.push(named);
    } else if (one.valid !== false) {
      reading.restated.push(named);
    } else if (!ended.has(at)) {
      reading.ended.push(named);
      ended.add(at);
    }
  }
  return reading;
};

const sayNotNew = ({ ticket, one }: Named, say: Say): void => {
  const message = `ticket ${nameOf(ticket)} has the barcode ${shown(ticket['barcode'] ?? null)}; reported as reissued without a new one`;
  say('barcode_not_new', one.field, message, ticketName(ticket));
};

const checkListed = (book: TicketBook, one: ListedTicket, say: Say): void => {
  const ticket: Ticket | undefined = book.find(one)?.ticket;
  if (ticket !== undefined) checkAmounts(one, ticket, say);
};
