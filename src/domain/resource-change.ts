import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { CustomerKey } from './customer-key.ts';
import { isJsonObject, type Json } from './json.ts';
import { decideOrder, type OrderEventType, type OrderOutcome, type OrderRules } from './order.ts';
import type { Contradiction } from './order-contradiction.ts';
import { compareRefs, refKey, type Resource, type ResourceRef, sameRef, type Trigger } from './resources.ts';

/**
 * The resource aggregate: what the platform reported of one thing, in the order it reported it. A report is a fact
 * that has already happened: one that contradicts what is known of an order is kept, marked with what it contradicts.
 * Only a strict account refuses it.
 */

/** The life of an order, as change types beside the direct triggers. */
export const ORDER_LIFE = {
  'order.sold': { event: 'OrderSold', triggers: ['create', 'paid'] },
  'order.refunded': { event: 'TicketsRefunded', triggers: ['update'] },
  'order.reissued': { event: 'TicketsReissued', triggers: ['update'] },
  'order.cancelled': { event: 'OrderCancelled', triggers: ['delete'] },
  'order.scanned': { event: 'TicketsScanned', triggers: ['scan'] },
} as const satisfies Readonly<
  Record<string, { readonly event: ChangeEventType; readonly triggers: ReadonlyArray<Trigger> }>
>;

/** A resource's relations: what the change said outright, and what follows from an order's data. */
export interface Relations {
  readonly declared: ReadonlyArray<ResourceRef>;
  readonly derived: ReadonlyArray<ResourceRef>;
}

// Events

export type ChangeEventType = 'ResourceChanged' | OrderEventType;

export interface ResourceChange {
  readonly type: ChangeEventType;
  readonly companyId: string;
  readonly resource: Resource;
  readonly identifier: string;
  /** As reported: `ticket.update`, `order.sold`. */
  readonly changeType: string;
  /** All that fire, the reported ones first; `relation` is added when what it belongs to changed. */
  readonly triggers: ReadonlyArray<Trigger>;
  readonly source: string;
  readonly id: string;
  /** SHA-256 over the content: tells the same report repeated from another one under the same id. */
  readonly fingerprint: string;
  readonly occurredAtMs: number;
  readonly data: Json;
  /** In force from this change on, whether it carried them or not: the newest event alone tells the state. */
  readonly relations: Relations;
  /**
   * The order after this change, carried on by changes that say nothing of it. Absent for other resources, and for
   * orders of whose life (`order.sold` …) nothing was reported.
   */
  readonly order?: OrderOutcome;
  /** Whose personal data it holds, where it holds any and keys are kept. */
  readonly customer?: CustomerKey;
  readonly atMs: number;
}

// State

export type ResourceState =
  | { readonly situation: 'unseen' }
  | { readonly situation: 'known'; readonly relations: Relations; readonly lastChange: ResourceChange };

export const initialResource: ResourceState = { situation: 'unseen' };

/** Depends on the event alone: a stream of any length is folded from its last event. */
export const evolveResource = (_state: ResourceState, event: ResourceChange): ResourceState => ({
  situation: 'known',
  relations: event.relations,
  lastChange: event,
});

// Commands

export interface ReportChange {
  readonly type: 'ReportChange';
  readonly companyId: string;
  readonly resource: Resource;
  readonly identifier: string;
  readonly changeType: string;
  readonly eventType: ChangeEventType;
  readonly triggers: ReadonlyArray<Trigger>;
  readonly source: string;
  readonly id: string;
  readonly fingerprint: string;
  readonly occurredAtMs: number;
  readonly data: Json;
  /** Absent: the change says nothing about it, what was declared before stays. */
  readonly declared: ReadonlyArray<ResourceRef> | undefined;
  /** What is asked of the reports of an order's life; {@link LENIENT} when absent. */
  readonly policy?: OrderPolicy;
  readonly atMs: number;
}

export interface OrderPolicy extends OrderRules {
  /** The account refuses reports that contradict what is known. */
  readonly strict: boolean;
}

export const LENIENT: OrderPolicy = { strict: false, reissueScanned: false };

// Rejections

/** Of a strict account. At least one. */
export interface ReportContradicts {
  readonly _tag: 'ReportContradicts';
  readonly contradictions: ReadonlyArray<Contradiction>;
}

