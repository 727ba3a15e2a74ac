import fc from 'fast-check';
import { RESOURCES, type Resource, type ResourceRef } from '../../src/domain/resources.ts';
import { refText, type Relation } from './world.ts';

/** Arbitraries for relation graphs. All shrink towards fewer relations between plainer names. */

/** Code unit order, code point order and every locale disagree about some of these. The first ones are the plainest. */
const IDENTIFIERS = ['1', '2', '10', '9', 'B', 'a', 'é', '\u{1f3ab}', '\uff5e'];

export type Graph = ReadonlyArray<Relation>;

export interface GraphOptions {
  /** The resource types that there are; all by default. */
  readonly resources?: ReadonlyArray<Resource>;
  /** Relations on the longest chains; 40 by default. */
  readonly depthMax?: number;
}

const USUAL: ReadonlyArray<Resource> = ['event', 'ticket', 'order', 'product', 'shop'];

/** More of what real relations are between. */
const resources = ({ resources: all = RESOURCES }: GraphOptions): fc.Arbitrary<Resource> => {
  const usual = USUAL.filter((resource) => all.includes(resource));
  return fc.constantFrom(...usual, ...usual, ...all);
};

export const refs = (options: GraphOptions = {}): fc.Arbitrary<ResourceRef> =>
  fc.record({ resource: resources(options), identifier: fc.constantFrom(...IDENTIFIERS) });

/** Each belongs to the next one. */
const link = (...nodes: ReadonlyArray<ResourceRef>): Graph =>
  nodes.slice(1).map((parent, at) => ({ child: nodes[at] as ResourceRef, parent }));

/** One below the other, deeper than anybody would build on purpose. */
export const chains = (options: GraphOptions = {}): fc.Arbitrary<Graph> =>
  fc
    .array(resources(options), { minLength: 2, maxLength: (options.depthMax ?? 40) + 1, size: 'max' })
    .map((types) => link(...types.map((resource, at) => ({ resource, identifier: String(at + 1) }))));

/** A ring, with something that leads into it and something that it leads to. */
export const cycles = (options: GraphOptions = {}): fc.Arbitrary<Graph> =>
  fc
    .record({
      ring: fc.array(refs(options), { minLength: 2, maxLength: 5, size: 'max' }),
      before: refs(options),
      after: refs(options),
    })
    .map(({ ring, before, after }) => {
      const [first, ...others] = ring as [ResourceRef, ...ResourceRef[]];
      return proper([...link(before, first, ...others, first), ...link(first, after)]);
    });

/** Ways that part and meet again, one diamond above the other: each doubles the number of ways. */
export const diamonds = (options: GraphOptions = {}): fc.Arbitrary<Graph> => {
  const level = fc.tuple(refs(options), refs(options), refs(options));
  return fc
    .tuple(refs(options), fc.array(level, { minLength: 1, maxLength: 3, size: 'max' }))
    .map(([start, levels]) =>
      proper(
        levels.flatMap(([left, right, top], at) => {
          const bottom = levels[at - 1]?.[2] ?? start;
          return [...link(bottom, left, top), ...link(bottom, right, top)];
        }),
      ),
    );
};

/** Anything to anything, between few resources. */
export const tangles = (options: GraphOptions = {}): fc.Arbitrary<Graph> => {
  const pick = fc.nat({ max: 5 });
  return fc
    .tuple(
      fc.array(refs(options), { minLength: 2, maxLength: 6, size: 'max' }),
      fc.array(fc.tuple(pick, pick), { minLength: 1, maxLength: 12, size: 'max' }),
    )
    .map(([nodes, picks]) => {
      const node = (at: number): ResourceRef => nodes[at % nodes.length] as ResourceRef;
      return proper(picks.flatMap(([a, b]) => link(node(a), node(b))));
    });
};

const PROGRAMME: ReadonlyArray<readonly [Resource, Resource]> = [
  ['ticket', 'event'],
  ['order', 'ticket'],
  ['order', 'event'],
  ['product', 'event'],
  ['shop', 'event'],
  ['order', 'shop'],
  ['order', 'product'],
  ['scanner', 'event'],
];

/** What a ticketing platform has: orders of ticket types of an event, and its products, shops and scanners. */
export const programmes = ({ resources: all = RESOURCES }: GraphOptions = {}): fc.Arbitrary<Graph> => {
  const possible = PROGRAMME.filter((pair) => pair.every((resource) => all.includes(resource)));
  if (possible.length === 0) return fc.constant([]);
  const number = fc.constantFrom('1', '2', '3');
  return fc
    .array(fc.tuple(fc.constantFrom(...possible), number, number), {
      minLength: 1,
      maxLength: 10,
      size: 'max',
    })
    .map((pairs) =>
      proper(
        pairs.flatMap(([[child, parent], a, b]) =>
          link({ resource: child, identifier: a }, { resource: parent, identifier: b }),
        ),
      ),
    );
};

/** All of the shapes above, alone or one beside (and through) another. */
export const graphs = (options: GraphOptions = {}): fc.Arbitrary<Graph> => {
  const one = fc.oneof(
    { weight: 4, arbitrary: programmes(options) },
    { weight: 3, arbitrary: tangles(options) },
    { weight: 2, arbitrary: diamonds(options) },
    { weight: 2, arbitrary: cycles(options) },
    { weight: 2, arbitrary: chains(options) },
  );
  return fc.oneof(
    { weight: 4, arbitrary: one },
    { weight: 1, arbitrary: fc.tuple(one, tangles(options)).map(([a, b]) => proper([...a, ...b])) },
  );
};

/** No relation of a resource to itself, which no report may state, and none twice. */
const proper = (relations: Graph): Graph => [
  ...new Map(
    relations
      .filter(({ child, parent }) => refText(child) !== refText(parent))
      .map((relation) => [`${refText(relation.child)} ${refText(relation.parent)}`, relation]),
  ).values(),
];
