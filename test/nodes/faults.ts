import { sleep } from '../kill/receiver.ts';
import type { Seeded } from '../kill/seeded.ts';
import type { AppendFault } from '../eventstoredb/double/faults.ts';
import { type Cluster, endpointsOf } from './cluster.ts';
import { type Listed, type Node, until } from './node.ts';
import type { Outage } from './outage.ts';
import type { SharedStore } from './shared-store.ts';

/** What can go wrong in a run. Each waits until all nodes are at work again. */
export type FaultName =
  /** kill -9; it stays away until others have its work. */
  | 'kill'
  /** kill -9, started again at once on the same folder. */
  | 'crash'
  /** SIGSTOP for longer than its lease, then SIGCONT. */
  | 'stop'
  /** SIGTERM. */
  | 'end'
  /** One node's way to the store is silent for longer than its lease, while its receivers are reachable. */
  | 'cut_off'
  | 'store_restart'
  | 'store_away'
  | 'store_late'
  /** Appends fail in all ways, stored and not, connections break among them. */
  | 'appends';

/** These happen to a node itself, wherever its store is. */
const OF_NODES: ReadonlySet<FaultName> = new Set(['kill', 'crash', 'stop', 'end']);

/** Those that can be made to happen: not what concerns a store that is out of reach. */
export const possibleFaults = (
  store: SharedStore,
  faults: ReadonlyArray<FaultName>,
): ReadonlyArray<FaultName> => faults.filter((name) => store.isInReach || OF_NODES.has(name));

export interface Stage {
  readonly cluster: Cluster;
  readonly store: SharedStore;
  readonly seeded: Seeded;
  /** Of all webhooks. */
  readonly urls: ReadonlyArray<string>;
  readonly outages: Outage[];
  readonly storeAwayMs: number;
  /** Reports to a node that has been started. */
  readonly drive: (node: Node) => void;
}

/** Longer than any request may be noted late. */
const AFTERWARDS_MS = 2_500;
const LATE_MS = 1_500;
const LATE_FOR_MS = 8_000;
const APPEND_FAULTS: ReadonlyArray<AppendFault> = [
  'cut',
  'cut_stored',
  'silent_stored',
  'end_call',
  'end_call_stored',
  'reset',
  'reset_stored',
  'timeout_stored',
  'busy',
  'not_ready',
  'late',
];
const APPEND_FAULTS_COUNT = 24;

export const inject = async (name: FaultName, stage: Stage): Promise<void> => {
  const { cluster, seeded } = stage;
  await FAULTS[name](stage, seeded.pick(cluster.nodes));
  await cluster.complete();
};

type Fault = (stage: Stage, node: Node) => Promise<void>;

