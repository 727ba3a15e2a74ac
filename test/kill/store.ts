import { checkAttemptNumbers, checkHistory, headOf, logPath } from './log-checks.ts';

/** Where a server that is killed keeps its events, and how they are looked at without the product's reading side. */
export interface StoreUnderTest {
  /** What the server is started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whether others may have left webhooks of theirs in it. */
  readonly shared: boolean;
  /** Whether one report of several changes is stored as a whole, whatever is killed. */
  readonly atomicBatches: boolean;
  /** How long a server that is ready works at most before it is killed. */
  readonly workMs: number;
  /** How many events of the engine's own work there are. The server must be down. */
  count(): Promise<number>;
  /** Every hash fits. */
  checkHistory(): Promise<void>;
  /** No attempt number stands twice in an invocation's stream, and none is missing. Answers how many there are. */
  checkAttemptNumbers(): Promise<number>;
  close(): Promise<void>;
}

/** Of a server's data folder. */
export type OpenStore = (dataDir: string) => Promise<StoreUnderTest>;

export const embeddedStore: OpenStore = async (dataDir) => ({
  environment: { CALLBOARD_STORE: `sqlite:${logPath(dataDir)}` },
  shared: false,
  atomicBatches: true,
  workMs: 300,
  count: async () => headOf(dataDir),
  checkHistory: () => checkHistory(dataDir),
  checkAttemptNumbers: async () => checkAttemptNumbers(dataDir),
  close: async () => undefined,
});
