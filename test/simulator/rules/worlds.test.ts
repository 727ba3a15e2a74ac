import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chains, cycles, diamonds, graphs, type Graph } from '../../../simulator/rules/graphs.ts';
import { oracle } from '../../../simulator/rules/oracle.ts';
import { isReport, refText } from '../../../simulator/rules/world.ts';
import { anyRules, changes, moves, webhooks, worlds } from '../../../simulator/rules/worlds.ts';
import { BUILT_IN_RULES } from '../../../src/domain/rules.ts';
import { parseRules } from '../../../src/rules-file.ts';

const parents = (graph: Graph, name: string): ReadonlyArray<string> =>
  graph.filter(({ child }) => refText(child) === name).map(({ parent }) => refText(parent));

/** Everything above it, itself only when it is in a cycle. */
const above = (graph: Graph, name: string): ReadonlySet<string> => {
  const seen = new Set<string>();
  const open = [...parents(graph, name)];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...parents(graph, next));
  }
  return seen;
};

const hasCycle = (graph: Graph): boolean =>
  graph.some(({ child }) => above(graph, refText(child)).has(refText(child)));

const hasDiamond = (graph: Graph): boolean =>
  graph.some(({ child }) => {
    const ways = parents(graph, refText(child)).map((parent) => new Set([parent, ...above(graph, parent)]));
    return ways.some((a, at) => ways.slice(at + 1).some((b) => [...a].some((name) => b.has(name))));
  });

const sampled = <A>(arbitrary: fc.Arbitrary<A>): ReadonlyArray<A> =>
  fc.sample(arbitrary, { seed: 11, numRuns: 300 });

describe('relation graphs', () => {
  it('hold cycles, diamonds and chains deeper than what a body keeps whole', () => {
    expect(sampled(cycles()).filter(hasCycle).length).toBeGreaterThan(200);
    expect(sampled(diamonds()).filter(hasDiamond).length).toBeGreaterThan(150);
    expect(Math.max(...sampled(chains()).map((graph) => graph.length))).toBeGreaterThan(32);
    const all = sampled(graphs());
    for (const shape of [hasCycle, hasDiamond]) expect(all.filter(shape).length).toBeGreaterThan(30);
  });

  it('state no relation twice and none of a resource to itself', () => {
    for (const graph of sampled(graphs())) {
      const texts = graph.map(({ child, parent }) => `${refText(child)} ${refText(parent)}`);
      expect(new Set(texts).size).toBe(texts.length);
      expect(graph.filter(({ child, parent }) => refText(child) === refText(parent))).toEqual([]);
    }
  });
});

describe('worlds', () => {
  it('mean something: much is told, by both dialects, directly, by children, far and through several', () => {
    const counted = { direct: 0, byChildren: 0, far: 0, several: 0, saved: 0, moved: 0, abroad: 0 };
    for (const world of sampled(worlds(BUILT_IN_RULES))) {
      const declared = new Map<string, string>();
      for (const { step, told } of oracle(BUILT_IN_RULES, world)) {
        const report = world.steps[step];
        if (report === undefined || !isReport(report)) throw new Error('a verdict on no report');
        if (report.company !== 'A') counted.abroad += told.length;
        const key = `${report.company} ${refText(report.ref)}`;
        const stated = report.relations?.map(refText).join();
        if (stated !== undefined) {
          if ((declared.get(key) ?? stated) !== stated) counted.moved += 1;
          declared.set(key, stated);
        }
        for (const { by, matched } of told) {
          if (by === 'ORDER_SAVED' || by === 'EVENT_SAVED') counted.saved += 1;
          if (matched.length > 1) counted.several += 1;
          const longest = Math.max(...matched.map(({ path }) => path.length));
          if (longest === 1) counted.direct += 1;
          if (longest > 1) counted.byChildren += 1;
          if (longest > 3) counted.far += 1;
        }
      }
    }
    expect(Math.min(...Object.values(counted)), JSON.stringify(counted)).toBeGreaterThan(20);
  });

  it('the rules are such as a server takes', () => {
    for (const { direct, propagation, reissueScanned } of sampled(anyRules())) {
      const byResource = Object.fromEntries(
        direct.map(({ resource }) => [
          resource,
          direct.filter((rule) => rule.resource === resource).map(({ trigger }) => trigger),
        ]),
      );
      const file = {
        direct: byResource,
        propagation: propagation.map(({ origin, trigger, reaches }) => ({ origin, trigger, reaches })),
        reissue_scanned: reissueScanned,
      };
      expect(parseRules(JSON.stringify(file))._tag).toBe('Right');
    }
  });

  it('webhooks, changes and moves can be had one by one', () => {
    const [graph = []] = sampled(graphs());
    const names = new Set(graph.flatMap(({ child, parent }) => [refText(child), refText(parent)]));
    for (const { ref } of sampled(changes(BUILT_IN_RULES, graph))) expect(names).toContain(refText(ref));
    for (const { relations } of sampled(moves(BUILT_IN_RULES, graph))) expect(relations).toBeDefined();
    const dialects = new Set(sampled(webhooks(BUILT_IN_RULES, graph)).map(({ dialect }) => dialect));
    expect([...dialects].sort()).toEqual(['moshtix', 'openticket']);
  });
});
