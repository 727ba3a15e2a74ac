import type { Match, Subscriber } from './matching.ts';
import { type BelongsTo, type Reached, reachedFrom } from './relations.ts';
import type { ChangeEventType } from './resource-change.ts';
import type { Resource, ResourceRef, Trigger } from './resources.ts';
import type { SystemEvent } from './webhook.ts';

/**
 * When a Moshtix webhook fires. Source: the vendor's page "Webhooks": an order is saved when it is sold, refunded,
 * reissued or cancelled; an event when it or one of its associated objects is created or modified.
 */

export interface SavedChange {
  readonly type: ChangeEventType;
  readonly ref: ResourceRef;
  readonly triggers: ReadonlyArray<Trigger>;
}

/** What a change saves: an order (nearest resource: itself), or the events it is of or belongs to, nearest first. */
export interface Saved {
  readonly systemEvent: SystemEvent;
  readonly trigger: Trigger;
  readonly matched: ReadonlyArray<Reached>;
}

/** Not TicketsScanned: a scan saves nothing. */
const ORDER_SAVING: ReadonlySet<ChangeEventType> = new Set([
  'OrderSold',
  'TicketsRefunded',
  'TicketsReissued',
  'OrderCancelled',
]);

const EVENT_SAVING: ReadonlySet<Trigger> = new Set(['create', 'update', 'delete']);

const EVENT_ONLY: ReadonlySet<Resource> = new Set(['event']);

/** An order saves no event, so a change saves one thing at most. */
export const savedBy = (change: SavedChange, belongsTo: BelongsTo): Saved | undefined => {
  const { type, ref, triggers } = change;
  if (ref.resource === 'order') {
    const [trigger] = triggers;
    if (!ORDER_SAVING.has(type) || trigger === undefined) return undefined;
    return { systemEvent: 'ORDER_SAVED', trigger, matched: [{ ref, path: [ref] }] };
  }
  const trigger = triggers.find((fired) => EVENT_SAVING.has(fired));
  if (trigger === undefined) return undefined;
  const itself: Reached = { ref, path: [ref] };
  const matched = ref.resource === 'event' ? [itself] : reachedFrom(ref, EVENT_ONLY, belongsTo);
  return matched.length === 0 ? undefined : { systemEvent: 'EVENT_SAVED', trigger, matched: [...matched] };
};

/** Who hears of what was saved, in a fixed order. */
export const matchSaved = <S extends Subscriber>(
  { systemEvent, trigger, matched }: Saved,
  subscribers: ReadonlyArray<S>,
): ReadonlyArray<Match<S>> =>
  subscribers
    .map((subscriber) => ({ subscriber, trigger, matched, systemEvent }))
    .sort((a, b) => (a.subscriber.webhook < b.subscriber.webhook ? -1 : 1));
