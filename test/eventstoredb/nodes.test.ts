import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeOf } from '../kill/workload.ts';
import { Cluster } from '../nodes/cluster.ts';
import type { Node } from '../nodes/node.ts';
import { possibleFaults } from '../nodes/faults.ts';
import { nodesRun } from '../nodes/nodes-run.ts';
import { SharedStore } from '../nodes/shared-store.ts';

/** Real processes; on a real server when one is named, else on the double. */
const NODES = 3;
const LEASE_MS = 2_000;
const COMPANY = randomUUID();

let store: SharedStore;
let cluster: Cluster;
beforeAll(async () => {
  store = await SharedStore.open();
  cluster = await Cluster.start(store, NODES, LEASE_MS);
}, 120_000);
afterAll(async () => {
  await cluster.discard();
  store.close();
}, 60_000);

interface Reported {
  readonly status: number;
  readonly position: string | null;
  readonly change: { readonly change: string; readonly status: string } | undefined;
}

const report = async (node: Node, id: string, subject: string): Promise<Reported> => {
  const answer = await fetch(`${node.url}/changes`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${cluster.token}`,
      'content-type': 'application/cloudevents+json',
    },
    body: JSON.stringify(changeOf(COMPANY, id, 'event.update', subject, { id })),
  });
  const body = (await answer.json()) as { readonly changes?: ReadonlyArray<Reported['change']> };
  return {
    status: answer.status,
    position: answer.headers.get('callboard-position'),
    change: body.changes?.[0],
  };
};

const nodes = (): [Node, Node, Node] => cluster.nodes as [Node, Node, Node];

describe('several nodes as processes', () => {
  it('accept once what two of them are given at the same moment', { timeout: 60_000 }, async () => {
    const [one, two] = nodes();
    const ids = Array.from({ length: 20 }, (_, n) => `twice-${n}`);
    const pairs = await Promise.all(
      ids.map((id, n) => Promise.all([one, two].map((node) => report(node, id, `e${n}`)))),
    );
    for (const pair of pairs) {
      expect(pair.map(({ status }) => status)).toEqual([202, 202]);
      expect(pair.map(({ change }) => change?.status).sort()).toEqual(['accepted', 'duplicate']);
      expect(new Set(pair.map(({ change }) => change?.change)).size).toBe(1);
    }
    const others = await Promise.all(
      ids.map((id) => Promise.all([report(one, `other-${id}`, 'e1'), report(two, `other-${id}`, 'e2')])),
    );
    for (const pair of others) expect(pair.map(({ status }) => status).sort()).toEqual([202, 409]);
  });

  it('show each what another has taken, when asked for its position', { timeout: 60_000 }, async () => {
    const [one, two, three] = nodes();
    for (let n = 0; n < 10; n += 1) {
      const taken = await report(one, `read-${n}`, 'e1');
      for (const node of [two, three]) {
        const path = `/changes/${taken.change?.change}?min_position=${taken.position}`;
        expect(await node.api.call('GET', path)).toMatchObject({ id: `read-${n}` });
      }
    }
  });

  it(
    'keep every promise while nodes are killed, stopped and cut off, appends fail, and their store restarts, is away and late',
    { timeout: 400_000 },
    async () => {
      const faults = possibleFaults(store, [
        'kill',
        'stop',
        'end',
        'cut_off',
        'appends',
        'store_restart',
        'store_late',
        'store_away',
      ]);
      const seed = 20_260_101;
      const tally = await nodesRun(cluster, { store, seed, faults, storeAwayMs: 3_000 });
      // The run was worth something. The store is away for longer than a lease; `npm run kill-test -- --nodes 3`: for 20 s.
      expect(Object.keys(tally.faults)).toHaveLength(faults.length);
      expect(tally.acked).toBeGreaterThan(30);
      expect(tally.requests).toBeGreaterThan(tally.acked);
      expect(tally.readElsewhere).toBeGreaterThan(0);
      expect(tally.nodesAsked).toBeGreaterThan(10);
      const { killed, stopped, ended } = tally.takenOver;
      expect(killed.each.length + stopped.each.length + ended.each.length).toBeGreaterThan(0);
    },
  );
});
