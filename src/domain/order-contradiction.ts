import type { Json } from './json.ts';

/** Where an order's report does not fit what is known of the order. Data, kept in the log with the report. */

/** The closed list. Names are a storage format: never renamed. */
export const CONTRADICTION_KINDS = [
  /** Refunded, reissued, scanned or cancelled, and no sale was reported so far. */
  'before_sale',
  'sold_twice',
  /** Anything reported of an order that is cancelled. */
  'after_cancellation',
  /** `data.id` is not the subject. */
  'other_order',
  /** No ticket of this order, or a ticket that neither an id nor a barcode names. */
  'ticket_unknown',
  /** The same ticket stands twice in the report, both times valid. */
  'ticket_twice',
  /** Refunded, reissued or replaced before, and reported as if it were valid. */
  'ticket_invalid',
  /** The ticket has another barcode. */
  'barcode_unknown',
  /** Another ticket of the order has this barcode, or had it before a reissue. */
  'barcode_used',
  /** A reissue that gives the ticket no new barcode. */
  'barcode_not_new',
  /** The rules file can allow it: `reissue_scanned`. */
  'scanned_ticket_reissued',
  'invalid_ticket_scanned',
  /** Tickets are listed as refunded, all of them valid still, and no money went back. */
  'nothing_refunded',
  /** totalCost is not unitCost + bookingFee - discount. */
  'total_wrong',
  'amount_negative',
  /** Tickets that cost money, without a successful PURCHASE. */
  'purchase_missing',
  /** A paid ticket is refunded without a new REFUND transaction. */
  'refund_missing',
  'transaction_type_unknown',
  /** A transaction known as PURCHASE is reported as REFUND, or the other way round. */
  'transaction_changed',
] as const;

export type ContradictionKind = (typeof CONTRADICTION_KINDS)[number];

/** A ticket as its platform names it: its id, or its barcode when it has no id. */
export type TicketName = number | string;

export interface Contradiction {
  readonly kind: ContradictionKind;
  /** Absent when it is about the order as a whole. */
  readonly ticket?: TicketName;
  /** Where in the report it stands: `type`, `data.tickets.items[2]`. */
  readonly field: string;
  /** What was known and what was reported. */
  readonly message: string;
}

/** Takes note of one contradiction. */
export type Say = (kind: ContradictionKind, field: string, message: string, ticket?: TicketName) => void;

/** An order of a hundred thousand impossible tickets must not write a hundred thousand sentences into the log. */
export const CONTRADICTIONS_MAX = 100;

/** Collects the first {@link CONTRADICTIONS_MAX}. */
export const noteContradictions = (): { readonly noted: ReadonlyArray<Contradiction>; readonly say: Say } => {
  const noted: Contradiction[] = [];
  return {
    noted,
    say: (kind, field, message, ticket) => {
      if (noted.length < CONTRADICTIONS_MAX) {
        noted.push({ kind, ...(ticket !== undefined && { ticket }), field, message });
      }
    },
  };
};

/** For what one contradiction about the order as a whole says already. */
export const sayNothing: Say = () => undefined;

const SHOWN_MAX = 80;

/** A reported value in a message, cut when it is long. */
export const shown = (value: Json): string => {
  const text = JSON.stringify(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX).toWellFormed()}…` : text;
};
