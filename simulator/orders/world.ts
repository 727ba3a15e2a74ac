import { hash } from 'node:crypto';
import { uuidV5 } from '../../src/domain/ids.ts';
import { Dice } from '../dice.ts';
import { productName, shopName, showName, ticketTypeName, venueName } from './names.ts';
import type { Shape } from './shape.ts';

/** Who sells what, and when. Everything follows from seed and shape; a show is made anew from its number alone. */

const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Of everything, so that two worlds in one account do not share the names of their orders. */
const IDS_PER_WORLD = 1e10;
/** Behind the world's prefix: always ten digits, and below 2^31. */
export const FIRST_ID = 1e9;
/** So many orders, with an id for each of their tickets. */
export const ORDERS_MAX = 8_000_000;
/** Times {@link IDS_PER_WORLD}, the ids stay exact as JSON numbers. */
const WORLDS = 900_000;

export interface Shop {
  readonly id: number;
  readonly name: string;
}

export interface Company {
  readonly id: string;
  readonly shops: ReadonlyArray<Shop>;
}

export interface World {
  readonly seed: number;
  readonly shape: Shape;
  readonly startMs: number;
  /** The CloudEvents' `source`: another seed or shape is another source. */
  readonly source: string;
  /** Identifiers of everything are numbers from here on. */
  readonly firstId: number;
  readonly idPrefix: string;
  /** What the dice start from. */
  readonly roots: readonly [number, number];
  readonly companies: ReadonlyArray<Company>;
  /** How likely an order comes through a company's first, second … shop. */
  readonly shopWeights: ReadonlyArray<number>;
}

export interface Origin {
  readonly seed: number;
  readonly shape: Shape;
  readonly startMs: number;
  /** Stand in for the made-up companies. */
  readonly companies?: ReadonlyArray<string>;
}

export const worldOf = ({ seed, shape, startMs, companies = [] }: Origin): World => {
  const count = companies.length > 0 ? companies.length : shape.companies;
  const digest = hash('sha256', JSON.stringify([seed, { ...shape, companies: count }, startMs]));
  const word = (at: number): number => Number.parseInt(digest.slice(at * 8, at * 8 + 8), 16);
  const prefix = 1 + (word(0) % (WORLDS - 1));
  const firstId = prefix * IDS_PER_WORLD + FIRST_ID;
  return {
    seed,
    shape,
    startMs,
    source: `urn:callboard:orders:${digest.slice(0, 16)}`,
    firstId,
    idPrefix: String(prefix),
    roots: [word(1), word(2)],
    companies: Array.from({ length: count }, (_, company) => ({
      id: companies[company] ?? uuidV5(COMPANIES_NAMESPACE, `${digest}/${company}`),
      shops: Array.from({ length: shape.shops }, (_shop, shop) => ({
        id: firstId + company * SHOPS_MAX + shop,
        name: shopName(company, shop),
      })),
    })),
    // As Zipf found for cities: the second is half as large, the third a third.
    shopWeights: Array.from({ length: shape.shops }, (_, shop) => 1 / (shop + 1)),
  };
};

const COMPANIES_NAMESPACE = 'b5a1c9a4-6f0e-5b7e-8b57-5c2f0f1a7d11';
const SHOPS_MAX = 100;

/** A ticket of a type at one of its prices, in cents: what is paid is `unit + fee - discount`. */
export interface SoldTicket {
  readonly unit: number;
  readonly fee: number;
  readonly discount: number;
  /** Price and ticket type as they stand in an order, in JSON without braces. */
  readonly price: string;
}

export interface TicketType {
  readonly id: number;
  readonly name: string;
  readonly cents: number;
  /** As it stands in an order, in JSON. */
  readonly inOrder: string;
  /** By discount, made when the first is sold. */
  readonly sold: Map<number, SoldTicket>;
}

export interface Product {
  readonly id: number;
  readonly name: string;
  readonly cents: number;
}

/** An event of the platform. */
export interface Show {
  readonly number: number;
  readonly company: Company;
  readonly id: number;
  readonly name: string;
  readonly venue: string;
  readonly announcedMs: number;
  readonly onSaleMs: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Doors open. */
  readonly doorsMs: number;
  /** Undefined: it takes place. */
  readonly calledOffMs: number | undefined;
  readonly orders: number;
  readonly ticketTypes: ReadonlyArray<TicketType>;
  readonly typeWeights: ReadonlyArray<number>;
  readonly products: ReadonlyArray<Product>;
  readonly gates: number;
  /** As it stands in an order, in JSON. */
  readonly inOrder: string;
}

