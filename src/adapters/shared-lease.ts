/**
 * Until when this process may send, shared by its threads: a thread that was stopped and goes on later must not send what
 * others have taken over meanwhile. By the monotonic clock that all threads read the same.
 */
export interface SharedLease {
  readonly memory: SharedArrayBuffer;
  /** Sets it to so many milliseconds from now. */
  holdFor(remainingMs: number): void;
}

const NANOSECONDS = 1_000_000n;
const BYTES = BigInt64Array.BYTES_PER_ELEMENT;

export const sharedLease = (): SharedLease => {
  const memory = new SharedArrayBuffer(BYTES);
  const untilNs = new BigInt64Array(memory);
  const holdFor = (remainingMs: number): void => {
    const remaining = BigInt(Math.floor(Math.max(remainingMs, 0))) * NANOSECONDS;
    Atomics.store(untilNs, 0, process.hrtime.bigint() + remaining);
  };
  holdFor(0);
  return { memory, holdFor };
};

/** Whether the lease in this memory still holds; there is none for a process that has the store for itself. */
export const leaseHolds = (memory: SharedArrayBuffer | undefined): (() => boolean) => {
  if (memory === undefined) return () => true;
  const untilNs = new BigInt64Array(memory);
  return () => process.hrtime.bigint() < Atomics.load(untilNs, 0);
};
