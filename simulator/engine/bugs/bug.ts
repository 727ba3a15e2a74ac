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
}

/** A defect on purpose: the simulation has to notice it. The product itself is never changed. */
export interface Bug {
  readonly name: string;
  readonly summary: string;
  /** Any of these may be the first to notice. */
  readonly breaks: ReadonlyArray<Invariant>;
  plant(ground: Ground): { readonly ports: Ports; readonly settings: ProcessSettings };
}