const FAULTS: Readonly<Record<FaultName, Fault>> = {
  async kill(stage, node) {
    const ends = await begin(stage, node, 'killed');
    await node.kill();
    await untilGone(stage, node);
    await sleep(AFTERWARDS_MS);
    ends();
    await restart(stage, node);
  },

  async crash(stage, node) {
    await node.kill();
    await restart(stage, node);
  },

  async stop(stage, node) {
    const ends = await begin(stage, node, 'stopped');
    node.up = false;
    node.server.signal('SIGSTOP');
    await untilGone(stage, node);
    await sleep(AFTERWARDS_MS);
    ends();
    node.server.signal('SIGCONT');
    await until('the node that was stopped is back', async () => (await node.nodes()).some(isThis));
    node.up = true;
  },

  async end(stage, node) {
    const ends = await begin(stage, node, 'ended');
    const exitMs = await node.stop();
    await sleep(AFTERWARDS_MS);
    ends(exitMs);
    await restart(stage, node);
  },

  async cut_off(stage, node) {
    const { proxy } = node.settings;
    if (proxy === undefined) return;
    const ends = await begin(stage, node, 'cut off');
    node.up = false;
    proxy.mode = stage.seeded.chance(0.7) ? 'silent' : 'closed';
    await untilGone(stage, node);
    await sleep(AFTERWARDS_MS);
    await until('the node that was cut off is not ready', async () => !(await isReady(node)));
    ends();
    proxy.mode = 'open';
    await until('the node that was cut off is back', async () => (await node.nodes()).some(isThis));
    node.up = true;
  },

  async store_restart({ store, cluster }) {
    if (store.double !== undefined) await store.double.restart();
    else for (const { settings } of cluster.nodes) settings.proxy?.cut();
    await sleep(AFTERWARDS_MS);
  },

  async store_away({ store, cluster, storeAwayMs }) {
    const away = async (gone: boolean): Promise<void> => {
      if (store.double === undefined) {
        for (const { settings } of cluster.nodes)
          if (settings.proxy) settings.proxy.mode = gone ? 'closed' : 'open';
      } else if (gone) store.double.stop();
      else await store.double.start();
    };
    await away(true);
    const startedMs = performance.now();
    for (const node of cluster.nodes) {
      await until(`${node.settings.name} is not ready`, async () => !(await isReady(node)));
    }
    await sleep(Math.max(0, storeAwayMs - (performance.now() - startedMs)));
    await away(false);
    for (const node of cluster.nodes)
      await until(`${node.settings.name} is ready again`, () => isReady(node));
  },

  async store_late({ store, cluster }) {
    const { double } = store;
    if (double === undefined) {
      for (const { settings } of cluster.nodes) if (settings.proxy) settings.proxy.delayMs = LATE_MS / 4;
    } else {
      double.faults.lateMs = LATE_MS;
      double.faults.everyAppend = 'late';
    }
    await sleep(LATE_FOR_MS);
    if (double !== undefined) double.faults.everyAppend = undefined;
    for (const { settings } of cluster.nodes) if (settings.proxy) settings.proxy.delayMs = 0;
  },

  async appends({ store, cluster, seeded }) {
    if (store.double === undefined) {
      for (let cut = 0; cut < APPEND_FAULTS_COUNT / 4; cut += 1) {
        await sleep(seeded.between(50, 1_000));
        seeded.pick(cluster.nodes).settings.proxy?.cut();
      }
      return;
    }
    const { faults } = store.double;
    for (let fault = 0; fault < APPEND_FAULTS_COUNT; fault += 1) {
      for (let well = seeded.between(0, 6); well > 0; well -= 1) faults.appends.push(undefined);
      faults.appends.push(seeded.pick(APPEND_FAULTS));
    }
    await until('the faults are used up', async () => faults.appends.length === 0);
  },
};

const isThis = ({ this_node }: Listed): boolean => this_node;

const isReady = async ({ url }: Node): Promise<boolean> => {
  const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(10_000) });
  await answer.arrayBuffer();
  return answer.ok;
};

/** Notes what the node has now; what is answered ends the outage. */
const begin = async (
  { cluster, urls, outages }: Stage,
  node: Node,
  kind: Outage['kind'],
): Promise<(exitMs?: number) => void> => {
  const listed = (await cluster.otherThan(node).nodes()).find(({ url }) => url === node.url);
  if (listed === undefined) throw new Error(`${node.settings.name} is not among the nodes`);
  const fromMs = Date.now();
  return (exitMs) => {
    const ended = exitMs === undefined ? {} : { exitMs };
    const outage = { kind, node: listed.node, fromMs, untilMs: Date.now(), ...ended };
    outages.push({ ...outage, urls: endpointsOf(listed, urls) });
  };
};

const untilGone = ({ cluster }: Stage, node: Node): Promise<void> =>
  until(`the others know that ${node.settings.name} is gone`, async () => {
    const listed = await cluster.otherThan(node).nodes();
    return listed.every(({ url }) => url !== node.url);
  });

const restart = async ({ drive }: Stage, node: Node): Promise<void> => {
  await node.start();
  drive(node);
};
