import { isLeft } from 'fp-ts/lib/Either.js';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import type { Order } from '../../src/domain/order.ts';
import { nameIn } from '../../src/domain/order-report.ts';
import type { Contradiction } from '../../src/domain/order-contradiction.ts';
import {
  decideResource,
  evolveResource,
  initialResource,
  ORDER_LIFE,
  type OrderPolicy,
  type ReportChange,
  type ResourceChange,
  type ResourceState,
} from '../../src/domain/resource-change.ts';
import { frozen } from '../support/decider-spec.ts';

/** Orders, and reports of them, for tests. */

export const PRINTED_ORDER = `{
  "id": 37228036,
  "createdDate": "2021-11-02T07:47:57.000Z",
  "channel": "ONLINE",
  "refCode": "",
  "offerCode": "",
  "customer": {
    "id": 6702175,
    "email": "test@moshtix.com",
    "firstName": "Fred",
    "lastName": "Durst",
    "telephone": "0433567777"
  },
  "event": {
    "id": 132218,
    "name": "Test API Event",
    "startDate": "2023-12-31T22:30:00.000Z",
    "endDate": "2023-12-31T23:30:00.000Z",
    "client": null,
    "tags": { "items": [] }
  },
  "tickets": {
    "items": [
      {
        "id": 29734124,
        "firstName": null,
        "lastName": null,
        "valid": true,
        "barcode": "F2D705C60392480385CD7BEF6C0A70DF",
        "unitCost": 0,
        "bookingFee": 0,
        "totalCost": 0,
        "discount": 0,
        "ticketType": { "id": 360875, "name": "free", "tags": { "items": [] } }
      }
    ]
  },
  "transactions": {
    "items": [
      {
        "id": 12894177,
        "type": "PURCHASE",
        "status": "SUCCESS",
        "ipAddress": "2001:8004:1140:7f9e:64bc:1ec4:94a7:de87"
      }
    ]
  }
}`;

export const printedData = (): JsonObject => JSON.parse(PRINTED_ORDER) as JsonObject;

export type LifeType = keyof typeof ORDER_LIFE;

/** `type` as reported: `order.sold`, or a plain trigger such as `order.update`. */
export const reportOf = (type: string, data: Json, policy?: OrderPolicy): ReportChange => {
  const life = Object.hasOwn(ORDER_LIFE, type) ? ORDER_LIFE[type as LifeType] : undefined;
  return {
    type: 'ReportChange',
    companyId: 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48',
    resource: 'order',
    identifier: '1',
    changeType: type,
    eventType: life?.event ?? 'ResourceChanged',
    triggers: life?.triggers ?? ['update'],
    source: 'https://tickets.example',
    id: '1',
    fingerprint: 'f',
    occurredAtMs: 500,
    data,
    declared: undefined,
    ...(policy !== undefined && { policy }),
    atMs: 1_000,
  };
};

export const changed = (state: ResourceState, command: ReportChange): ResourceChange => {
  const decision = decideResource(state, frozen(command));
  if (isLeft(decision)) throw new Error(JSON.stringify(decision.left));
  const [event] = decision.right;
  if (event === undefined) throw new Error('a report is one event');
  return frozen(event);
};

export interface Told {
  readonly order: Order;
  readonly kinds: ReadonlyArray<string>;
  readonly contradictions: ReadonlyArray<Contradiction>;
}

/** What the last of these reports leaves, and what it contradicts. */
export const told = (...commands: ReadonlyArray<ReportChange>): Told => {
  const state = commands.reduce<ResourceState>(
    (before, command) => evolveResource(before, changed(before, command)),
    initialResource,
  );
  const outcome = state.situation === 'known' ? state.lastChange.order : undefined;
  if (outcome === undefined) throw new Error('there is no order');
  return {
    order: outcome.after,
    kinds: outcome.contradictions.map(({ kind }) => kind),
    contradictions: outcome.contradictions,
  };
};

const inShort = (name: Json | undefined): string => nameIn(name) ?? 'none';

/** Every ticket in short: `1:A` is valid, `1:A-` is not. */
export const ticketsOf = ({ order }: Told): ReadonlyArray<string> =>
  [...order.tickets, ...order.replaced].map(
    ({ id, barcode, valid }) => `${inShort(id)}:${inShort(barcode)}${valid ? '' : '-'}`,
  );

export const items = (...list: ReadonlyArray<Json>): JsonObject => ({ items: list });
export const ticketsIn = (...list: ReadonlyArray<Json>): JsonObject => ({ tickets: items(...list) });

export const PURCHASE = { id: 70, type: 'PURCHASE', status: 'SUCCESS' };
export const REFUND = { id: 71, type: 'REFUND', status: 'SUCCESS' };

/** A free order of tickets 1, 2 … with barcodes A, B …. */
export const soldFree = (count: number): ReportChange =>
  reportOf(
    'order.sold',
    ticketsIn(
      ...Array.from({ length: count }, (_, n) => ({ id: n + 1, barcode: 'ABCDEFGH'[n] ?? '', valid: true })),
    ),
  );

/** One ticket for 20, paid. */
export const soldPaid = (): ReportChange =>
  reportOf('order.sold', {
    ...ticketsIn({
      id: 1,
      barcode: 'A',
      valid: true,
      unitCost: 18,
      bookingFee: 2.5,
      discount: 0.5,
      totalCost: 20,
    }),
    transactions: items(PURCHASE),
  });
