import type { JsonObject } from './json.ts';
import type { TicketName } from './order-contradiction.ts';
import { type ListedTicket, nameIn, ticketName } from './order-report.ts';

/** A ticket as it was reported last. `valid` is always there. */
export type Ticket = JsonObject & { readonly valid: boolean };

/** A ticket that a report names. */
export interface Found {
  readonly at: number;
  readonly ticket: Ticket;
  /** Named by its id, but with another barcode than it has. */
  readonly otherBarcode: boolean;
}

/**
 * The tickets of one order while a report is read into them. A ticket keeps its place; the entry that a reissue
 * replaced is kept beside them, with the old barcode and without validity, so that turnstiles learn of it. Where several entries have one id or one barcode, the valid one stands for it, else the first.
 */
export class TicketBook {
  readonly #entries: Ticket[] = [];
  readonly #byId = new Map<string, number>();
  readonly #byBarcode = new Map<string, number>();
  readonly #byBoth = new Map<string, number>();

  readonly #replaced = new Set<number>();

  constructor(tickets: ReadonlyArray<Ticket>, replaced: ReadonlyArray<Ticket>) {
    for (const ticket of tickets) this.add(ticket);
    for (const ticket of replaced) this.#replaced.add(this.add(ticket));
  }

  get tickets(): ReadonlyArray<Ticket> {
    return this.#entries.filter((_, at) => !this.#replaced.has(at));
  }

  /** What reissues replaced, oldest first. */
  get replaced(): ReadonlyArray<Ticket> {
    return this.#entries.filter((_, at) => this.#replaced.has(at));
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** The ticket that an id, a barcode or both name. Both are looked for together first: after a reissue an id has two. */
  find({ id, barcode }: Pick<ListedTicket, 'id' | 'barcode'>): Found | undefined {
    if (id === undefined)
      return this.#found(barcode === undefined ? undefined : this.#byBarcode.get(barcode));
    if (barcode === undefined) return this.#found(this.#byId.get(id));
    const both = this.#byBoth.get(bothKey(id, barcode));
    if (both !== undefined) return this.#found(both);
    const found = this.#found(this.#byId.get(id));
    return found === undefined
      ? undefined
      : { ...found, otherBarcode: nameIn(found.ticket['barcode']) !== undefined };
  }

  /** The entry that has this barcode. */
  withBarcode(barcode: string): Ticket | undefined {
    return this.find({ id: undefined, barcode })?.ticket;
  }

  /** Whether the entry at this place stands for its ticket: not one that a reissue replaced. */
  isCurrent(at: number): boolean {
    const id = nameIn(this.#entries[at]?.['id']);
    return id === undefined || this.#byId.get(id) === at;
  }

  /** Whether the list names every ticket of the order that can be named; what was replaced need not be named. */
  isListedBy(listed: ReadonlyArray<ListedTicket>): boolean {
    const named = new Set(listed.map((one) => keyOf(this.find(one)?.ticket)));
    return this.tickets.every((ticket) => ticketName(ticket) === undefined || named.has(keyOf(ticket)));
  }

  add(ticket: Ticket): number {
    const at = this.#entries.length;
    this.#entries.push(ticket);
    this.#index(at, ticket);
    return at;
  }

  /** Takes over the fields that the report carries. Its id, barcode and validity are not for a restatement to change. */
  restate({ at, ticket }: Pick<Found, 'at' | 'ticket'>, reported: JsonObject): Ticket {
    const { id, barcode } = ticket;
    const restated = {
      ...ticket,
      ...reported,
      ...(nameIn(id) !== undefined && { id: id as TicketName }),
      ...(nameIn(barcode) !== undefined && { barcode: barcode as TicketName }),
      valid: ticket.valid,
    };
    this.#entries[at] = restated;
    this.#index(at, restated);
    return restated;
  }

  /** What is invalid never becomes valid again, whatever is reported. */
  invalidate(at: number): void {
    const ticket = this.#entries[at];
    if (ticket !== undefined) this.#entries[at] = { ...ticket, valid: false };
  }

  invalidateAll(): void {
    for (const at of this.#entries.keys()) this.invalidate(at);
  }

  /**
   * The reissued ticket takes the place; the old entry, if there is a barcode or an id to tell it by, is kept. What
   * the report does not carry is as it was.
   */
  replace({ at, ticket }: Pick<Found, 'at' | 'ticket'>, reported: JsonObject): void {
    const reissued = { ...ticket, ...reported, valid: true };
    for (const [index, key] of this.#keys(ticket)) if (index.get(key) === at) index.delete(key);
    this.#entries[at] = reissued;
    this.#index(at, reissued);
    if (nameIn(ticket['barcode']) !== undefined || keyOf(ticket) !== keyOf(reissued)) {
      this.#replaced.add(this.add({ ...ticket, valid: false }));
    }
  }

  #found(at: number | undefined): Found | undefined {
    const ticket = at === undefined ? undefined : this.#entries[at];
    return at === undefined || ticket === undefined ? undefined : { at, ticket, otherBarcode: false };
  }

  #index(at: number, ticket: Ticket): void {
    for (const [index, key] of this.#keys(ticket)) {
      const known = this.#entries[index.get(key) ?? -1];
      if (known === undefined || (ticket.valid && !known.valid)) index.set(key, at);
    }
  }

  #keys(ticket: Ticket): ReadonlyArray<readonly [Map<string, number>, string]> {
    const id = nameIn(ticket['id']);
    const barcode = nameIn(ticket['barcode']);
    return [
      ...(id === undefined ? [] : [[this.#byId, id] as const]),
      ...(barcode === undefined ? [] : [[this.#byBarcode, barcode] as const]),
      ...(id === undefined || barcode === undefined ? [] : [[this.#byBoth, bothKey(id, barcode)] as const]),
    ];
  }
}

const bothKey = (id: string, barcode: string): string => JSON.stringify([id, barcode]);

/** Equal for entries of the same ticket: by its id, else by its barcode. */
export const keyOf = (ticket: Ticket | undefined): string | undefined => {
  if (ticket === undefined) return undefined;
  const id = nameIn(ticket['id']);
  return id === undefined ? `barcode ${nameIn(ticket['barcode']) ?? ''}` : `id ${id}`;
};
