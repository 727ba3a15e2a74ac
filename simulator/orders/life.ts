import { Dice } from '../dice.ts';
import {
  DICE,
  HOUR_MS,
  type Product,
  type Shop,
  type Show,
  type SoldTicket,
  type TicketType,
  type World,
} from './world.ts';

/**
 * What happens to one order, from its sale to the door. A life is a pure function of the world, the show, the order's
 * number and the time of its sale: nobody has to remember it between two reports.
 */

export type StepKind = 'sold' | 'refunded' | 'rebarcoded' | 'replaced' | 'cancelled' | 'scanned';

export interface Step {
  readonly kind: StepKind;
  readonly atMs: number;
  /** Places of the order's tickets that it is about. */
  readonly tickets: ReadonlyArray<number>;
}

export interface Life {
  readonly show: Show;
  readonly number: number;
  readonly shop: Shop;
  readonly boxOffice: boolean;
  /** The same number is the same person. */
  readonly customer: number;
  readonly refCode: string;
  readonly offerCode: string;
  readonly tickets: ReadonlyArray<SoldTicket>;
  readonly product: Product | undefined;
  /** Rolled once; for whatever else the order's data needs. */
  readonly hash: number;
  readonly steps: ReadonlyArray<Step>;
}

const CUSTOMERS = 60_000;
const REF_CODES = ['', '', '', 'newsletter', 'instagram', 'poster'] as const;
const OFFER_CODES = ['EARLY10', 'FRIENDS', 'STUDENT', 'GROUP'] as const;
/** Shares of a ticket's price. */
const DISCOUNTS = [0.1, 0.15, 0.25, 0.5] as const;

/** `dice` is lent: it is seeded anew here. */
export const lifeOf = (world: World, show: Show, number: number, soldAtMs: number, dice: Dice): Life => {
  const { shape, roots, shopWeights } = world;
  dice.reseed(...roots, DICE.life, number);
  const hash = dice.bits();
  const shopAt = dice.weighted(shopWeights);
  // Some come again and again.
  const customer = Math.floor(CUSTOMERS * dice.next() ** 1.6);
  const isFree = dice.chance(shape.free);
  const hasDiscount = dice.chance(shape.discounts) && !isFree;
  const tickets = ticketsOf(world, show, isFree, hasDiscount, dice);
  const hasProduct = show.products.length > 0 && dice.chance(shape.productShare);
  return {
    show,
    number,
    shop: show.company.shops[shopAt] as Shop,
    boxOffice: shopAt === 1,
    customer,
    refCode: dice.pick(REF_CODES),
    offerCode: hasDiscount ? dice.pick(OFFER_CODES) : '',
    tickets,
    product: hasProduct ? dice.pick(show.products) : undefined,
    hash,
    steps: stepsOf(world, show, soldAtMs, tickets.length, dice),
  };
};

const ticketsOf = (
  { shape }: World,
  show: Show,
  isFree: boolean,
  hasDiscount: boolean,
  dice: Dice,
): ReadonlyArray<SoldTicket> => {
  const tickets: SoldTicket[] = [];
  const share = hasDiscount ? dice.pick(DISCOUNTS) : 0;
  let type = dice.weighted(show.typeWeights);
  for (let more = groupSize(shape.group, shape.groupMax, dice); more > 0; more -= 1) {
    // A group mostly buys the same.
    if (tickets.length > 0 && dice.chance(0.12)) type = dice.weighted(show.typeWeights);
    const sold = show.ticketTypes[type] as TicketType;
    tickets.push(soldAs(sold, isFree, share));
  }
  return tickets;
};

/** Made once for each ticket type and discount: most of what a ticket's report says is the same for all of them. */
const soldAs = (type: TicketType, isFree: boolean, share: number): SoldTicket => {
  const key = isFree ? -1 : share;
  const known = type.sold.get(key);
  if (known !== undefined) return known;
  const unit = isFree ? 0 : type.cents;
  const fee = unit === 0 ? 0 : 50 + Math.round(unit * 0.06);
  const discount = Math.round(unit * share);
  const price =
    `"unitCost":${unit / 100},"bookingFee":${fee / 100},"totalCost":${(unit + fee - discount) / 100},` +
    `"discount":${discount / 100},"ticketType":${type.inOrder}`;
  const sold = { unit, fee, discount, price };
  type.sold.set(key, sold);
  return sold;
};

