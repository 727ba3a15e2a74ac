import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endpointOf, PARTITIONS, partitionOf } from '../../src/domain/partitions.ts';
import { callboard } from '../kill/server-process.ts';
import { promised } from '../kill/violation.ts';
import { type Listed, Node, until } from './node.ts';
import type { SharedStore } from './shared-store.ts';

/** Several real nodes on one store, each with a data folder and a way to the store of its own. */
export class Cluster {
  readonly nodes: ReadonlyArray<Node>;
  readonly token: string;
  readonly #folder: string;

  private constructor(nodes: ReadonlyArray<Node>, token: string, folder: string) {
    this.nodes = nodes;
    this.token = token;
    this.#folder = folder;
  }

  static async start(store: SharedStore, count: number, leaseMs: number): Promise<Cluster> {
    const folder = mkdtempSync(join(tmpdir(), 'callboard-nodes-'));
    const printed = await callboard(join(folder, 'token'), 'token', '--role', 'admin');
    promised(printed.code === 0, () => `no token: ${printed.stderr}`);
    const token = printed.stdout.trim();
    const nodes: Node[] = [];
    for (let n = 0; n < count; n += 1) {
      const name = `node-${n}`;
      const { reached, proxy } = await store.way();
      nodes.push(new Node({ name, dataDir: join(folder, name), reached, proxy, leaseMs, token }));
    }
    const cluster = new Cluster(nodes, token, folder);
    try {
      await Promise.all(nodes.map((node) => node.start()));
      await cluster.complete();
      return cluster;
    } catch (error) {
      await cluster.discard();
      throw error;
    }
  }

  /** Resolves when all nodes know of each other and every partition is somebody's. */
  async complete(): Promise<void> {
    for (const node of this.nodes) {
      await until('all nodes know of each other', async () => {
        const listed = await node.nodes();
        checkPartitions(listed);
        const urls = new Set(listed.filter(({ leaving }) => !leaving).map(({ url }) => url));
        return urls.size === this.nodes.length && this.nodes.every(({ url }) => urls.has(url));
      });
    }
  }

  /** Another one that can be asked. */
  otherThan(node: Node): Node {
    const other = this.nodes.find((one) => one !== node && one.up);
    if (other === undefined) throw new Error('no other node is up');
    return other;
  }

  async discard(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.discard()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Whatever a node knows: no partition belongs to two, and none to nobody. */
export const checkPartitions = (listed: ReadonlyArray<Listed>): void => {
  const owners = listed.filter(({ leaving }) => !leaving);
  const ids = owners.flatMap(({ partition_ids }) => partition_ids);
  promised(
    owners.length === 0 || (ids.length === PARTITIONS && new Set(ids).size === PARTITIONS),
    () => `partitions do not add up: ${JSON.stringify(listed)}`,
  );
};

/** The endpoints among these that belong to one of the nodes listed. */
export const endpointsOf = (listed: Listed, urls: ReadonlyArray<string>): ReadonlyArray<string> => {
  const owned = new Set(listed.partition_ids);
  return urls.filter((url) => owned.has(partitionOf(endpointOf(url))));
};
