import type { Resource, ResourceRef, Trigger } from '../../src/domain/resources.ts';
import type { Rules } from '../../src/domain/rules.ts';
import type { SystemEvent } from '../../src/domain/webhook.ts';
import {
  type Heard,
  isReport,
  refText,
  type Relation,
  type Report,
  type Told,
  type Webhook,
  type World,
} from './world.ts';

/**
 * Section 3 of the design, "Who hears of a change", written down a second time from its sentences alone, as slowly and
 * plainly as may be: everything is found by walking every path. It shares no code with the engine: types only.
 */

/** What the oracle says of one report. */
export interface Verdict extends Heard {
  /** What belongs to what in the report's company, the relations that the report itself carries included. */
  readonly relations: ReadonlyArray<Relation>;
  /** What fires, the reported triggers first. */
  readonly triggers: ReadonlyArray<Trigger>;
}

export const oracle = (rules: Rules, world: World): ReadonlyArray<Verdict> => {
  const webhooks = new Map<string, { webhook: Webhook; enabled: boolean }>();
  for (const webhook of world.webhooks) {
    // "A webhook that could never fire under the rules is refused."
    if (couldEverFire(rules, webhook)) webhooks.set(webhook.name, { webhook, enabled: true });
  }
  const companies = new Map<string, Companies>();
  const verdicts: Verdict[] = [];

  for (const [at, step] of world.steps.entries()) {
    if (isReport(step)) {
      const known = companies.get(step.company) ?? {
        declared: new Map(),
        derived: new Map(),
        orders: new Map(),
      };
      companies.set(step.company, known);
      const before = parentsOf(known, step.ref);
      takeIn(known, step);
      // "Matching is decided at the change's own position: webhooks as they were just before it, relations with those
      // that the change itself carries."
      const altered = !sameSet(before, parentsOf(known, step.ref));
      const triggers = triggersOf(step, altered);
      const relations = edgesOf(known);
      const active = [...webhooks.values()]
        .filter(({ enabled, webhook }) => enabled && webhook.company === step.company)
        .map(({ webhook }) => webhook);
      verdicts.push({
        step: at,
        triggers,
        relations,
        told: hearers(rules, step, triggers, relations, active),
      });
      continue;
    }
    const target = webhooks.get(step.webhook);
    if (target === undefined) continue;
    if (step.step === 'delete') webhooks.delete(step.webhook);
    else if (step.step === 'enable') target.enabled = true;
    else if (step.step === 'disable') target.enabled = false;
    else if (step.step === 'retarget' && target.webhook.dialect === 'openticket') {
      const turned = { ...target.webhook, ...step.to };
      if (couldEverFire(rules, turned)) target.webhook = turned;
    }
  }
  return verdicts;
};

/** Whether any change at all could make the webhook fire. A Moshtix webhook always can. */
export const couldEverFire = (rules: Rules, webhook: Webhook): boolean => {
  if (webhook.dialect === 'moshtix') return true;
  const { resource, trigger, byChildren } = webhook;
  const directly = rules.direct.some((rule) => rule.resource === resource && rule.trigger === trigger);
  const reached = rules.propagation.some(
    (rule) => rule.trigger === trigger && rule.reaches.includes(resource),
  );
  return directly || (byChildren && reached);
};

// ------------------------------------------------------------ relations

/** Of one company: two sets for each resource, and what is known of the orders. */
interface Companies {
  readonly declared: Map<string, ReadonlyArray<ResourceRef>>;
  readonly derived: Map<string, ReadonlyArray<ResourceRef>>;
  readonly orders: Map<string, { event: string | undefined; ticketTypes: ReadonlySet<string> }>;
}

const LIFE = ['order.sold', 'order.refunded', 'order.reissued', 'order.cancelled', 'order.scanned'];

/**
 * "Relations come from data.relations and, for orders, from the order's data (its event, its ticket types): two sets,
 * each replaced only when a change carries it." A report of an order's life may list some of its tickets only; the
 * order's data are then those of the order after it.
 */
const takeIn = ({ declared, derived, orders }: Companies, { ref, type, relations, order }: Report): void => {
  const key = refText(ref);
  if (relations !== undefined) declared.set(key, relations);
  if (ref.resource !== 'order' || order === undefined) return;
  let { event, ticketTypes }: { event: string | undefined; ticketTypes: Iterable<string> } = {
    event: order.event,
    ticketTypes: order.ticketTypes,
  };
  if (LIFE.includes(type)) {
    const before = orders.get(key);
    event ??= before?.event;
    ticketTypes = new Set([...(before?.ticketTypes ?? []), ...ticketTypes]);
    orders.set(key, { event, ticketTypes: new Set(ticketTypes) });
  }
  const named = [
    ...(event === undefined ? [] : [{ resource: 'event', identifier: event } as const]),
    ...[...ticketTypes].map((identifier) => ({ resource: 'ticket', identifier }) as const),
  ];
  if (order.event !== undefined || order.ticketTypes.length > 0) derived.set(key, named);
};

/** "The graph is their union." */
const parentsOf = ({ declared, derived }: Companies, ref: ResourceRef): ReadonlyArray<ResourceRef> => {
  const both = [...(declared.get(refText(ref)) ?? []), ...(derived.get(refText(ref)) ?? [])];
  return [...new Map(both.map((parent) => [refText(parent), parent])).values()];
};