const RELATION_FIRES: ReadonlySet<Resource> = new Set(['event', 'ticket', 'product']);

// Decide

export const decideResource = (
  state: ResourceState,
  command: ReportChange,
): Either<ReportContradicts, ReadonlyArray<ResourceChange>> => {
  const order = orderAfter(state, command);
  if (order !== undefined && order.contradictions.length > 0 && command.policy?.strict === true) {
    return left({ _tag: 'ReportContradicts', contradictions: order.contradictions });
  }
  const before: Relations = state.situation === 'known' ? state.relations : { declared: [], derived: [] };
  const relations: Relations = {
    declared: command.declared === undefined ? before.declared : unique(command.declared),
    derived: (command.resource === 'order' ? derivedRelations(command, order) : undefined) ?? before.derived,
  };
  const altered = !sameRelations(before, relations);
  const relationFires =
    altered && RELATION_FIRES.has(command.resource) && !command.triggers.includes('relation');
  const { companyId, resource, identifier, changeType, source, id, fingerprint, occurredAtMs, data, atMs } =
    command;
  return right([
    {
      type: command.eventType,
      companyId,
      resource,
      identifier,
      changeType,
      triggers: relationFires ? [...command.triggers, 'relation'] : command.triggers,
      source,
      id,
      fingerprint,
      occurredAtMs,
      data,
      relations,
      ...(order !== undefined && { order }),
      atMs,
    },
  ]);
};

/** Undefined while nothing of an order's life was reported. */
const orderAfter = (state: ResourceState, command: ReportChange): OrderOutcome | undefined => {
  const before = state.situation === 'known' ? state.lastChange.order?.after : undefined;
  const { resource, eventType, changeType, identifier, data, policy } = command;
  if (resource !== 'order') return undefined;
  if (eventType !== 'ResourceChanged') {
    return decideOrder(before, { type: eventType, changeType, identifier, data }, policy ?? LENIENT);
  }
  return before === undefined ? undefined : { after: before, contradictions: [] };
};

/** A report of an order's life may list only the tickets it is about: the order still belongs to all its ticket types. */
const derivedRelations = (
  { data, eventType }: ReportChange,
  order: OrderOutcome | undefined,
): ReadonlyArray<ResourceRef> | undefined => {
  const carried = relationsOfOrder(data);
  if (carried === undefined || order === undefined || eventType === 'ResourceChanged') return carried;
  const { fields, tickets } = order.after;
  return relationsOfOrder({ ...fields, tickets: { items: tickets } });
};

/** What an order's data says it belongs to: its event and its ticket types. Undefined when it names neither. */
export const relationsOfOrder = (data: Json): ReadonlyArray<ResourceRef> | undefined => {
  if (!isJsonObject(data)) return undefined;
  const refs: ResourceRef[] = [];
  const event = identifierOf(data['event']);
  if (event !== undefined) refs.push({ resource: 'event', identifier: event });
  const tickets = data['tickets'];
  const items = isJsonObject(tickets) ? tickets['items'] : undefined;
  for (const item of Array.isArray(items) ? items : []) {
    const ticketType = isJsonObject(item) ? identifierOf(item['ticketType']) : undefined;
    if (ticketType !== undefined) refs.push({ resource: 'ticket', identifier: ticketType });
  }
  return refs.length === 0 ? undefined : unique(refs);
};

const identifierOf = (value: Json | undefined): string | undefined => {
  const id = isJsonObject(value) ? value['id'] : undefined;
  if (typeof id === 'number') return String(id);
  return typeof id === 'string' && id !== '' ? id : undefined;
};

const unique = (refs: ReadonlyArray<ResourceRef>): ReadonlyArray<ResourceRef> => [
  ...new Map(refs.map((ref) => [refKey(ref), ref])).values(),
];

// Questions

/** The graph's edges from this resource: the union of both sets. */
export const belongsTo = (relations: Relations): ReadonlyArray<ResourceRef> =>
  relations.derived.length === 0 ? relations.declared : unique([...relations.declared, ...relations.derived]);

export const sameRelations = (a: Relations, b: Relations): boolean => {
  const [left, right] = [[...belongsTo(a)].sort(compareRefs), [...belongsTo(b)].sort(compareRefs)];
  return (
    left.length === right.length && left.every((ref, index) => sameRef(ref, right[index] as ResourceRef))
  );
};
