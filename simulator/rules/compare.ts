import { hearersOf } from '../../src/delivery/fan-out.ts';
import { streamOf } from '../../src/domain/ids.ts';
import type { Match } from '../../src/domain/matching.ts';
import type { ResourceChange } from '../../src/domain/resource-change.ts';
import { couldFire, type Rules } from '../../src/domain/rules.ts';
import {
  evolveWebhook,
  initialWebhook,
  type WebhookEvent,
  type WebhookState,
} from '../../src/domain/webhook.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import { changeTypesOf } from '../../src/http/change-types.ts';
import type { ActiveWebhook, ReadModels } from '../../src/projections/read-models.ts';
import { changesIn } from './engine.ts';
import type { History } from './history.ts';
import { refText } from './world.ts';

/** A change that a webhook is told of under one of the rules only. */
export interface Example {
  /** Guid of the change. */
  readonly change: string;
  readonly type: string;
  readonly at: string;
  /** From the changed resource to the nearest one that the webhook is on. */
  readonly path: ReadonlyArray<string>;
}

export interface WebhookDifference {
  readonly webhook: string;
  readonly company: string;
  readonly name: string;
  /** What it is on: `event.paid of 7, by children`. */
  readonly hearsOf: string;
  readonly more: number;
  readonly less: number;
  readonly moreExamples: ReadonlyArray<Example>;
  readonly lessExamples: ReadonlyArray<Example>;
}

export interface Comparison {
  readonly events: number;
  readonly changes: number;
  readonly webhooks: number;
  readonly companies: number;
  readonly from: string | null;
  readonly to: string | null;
  /** How many invocations follow from all changes. */
  readonly now: number;
  readonly proposed: number;
  readonly more: number;
  readonly less: number;
  /** Told in both cases, but through other resources: the body names others. */
  readonly otherwise: number;
  /** What it is that reaches more or less: `order.paid → shop`. */
  readonly byRule: ReadonlyArray<{ readonly rule: string; readonly more: number; readonly less: number }>;
  /** Those with the greatest difference first. */
  readonly byWebhook: ReadonlyArray<WebhookDifference>;
  /** Changes whose type the platform could no longer report, by type. */
  readonly refused: ReadonlyArray<{ readonly type: string; readonly changes: number }>;
  /** Webhooks that are there at the end and could fire before, but never under the proposed rules. */
  readonly silenced: ReadonlyArray<{ readonly webhook: string; readonly hearsOf: string }>;
}

export interface CompareOptions {
  readonly now: Rules;
  readonly proposed: Rules;
  readonly examplesMax: number;
}

