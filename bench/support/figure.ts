import type { CallboardProcess } from './callboard-process.ts';
import type { ReceiverProcess } from './receiver-process.ts';
import type { Size } from './sizes.ts';

export type Unit = 'per s' | 'ms' | 'µs' | 's' | 'KB' | 'MB';

export type Goal =
  | { readonly of: 'ratio' | 'value'; readonly atLeast: number }
  | { readonly of: 'ratio' | 'value'; readonly atMost: number };

/** One line of the table: a value a run, in the order of the runs, beside that of a bare baseline in the same run. */
export interface Row {
  readonly figure: string;
  readonly unit: Unit;
  readonly runs: ReadonlyArray<number>;
  readonly baseline: {
    readonly name: string;
    readonly unit: Unit;
    readonly runs: ReadonlyArray<number>;
  } | null;
  readonly goal: Goal | null;
}

/** What a figure is measured with. */
export interface Bench {
  readonly size: Size;
  /** Runs of the quick figures. */
  readonly runs: number;
  readonly receiver: ReceiverProcess;
  /** An empty folder on disk, removed at the end. */
  newFolder(name: string): string;
  /** The same content under a new path. */
  copyFolder(from: string): string;
  removeFolder(path: string): void;
  /** The server on this data folder, ready, with more settings than usual if given. */
  startCallboard(dataDir: string, environment?: Readonly<Record<string, string>>): Promise<CallboardProcess>;
  progress(text: string): void;
}

export interface Figure {
  readonly name: string;
  /** Answers its lines of the table. Throws when what was measured did not do the whole work. */
  measure(bench: Bench): Promise<ReadonlyArray<Row>>;
}
