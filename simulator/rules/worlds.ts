import fc from 'fast-check';
import { ORDER_LIFE } from '../../src/domain/resource-change.ts';
import {
  RESOURCES,
  type Resource,
  type ResourceRef,
  type Trigger,
  TRIGGERS,
} from '../../src/domain/resources.ts';
import { isDirect, type PropagationRule, type Rules } from '../../src/domain/rules.ts';
import { SYSTEM_EVENTS } from '../../src/domain/webhook.ts';
import { type Graph, graphs } from './graphs.ts';
import {
  type OrderData,
  refText,
  type Report,
  resourcesIn,
  type Step,
  type Webhook,
  type World,
} from './world.ts';

/** Arbitraries for rules, webhooks, changes and whole worlds. */

/** As an operator might have written them: no rule for a trigger that its origin does not have. */
export const anyRules = (): fc.Arbitrary<Rules> => {
  const resource = fc.constantFrom(...RESOURCES);
  const pairs = RESOURCES.flatMap((of) => TRIGGERS.map((trigger) => [of, trigger] as const));
  return fc
    .record({
      direct: fc.subarray(pairs, { minLength: 6 }),
      propagation: fc.array(
        fc.record({ pick: fc.nat({ max: 999 }), reaches: fc.uniqueArray(resource, { minLength: 1 }) }),
        { maxLength: 16, size: 'max' },
      ),
      reissueScanned: fc.boolean(),
    })
    .map(({ direct, propagation, reissueScanned }) => ({
      direct: direct.map(([of, trigger]) => ({ resource: of, trigger, source: 'operator' as const })),
      propagation: propagation.map(({ pick, reaches }): PropagationRule => {
        const [origin, trigger] = direct[pick % direct.length] as readonly [Resource, Trigger];
        return { origin, trigger, reaches, source: 'operator' };
      }),
      reissueScanned,
    }));
};

/** The companies of generated worlds: what happens, happens mostly in the first. */
export const COMPANIES = ['A', 'B'] as const;

export interface WorldOptions {
  readonly webhooksMax?: number;
  /** Steps after those that report the relations. */
  readonly stepsMax?: number;
  readonly graph?: fc.Arbitrary<Graph>;
}

/**
 * Worlds under these rules. First the relations are reported, in both companies under the same identifiers; then
 * resources change, move to others and are sold, and webhooks are switched, turned to something else and deleted.
 */
export const worlds = (rules: Rules, options: WorldOptions = {}): fc.Arbitrary<World> => {
  const resources = reportable(rules);
  if (resources.length === 0) return fc.constant({ webhooks: [], steps: [] });
  return fc
    .record({
      graph: options.graph ?? graphs({ resources }),
      abroad: fc.boolean(),
      parentsFirst: fc.boolean(),
      focus: pick,
      webhooks: fc.array(webhookDraft, { minLength: 1, maxLength: options.webhooksMax ?? 6, size: 'max' }),
      steps: fc.array(stepDraft, { maxLength: options.stepsMax ?? 6, size: 'max' }),
    })
    .map(({ graph, abroad, parentsFirst, focus: at, webhooks, steps }) => {
      const first = COMPANIES.slice(0, abroad ? 2 : 1).flatMap((of) => firstReports(rules, graph, of));
      const nodes = nodesOf(graph, resources);
      const propagated = rules.propagation.map(({ trigger }) => trigger);
      const focus = propagated.length === 0 ? undefined : from(propagated, at);
      const known = webhooks.map((draft, number) =>
        webhookFrom(rules, nodes, draft, `w${number + 1}`, focus),
      );
      return {
        webhooks: known,
        steps: [
          ...(parentsFirst ? first.reverse() : first),
          ...steps.flatMap((draft) => stepFrom(rules, nodes, known, draft, focus)),
        ],
      };
    });
};

/** Webhooks of both dialects, on the resources of a graph. Names are to be made unique by whoever takes several. */
export const webhooks = (rules: Rules, graph: Graph): fc.Arbitrary<Webhook> =>
  webhookDraft.map((draft) => webhookFrom(rules, nodesOf(graph, reportable(rules)), draft, 'w1', undefined));

