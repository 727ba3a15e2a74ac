import type { JsonObject } from '../../domain/json.ts';
import { Dice } from '../../../simulator/dice.ts';

/** A CloudEvent 1.0 as `POST /changes` takes it. */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly companyid: string;
  readonly datacontenttype: 'application/json';
  readonly data: JsonObject;
}

export const COMPANY = { id: 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48', name: 'Riverside Festivals' } as const;
export const EVENT = { id: 132218, name: 'Riverside Night' } as const;
export const WEEKEND = { id: 360875, name: 'Weekend' } as const;
export const NIGHT_OWL = { id: 360876, name: 'Night owl' } as const;
export const PARKING = { id: '5501', name: 'Parking' } as const;
export const SHOP = { id: '77', name: 'Riverside web shop' } as const;
const GATES = ['gate-north', 'gate-south', 'gate-river'] as const;

const ORDERS = 190;
/** From this order on the doors are open. */
const DOORS_OPEN_AT = 50;
const FIRST_ORDER_ID = 37_228_036;
/** The order that is sold, reissued, refunded and cancelled, with so many other sales between the steps. */
const STORIED_ORDER_NUMBER = 12;
export const STORIED_ORDER = FIRST_ORDER_ID + STORIED_ORDER_NUMBER - 1;
const CHAPTER = 25;
const STARTS_AT_MS = Date.parse('2026-08-22T17:00:00.000Z');

const FIRST_NAMES = [
  'Ada',
  'Bram',
  'Chloe',
  'Dirk',
  'Esra',
  'Fred',
  'Gwen',
  'Hugo',
  'Iris',
  'Joost',
] as const;
const LAST_NAMES = ['Durst', 'de Vries', 'Okafor', 'Jansen', 'Moreau', 'Bakker', 'Silva', "O'Neill"] as const;

interface Ticket {
  readonly id: number;
  readonly type: typeof WEEKEND | typeof NIGHT_OWL;
  barcode: string;
  valid: boolean;
}

interface Transaction {
  readonly id: number;
  readonly type: 'PURCHASE' | 'REFUND';
}

interface Order {
  readonly id: number;
  readonly createdDate: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly parking: boolean;
  readonly tickets: ReadonlyArray<Ticket>;
  readonly transactions: Transaction[];
  scanned: boolean;
}

/** Everything the platform has to report of one evening, in order. The first few set the stage. */
export const festivalNight = (seed: number): ReadonlyArray<CloudEvent> => new Evening(seed).reports;

class Evening {
  readonly reports: CloudEvent[] = [];
  readonly #dice: Dice;
  readonly #orders: Order[] = [];
  #nowMs = STARTS_AT_MS;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
    this.#setTheStage();
    for (let sold = 1; sold <= ORDERS; sold += 1) {
      this.#sell(sold === STORIED_ORDER_NUMBER);
      this.#tellTheStory(sold);
      this.#serveCustomers();
      if (sold >= DOORS_OPEN_AT && this.#dice.chance(0.36)) this.#letIn();
      if (this.#dice.chance(0.1)) this.#editCatalogue();
    }
  }

  #setTheStage(): void {
    const ofEvent = [{ resource: 'event', identifier: String(EVENT.id) }];
    this.#report('event.create', EVENT.id, { name: EVENT.name, company: COMPANY.name, capacity: 4000 });
    this.#report('ticket.create', WEEKEND.id, { name: WEEKEND.name, price: 8900, relations: ofEvent });
    this.#report('ticket.create', NIGHT_OWL.id, { name: NIGHT_OWL.name, price: 3900, relations: ofEvent });
    this.#report('product.create', PARKING.id, { name: PARKING.name, price: 1200, relations: ofEvent });
    this.#report('shop.create', SHOP.id, { name: SHOP.name, relations: ofEvent });
  }

  #sell(storied: boolean): void {
    const dice = this.#dice;
    const id = FIRST_ORDER_ID + this.#orders.length;
    const order: Order = {
      id,
      createdDate: new Date(this.#nowMs).toISOString(),
      firstName: dice.pick(FIRST_NAMES),
      lastName: dice.pick(LAST_NAMES),
      parking: dice.chance(0.12),
      tickets: Array.from({ length: storied ? 3 : dice.between(1, 3) }, (_, index) => ({
        id: id * 10 + index,
        type: dice.pick([WEEKEND, NIGHT_OWL]),
        barcode: this.#barcode(),
        valid: true,
      })),
      transactions: [{ id: id + 900_000, type: 'PURCHASE' }],
      scanned: false,
    };
    this.#orders.push(order);
    this.#reportOrder('order.sold', order);
  }

  /** Now and then somebody comes back with an order of earlier. */
  #serveCustomers(): void {
    const order = this.#dice.pick(this.#orders);
    const [ticket] = order.tickets;
    const wish = this.#dice.next();
    if (order.id === STORIED_ORDER) return;
    if (ticket === undefined || !ticket.valid || order.scanned) return;
    if (wish < 0.09) {
      ticket.valid = false;
      order.transactions.push({ id: order.id + 950_000, type: 'REFUND' });
      this.#reportOrder('order.refunded', order);
    } else if (wish < 0.16) {
      ticket.barcode = this.#barcode();
      this.#reportOrder('order.reissued', order);
    } else if (wish < 0.22) {
      for (const cancelled of order.tickets) cancelled.valid = false;
      this.#reportOrder('order.cancelled', order);
    }
  }

  /** The one order that goes through everything, in the course of the evening. */
  #tellTheStory(sold: number): void {
    const order = this.#orders.find(({ id }) => id === STORIED_ORDER);
    const [first, second] = order?.tickets ?? [];
    if (order === undefined || first === undefined || second === undefined) return;
    switch (sold - STORIED_ORDER_NUMBER) {
      case CHAPTER:
        first.barcode = this.#barcode();
        return this.#reportOrder('order.reissued', order);
      case 2 * CHAPTER:
        second.valid = false;
        order.transactions.push({ id: order.id + 950_000, type: 'REFUND' });
        return this.#reportOrder('order.refunded', order);
      case 3 * CHAPTER:
        for (const cancelled of order.tickets) cancelled.valid = false;
        return this.#reportOrder('order.cancelled', order);
    }
  }

  #letIn(): void {
    const order = this.#dice.pick(this.#orders);
    if (order.id === STORIED_ORDER) return;
    if (order.scanned || !order.tickets.some(({ valid }) => valid)) return;
    order.scanned = true;
    this.#reportOrder('order.scanned', order);
    this.#report('scanner.scan', this.#dice.pick(GATES), { order: order.id, result: 'admitted' });
  }

  #editCatalogue(): void {
    const left = 4000 - this.#orders.length;
    const edits = [
      () =>
        this.#report('event.update', EVENT.id, { name: EVENT.name, company: COMPANY.name, capacity: left }),
      () => this.#report('ticket.update', WEEKEND.id, { name: WEEKEND.name, price: 8900, available: left }),
      () => this.#report('product.update', PARKING.id, { name: PARKING.name, price: 1200, available: left }),
      () => this.#report('shop.update', SHOP.id, { name: SHOP.name, banner: `${left} places left` }),
    ];
    this.#dice.pick(edits)();
  }

  #reportOrder(type: string, order: Order): void {
    this.#report(type, order.id, snapshot(order));
  }

  #report(type: string, subject: number | string, data: JsonObject): void {
    this.#nowMs += this.#dice.between(5_000, 60_000);
    this.reports.push({
      specversion: '1.0',
      id: `evening-${String(this.reports.length + 1).padStart(4, '0')}`,
      source: 'https://tickets.example/riverside',
      type,
      subject: String(subject),
      time: new Date(this.#nowMs).toISOString(),
      companyid: COMPANY.id,
      datacontenttype: 'application/json',
      data,
    });
  }

  #barcode(): string {
    return Array.from({ length: 32 }, () => this.#dice.between(0, 15).toString(16).toUpperCase()).join('');
  }
}

