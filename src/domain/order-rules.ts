import { type Say, shown, type TicketName } from './order-contradiction.ts';
import { type ListedTicket, nameIn, ticketName } from './order-report.ts';
import { type Found, keyOf, type Ticket, type TicketBook } from './order-tickets.ts';
import { checkAmounts, totalOf } from './order-money.ts';

/**
 * What each kind of report means for the tickets it lists. Each takes the best sense of the report into the book and
 * says what contradicts what the book held; nothing is refused here. Reissues: order-reissue.ts.
 */

/**
 * The ticket that is listed, with the fields that the report carries taken over; undefined, and said, when the order
 * has no such ticket. `what` ends the message: "reported as refunded".
 */
export const foundTicket = (
  book: TicketBook,
  listed: ListedTicket,
  what: string,
  say: Say,
): Found | undefined => {
  const found = book.find(listed);
  const name = ticketName(listed.reported);
  if (found === undefined) {
    const known =
      name === undefined
        ? 'a ticket without id and barcode cannot be told from others'
        : `the order has no ticket ${shown(name)}`;
    say('ticket_unknown', listed.field, `${known}; ${what}`, name);
    return undefined;
  }
  if (found.otherBarcode) sayOtherBarcode(found.ticket, listed, say);
  return { ...found, ticket: restate(book, found, listed, say) };
};

/** Takes the reported fields over; a first barcode only when no other ticket of the order has it. */
export const restate = (book: TicketBook, found: Found, listed: ListedTicket, say: Say): Ticket => {
  const { barcode: _barcode, ...rest } = listed.reported;
  const isFirst = nameIn(found.ticket['barcode']) === undefined && listed.barcode !== undefined;
  const used = isFirst && isUsed(book, listed, say);
  const ticket = book.restate(found, used ? rest : listed.reported);
  checkAmounts(listed, ticket, say);
  return ticket;
};

/** Two tickets with one barcode would both be let in, or neither. */
export const isUsed = (book: TicketBook, listed: ListedTicket, say: Say): boolean => {
  const holder = listed.barcode === undefined ? undefined : book.withBarcode(listed.barcode);
  if (holder === undefined) return false;
  const name = ticketName(listed.reported);
  const message = `the barcode ${shown(listed.barcode ?? null)} is or was that of ticket ${nameOf(holder)}; reported for ticket ${shown(name ?? null)}`;
  say('barcode_used', `${listed.field}.barcode`, message, name);
  return true;
};

export const sayOtherBarcode = (ticket: Ticket, listed: ListedTicket, say: Say): void => {
  const message = `ticket ${nameOf(ticket)} has the barcode ${shown(ticket['barcode'] ?? null)}; reported: ${shown(listed.barcode ?? null)}`;
  say('barcode_unknown', `${listed.field}.barcode`, message, ticketName(ticket));
};

export const nameOf = (ticket: Ticket): string => shown(ticketName(ticket) ?? null);

/**
 * A sale, or what comes before it: tickets the order does not have yet are taken in as `validityOf` says, the others
 * are restated. One that was refunded before its sale was reported stays invalid.
 */
export const takeIn = (
  book: TicketBook,
  listed: ReadonlyArray<ListedTicket>,
  validityOf: (listed: ListedTicket) => boolean,
  say: Say,
): void => {
  const isFirst = book.isEmpty;
  /** What this report itself brought. */
  const fresh = new Set<number>();
  const add = (one: ListedTicket): void => {
    const ticket: Ticket = { ...one.reported, valid: validityOf(one) };
    const holder = one.barcode === undefined ? undefined : book.withBarcode(one.barcode);
    if (ticket.valid && holder?.valid === true) isUsed(book, one, say);
    fresh.add(book.add(ticket));
    checkAmounts(one, ticket, say);
  };
  for (const one of listed) {
    const found = book.find(one);
    if (found === undefined) {
      // One without a name cannot be told from those that an earlier report brought.
      if (isFirst || ticketName(one.reported) !== undefined) add(one);
      continue;
    }
    const { at, ticket, otherBarcode } = found;
    if (fresh.has(at)) {
      // A full order may list what an earlier reissue replaced beside what replaced it.
      if (ticket.valid && validityOf(one)) sayTwice(ticket, one, say);
      if (otherBarcode) add(one);
      continue;
    }
    if (otherBarcode) sayOtherBarcode(ticket, one, say);
    restate(book, found, one, say);
    if (!validityOf(one)) book.invalidate(at);
  }
};

