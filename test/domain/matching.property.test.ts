import fc from 'fast-check';
import { expect, it } from 'vitest';
import { explainSelection } from '../../src/domain/explain.ts';
import { matchChange, type Reported } from '../../src/domain/matching.ts';
import type { BelongsTo } from '../../src/domain/relations.ts';
import { RESOURCES, type ResourceRef, TRIGGERS } from '../../src/domain/resources.ts';
import { BUILT_IN_RULES, type Rules } from '../../src/domain/rules.ts';
import { type Listener, listening, text } from './worlds.ts';

interface World {
  readonly rules: Rules;
  readonly edges: ReadonlyArray<readonly [ResourceRef, ResourceRef]>;
  readonly listeners: ReadonlyArray<Listener>;
  readonly change: Reported;
}

/** Code unit order, code point order and every locale disagree about some of these. */
const IDENTIFIERS = ['10', '9', 'B', 'a', 'é', '\u{1f3ab}', '\uff5e'];

const resource = fc.constantFrom(...RESOURCES, 'order', 'ticket', 'event', 'order', 'ticket', 'event');
const trigger = fc.constantFrom(...TRIGGERS, 'paid', 'scan', 'paid', 'scan', 'paid', 'scan');
const refs: fc.Arbitrary<ResourceRef> = fc.record({ resource, identifier: fc.constantFrom(...IDENTIFIERS) });

const source = fc.constant('operator' as const);
const operatorRules: fc.Arbitrary<Rules> = fc.record({
  direct: fc.array(fc.record({ resource, trigger, source }), { minLength: 8, maxLength: 24, size: 'max' }),
  propagation: fc.array(
    fc.record({ origin: resource, trigger, reaches: fc.subarray([...RESOURCES], { minLength: 3 }), source }),
    { minLength: 8, maxLength: 24, size: 'max' },
  ),
  reissueScanned: fc.boolean(),
});

/** Few resources and few triggers, so that cycles, diamonds and several ways to one webhook are common. */
const world: fc.Arbitrary<World> = fc
  .record({
    nodes: fc.uniqueArray(refs, { minLength: 3, maxLength: 7, selector: text, size: 'max' }),
    fired: fc.uniqueArray(trigger, { minLength: 1, maxLength: 2 }),
  })
  .chain(({ nodes, fired }) => {
    const node = fc.constantFrom(...nodes);
    const listener: fc.Arbitrary<Listener> = fc
      .record({
        on: node,
        any: fc.boolean(),
        trigger: fc.constantFrom(...fired, ...fired, ...fired, ...TRIGGERS),
        triggeredByChildResources: fc.constantFrom(true, true, true, false),
        webhook: fc.uuid(),
      })
      .map(({ on, any, ...rest }) => ({
        ...rest,
        resource: on.resource,
        identifier: any ? '' : on.identifier,
      }));
    return fc.record({
      rules: fc.oneof(fc.constant(BUILT_IN_RULES), operatorRules),
      edges: fc.array(fc.tuple(node, node), { minLength: 5, maxLength: 14, size: 'max' }),
      listeners: fc.uniqueArray(listener, {
        minLength: 2,
        maxLength: 8,
        selector: ({ webhook }) => webhook,
        size: 'max',
      }),
      change: fc.record({ ref: node, triggers: fc.constant(fired) }),
    });
  });

const parentsIn =
  (edges: World['edges']): BelongsTo =>
  (of) =>
    edges.filter(([child]) => text(child) === text(of)).map(([, parent]) => parent);

/** Every path without a repeated resource, longest ones included: slow, and plainly right. */
const simplePaths = (
  edges: World['edges'],
  path: ReadonlyArray<ResourceRef>,
): ReadonlyArray<ReadonlyArray<ResourceRef>> =>
  edges.flatMap(([child, parent]) => {
    const last = path.at(-1);
    if (last === undefined || text(child) !== text(last)) return [];
    if (path.some((step) => text(step) === text(parent))) return [];
    const longer = [...path, parent];
    return [longer, ...simplePaths(edges, longer)];
  });

/** Who must be told according to the documented sentences: `webhook trigger` to the matched resources with their distance. */
const oracle = ({ rules, edges, listeners, change }: World): ReadonlyMap<string, ReadonlyArray<string>> => {
  const paths = simplePaths(edges, [change.ref]);
  const told = new Map<string, ReadonlyArray<string>>();
  for (const one of [...listeners].sort((a, b) => (a.webhook > b.webhook ? 1 : -1))) {
    if (!change.triggers.includes(one.trigger)) continue;
    const names = (of: ResourceRef): boolean =>
      one.resource === of.resource && (one.identifier === '' || one.identifier === of.identifier);
    const distances = new Map<string, number>();
    const direct = rules.direct.some(
      (rule) => rule.resource === change.ref.resource && rule.trigger === one.trigger,
    );
    if (direct && names(change.ref)) distances.set(change.ref.identifier, 0);
    const reaches = rules.propagation
      .filter((rule) => rule.origin === change.ref.resource && rule.trigger === one.trigger)
      .some((rule) => rule.reaches.includes(one.resource));
    for (const path of one.triggeredByChildResources && reaches ? paths : []) {
      const end = path.at(-1);
      if (end === undefined || !names(end)) continue;
      distances.set(end.identifier, Math.min(path.length - 1, distances.get(end.identifier) ?? Infinity));
    }
    const identifiers = [...distances.keys()].sort(); // plain sort: code units
    const nearest = [...new Set(distances.values())].sort((a, b) => a - b);
    const ordered = nearest.flatMap((distance) =>
      identifiers
        .filter((name) => distances.get(name) === distance)
        .map((name) => `${distance} ${one.resource}:${name}`),
    );
    if (ordered.length > 0) told.set(`${one.webhook} ${one.trigger}`, ordered);
  }
  return told;
};

