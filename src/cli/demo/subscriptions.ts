import { type CloudEvent, EVENT, PARKING } from './evening.ts';
import type { ReceiverName } from './receiver.ts';

interface AnySubscription {
  /** Its path at the receiver, too. */
  readonly name: string;
  readonly receiver: ReceiverName;
  /**
   * Written by hand from the vendors' pages, without asking the engine: the engine's work is held against it. Every
   * order belongs to the one event and to at least one ticket type.
   */
  readonly hears: (change: CloudEvent) => boolean;
}

export interface OpenTicketSubscription extends AnySubscription {
  readonly dialect: 'openticket';
  readonly resource: string;
  readonly trigger: string;
  /** '' = any. */
  readonly identifier: string;
  readonly triggeredByChildResources: boolean;
  readonly retries: number;
  readonly sentAs: 'json' | 'urlencoded' | 'multipart';
}

export interface MoshtixSubscription extends AnySubscription {
  readonly dialect: 'moshtix';
  readonly systemEventType: 'ORDER_SAVED' | 'EVENT_SAVED';
}

/** A webhook of the demo, and what it must hear of. */
export type Subscription = OpenTicketSubscription | MoshtixSubscription;

/** A subscription that the engine knows. */
export type Subscribed = Subscription & { readonly webhook: string };

const isOneOf =
  (...types: ReadonlyArray<string>) =>
  ({ type }: CloudEvent): boolean =>
    types.includes(type);

const namesParking = ({ data }: CloudEvent): boolean =>
  JSON.stringify(data['relations'] ?? []).includes(`"product","identifier":"${PARKING.id}"`);

const DIRECT = {
  dialect: 'openticket',
  identifier: '',
  triggeredByChildResources: false,
  retries: 3,
  sentAs: 'json',
} as const;
const OF_RELATED = { ...DIRECT, triggeredByChildResources: true } as const;
/** More than the flaky receiver fails in a row, and room for an attempt that the kill cuts off. */
const PATIENT = { retries: 5 } as const;

export const SUBSCRIPTIONS: ReadonlyArray<Subscription> = [
  {
    ...DIRECT,
    name: 'order-paid',
    receiver: 'good',
    resource: 'order',
    trigger: 'paid',
    hears: isOneOf('order.sold'),
  },
  {
    ...OF_RELATED,
    name: 'event-updated',
    receiver: 'good',
    resource: 'event',
    trigger: 'update',
    identifier: String(EVENT.id),
    sentAs: 'urlencoded',
    hears: isOneOf('event.update', 'ticket.update', 'product.update', 'shop.update'),
  },
  {
    ...DIRECT,
    name: 'gate-scan',
    receiver: 'good',
    resource: 'scanner',
    trigger: 'scan',
    hears: isOneOf('scanner.scan'),
  },
  {
    ...OF_RELATED,
    ...PATIENT,
    name: 'ticket-paid',
    receiver: 'flaky',
    resource: 'ticket',
    trigger: 'paid',
    sentAs: 'multipart',
    hears: isOneOf('order.sold'),
  },
  {
    ...DIRECT,
    ...PATIENT,
    name: 'order-changed',
    receiver: 'flaky',
    resource: 'order',
    trigger: 'update',
    hears: isOneOf('order.refunded', 'order.reissued'),
  },
  {
    ...OF_RELATED,
    ...PATIENT,
    name: 'event-order-gone',
    receiver: 'flaky',
    resource: 'event',
    trigger: 'delete',
    hears: isOneOf('order.cancelled'),
  },
  {
    ...OF_RELATED,
    name: 'event-scan',
    receiver: 'slow',
    resource: 'event',
    trigger: 'scan',
    hears: isOneOf('order.scanned'),
  },
  {
    ...OF_RELATED,
    name: 'parking-paid',
    receiver: 'slow',
    resource: 'product',
    trigger: 'paid',
    identifier: PARKING.id,
    hears: (change) => change.type === 'order.sold' && namesParking(change),
  },
  {
    dialect: 'moshtix',
    name: 'order-saved',
    receiver: 'good',
    systemEventType: 'ORDER_SAVED',
    hears: isOneOf('order.sold', 'order.refunded', 'order.reissued', 'order.cancelled'),
  },
];
