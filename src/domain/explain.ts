import { type BelongsTo, type Reached, reachedFrom } from './relations.ts';
import type { ResourceRef, Trigger } from './resources.ts';
import { isDirect, type PropagationRule, type Rules } from './rules.ts';
import { type SavedChange, savedBy } from './system-events.ts';
import type { MoshtixSelection, OpenTicketSelection, Selection, SystemEvent } from './webhook.ts';

/**
 * Why a webhook's selection takes a change or does not: the same decision as in matching.ts and system-events.ts, asked
 * for one webhook, and with its reason.
 */
export type SelectionReason =
  // It takes the change
  | { readonly code: 'direct'; readonly trigger: Trigger }
  | { readonly code: 'propagated'; readonly trigger: Trigger; readonly rule: PropagationRule }
  | { readonly code: 'saved'; readonly systemEvent: SystemEvent }
  // It does not
  | { readonly code: 'trigger_differs'; readonly wanted: Trigger; readonly fired: ReadonlyArray<Trigger> }
  | { readonly code: 'no_rule'; readonly wanted: ResourceSelection; readonly from: ResourceRef }
  | { readonly code: 'no_path'; readonly wanted: ResourceSelection; readonly from: ResourceRef }
  | {
      readonly code: 'identifier_differs';
      readonly wanted: ResourceSelection;
      /** What of that resource's type the change is of or leads to. */
      readonly reached: ReadonlyArray<string>;
    }
  | {
      readonly code: 'child_resources_off';
      readonly wanted: ResourceSelection;
      readonly rule: PropagationRule;
    }
  | { readonly code: 'saves_nothing' }
  | {
      readonly code: 'system_event_differs';
      readonly wanted: ReadonlyArray<SystemEvent>;
      readonly saved: SystemEvent;
    };

type ResourceSelection = Pick<OpenTicketSelection, 'resource' | 'trigger' | 'identifier'>;

export interface SelectionExplained {
  readonly matches: boolean;
  readonly reason: SelectionReason;
  /** The shortest way from what changed to what the webhook is told of, or would be; empty where there is none. */
  readonly path: ReadonlyArray<ResourceRef>;
}

/** Identifiers that one reason lists. */
const REACHED_MAX = 20;

export const explainSelection = (
  rules: Rules,
  change: SavedChange,
  belongsTo: BelongsTo,
  selection: Selection,
): SelectionExplained =>
  selection.dialect === 'openticket'
    ? explainOpenTicket(rules, change, belongsTo, selection)
    : explainMoshtix(change, belongsTo, selection);

const explainOpenTicket = (
  rules: Rules,
  { ref, triggers }: SavedChange,
  belongsTo: BelongsTo,
  { resource, trigger, identifier, triggeredByChildResources }: OpenTicketSelection,
): SelectionExplained => {
  const wanted = { resource, trigger, identifier };
  if (!triggers.includes(trigger))
    return misses({ code: 'trigger_differs', wanted: trigger, fired: triggers });

  const itself = ref.resource === resource && isDirect(rules, resource, trigger);
  const takes = (found: ResourceRef): boolean => identifier === '' || found.identifier === identifier;
  if (itself && takes(ref)) return matches({ code: 'direct', trigger }, [ref]);

  const rule = rules.propagation.find(
    (one) => one.origin === ref.resource && one.trigger === trigger && one.reaches.includes(resource),
  );
  const reached = rule === undefined ? [] : reachedFrom(ref, new Set([resource]), belongsTo);
  const found: Reached | undefined = reached.find((one) => takes(one.ref));
  if (rule !== undefined && found !== undefined) {
    return triggeredByChildResources
      ? matches({ code: 'propagated', trigger, rule }, found.path)
      : misses({ code: 'child_resources_off', wanted, rule }, found.path);
  }
  const others = [...(itself ? [ref] : []), ...reached.map((one) => one.ref)];
  if (others.length > 0) {
    const identifiers = others.slice(0, REACHED_MAX).map((one) => one.identifier);
    return misses({ code: 'identifier_differs', wanted, reached: identifiers });
  }
  return misses({ code: rule === undefined ? 'no_rule' : 'no_path', wanted, from: ref });
};

const explainMoshtix = (
  change: SavedChange,
  belongsTo: BelongsTo,
  { systemEvents }: MoshtixSelection,
): SelectionExplained => {
  const saved = savedBy(change, belongsTo);
  if (saved === undefined) return misses({ code: 'saves_nothing' });
  const { systemEvent, matched } = saved;
  const path = matched[0]?.path ?? [];
  const wanted = systemEvents.map((one) => one.systemEvent);
  return wanted.includes(systemEvent)
    ? matches({ code: 'saved', systemEvent }, path)
    : misses({ code: 'system_event_differs', wanted, saved: systemEvent }, path);
};

const matches = (reason: SelectionReason, path: ReadonlyArray<ResourceRef>): SelectionExplained => ({
  matches: true,
  reason,
  path,
});

const misses = (reason: SelectionReason, path: ReadonlyArray<ResourceRef> = []): SelectionExplained => ({
  matches: false,
  reason,
  path,
});

/** The reason as a sentence for a partner's developer. */
export const selectionInWords = (reason: SelectionReason): string => {
  switch (reason.code) {
    case 'direct':
      return `it listens to exactly what changed, and to "${reason.trigger}"`;
    case 'propagated':
      return `a rule leads from ${reason.rule.origin} with "${reason.trigger}" to what it listens to, and it is triggered by child resources`;
    case 'saved':
      return `the change saved what it listens to: ${reason.systemEvent}`;
    case 'trigger_differs':
      return `it listens to "${reason.wanted}", and the change fired ${listed(reason.fired)}`;
    case 'no_rule':
      return `it listens to ${named(reason.wanted)}, and no rule leads there from ${reason.from.resource} with "${reason.wanted.trigger}"`;
    case 'no_path':
      return `it listens to ${named(reason.wanted)}, and ${named(reason.from)} belonged to none`;
    case 'identifier_differs':
      return `it listens to ${named(reason.wanted)}, and the change is of, or belongs to, ${listed(reason.reached)}`;
    case 'child_resources_off':
      return `it is not triggered by child resources; if it were, the rule from ${reason.rule.origin} with "${reason.rule.trigger}" would lead to it`;
    case 'saves_nothing':
      return 'the change saved neither an order nor an event';
    case 'system_event_differs':
      return `it listens to ${listed(reason.wanted)}, and the change saved something else: ${reason.saved}`;
  }
};

const named = ({ resource, identifier }: ResourceRef): string =>
  identifier === '' ? `any ${resource}` : `${resource} ${JSON.stringify(identifier)}`;

const listed = (values: ReadonlyArray<string>): string => values.map((value) => `"${value}"`).join(', ');
