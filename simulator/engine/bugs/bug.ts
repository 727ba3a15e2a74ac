import type { EventStore } from '../../../src/eventstore/event-store.ts';
import type { Leftover } from '../leftover.ts';
import type { Ports, ProcessSettings } from '../process.ts';
import type { Sim } from '../sim.ts';
import type { Invariant } from '../violation.ts';

/** What a planted bug may get its hands on: the ports of one process, before the product is put together on them. */
export interface Ground {
  readonly ports: Ports;
  readonly settings: ProcessSettings;
  readonly sim: Sim;
  /** The read models on the disk of its machine. */
  readonly leftover: Leftover;
  readonly process: number;
  readonly isReady: () => boolean;
  /** For how long its machine has stood still altogether. */
  readonly stoodStillMs: () => number;
  /** What the sending thread compares the lease with. */
  readonly sendingClock: { monotonicMs: () => number };
}

/** A defect on purpose: the simulation has to notice it. The product itself is never changed. */
export interface Bug {
  readonly name: string;
  readonly summary: string;
  /** Any of these may be the first to notice. */
  readonly breaks: ReadonlyArray<Invariant>;
  /** Elsewhere it changes nothing. */
  readonly sharedStoreOnly?: boolean;
  plant(ground: Ground): { readonly ports: Ports; readonly settings: ProcessSettings };
}

export const bug = (
  name: string,
  summary: string,
  breaks: ReadonlyArray<Invariant>,
  plant: (ground: Ground) => Partial<Ground['ports']> & { readonly settings?: Partial<Ground['settings']> },
): Bug => ({
  name,
  summary,
  breaks,
  plant: (ground) => {
    const { settings, ...ports } = plant(ground);
    return { ports: { ...ground.ports, ...ports }, settings: { ...ground.settings, ...settings } };
  },
});

/** The intake goes on with the right store, unless the bug is in what both write to. */
export const bothStores = (store: EventStore) => ({ store, intakeStore: store });
