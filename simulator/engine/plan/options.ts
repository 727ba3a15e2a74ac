import { Chance } from '../chance.ts';
import { FAULTS_FIRST, type Fault, NODE_FAULTS } from './steps.ts';

/** How the store behaves: the embedded one in this process, or a database that several processes share. */
export const STORES = ['embedded', 'remote', 'sqlite'] as const;
export type StoreKind = (typeof STORES)[number];

/** Of the nodes that share a store. */
export interface ClusterOptions {
  /** There from the beginning, and again at the end. */
  readonly nodes: number;
  readonly leaseMs: number;
  /** By so much the monotonic clock of each is faster than time, or slower where it is negative. */
  readonly drifts: ReadonlyArray<number>;
}

/** What one seed draws before anything else. A class of faults is on with probability ½, and then at its own rate. */
export interface Options {
  readonly seed: number;
  readonly store: StoreKind;
  readonly hours: number;
  readonly companies: number;
  readonly webhooks: number;
  readonly endpoints: number;
  /** Bursts of activity over the hours. */
  readonly moments: number;
  readonly retriesMax: number;
  readonly faults: ReadonlyArray<Fault>;
  /** Of requests that meet a fault of the network. */
  readonly networkRate: number;
  /** Of appends to a remote store whose outcome is not answered. */
  readonly unknownRate: number;
  /** Timers fire so late at most. */
  readonly lateTimersMs: number;
  /** Whether stored events are read back from their text, instead of kept as they were made. */
  readonly plainEvents: boolean;
  /** Where the store is shared: undefined elsewhere. */
  readonly cluster?: ClusterOptions;
}

const MINUTE_MS = 60_000;
/** Of the seeds with a shared store. */
const SEVERAL_NODES_SHARE = 0.5;
/**
 * A lease is kept by a few events per node whether or not anything happens, so the hours are as many as so many leases
 * fill. One that is alone has the whole time, and renews seldom.
 */
const LONE = { leaseMs: 30 * MINUTE_MS };
const SEVERAL = [
  { leaseMs: 2 * MINUTE_MS, hours: 1.5 },
  { leaseMs: 5 * MINUTE_MS, hours: 4 },
  { leaseMs: 10 * MINUTE_MS, hours: 8 },
] as const;
/** Any two differ by less than what a node waits beyond a lease before it calls another one silent: a sixth. */
export const DRIFT_MAX = 0.05;

export const drawOptions = (seed: number): Options => {
  const chance = new Chance(seed, 'options');
  const kind = chance.next();
  const faults = FAULTS_FIRST.filter(() => chance.chance(0.5));
  const options: Options = {
    seed,
    store: kind < 0.1 ? 'sqlite' : kind < 0.6 ? 'embedded' : 'remote',
    hours: 72,
    companies: chance.pick([1, 1, 1, 2, 4]),
    webhooks: chance.delayMs(6, 80),
    endpoints: chance.between(1, 12),
    moments: chance.between(8, 20),
    retriesMax: chance.pick([0, 1, 3, 8, 20]),
    faults,
    networkRate: chance.next() * 0.3,
    unknownRate: chance.next() * 0.2,
    lateTimersMs: chance.pick([5, 200, 5_000]),
    plainEvents: chance.chance(0.25),
  };
  return options.store === 'remote' ? amongNodes(options) : options;
};

/** Drawn from a stream of its own: everything above is as it was before there were nodes. */
const amongNodes = (options: Options): Options => {
  const chance = new Chance(options.seed, 'cluster options');
  const several = chance.chance(SEVERAL_NODES_SHARE);
  const nodes = chance.between(2, 3);
  const { leaseMs, hours } = chance.pick(SEVERAL);
  const faults = NODE_FAULTS.filter(() => chance.chance(0.5));
  if (!several) return { ...options, cluster: { nodes: 1, leaseMs: LONE.leaseMs, drifts: [0] } };
  const drifts = Array.from({ length: nodes }, () => (chance.next() * 2 - 1) * DRIFT_MAX);
  return {
    ...options,
    hours,
    // Every node reads and shows all of it.
    moments: Math.ceil((options.moments * 2) / (nodes + 1)),
    faults: [...options.faults, ...faults],
    cluster: { nodes, leaseMs, drifts },
  };
};
