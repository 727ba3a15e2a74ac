import type { Subscriber, SubscribersTo } from '../../src/domain/matching.ts';
import type { BelongsTo } from '../../src/domain/relations.ts';
import type { Resource, ResourceRef, Trigger } from '../../src/domain/resources.ts';

/** Small worlds of resources and webhooks, written as text: `order:1`, `ticket:7 -> event:3`. */

export const ref = (text: string): ResourceRef => {
  const colon = text.indexOf(':');
  return { resource: text.slice(0, colon) as Resource, identifier: text.slice(colon + 1) };
};

export const text = ({ resource, identifier }: ResourceRef): string => `${resource}:${identifier}`;

/** `'order:1 -> ticket:7'`: the order belongs to the ticket type. */
export const graph = (...edges: ReadonlyArray<string>): BelongsTo => {
  const parents = new Map<string, ResourceRef[]>();
  for (const edge of edges) {
    const [child = '', parent = ''] = edge.split(' -> ');
    parents.set(child, [...(parents.get(child) ?? []), ref(parent)]);
  }
  return (of) => parents.get(text(of)) ?? [];
};

export interface Listener extends Subscriber {
  readonly resource: Resource;
  readonly trigger: Trigger;
  readonly identifier: string;
}

/** A webhook that also listens to related resources, unless `more` says otherwise. */
export const listener = (
  webhook: string,
  on: string,
  trigger: Trigger,
  more: Partial<Listener> = {},
): Listener => ({
  webhook,
  ...ref(on),
  trigger,
  triggeredByChildResources: true,
  ...more,
});

export const listening =
  (...listeners: ReadonlyArray<Listener>): SubscribersTo<Listener> =>
  (resource, trigger, identifier) =>
    listeners.filter(
      (one) => one.resource === resource && one.trigger === trigger && one.identifier === identifier,
    );