/** Reports of what is in a graph, of every type that the rules have, and of the life of orders. */
export const changes = (rules: Rules, graph: Graph): fc.Arbitrary<Report> => reports(rules, graph, 'change');

/** Reports that state new relations: the resource moves to others of the graph, or to nothing. */
export const moves = (rules: Rules, graph: Graph): fc.Arbitrary<Report> => reports(rules, graph, 'move');

const reports = (rules: Rules, graph: Graph, kind: 'change' | 'move'): fc.Arbitrary<Report> =>
  reportDraft.map((draft) =>
    reportFrom(rules, nodesOf(graph, reportable(rules)), { ...draft, do: kind }, undefined),
  );

const reportable = (rules: Rules): ReadonlyArray<Resource> =>
  RESOURCES.filter((resource) => typesOf(rules, resource).length > 0);

/** What one of a few picks stands for among what there is: shrinks towards the first. */
const pick = fc.nat({ max: 999 });
const from = <A>(among: ReadonlyArray<A>, at: number): A => among[at % among.length] as A;
const company = fc.constantFrom(COMPANIES[0], COMPANIES[0], COMPANIES[1]);

const nodesOf = (graph: Graph, resources: ReadonlyArray<Resource>): ReadonlyArray<ResourceRef> => {
  const nodes = resourcesIn(graph).filter(({ resource }) => resources.includes(resource));
  return nodes.length > 0 ? nodes : [{ resource: resources[0] as Resource, identifier: '1' }];
};

/** The change types of a resource under these rules. */
export const typesOf = (rules: Rules, resource: Resource): ReadonlyArray<string> => [
  ...TRIGGERS.filter((trigger) => isDirect(rules, resource, trigger)).map(
    (trigger) => `${resource}.${trigger}`,
  ),
  ...(resource === 'order' ? Object.keys(ORDER_LIFE) : []),
];

const firstReports = (rules: Rules, graph: Graph, of: string): Report[] =>
  resourcesIn(graph).flatMap((ref): Report[] => {
    const relations = graph
      .filter(({ child }) => refText(child) === refText(ref))
      .map(({ parent }) => parent);
    const types = typesOf(rules, ref.resource);
    const type = types.find((name) => name.endsWith('.update')) ?? types[0];
    return relations.length === 0 || type === undefined
      ? []
      : [{ step: 'report', company: of, type, ref, relations }];
  });

// ------------------------------------------------------------ webhooks

interface WebhookDraft {
  /** On the trigger that much of this world is about, so that webhooks, changes and rules meet. */
  readonly focused: boolean;
  readonly company: string;
  readonly moshtix: boolean;
  readonly node: number;
  readonly trigger: number;
  readonly anyIdentifier: boolean;
  readonly byChildren: boolean;
  readonly systemEvents: ReadonlyArray<(typeof SYSTEM_EVENTS)[number]>;
}

const webhookDraft: fc.Arbitrary<WebhookDraft> = fc.record({
  focused: fc.boolean(),
  company,
  moshtix: fc.constantFrom(false, false, false, true),
  node: pick,
  trigger: pick,
  anyIdentifier: fc.boolean(),
  byChildren: fc.constantFrom(true, true, false),
  systemEvents: fc.subarray([...SYSTEM_EVENTS], { minLength: 1 }),
});

const webhookFrom = (
  rules: Rules,
  nodes: ReadonlyArray<ResourceRef>,
  { focused, company: of, moshtix, node, trigger, anyIdentifier, byChildren, systemEvents }: WebhookDraft,
  name: string,
  focus: Trigger | undefined,
): Webhook => {
  if (moshtix) return { dialect: 'moshtix', name, company: of, systemEvents };
  const { resource, identifier } = from(nodes, node);
  return {
    dialect: 'openticket',
    name,
    company: of,
    resource,
    trigger: focused && focus !== undefined ? focus : from(worthHearing(rules, resource), trigger),
    identifier: anyIdentifier ? '' : identifier,
    byChildren,
  };
};