/** An order as Moshtix prints it, with what it belongs to besides its event and ticket types. */
const snapshot = (order: Order): JsonObject => ({
  id: order.id,
  createdDate: order.createdDate,
  channel: 'ONLINE',
  refCode: '',
  offerCode: '',
  customer: {
    id: order.id - 30_000_000,
    email: `guest-${order.id}@mail.example`,
    firstName: order.firstName,
    lastName: order.lastName,
    telephone: '0433567777',
  },
  event: {
    id: EVENT.id,
    name: EVENT.name,
    startDate: '2026-08-22T20:00:00.000Z',
    endDate: '2026-08-23T04:00:00.000Z',
    client: null,
    tags: { items: [] },
  },
  tickets: {
    items: order.tickets.map(({ id, type, barcode, valid }) => ({
      id,
      firstName: null,
      lastName: null,
      valid,
      barcode,
      unitCost: type === WEEKEND ? 8900 : 3900,
      bookingFee: 0,
      totalCost: type === WEEKEND ? 8900 : 3900,
      discount: 0,
      ticketType: { id: type.id, name: type.name, tags: { items: [] } },
    })),
  },
  transactions: {
    items: order.transactions.map(({ id, type }) => ({
      id,
      type,
      status: 'SUCCESS',
      ipAddress: '2001:db8::87',
    })),
  },
  relations: [
    { resource: 'shop', identifier: SHOP.id },
    ...(order.parking ? [{ resource: 'product', identifier: PARKING.id }] : []),
  ],
});