const RUNS = 4_000;

it('tells exactly those whom an enumeration of all paths finds, through the same resources in the same order', () => {
  const reached = { several: 0, far: 0, direct: 0, nobody: 0 };
  fc.assert(
    fc.property(world, (given) => {
      const matches = matchChange(
        given.rules,
        given.change,
        parentsIn(given.edges),
        listening(...given.listeners),
      );
      const actual = matches.map(({ subscriber, trigger, matched }) => [
        `${subscriber.webhook} ${trigger}`,
        matched.map(({ ref, path }) => `${path.length - 1} ${text(ref)}`),
      ]);
      expect(actual).toEqual([...oracle(given)]);

      for (const { matched } of matches) {
        if (matched.length > 1) reached.several += 1;
        for (const { path } of matched) {
          if (path.length === 1) reached.direct += 1;
          if (path.length > 2) reached.far += 1;
        }
      }
      if (matches.length === 0) reached.nobody += 1;
    }),
    { numRuns: RUNS },
  );
  expect(Math.min(...Object.values(reached)), JSON.stringify(reached)).toBeGreaterThan(50);
});

it('every path leads from the origin to the matched resource along relations', () => {
  fc.assert(
    fc.property(world, ({ rules, change, edges, listeners }) => {
      const known = new Set(edges.map(([child, parent]) => `${text(child)} ${text(parent)}`));
      for (const { matched } of matchChange(rules, change, parentsIn(edges), listening(...listeners))) {
        for (const { ref, path } of matched) {
          expect(path[0]).toEqual(change.ref);
          expect(path.at(-1)).toEqual(ref);
          path.slice(1).forEach((step, at) => {
            expect(known).toContain(`${text(path[at] ?? ref)} ${text(step)}`);
          });
        }
      }
    }),
  );
});

it('gives the same answer in whatever order webhooks and relations are stored', () => {
  const shuffledWorld = world.chain((given) =>
    fc.record({
      given: fc.constant(given),
      edges: fc.shuffledSubarray([...given.edges], { minLength: given.edges.length }),
      listeners: fc.shuffledSubarray([...given.listeners], { minLength: given.listeners.length }),
    }),
  );
  fc.assert(
    fc.property(shuffledWorld, ({ given, edges, listeners }) => {
      const answer = matchChange(
        given.rules,
        given.change,
        parentsIn(given.edges),
        listening(...given.listeners),
      );
      expect(matchChange(given.rules, given.change, parentsIn(edges), listening(...listeners))).toEqual(
        answer,
      );
    }),
  );
});

it('no webhook is matched twice, and no resource twice for one webhook', () => {
  fc.assert(
    fc.property(world, ({ rules, change, edges, listeners }) => {
      const matches = matchChange(rules, change, parentsIn(edges), listening(...listeners));
      const webhooks = matches.map(({ subscriber }) => subscriber.webhook);
      expect(new Set(webhooks).size).toBe(webhooks.length);
      for (const { matched } of matches) {
        expect(new Set(matched.map(({ ref }) => text(ref))).size).toBe(matched.length);
      }
    }),
  );
});

it('is explained as it is decided: every webhook that is told, through which path, and no other', () => {
  const codes = new Set<string>();
  fc.assert(
    fc.property(world, ({ rules, edges, listeners, change }) => {
      const belongsTo = parentsIn(edges);
      const matches = matchChange(rules, change, belongsTo, listening(...listeners));
      for (const { webhook, resource, trigger, identifier, triggeredByChildResources } of listeners) {
        const told = matches.find(({ subscriber }) => subscriber.webhook === webhook);
        const explained = explainSelection(rules, { ...change, type: 'ResourceChanged' }, belongsTo, {
          dialect: 'openticket',
          resource,
          trigger,
          identifier,
          triggeredByChildResources,
        });
        expect(explained.matches).toBe(told !== undefined);
        if (told !== undefined) expect(explained.path).toEqual(told.matched[0]?.path);
        codes.add(explained.reason.code);
      }
    }),
    { numRuns: RUNS },
  );
  expect([...codes].sort()).toEqual([
    'child_resources_off',
    'direct',
    'identifier_differs',
    'no_path',
    'no_rule',
    'propagated',
    'trigger_differs',
  ]);
});
