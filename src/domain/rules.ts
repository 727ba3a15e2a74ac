import { type Resource, type Trigger, TRIGGERS } from './resources.ts';

/** Where a rule was read: the vendor's table, its prose, or an operator's file. */
export type RuleSource = 'table' | 'prose' | 'operator';

export interface DirectRule {
  readonly resource: Resource;
  readonly trigger: Trigger;
  readonly source: RuleSource;
}

/** A change of an `origin` with `trigger` reaches webhooks of each of the `reaches` types, with the same trigger. */
export interface PropagationRule {
  readonly origin: Resource;
  readonly trigger: Trigger;
  readonly reaches: ReadonlyArray<Resource>;
  readonly source: RuleSource;
}

export interface Rules {
  readonly direct: ReadonlyArray<DirectRule>;
  readonly propagation: ReadonlyArray<PropagationRule>;
  /** Whether a ticket may be reissued after it was scanned. Otherwise such a report contradicts what is known. */
  readonly reissueScanned: boolean;
}

const direct = (
  resource: Resource,
  triggers: ReadonlyArray<Trigger>,
  source: RuleSource = 'table',
): ReadonlyArray<DirectRule> => triggers.map((trigger) => ({ resource, trigger, source }));

/**
 * OpenTicket's rules. The first table of its page lost its columns; this reading honours the tables, the prose and
 * the example requests together.
 */
export const BUILT_IN_RULES: Rules = {
  direct: [
    ...direct('event', ['create', 'update', 'delete', 'relation', 'reorder']),
    ...direct('ticket', ['create', 'update', 'delete', 'relation', 'reorder']),
    ...direct('product', ['create', 'update', 'delete', 'relation', 'reorder']),
    ...direct('shop', ['create', 'update', 'paid']),
    ...direct('order', ['create', 'update', 'delete', 'paid', 'scan']),
    ...direct('scanner', ['scan']),
  ],
  propagation: [
    { origin: 'ticket', trigger: 'create', reaches: ['event'], source: 'table' },
    { origin: 'ticket', trigger: 'update', reaches: ['event'], source: 'table' },
    { origin: 'ticket', trigger: 'delete', reaches: ['event'], source: 'table' },
    { origin: 'product', trigger: 'create', reaches: ['event'], source: 'table' },
    { origin: 'product', trigger: 'update', reaches: ['event'], source: 'table' },
    { origin: 'product', trigger: 'delete', reaches: ['event'], source: 'table' },
    { origin: 'shop', trigger: 'paid', reaches: ['event', 'ticket', 'product'], source: 'table' },
    { origin: 'shop', trigger: 'update', reaches: ['event'], source: 'table' },
    { origin: 'order', trigger: 'create', reaches: ['event'], source: 'table' },
    { origin: 'order', trigger: 'delete', reaches: ['event'], source: 'table' },
    { origin: 'order', trigger: 'scan', reaches: ['event', 'ticket', 'product'], source: 'table' },
    { origin: 'order', trigger: 'paid', reaches: ['event', 'ticket', 'product'], source: 'prose' },
  ],
  reissueScanned: false,
};

/** Whether the platform may report this trigger of this resource at all. */
export const isDirect = (rules: Rules, resource: Resource, trigger: Trigger): boolean =>
  rules.direct.some((rule) => rule.resource === resource && rule.trigger === trigger);

/** The resource types that a change of `origin` with `trigger` may reach over relations. */
export const reachedTypes = (rules: Rules, origin: Resource, trigger: Trigger): ReadonlySet<Resource> =>
  new Set(
    rules.propagation
      .filter((rule) => rule.origin === origin && rule.trigger === trigger)
      .flatMap((rule) => rule.reaches),
  );

/** Whether a webhook on this resource and trigger could ever be told of anything. */
export const couldFire = (
  rules: Rules,
  resource: Resource,
  trigger: Trigger,
  triggeredByChildResources: boolean,
): boolean =>
  isDirect(rules, resource, trigger) ||
  (triggeredByChildResources &&
    rules.propagation.some((rule) => rule.trigger === trigger && rule.reaches.includes(resource)));

/** The triggers on which a webhook for `resource` could fire, in the order of the table. */
export const triggersThatCouldFire = (
  rules: Rules,
  resource: Resource,
  triggeredByChildResources: boolean,
): ReadonlyArray<Trigger> =>
  TRIGGERS.filter((trigger) => couldFire(rules, resource, trigger, triggeredByChildResources));
