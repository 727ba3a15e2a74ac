import { randomUUID } from 'node:crypto';
import type { Seeded } from './seeded.ts';

/** Two tenants. Fresh ones for each run, because a store may hold what earlier runs left. */
export interface Companies {
  readonly a: string;
  readonly b: string;
}

export const newCompanies = (): Companies => ({ a: randomUUID(), b: randomUUID() });

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

export const subscriptionsOf = ({ a, b }: Companies): ReadonlyArray<Subscription> => [
  {
    name: 'direct',
    company: a,
    fields: { resource: 'event', trigger: 'update', retries: 4 },
    settings: {},
    hears: ({ type }) => type === 'event.update',
  },
  {
    name: 'no-retries',
    company: a,
    fields: { resource: 'event', trigger: 'update', identifier: 'e2', retries: 0 },
    settings: {},
    hears: ({ type, subject }) => type === 'event.update' && subject === 'e2',
  },
  {
    name: 'propagated',
    company: a,
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
    company: a,
    fields: { resource: 'event', trigger: 'paid', retries: 3, triggered_by_child_resources: true },
    settings: {},
    hears: ({ type }) => type === 'order.sold',
  },
  {
    name: 'order-of-ticket',
    company: a,
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
    company: a,
    fields: { resource: 'ticket', trigger: 'update', retries: 3 },
    settings: { ordering: 'per_resource' },
    hears: ({ type }) => type === 'ticket.update',
  },
  {
    name: 'coalescing',
    company: a,
    fields: { resource: 'event', trigger: 'update', retries: 4 },
    settings: { coalesce: true },
    hears: ({ type }) => type === 'event.update',
  },
  {
    name: 'other-company',
    company: b,
    fields: { resource: 'event', trigger: 'update', retries: 3 },
    settings: {},
    hears: ({ type }) => type === 'event.update',
  },
];

/** Whether a webhook has to be told of a change. */
export const mustHear = ({ company, hears }: Subscription, change: Change): boolean =>
  company === change.companyid && hears(change);

/** What has to be known before anything is killed: where each ticket type belongs. */
export const preparation = ({ a }: Companies): ReadonlyArray<Change> =>
  Array.from({ length: TICKETS }, (_, n) =>
    changeOf(a, `ticket-${n}`, 'ticket.create', `t${n}`, belonging(`t${n}`)),
  );

const belonging = (ticket: string) => ({ relations: [{ resource: 'event', identifier: eventOf(ticket) }] });

export const changeOf = (
  companyid: string,
  id: string,
  type: string,
  subject: string,
  data: Readonly<Record<string, unknown>>,
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
  readonly #companies: Companies;
  #made = 0;

  constructor(seeded: Seeded, companies: Companies) {
    this.#seeded = seeded;
    this.#companies = companies;
  }

  next(): Planned {
    const single = this.#seeded.chance(0.6);
    const count = single ? 1 : this.#seeded.between(2, BATCH_MAX);
    return { single, changes: Array.from({ length: count }, () => this.#change()) };
  }

  #change(): Change {
    const seeded = this.#seeded;
    const { a, b } = this.#companies;
    const n = (this.#made += 1);
    const id = `change-${n}`;
    const kind = seeded.next();
    if (kind < 0.4) return changeOf(a, id, 'event.update', `e${seeded.between(0, EVENTS - 1)}`, { n });
    if (kind < 0.7) {
      const ticket = `t${seeded.between(0, TICKETS - 1)}`;
      return changeOf(a, id, 'ticket.update', ticket, {
        n,
        ...(seeded.chance(0.5) ? belonging(ticket) : {}),
      });
    }
    if (kind < 0.9) {
      const ticket = `t${seeded.between(0, TICKETS - 1)}`;
      const data = {
        n,
        event: { id: eventOf(ticket) },
        tickets: { items: [{ ticketType: { id: ticket } }] },
      };
      return changeOf(a, id, 'order.sold', `o${n}`, data);
    }
    return changeOf(b, id, 'event.update', `e${seeded.between(0, EVENTS - 1)}`, { n });
  }
}
