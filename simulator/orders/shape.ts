import type { Either } from 'fp-ts/lib/Either.js';
import { left, right } from 'fp-ts/lib/Either.js';

/** What a stream of orders looks like: plain numbers, so that each can be set from the command line. */
export interface Shape {
  /** Companies that sell, each with its own shops. */
  readonly companies: number;
  readonly shops: number;
  /** From one event's on-sale to the next, over all companies. */
  readonly hoursBetweenEvents: number;
  /** Orders that an event sells, from the quietest to the busiest. */
  readonly ordersMin: number;
  readonly ordersMax: number;
  /** From on-sale to the start of the event. */
  readonly saleDays: number;
  /** The hour of the day at which events start, in UTC. */
  readonly startHour: number;
  readonly eventHours: number;
  /** Share of the orders that comes with the on-sale, and how fast that decays. */
  readonly spike: number;
  readonly spikeHalfLifeMinutes: number;
  /** Share of the orders in the last days, growing towards the start. */
  readonly rush: number;
  readonly rushDays: number;
  /** How much is bought at four in the morning, against eight in the evening. */
  readonly night: number;
  /** Ticket types of an event, dearest first; the price of the dearest and of the cheapest. */
  readonly ticketTypes: number;
  readonly priceMax: number;
  readonly priceMin: number;
  readonly products: number;
  /** Share of orders with a product. */
  readonly productShare: number;
  /** The mean number of tickets in an order, at most `groupMax`. */
  readonly group: number;
  readonly groupMax: number;
  /** Shares of orders. */
  readonly free: number;
  readonly discounts: number;
  readonly refunds: number;
  readonly reissues: number;
  readonly cancellations: number;
  readonly noShows: number;
  /** Hours before the start in which tickets are scanned. */
  readonly doorsHours: number;
  /** Share of events that are called off; all their orders are refunded. */
  readonly calledOff: number;
  /** Changes of an event's catalogue while it is on sale. */
  readonly edits: number;
}

export type Parameter = keyof Shape;

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
  readonly meaning: string;
}

const whole = (min: number, max: number, meaning: string): Bounds => ({ min, max, whole: true, meaning });
const real = (min: number, max: number, meaning: string): Bounds => ({ min, max, whole: false, meaning });
const share = (meaning: string): Bounds => real(0, 1, meaning);

/** In the order of the help. */
export const PARAMETERS: Readonly<Record<Parameter, Bounds>> = {
  companies: whole(1, 1_000, 'companies that sell'),
  shops: whole(1, 50, 'shops of a company, the first the largest'),
  hoursBetweenEvents: real(0.01, 8_760, 'hours from one on-sale to the next'),
  ordersMin: whole(1, 1_000_000, 'orders of the quietest event'),
  ordersMax: whole(1, 1_000_000, 'orders of the busiest event'),
  saleDays: real(0.1, 365, 'days from on-sale to the start'),
  startHour: whole(0, 23, 'hour at which events start, UTC'),
  eventHours: real(0.1, 240, 'hours an event lasts'),
  spike: share('share of the orders in the on-sale spike'),
  spikeHalfLifeMinutes: real(1, 100_000, 'minutes in which the spike halves'),
  rush: share('share of the orders in the last-minute rush'),
  rushDays: real(0.01, 365, 'days of the rush'),
  night: share('sales at 4 in the morning against 8 in the evening'),
  ticketTypes: whole(1, 20, 'ticket types of an event'),
  priceMax: real(0, 100_000, 'price of the dearest ticket type'),
  priceMin: real(0, 100_000, 'price of the cheapest'),
  products: whole(0, 20, 'products of an event (parking, lockers)'),
  productShare: share('share of orders with a product'),
  group: real(1, 40, 'mean number of tickets in an order'),
  groupMax: whole(1, 40, 'most tickets in an order'),
  free: share('share of orders that are free (guest list)'),
  discounts: share('share of orders with a discount'),
  refunds: share('share of orders with refunded tickets'),
  reissues: share('share of orders with reissued tickets'),
  cancellations: share('share of orders that are cancelled'),
  noShows: share('share of orders that never come to the door'),
  doorsHours: real(0.05, 48, 'hours before the start in which tickets are scanned'),
  calledOff: share('share of events called off, all orders refunded'),
  edits: real(0, 1_000, 'catalogue changes of an event while on sale, mean'),
};

export const isParameter = (name: string): name is Parameter => Object.hasOwn(PARAMETERS, name);

/** The shape with these parameters set; a Left says what is wrong with them. */
export const withParameters = (shape: Shape, settings: ReadonlyArray<string>): Either<string, Shape> => {
  const changed: Record<Parameter, number> = { ...shape };
  for (const setting of settings) {
    const [name = '', text = '', ...more] = setting.split('=');
    if (!isParameter(name)) return left(`--set takes name=value; there is no parameter "${name}"`);
    const { min, max, whole: isWhole } = PARAMETERS[name];
    const value = more.length === 0 && /^\d{1,9}(?:\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max) || (isWhole && !Number.isInteger(value))) {
      const kind = isWhole ? 'whole number' : 'number';
      return left(
        `--set ${name} must be a ${kind} from ${min} to ${max}, not "${[text, ...more].join('=')}"`,
      );
    }
    changed[name] = value;
  }
  const contradiction = contradictionIn(changed);
  return contradiction === undefined ? right(changed) : left(contradiction);
};

const contradictionIn = (shape: Shape): string | undefined => {
  if (shape.ordersMin > shape.ordersMax) return 'ordersMin must not be more than ordersMax';
  if (shape.priceMin > shape.priceMax) return 'priceMin must not be more than priceMax';
  if (shape.group > shape.groupMax) return 'group must not be more than groupMax';
  if (shape.spike + shape.rush > 1) return 'spike and rush together must not be more than 1';
  if (shape.doorsHours > shape.saleDays * 24) return 'doorsHours must not be more than the days of sale';
  return undefined;
};
