import type { Seeded } from './seeded.ts';

export const COMPANY_A = '0a0a0a0a-0000-4000-8000-00000000000a';
export const COMPANY_B = '0b0b0b0b-0000-4000-8000-00000000000b';

/** A CloudEvent as the platform sends it. */
export interface Change {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly companyid: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A webhook to be made, and in plain words whom it hears of: what the engine is measured by. */
export interface Subscription {
  readonly name: string;
  readonly company: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly hears: (change: Change) => boolean;
}

const EVENTS = 6;
const TICKETS = 6;

/** Ticket types belong to events once and for all, so that no race decides who hears. */
const eventOf = (ticket: string): string => `e${Number(ticket.slice(1)) % EVENTS}`;

const ticketOf = ({ data }: Change): string =>
  (
    data as {
      readonly tickets: { readonly items: ReadonlyArray<{ readonly ticketType: { readonly id: string } }> };
    }
  ).tickets.items[0]?.ticketType.id ?? '';

export const SUBSCRIPTIONS: ReadonlyArray<Subscription> = [
  {
    name: 'direct',
    company: COMPANY_A,
    fields: { resource: 'event', trigger: 'update', retries: 4 },
    settings: {},
    hears: ({ type }) => type === 'event.update',
  },
  {
    name: 'no-retries',
    company: COMPANY_A,
    fields: { resource: 'event', trigger: 'update', identifier: 'e2', retries: 0 },
    settings: {},
    hears: ({ type, subject }) => type === 'event.update' && subject === 'e2',
  },
  {
    name: 'propagated',
    company: COMPANY_A,
    fields: {
      resource: 'event',
      trigger: 'update',
      identifier: 'e1',
      retries: 5,
      triggered_by_child_resources: true,
    },
    settings: {},
    hears: ({ type, subject }) =>
      (type === 'event.update' && subject === 'e1') ||
      (type === 'ticket.update' && eventOf(subject) === 'e1'),
  },
  {
    name: 'orders',
    company: COMPANY_A,
    fields: { resource: 'event', trigger: 'paid', retries: 3, triggered_by_child_resources: true },
    settings: {},
    hears: ({ type }) => type === 'order.sold',
  },
  {
    name: 'order-of-ticket',
    company: COMPANY_A,
    fields: {
      resource: 'ticket',
      trigger: 'paid',
      identifier: 't3',
      retries: 3,
      triggered_by_child_resources: true,
    },
    settings: {},
    hears: (change) => change.type === 'order.sold' && ticketOf(change) === 't3',
  },
  {
    name: 'ordered',
    company: COMPANY_A,
    fields: { resource: 'ticket', trigger: 'update', retries: 3 },
    settings: { ordering: 'per_resource' },
    hears: ({ type }) => type === 'ticket.update',
  },
  {
    name: 'coalescing',
    company: COMPANY_A,
    fields: { resource: 'event', trigger: 'update', retries: 4 },
    settings: { coalesce: true },
    hears: ({ type }) => type === 'event.update',
  },
  {
    name: 'other-company',
    company: COMPANY_B,
    fields: { resource: 'event', trigger: 'update', retries: 3 },
    settings: {},
    hears: ({ type }) => type === 'event.update',
  },
];

/** The webhooks that have to be told of a change, by name. */
export const hearersOf = (change: Change): ReadonlyArray<string> =>
  SUBSCRIPTIONS.filter(({ company, hears }) => company === change.companyid && hears(change)).map(
    ({ name }) => name,
  );

/** What has to be known before anything is killed: where each ticket type belongs. */
export const preparation = (): ReadonlyArray<Change> =>
  Array.from({ length: TICKETS }, (_, n) =>
    changeOf(`ticket-${n}`, 'ticket.create', `t${n}`, belonging(`t${n}`)),
  );

const belonging = (ticket: string) => ({ relations: [{ resource: 'event', identifier: eventOf(ticket) }] });

const changeOf = (
  id: string,
  type: string,
  subject: string,
  data: Readonly<Record<string, unknown>>,
  companyid = COMPANY_A,
): Change => ({
  specversion: '1.0',
  id,
  source: '/kill-test',
  type,
  subject,
  time: new Date(Date.UTC(2026, 0, 1)).toISOString(),
  companyid,
  data,
});

/** One request: a single change, or a batch. */
export interface Planned {
  readonly changes: ReadonlyArray<Change>;
  readonly single: boolean;
}

const BATCH_MAX = 8;

/** The platform's requests, one after the other; the seed alone decides what they are. */
export class Workload {
  readonly #seeded: Seeded;
  #made = 0;

  constructor(seeded: Seeded) {
    this.#seeded = seeded;
  }

  next(): Planned {
    const single = this.#seeded.chance(0.6);
    const count = single ? 1 : this.#seeded.between(2, BATCH_MAX);
    return { single, changes: Array.from({ length: count }, () => this.#change()) };
  }

  #change(): Change {
    const seeded = this.#seeded;
    const n = (this.#made += 1);
    const id = `change-${n}`;
    const kind = seeded.next();
    if (kind < 0.4) return changeOf(id, 'event.update', `e${seeded.between(0, EVENTS - 1)}`, { n });
    if (kind < 0.7) {
      const ticket = `t${seeded.between(0, TICKETS - 1)}`;
      return changeOf(id, 'ticket.update', ticket, { n, ...(seeded.chance(0.5) ? belonging(ticket) : {}) });
    }
    if (kind < 0.9) {
      const ticket = `t${seeded.between(0, TICKETS - 1)}`;
      const data = {
        n,
        event: { id: eventOf(ticket) },
        tickets: { items: [{ ticketType: { id: ticket } }] },
      };
      return changeOf(id, 'order.sold', `o${n}`, data);
    }
    return changeOf(id, 'event.update', `e${seeded.between(0, EVENTS - 1)}`, { n }, COMPANY_B);
  }
}