/** Triggers that reach a resource of this type come twice; those that nothing fires are there too. */
const worthHearing = (rules: Rules, resource: Resource): ReadonlyArray<Trigger> => {
  const reached = rules.propagation.filter(({ reaches }) => reaches.includes(resource));
  const firing = [
    ...reached.map(({ trigger }) => trigger),
    ...TRIGGERS.filter((trigger) => isDirect(rules, resource, trigger)),
  ];
  return firing.length === 0 ? TRIGGERS : [...firing, ...firing, from(TRIGGERS, firing.length)];
};

// ------------------------------------------------------------ steps

interface ReportDraft {
  readonly do: 'change' | 'move';
  readonly focused: boolean;
  readonly company: string;
  readonly node: number;
  readonly type: number;
  readonly parents: ReadonlyArray<number>;
  readonly lists: 'all' | 'one' | 'nothing';
}

type StepDraft =
  | ReportDraft
  | {
      readonly do: 'disable' | 'enable' | 'delete' | 'retarget';
      readonly webhook: number;
      readonly to: WebhookDraft;
    };

const reportDraft: fc.Arbitrary<ReportDraft> = fc.record({
  do: fc.constantFrom('change' as const, 'change' as const, 'move' as const),
  focused: fc.boolean(),
  company,
  node: pick,
  type: pick,
  parents: fc.array(pick, { maxLength: 3 }),
  lists: fc.constantFrom('all' as const, 'one' as const, 'nothing' as const),
});

const stepDraft: fc.Arbitrary<StepDraft> = fc.oneof(
  { weight: 4, arbitrary: reportDraft },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom(...(['disable', 'enable', 'delete', 'retarget'] as const)),
      webhook: pick,
      to: webhookDraft,
    }),
  },
);

const stepFrom = (
  rules: Rules,
  nodes: ReadonlyArray<ResourceRef>,
  known: ReadonlyArray<Webhook>,
  draft: StepDraft,
  focus: Trigger | undefined,
): ReadonlyArray<Step> => {
  if ('type' in draft) return [reportFrom(rules, nodes, draft, focus)];
  const { name, dialect } = from(known, draft.webhook);
  if (draft.do !== 'retarget') return [{ step: draft.do, webhook: name }];
  const wanted = webhookFrom(rules, nodes, { ...draft.to, moshtix: false }, name, focus);
  if (dialect !== 'openticket' || wanted.dialect !== 'openticket') return [];
  const { resource, trigger, identifier, byChildren } = wanted;
  return [{ step: 'retarget', webhook: name, to: { resource, trigger, identifier, byChildren } }];
};

const reportFrom = (
  rules: Rules,
  nodes: ReadonlyArray<ResourceRef>,
  draft: ReportDraft,
  focus: Trigger | undefined,
): Report => {
  const ref = from(nodes, draft.node);
  const types = typesOf(rules, ref.resource);
  const wanted = `${ref.resource}.${focus ?? ''}`;
  const type = draft.focused && types.includes(wanted) ? wanted : from(types, draft.type);
  const parents = draft.parents
    .map((at) => from(nodes, at))
    .filter((parent) => refText(parent) !== refText(ref));
  const order = ref.resource === 'order' ? orderData(ref, type, nodes, draft.lists) : undefined;
  return {
    step: 'report',
    company: draft.company,
    type,
    ref,
    ...(draft.do === 'move' && { relations: parents }),
    ...(order !== undefined && { order }),
  };
};

/** The same order is always of the same event and ticket types; later reports may list some of it, or nothing. */
const orderData = (
  ref: ResourceRef,
  type: string,
  nodes: ReadonlyArray<ResourceRef>,
  lists: 'all' | 'one' | 'nothing',
): OrderData | undefined => {
  const named = (resource: Resource): ReadonlyArray<string> =>
    nodes.filter((node) => node.resource === resource).map(({ identifier }) => identifier);
  const seed = ref.identifier.charCodeAt(0);
  const events = named('event');
  const types = named('ticket').filter((_, at) => (seed + at) % 3 !== 0);
  const event = events.length === 0 ? undefined : from(events, seed);
  if (type !== 'order.sold' && lists === 'nothing') return undefined;
  return {
    ...(event !== undefined && (type === 'order.sold' || lists === 'all') && { event }),
    ticketTypes: type === 'order.sold' || lists === 'all' ? types : types.slice(0, 1),
  };
};
