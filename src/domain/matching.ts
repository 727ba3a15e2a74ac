import { type BelongsTo, type Reached, reachedFrom } from './relations.ts';
import type { Resource, ResourceRef, Trigger } from './resources.ts';
import type { SystemEvent } from './webhook.ts';
import { isDirect, reachedTypes, type Rules } from './rules.ts';

/** A change, as far as it decides who hears of it. */
export interface Reported {
  readonly ref: ResourceRef;
  readonly triggers: ReadonlyArray<Trigger>;
}

/** An active webhook, as far as it decides what it hears of. */
export interface Subscriber {
  readonly webhook: string;
  readonly triggeredByChildResources: boolean;
}

/** The active webhooks of one company on exactly this resource, trigger and identifier ('' = any). */
export type SubscribersTo<S extends Subscriber> = (
  resource: Resource,
  trigger: Trigger,
  identifier: string,
) => ReadonlyArray<S>;

/** One webhook that hears of a change, once, however many ways lead to it. */
export interface Match<S extends Subscriber> {
  readonly subscriber: S;
  readonly trigger: Trigger;
  /** At least one, nearest first, then by identifier; a direct match is the origin alone. */
  readonly matched: ReadonlyArray<Reached>;
  /** Of a Moshtix webhook: what it hears of. */
  readonly systemEvent?: SystemEvent;
}

/**
 * Who hears of a change: direct subscribers, and those that its rules and relations lead to. The rules are applied
 * once, from the origin. The answer is in a fixed order whatever order the subscribers come in.
 */
export const matchChange = <S extends Subscriber>(
  rules: Rules,
  change: Reported,
  belongsTo: BelongsTo,
  subscribersTo: SubscribersTo<S>,
): ReadonlyArray<Match<S>> => {
  const matches = new Map<string, { subscriber: S; trigger: Trigger; matched: Reached[] }>();
  const add = (subscriber: S, trigger: Trigger, reached: Reached): void => {
    const known = matches.get(subscriber.webhook);
    if (known === undefined) matches.set(subscriber.webhook, { subscriber, trigger, matched: [reached] });
    else known.matched.push(reached);
  };

  for (const trigger of change.triggers) {
    if (isDirect(rules, change.ref.resource, trigger)) {
      const itself: Reached = { ref: change.ref, path: [change.ref] };
      for (const subscriber of subscribersFor(change.ref, trigger, subscribersTo))
        add(subscriber, trigger, itself);
    }
    const types = reachedTypes(rules, change.ref.resource, trigger);
    for (const reached of reachedFrom(change.ref, types, belongsTo)) {
      for (const subscriber of subscribersFor(reached.ref, trigger, subscribersTo)) {
        if (subscriber.triggeredByChildResources) add(subscriber, trigger, reached);
      }
    }
  }
  return [...matches.values()].sort((a, b) => (a.subscriber.webhook < b.subscriber.webhook ? -1 : 1));
};

function* subscribersFor<S extends Subscriber>(
  ref: ResourceRef,
  trigger: Trigger,
  subscribersTo: SubscribersTo<S>,
): Iterable<S> {
  yield* subscribersTo(ref.resource, trigger, '');
  if (ref.identifier !== '') yield* subscribersTo(ref.resource, trigger, ref.identifier);
}
