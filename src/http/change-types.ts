import { type ChangeEventType, ORDER_LIFE } from '../domain/resource-change.ts';
import { RESOURCES, type Resource, type Trigger, TRIGGERS } from '../domain/resources.ts';
import { isDirect, type Rules } from '../domain/rules.ts';

/** What a type of `POST /changes` stands for. */
export interface ChangeType {
  readonly changeType: string;
  readonly resource: Resource;
  readonly triggers: ReadonlyArray<Trigger>;
  readonly eventType: ChangeEventType;
}

/** Every type that the platform may report: the direct triggers of the rules, and the life of an order. */
export const changeTypesOf = (rules: Rules): ReadonlyMap<unknown, ChangeType> => {
  const types = new Map<unknown, ChangeType>();
  for (const resource of RESOURCES) {
    for (const trigger of TRIGGERS) {
      if (!isDirect(rules, resource, trigger)) continue;
      const changeType = `${resource}.${trigger}`;
      types.set(changeType, { changeType, resource, triggers: [trigger], eventType: 'ResourceChanged' });
    }
  }
  for (const [changeType, { event, triggers }] of Object.entries(ORDER_LIFE)) {
    types.set(changeType, { changeType, resource: 'order', triggers, eventType: event });
  }
  return types;
};