/** One and then another with the same chance, so that the mean is met; pairs are what most people are. */
const groupSize = (mean: number, max: number, dice: Dice): number => {
  if (mean <= 1) return 1;
  const again = 1 - 1 / mean;
  let size = 1;
  while (size < max && dice.chance(again)) size += 1;
  return size === 1 && max > 1 && dice.chance(again) ? 2 : size;
};

/** Two reports of one order are at least this far apart, so that their order is known from their times. */
const APART_MS = 1_000;
const REFUND_WITHIN_MS = 48 * HOUR_MS;
const CANCELLED_AFTER_MS = 36 * HOUR_MS;

const stepsOf = (
  { shape }: World,
  show: Show,
  soldAtMs: number,
  count: number,
  dice: Dice,
): ReadonlyArray<Step> => {
  const all = Array.from({ length: count }, (_, at) => at);
  const steps: Step[] = [{ kind: 'sold', atMs: soldAtMs, tickets: all }];
  const add = (kind: StepKind, atMs: number, tickets: ReadonlyArray<number>): void => {
    const lastMs = (steps.at(-1) as Step).atMs;
    steps.push({ kind, atMs: Math.max(Math.floor(atMs), lastMs + APART_MS), tickets });
  };
  /** What happens before the doors open, or before the show is called off. */
  const quietUntilMs = show.calledOffMs ?? show.doorsMs;

  const cancelledMs = soldAtMs + dice.exponential(CANCELLED_AFTER_MS);
  if (dice.chance(shape.cancellations) && cancelledMs < quietUntilMs) {
    add('cancelled', cancelledMs, all);
    return steps;
  }
  let valid: ReadonlyArray<number> = all;
  for (const { isRefund, atMs } of wishes(soldAtMs, quietUntilMs, shape.refunds, shape.reissues, dice)) {
    const some = dice.chance(0.6) ? valid : someOf(valid, dice);
    if (some.length === 0) continue;
    if (isRefund) {
      add('refunded', atMs, some);
      valid = valid.filter((at) => !some.includes(at));
    } else {
      add(dice.chance(0.6) ? 'rebarcoded' : 'replaced', atMs, some);
    }
  }
  if (valid.length === 0) return steps;
  if (show.calledOffMs !== undefined) {
    add('refunded', show.calledOffMs + REFUND_WITHIN_MS * dice.next(), valid);
    return steps;
  }
  if (!dice.chance(shape.noShows)) arrive(show, valid, add, dice);
  return steps;
};

interface Wish {
  readonly isRefund: boolean;
  readonly atMs: number;
}

/** Refunds and reissues that a customer asks for, in the order of time. Nobody does so in the last minutes. */
const wishes = (
  fromMs: number,
  untilMs: number,
  refunds: number,
  reissues: number,
  dice: Dice,
): ReadonlyArray<Wish> => {
  const asked: Wish[] = [];
  const roomMs = untilMs - fromMs - 5 * APART_MS;
  const ask = (isRefund: boolean, share: number): void => {
    const wanted = dice.chance(share);
    const atMs = fromMs + roomMs * dice.next();
    if (wanted && roomMs > 0) asked.push({ isRefund, atMs });
  };
  ask(true, refunds);
  ask(true, refunds * 0.1);
  ask(false, reissues);
  ask(false, reissues * 0.1);
  return asked.length < 2 ? asked : asked.sort((a, b) => a.atMs - b.atMs);
};

const someOf = (tickets: ReadonlyArray<number>, dice: Dice): ReadonlyArray<number> => {
  const some = tickets.filter(() => dice.chance(0.5));
  return some.length > 0 || tickets.length === 0 ? some : [dice.pick(tickets)];
};

/** Most come in the middle of the time between doors and start, a few after it. */
const arrive = (
  { doorsMs, startMs }: Show,
  tickets: ReadonlyArray<number>,
  add: (kind: StepKind, atMs: number, tickets: ReadonlyArray<number>) => void,
  dice: Dice,
): void => {
  const doors = startMs - doorsMs;
  const arrivedMs = doorsMs + doors * (dice.next() + dice.next() + dice.next()) * 0.37;
  const together = tickets.length === 1 || dice.chance(0.85);
  const first = together ? tickets : tickets.slice(0, dice.between(1, tickets.length - 1));
  add('scanned', arrivedMs, first);
  if (!together) add('scanned', arrivedMs + dice.exponential(doors * 0.1), tickets.slice(first.length));
  // Out for a smoke, and in again.
  if (dice.chance(0.03)) add('scanned', arrivedMs + doors * dice.next(), first);
};