export const sayTwice = (ticket: Ticket, listed: ListedTicket, say: Say): void => {
  const message = `ticket ${nameOf(ticket)} is in this report already; reported again`;
  say('ticket_twice', listed.field, message, ticketName(ticket));
};

export const sayInvalid = (ticket: Ticket, listed: ListedTicket, what: string, say: Say): void => {
  const message = `ticket ${nameOf(ticket)} is not valid any more; ${what}`;
  say('ticket_invalid', listed.field, message, ticketName(ticket));
};

/**
 * Refunded is what is listed and not `valid: true`. In a list of all tickets, or of the same ticket twice, those that
 * were invalid before are only restated, as long as the report makes one invalid. Gives those that it did, as they
 * were.
 */
export const refundTickets = (
  book: TicketBook,
  listed: ReadonlyArray<ListedTicket>,
  say: Say,
): ReadonlyArray<Ticket> => {
  const refunded = new Map<number, Ticket>();
  const again: Array<{ readonly ticket: Ticket; readonly one: ListedTicket }> = [];
  for (const one of listed) {
    const before = book.find(one)?.ticket;
    const found = foundTicket(book, one, 'reported as refunded', say);
    if (found === undefined || before === undefined || refunded.has(found.at)) continue;
    if (one.valid === true) {
      if (!before.valid) sayInvalid(before, one, 'reported as valid', say);
    } else if (before.valid) {
      refunded.set(found.at, totalOf(before) === undefined ? found.ticket : before);
      book.invalidate(found.at);
    } else {
      again.push({ ticket: before, one });
    }
  }
  const keys = new Set([...refunded.values()].map(keyOf));
  const restatesAll = refunded.size > 0 && book.isListedBy(listed);
  for (const { ticket, one } of again) {
    if (!restatesAll && !keys.has(keyOf(ticket))) sayInvalid(ticket, one, 'reported as refunded', say);
  }
  return [...refunded.values()];
};

/**
 * Scanned is what is listed. That a ticket is scanned again contradicts nothing: box offices let people out and in
 * again. In a list of all tickets, those said to be invalid are only restated, as long as another one is scanned.
 */
export const scanTickets = (
  book: TicketBook,
  listed: ReadonlyArray<ListedTicket>,
  before: ReadonlyArray<TicketName>,
  say: Say,
): ReadonlyArray<TicketName> => {
  const scanned = new Map(before.map((name) => [String(name), name]));
  const scan = ({ at, ticket }: Found): void => {
    const name = ticketName(ticket);
    // The barcode that a reissue replaced says nothing of the ticket that has a new one.
    if (name !== undefined && book.isCurrent(at)) scanned.set(String(name), name);
  };
  const invalid: Array<{ readonly found: Found; readonly one: ListedTicket }> = [];
  let valid = 0;
  for (const one of listed) {
    const found = foundTicket(book, one, 'reported as scanned', say);
    if (found === undefined) continue;
    if (!found.ticket.valid) {
      invalid.push({ found, one });
      continue;
    }
    valid += 1;
    scan(found);
  }
  const restatesAll = valid > 0 && book.isListedBy(listed);
  for (const { found, one } of invalid) {
    if (restatesAll && one.valid === false) continue;
    scan(found);
    const message = `ticket ${nameOf(found.ticket)} is not valid any more; reported as scanned`;
    say('invalid_ticket_scanned', one.field, message, ticketName(found.ticket));
  }
  return [...scanned.values()];
};

/** All tickets become invalid, listed or not. */
export const cancelTickets = (book: TicketBook, listed: ReadonlyArray<ListedTicket>, say: Say): void => {
  for (const one of listed) foundTicket(book, one, 'reported as cancelled', say);
  book.invalidateAll();
};
