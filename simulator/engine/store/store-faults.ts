/** How the store fails at the moment; shared by all processes that use it. */
export interface StoreFaults {
  /** Full, or not to be reached: nothing is written until then, in virtual time. */
  awayUntilMs: number;
  readsFailUntilMs: number;
  slowUntilMs: number;
  slowMostMs: number;
  /** The next commit meets an fsync error. */
  fsyncErrorNext: boolean;
}

export const noStoreFaults = (): StoreFaults => ({
  awayUntilMs: 0,
  readsFailUntilMs: 0,
  slowUntilMs: 0,
  slowMostMs: 0,
  fsyncErrorNext: false,
});

export const heal = (faults: StoreFaults): void => {
  Object.assign(faults, noStoreFaults());
};
