import { Chance } from '../chance.ts';
import { FAULTS, type Fault } from './steps.ts';

/** How the store behaves: the embedded one in this process, or a database that several processes share. */
export const STORES = ['embedded', 'remote', 'sqlite'] as const;
export type StoreKind = (typeof STORES)[number];

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
}

export const drawOptions = (seed: number): Options => {
  const chance = new Chance(seed, 'options');
  const kind = chance.next();
  const faults = FAULTS.filter(() => chance.chance(0.5));
  return {
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
};
