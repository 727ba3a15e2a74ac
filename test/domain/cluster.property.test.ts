import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type ClusterEvent,
  type ClusterState,
  doneByAll,
  evolveCluster,
  initialCluster,
  ownersOf,
  partitionsOf,
} from '../../src/domain/cluster.ts';
import { ownerOf, PARTITIONS } from '../../src/domain/partitions.ts';
import { frozen } from '../support/decider-spec.ts';

const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition);
const nodes = fc.uniqueArray(fc.uuid({ version: 4 }), { minLength: 1, maxLength: 12 });

const ownersAmong = (names: ReadonlyArray<string>) => ALL.map((partition) => ownerOf(partition, names));

it('partitions are spread evenly, whatever the order of the nodes', () => {
  fc.assert(
    fc.property(nodes, (names) => {
      const owners = ownersAmong(names);
      expect(ownersAmong(names.toReversed())).toEqual(owners);
      const mean = PARTITIONS / names.length;
      // Five standard deviations of a fair throw.
      const spread = 5 * Math.sqrt(mean * (1 - 1 / names.length));
      for (const name of names) {
        const share = owners.filter((owner) => owner === name).length;
        expect(Math.abs(share - mean)).toBeLessThanOrEqual(spread);
      }
    }),
    { seed: 1, numRuns: 100 },
  );
});

it('only the partitions of the one who comes or goes move', () => {
  fc.assert(
    fc.property(nodes, fc.uuid({ version: 7 }), (names, comer) => {
      const [before, after] = [ownersAmong(names), ownersAmong([...names, comer])];
      for (const partition of ALL) {
        if (after[partition] !== comer) expect(after[partition]).toBe(before[partition]);
      }
    }),
    { seed: 1, numRuns: 100 },
  );
});

/** What may come next, of nodes that do not exist as well: the fold takes everything. */
type Move =
  | { readonly do: 'join'; readonly node: number; readonly at: number }
  | { readonly do: 'renew'; readonly node: number; readonly further: number; readonly leaving: boolean }
  | { readonly do: 'leave' | 'expire'; readonly node: number }
  | { readonly do: 'allRenew' };

const node = fc.nat(5);
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('join' as const), node, at: fc.nat(50) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('renew' as const),
      node,
      further: fc.nat(30),
      leaving: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'allRenew' as const }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'expire' as const), node }) },
);

/** The history that the moves lead to: who says something is known, and says no more than is true. */
class History {
  readonly events: ClusterEvent[] = [];
  readonly states: ClusterState[] = [frozen(initialCluster)];
  /** Up to where the work of each partition is done. */
  readonly done = ALL.map(() => 0);
  #joined = 0;
  readonly #nodes: string[] = [];

  get state(): ClusterState {
    return this.states.at(-1) ?? initialCluster;
  }

  run(todo: Move): void {
    if (todo.do === 'allRenew') {
      for (const n of this.#nodes.keys()) this.run({ do: 'renew', node: n, further: 1, leaving: false });
      return;
    }
    const atMs = this.events.length;
    if (todo.do === 'join') {
      this.#joined += 1;
      this.#nodes[todo.node] = `node-${this.#joined}`;
      // As the log itself tells: true only while nobody ever was.
      const handledUpTo = this.events.length === 0 ? 0 : todo.at;
      return this.#say({
        type: 'NodeJoined',
        ...this.#report(todo.node, `folder-${todo.node}`, handledUpTo, false),
        atMs,
      });
    }
    const name = this.#nodes[todo.node] ?? 'nobody';
    const known = this.state.members.get(name);
    if (known === undefined) return;
    if (todo.do === 'renew') {
      // It brings all that is its own as far as it says. One that leaves, or has begun to, does nothing more.
      const leaving = known.leaving || todo.leaving;
      const handledUpTo = known.handledUpTo + (leaving ? 0 : todo.further);
      if (!leaving) {
        for (const partition of partitionsOf(this.state).get(name) ?? []) {
          this.done[partition] = Math.max(this.done[partition] ?? 0, handledUpTo);
        }
      }
      return this.#say({
        type: 'NodeRenewed',
        ...this.#report(todo.node, known.name, handledUpTo, leaving),
        atMs,
      });
    }
    if (todo.do === 'leave') return this.#say({ type: 'NodeLeft', node: name, atMs });
    this.#say({ type: 'NodeExpired', node: name, by: 'another', atMs });
  }

  #report(n: number, name: string, handledUpTo: number, leaving: boolean) {
    return {
      node: this.#nodes[n] ?? '',
      name,
      url: '',
      version: '',
      joinedAtMs: 0,
      handledUpTo,
      readUpTo: 0,
      inFlight: 0,
      leaving,
    };
  }

  #say(event: ClusterEvent): void {
    this.states.push(frozen(evolveCluster(this.state, frozen(event), this.events.length)));
    this.events.push(event);
  }
}

const historyOf = (moves: ReadonlyArray<Move>): History => {
  const history = new History();
  for (const todo of moves) history.run(todo);
  return history;
};

it('what is said to be done of a partition is done, whoever came and went', () => {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const history = new History();
      for (const todo of moves) {
        history.run(todo);
        const { state, done } = history;
        for (const [name, partitions] of partitionsOf(state)) {
          const said = state.members.get(name)?.handledUpTo ?? Number.NaN;
          for (const partition of partitions) expect(said).toBeLessThanOrEqual(done[partition] ?? 0);
        }
        expect(doneByAll(state)).toBeLessThanOrEqual(Math.min(...done));
        const hasOwners = ownersOf(state).length > 0;
        if (history.events.length > 0) expect(state.orphanedFrom === undefined).toBe(hasOwners);
        if (!hasOwners) expect(state.orphanedFrom ?? 0).toBeLessThanOrEqual(Math.min(...done));
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});

it('the newest events alone tell the same, or less of what is done, once all who were there have spoken', () => {
  let told = 0;
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const { events, states, state } = historyOf(moves);
      for (const [start, before] of states.entries()) {
        const silent = new Set(before.members.keys());
        const rest = events.slice(start);
        for (const event of rest) {
          if (silent.size === 0 || event.type !== 'NodeRenewed') break;
          silent.delete(event.node);
        }
        if (silent.size > 0 || before.members.size === 0) continue;
        told += 1;
        const late = rest.reduce(
          (folded, event, n) => evolveCluster(folded, event, start + n),
          initialCluster,
        );
        expect([...late.members.keys()].toSorted()).toEqual([...state.members.keys()].toSorted());
        expect(doneByAll(late)).toBeLessThanOrEqual(doneByAll(state));
        for (const [name, { joinedAt: _, handledUpTo, ...all }] of state.members) {
          const member = late.members.get(name);
          expect(member).toMatchObject(all);
          expect(member?.handledUpTo).toBeLessThanOrEqual(handledUpTo);
        }
      }
    }),
    { seed: 1, numRuns: 300 },
  );
  expect(told).toBeGreaterThan(100);
});
