/**
 * How much of everything. `full` makes the figures of the README, `huge` those of histories ten times as long, `tiny` only shows that
 * they run.
 */
export interface Size {
  readonly runs: number;
  /** Runs of what takes tens of seconds. */
  readonly longRuns: number;
  readonly backlogDeliveries: number;
  readonly fannedOutChanges: number;
  readonly ingestRequests: number;
  readonly matchingWebhooks: ReadonlyArray<number>;
  readonly matchingChangesPerRun: number;
  readonly waitingInvocations: number;
  readonly freshChanges: number;
  readonly settleMs: number;
  readonly startEvents: number;
  readonly databaseAppends: number;
  readonly databaseEvents: number;
  readonly streamedOrders: number;
  readonly simulatedSeeds: number;
  readonly sharedDeliveries: number;
  readonly explainedWebhooks: number;
  readonly auditedEvents: ReadonlyArray<number>;
  readonly dashboardWebhooks: number;
  readonly dashboardInvocations: number;
}

const FULL = {
  runs: 5,
  longRuns: 3,
  backlogDeliveries: 20_000,
  fannedOutChanges: 5_000,
  ingestRequests: 10_000,
  matchingWebhooks: [1_000, 10_000, 100_000, 1_000_000],
  matchingChangesPerRun: 4_000,
  waitingInvocations: 1_000_000,
  freshChanges: 1_000,
  settleMs: 5_000,
  startEvents: 1_000_000,
  databaseAppends: 8_000,
  databaseEvents: 40_000,
  streamedOrders: 1_000_000,
  simulatedSeeds: 400,
  sharedDeliveries: 6_000,
  explainedWebhooks: 10_000,
  auditedEvents: [100_000, 1_000_000],
  dashboardWebhooks: 100_000,
  dashboardInvocations: 10_000_000,
} as const satisfies Size;

export const SIZES = {
  full: FULL,
  huge: { ...FULL, runs: 1, longRuns: 1, startEvents: 10_000_000, auditedEvents: [1_000_000, 10_000_000] },
  quick: {
    runs: 3,
    longRuns: 1,
    backlogDeliveries: 2_000,
    fannedOutChanges: 500,
    ingestRequests: 2_000,
    matchingWebhooks: [1_000, 10_000, 100_000],
    matchingChangesPerRun: 1_000,
    waitingInvocations: 20_000,
    freshChanges: 100,
    settleMs: 1_000,
    startEvents: 50_000,
    databaseAppends: 3_000,
    databaseEvents: 10_000,
    streamedOrders: 50_000,
    simulatedSeeds: 40,
    sharedDeliveries: 1_200,
    explainedWebhooks: 10_000,
    auditedEvents: [5_000, 50_000],
    dashboardWebhooks: 10_000,
    dashboardInvocations: 200_000,
  },
  tiny: {
    runs: 1,
    longRuns: 1,
    backlogDeliveries: 40,
    fannedOutChanges: 10,
    ingestRequests: 64,
    matchingWebhooks: [40, 400],
    matchingChangesPerRun: 50,
    waitingInvocations: 100,
    freshChanges: 5,
    settleMs: 10,
    startEvents: 700,
    databaseAppends: 64,
    databaseEvents: 600,
    streamedOrders: 500,
    simulatedSeeds: 2,
    sharedDeliveries: 48,
    explainedWebhooks: 25,
    auditedEvents: [200, 400],
    dashboardWebhooks: 60,
    dashboardInvocations: 2_000,
  },
} as const satisfies Readonly<Record<string, Size>>;

export type SizeName = keyof typeof SIZES;