const edgesOf = (known: Companies): ReadonlyArray<Relation> =>
  [...new Set([...known.declared.keys(), ...known.derived.keys()])].flatMap((key) => {
    const child = refOf(key);
    return parentsOf(known, child).map((parent) => ({ child, parent }));
  });

const refOf = (key: string): ResourceRef => ({
  resource: key.slice(0, key.indexOf(':')) as Resource,
  identifier: key.slice(key.indexOf(':') + 1),
});

const sameSet = (a: ReadonlyArray<ResourceRef>, b: ReadonlyArray<ResourceRef>): boolean =>
  [...a].map(refText).sort().join('\n') === [...b].map(refText).sort().join('\n');

// ------------------------------------------------------------ triggers

/** "sold = create + paid; refunded = update; reissued = update; cancelled = delete; scanned = scan." */
const OF_LIFE: Readonly<Record<string, ReadonlyArray<Trigger>>> = {
  'order.sold': ['create', 'paid'],
  'order.refunded': ['update'],
  'order.reissued': ['update'],
  'order.cancelled': ['delete'],
  'order.scanned': ['scan'],
};

const triggersOf = ({ type, ref }: Report, altered: boolean): ReadonlyArray<Trigger> => {
  const reported = OF_LIFE[type] ?? [type.slice(type.indexOf('.') + 1) as Trigger];
  // "When a change of an event, ticket or product alters what it belongs to (its first relations included), its
  // relation trigger fires too, unless that was the change."
  const fires =
    altered && ['event', 'ticket', 'product'].includes(ref.resource) && !reported.includes('relation');
  return fires ? [...reported, 'relation'] : reported;
};

// ------------------------------------------------------------ who hears

type Path = ReadonlyArray<ResourceRef>;

/** "S can be reached from R over one or more belongs-to relations": every such path that visits nothing twice. */
function* pathsFrom(path: Path, relations: ReadonlyArray<Relation>): Iterable<Path> {
  const last = path.at(-1);
  if (last === undefined) return;
  for (const { child, parent } of relations) {
    if (refText(child) !== refText(last)) continue;
    if (path.some((step) => refText(step) === refText(parent))) continue;
    const longer = [...path, parent];
    yield longer;
    yield* pathsFrom(longer, relations);
  }
}

const hearers = (
  rules: Rules,
  report: Report,
  triggers: ReadonlyArray<Trigger>,
  relations: ReadonlyArray<Relation>,
  webhooks: ReadonlyArray<Webhook>,
): ReadonlyArray<Told> => {
  const paths = [...pathsFrom([report.ref], relations)];
  return webhooks.flatMap((webhook): ReadonlyArray<Told> => {
    const { name } = webhook;
    if (webhook.dialect === 'moshtix') {
      const saved = savedBy(report, triggers, paths);
      if (saved === undefined || !webhook.systemEvents.includes(saved.by)) return [];
      return [{ webhook: name, by: saved.by, matched: saved.matched }];
    }
    const { resource, trigger, identifier, byChildren } = webhook;
    if (!triggers.includes(trigger)) return [];
    const isNamed = (ref: ResourceRef): boolean =>
      ref.resource === resource && (identifier === '' || ref.identifier === identifier);
    const ways: Path[] = [];
    const isDirect = rules.direct.some(
      (rule) => rule.resource === report.ref.resource && rule.trigger === trigger,
    );
    if (isDirect && isNamed(report.ref)) ways.push([report.ref]);
    // "The rules are applied once, from the origin."
    const allowed = rules.propagation.some(
      (rule) =>
        rule.origin === report.ref.resource && rule.trigger === trigger && rule.reaches.includes(resource),
    );
    if (byChildren && allowed) ways.push(...paths.filter((path) => isNamed(endOf(path))));
    return ways.length === 0 ? [] : [{ webhook: name, by: trigger, matched: nearestFirst(ways) }];
  });
};

/** "ORDER_SAVED on order.sold, refunded, reissued, cancelled …; EVENT_SAVED on create, update or delete of an event or …" */
const savedBy = (
  { type, ref }: Report,
  triggers: ReadonlyArray<Trigger>,
  paths: ReadonlyArray<Path>,
): { readonly by: SystemEvent; readonly matched: Told['matched'] } | undefined => {
  if (ref.resource === 'order') {
    const saves = ['order.sold', 'order.refunded', 'order.reissued', 'order.cancelled'].includes(type);
    return saves ? { by: 'ORDER_SAVED', matched: [{ ref, path: [ref] }] } : undefined;
  }
  if (!triggers.some((trigger) => ['create', 'update', 'delete'].includes(trigger))) return undefined;
  const ways = ref.resource === 'event' ? [[ref]] : paths.filter((path) => endOf(path).resource === 'event');
  return ways.length === 0 ? undefined : { by: 'EVENT_SAVED', matched: nearestFirst(ways) };
};

const endOf = (path: Path): ResourceRef => path[path.length - 1] as ResourceRef;

/** "The first by path length, then by identifier in code unit order." Each resource once, by a shortest way. */
const nearestFirst = (ways: ReadonlyArray<Path>): Told['matched'] => {
  const shortest = new Map<string, Path>();
  for (const path of ways) {
    const known = shortest.get(refText(endOf(path)));
    if (known === undefined || path.length < known.length) shortest.set(refText(endOf(path)), path);
  }
  return [...shortest.values()]
    .map((path) => ({ ref: endOf(path), path }))
    .sort((a, b) => a.path.length - b.path.length || (a.ref.identifier < b.ref.identifier ? -1 : 1));
};