/** What dice are for: parts of their path. */
export const DICE = { show: 1, sales: 2, life: 3, programme: 4, mischief: 5 } as const;

const ANNOUNCED_BEFORE_MS = 2 * DAY_MS;
const ON_SALE_HOUR = 10;

/** Shows are numbered in the order in which they are announced. */
export const showOf = (world: World, number: number): Show => {
  const { shape, companies, firstId } = world;
  const dice = new Dice(...world.roots, DICE.show, number);
  const company = companies[Math.floor(dice.next() * companies.length)] as Company;
  const id = firstId + number + 1;

  const gapMs = shape.hoursBetweenEvents * HOUR_MS;
  const roughlyMs = world.startMs + ANNOUNCED_BEFORE_MS + (number + dice.next()) * gapMs;
  const onSaleMs = gapMs < DAY_MS ? roughlyMs : roughlyMs - (roughlyMs % DAY_MS) + ON_SALE_HOUR * HOUR_MS;
  const startMs = startOf(shape, onSaleMs + shape.saleDays * DAY_MS * (0.8 + 0.4 * dice.next()), onSaleMs);
  const endMs = startMs + shape.eventHours * HOUR_MS;
  const calledOff = dice.chance(shape.calledOff);
  const calledOffShare = 0.6 + 0.35 * dice.next();
  // Few large ones, many small ones.
  const orders = Math.round(shape.ordersMin + (shape.ordersMax - shape.ordersMin) * dice.next() ** 1.5);
  const nameHash = dice.bits();
  const name = `${showName(nameHash)} ${number + 1}`;
  const firstOfShow = firstId + number * PARTS_OF_SHOW_MAX;
  return {
    number,
    company,
    id,
    name,
    venue: venueName(nameHash >>> 16),
    announcedMs: onSaleMs - ANNOUNCED_BEFORE_MS,
    onSaleMs,
    startMs,
    endMs,
    doorsMs: startMs - shape.doorsHours * HOUR_MS,
    calledOffMs: calledOff ? Math.floor(onSaleMs + (startMs - onSaleMs) * calledOffShare) : undefined,
    orders,
    ticketTypes: Array.from({ length: shape.ticketTypes }, (_, at) => {
      const typeName = ticketTypeName(at);
      const typeId = firstOfShow + at;
      return {
        id: typeId,
        name: typeName,
        cents: priceOf(shape, at),
        inOrder: JSON.stringify({ id: typeId, name: typeName, tags: { items: [] } }),
        sold: new Map(),
      };
    }),
    // The cheaper, the more of them.
    typeWeights: Array.from({ length: shape.ticketTypes }, (_, at) => at + 1),
    products: Array.from({ length: shape.products }, (_, at) => ({
      id: firstOfShow + at,
      name: productName(at),
      cents: 100 * dice.between(2, 25),
    })),
    gates: Math.max(1, Math.min(12, Math.round(orders / 1_500))),
    inOrder: JSON.stringify({
      id,
      name,
      startDate: new Date(startMs).toISOString(),
      endDate: new Date(endMs).toISOString(),
      client: null,
      tags: { items: [] },
    }),
  };
};

const PARTS_OF_SHOW_MAX = 50;

/** On the hour at which shows start, never before its doors could open. */
const startOf = (shape: Shape, roughlyMs: number, onSaleMs: number): number => {
  const hourMs = shape.startHour * HOUR_MS;
  const startMs = roughlyMs - (roughlyMs % DAY_MS) + hourMs;
  const soonestMs = onSaleMs + shape.doorsHours * HOUR_MS + HOUR_MS;
  return startMs >= soonestMs ? startMs : startMs + Math.ceil((soonestMs - startMs) / DAY_MS) * DAY_MS;
};

const priceOf = ({ ticketTypes, priceMax, priceMin }: Shape, at: number): number => {
  const steps = Math.max(1, ticketTypes - 1);
  return Math.round((priceMax - ((priceMax - priceMin) * at) / steps) * 2) * 50;
};
