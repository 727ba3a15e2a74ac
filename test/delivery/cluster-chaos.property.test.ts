import fc from 'fast-check';
import { it } from 'vitest';
import {
  CHAOS_WEBHOOKS,
  ClusterChaos,
  type ClusterStep,
  ENDPOINTS,
  NODES,
  RECEIVERS,
} from '../support/cluster-chaos.ts';
import type { AppendFault } from '../support/faulty-store.ts';

const node = fc.nat(NODES - 1);
const n = fc.nat(CHAOS_WEBHOOKS.length - 1);
const endpoint = fc.nat(ENDPOINTS - 1);
const as = fc.constantFrom(...(Object.keys(RECEIVERS) as ReadonlyArray<keyof typeof RECEIVERS>));
const doing = <const D extends ClusterStep['do']>(what: D): fc.Arbitrary<D> => fc.constant(what);

const weighted: ReadonlyArray<readonly [number, fc.Arbitrary<ClusterStep>]> = [
  [
    6,
    fc.record(
      {
        do: doing('report'),
        node,
        identifiers: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }),
        also: node,
      },
      { requiredKeys: ['do', 'node', 'identifiers'] },
    ),
  ],
  [8, fc.record({ do: doing('pass'), ms: fc.constantFrom(0, 1, 10, 500, 1_900, 5_000, 16_000) })],
  [3, fc.record({ do: doing('up'), node })],
  [2, fc.record({ do: doing('kill'), node })],
  [1, fc.record({ do: doing('stop'), node })],
  [2, fc.record({ do: doing('pause'), node })],
  [2, fc.record({ do: doing('resume'), node })],
  [
    2,
    fc.record({
      do: doing('fail'),
      fault: fc.constantFrom<AppendFault>('unavailable', 'unknown_stored', 'unknown_not_stored'),
      times: fc.integer({ min: 1, max: 12 }),
    }),
  ],
  [1, fc.record({ do: doing('reads'), fail: fc.boolean() })],
  [1, fc.record({ do: doing('slow'), ms: fc.constantFrom(0, 5, 30, 800, 5_000) })],
  [4, fc.record({ do: doing('receiver'), n: endpoint, as })],
  [2, fc.record({ do: doing('switch'), node, n, on: fc.boolean() })],
  [3, fc.record({ do: doing('move'), node, n, to: endpoint })],
  [2, fc.record({ do: doing('retry'), node, which: fc.nat(50) })],
  [1, fc.record({ do: doing('retryAll'), node, n })],
];
const step = fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })));

/** Found by chance: a batch that comes back to a resource, given to two nodes, each storing parts of it. */
const COMES_BACK_AT_TWO: ClusterStep[] = [
  { do: 'report', node: 0, identifiers: [1, 0] },
  { do: 'receiver', n: 0, as: 'good' },
  { do: 'report', node: 1, identifiers: [2, 0, 2], also: 0 },
  { do: 'pass', ms: 0 },
  { do: 'report', node: 0, identifiers: [0] },
  { do: 'stop', node: 0 },
];

// The same runs every time; longer hunts draw others: CHAOS_RUNS=2000 CHAOS_SEED=7 npm test -- cluster-chaos
const seed = Number(process.env['CHAOS_SEED'] ?? 1);
const numRuns = Number(process.env['CHAOS_RUNS'] ?? 16);

it.each([
  ['as EventStoreDB is', true],
  ['with batches and dense positions', false],
])(
  'whatever nodes do on one store %s: all is told once, in order, by one node at a time, and comes to rest',
  async (_, opaque) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: NODES }),
        fc.constantFrom(undefined, 2_000, 0),
        fc.array(step, { minLength: 5, maxLength: 50 }),
        async (nodes, changeUnitsMax, steps) => {
          const chaos = new ClusterChaos(opaque, changeUnitsMax);
          await chaos.begin(nodes);
          for (const todo of steps) await chaos.run(todo);
          await chaos.heal();
          await chaos.check();
          await chaos.rests();
        },
      ),
      { seed, numRuns, examples: [[3, undefined, COMES_BACK_AT_TWO]] },
    );
  },
  3_600_000,
);
