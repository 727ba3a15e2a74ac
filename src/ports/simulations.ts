import type { Either } from 'fp-ts/lib/Either.js';

/** Something that an operator may run beside the server, to see how the engine behaves. */
export interface SimulationPreset {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
}

export interface SimulationRun {
  readonly id: string;
  readonly preset: SimulationPreset;
  readonly startedAtMs: number;
  /** Null while it runs. */
  readonly ended: { readonly atMs: number; readonly exitCode: number | null } | null;
  /** What it has printed so far: the newest part, if it is long. */
  readonly output: string;
  readonly hasReport: boolean;
}

/** Runs of the simulator and the load generator, each in a process of its own; they never touch the server's data. */
export interface Simulations {
  readonly presets: ReadonlyArray<SimulationPreset>;
  /** The newest first. */
  runs(): ReadonlyArray<SimulationRun>;
  /** One at a time. Undefined: there is no such preset. */
  start(preset: string): Either<'busy', SimulationRun> | undefined;
  stop(id: string): void;
  /** The HTML page that a run of the load generator wrote. */
  report(id: string): string | undefined;
}