/** Decides for every change of the history who hears of it, by the engine's own matching and read models, under both rules. */
export const compare = async (
  history: History,
  models: ReadModels,
  { now, proposed, examplesMax }: CompareOptions,
): Promise<Comparison> => {
  const webhooks = new Map<string, WebhookState>();
  const differences = new Map<string, Difference>();
  const byRule = new Map<string, { more: number; less: number }>();
  const refused = new Map<string, number>();
  const companies = new Set<string>();
  const taken = changeTypesOf(proposed);
  const total = { events: 0, changes: 0, now: 0, proposed: 0, more: 0, less: 0, otherwise: 0 };
  let fromMs: number | undefined;
  let toMs: number | undefined;

  const note = (
    which: 'more' | 'less',
    change: Decoded<ResourceChange>,
    match: Match<ActiveWebhook>,
  ): void => {
    const { webhook } = match.subscriber;
    const difference = differences.get(webhook) ?? { more: 0, less: 0, moreExamples: [], lessExamples: [] };
    differences.set(webhook, difference);
    difference[which] += 1;
    total[which] += 1;
    const [nearest] = match.matched;
    const rule = `${change.event.resource}.${match.trigger} → ${nearest?.ref.resource ?? ''}`;
    const counted = byRule.get(rule) ?? { more: 0, less: 0 };
    byRule.set(rule, { ...counted, [which]: counted[which] + 1 });
    const examples = difference[`${which}Examples`];
    if (examples.length < examplesMax) {
      examples.push({
        change: change.id,
        type: change.event.changeType,
        at: new Date(change.event.occurredAtMs).toISOString(),
        path: (nearest?.path ?? []).map(refText),
      });
    }
  };

  for await (const events of history.batches(models)) {
    for (const group of history.groups) models.apply(group, events, events.at(-1)?.position ?? 0);
    total.events += events.length;
    for (const { stream, event } of events) {
      if (!stream.startsWith(WEBHOOK_STREAMS)) continue;
      webhooks.set(stream, evolveWebhook(webhooks.get(stream) ?? initialWebhook, event as WebhookEvent));
    }
    for (const change of changesIn(events)) {
      const { event } = change;
      total.changes += 1;
      companies.add(event.companyId);
      fromMs = Math.min(fromMs ?? event.occurredAtMs, event.occurredAtMs);
      toMs = Math.max(toMs ?? event.occurredAtMs, event.occurredAtMs);
      if (!taken.has(event.changeType))
        refused.set(event.changeType, (refused.get(event.changeType) ?? 0) + 1);
      const before = hearersOf({ routing: models, rules: now }, change);
      const after = hearersOf({ routing: models, rules: proposed }, change);
      total.now += before.length;
      total.proposed += after.length;
      const known = new Map(before.map((match) => [match.subscriber.webhook, match]));
      for (const match of after) {
        const earlier = known.get(match.subscriber.webhook);
        known.delete(match.subscriber.webhook);
        if (earlier === undefined) note('more', change, match);
        else if (!sameMatched(earlier, match)) total.otherwise += 1;
      }
      for (const match of known.values()) note('less', change, match);
    }
  }

  const states = [...webhooks].map(([stream, state]) => ({
    guid: stream.slice(WEBHOOK_STREAMS.length),
    state,
  }));
  const textOf = new Map(states.map(({ guid, state }) => [guid, describe(state)]));
  return {
    ...total,
    webhooks: webhooks.size,
    companies: companies.size,
    from: fromMs === undefined ? null : new Date(fromMs).toISOString(),
    to: toMs === undefined ? null : new Date(toMs).toISOString(),
    byRule: [...byRule]
      .map(([rule, counts]) => ({ rule, ...counts }))
      .sort((a, b) => b.more + b.less - (a.more + a.less)),
    byWebhook: [...differences]
      .map(([webhook, difference]) => ({ webhook, ...(textOf.get(webhook) ?? UNKNOWN), ...difference }))
      .sort((a, b) => b.more + b.less - (a.more + a.less) || (a.webhook < b.webhook ? -1 : 1)),
    refused: [...refused].map(([type, changes]) => ({ type, changes })),
    silenced: states.flatMap(({ guid, state }) =>
      isSilenced(state, now, proposed) ? [{ webhook: guid, hearsOf: describe(state).hearsOf }] : [],
    ),
  };
};

interface Difference {
  more: number;
  less: number;
  readonly moreExamples: Example[];
  readonly lessExamples: Example[];
}

const WEBHOOK_STREAMS = streamOf.webhook('');

const sameMatched = (a: Match<ActiveWebhook>, b: Match<ActiveWebhook>): boolean =>
  a.matched.length === b.matched.length &&
  a.matched.every(({ ref }, at) => {
    const other = b.matched[at];
    return other !== undefined && refText(ref) === refText(other.ref);
  });

const UNKNOWN = { company: '', name: '', hearsOf: '' };

const describe = (state: WebhookState): typeof UNKNOWN => {
  if (state.situation === 'unknown') return UNKNOWN;
  const { companyId, settings } = state.facts;
  const { selection, name } = settings;
  const hearsOf =
    selection.dialect === 'moshtix'
      ? selection.systemEvents.map(({ systemEvent }) => systemEvent).join(', ')
      : `${selection.resource}.${selection.trigger} of ${selection.identifier || 'any'}${selection.triggeredByChildResources ? ', by children' : ''}`;
  return { company: companyId, name, hearsOf };
};

const isSilenced = (state: WebhookState, now: Rules, proposed: Rules): boolean => {
  if (state.situation === 'unknown' || state.situation === 'deleted') return false;
  const { selection } = state.facts.settings;
  if (selection.dialect !== 'openticket') return false;
  const { resource, trigger, triggeredByChildResources } = selection;
  const could = (rules: Rules): boolean => couldFire(rules, resource, trigger, triggeredByChildResources);
  return could(now) && !could(proposed);
};
