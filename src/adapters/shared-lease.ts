/**
 * Until when this process may send, shared by its threads: a thread that was stopped and goes on later must not send what
 * others have taken over meanwhile. By the monotonic clock that all threads read the same. Each time it is lost to others a
 * new term begins, and what was handed over for sending in an earlier one is not sent any more, even if this process has
 * a lease again by then.
 */
export interface SharedLease {
  readonly memory: SharedArrayBuffer;
  /** Sets it to so many milliseconds from now. */
  holdFor(remainingMs: number): void;
  /** Others have taken over. */
  lose(): void;
}

const NANOSECONDS = 1_000_000n;
const BYTES = BigInt64Array.BYTES_PER_ELEMENT;
/** Where they stand in the memory. */
const UNTIL_NS = 0;
const TERM = 1;

export const sharedLease = (): SharedLease => {
  const memory = new SharedArrayBuffer(2 * BYTES);
  const cells = new BigInt64Array(memory);
  const holdFor = (remainingMs: number): void => {
    const remaining = BigInt(Math.floor(Math.max(remainingMs, 0))) * NANOSECONDS;
    Atomics.store(cells, UNTIL_NS, process.hrtime.bigint() + remaining);
  };
  const lose = (): void => {
    holdFor(0);
    Atomics.add(cells, TERM, 1n);
  };
  holdFor(0);
  return { memory, holdFor, lose };
};

/** The term of the lease in this memory; always the same for a process that has the store for itself. */
export const termOf = (memory: SharedArrayBuffer | undefined): (() => number) => {
  if (memory === undefined) return () => 0;
  const cells = new BigInt64Array(memory);
  return () => Number(Atomics.load(cells, TERM));
};

/** Whether the lease in this memory still holds, and is that of the term. */
export const leaseHolds = (memory: SharedArrayBuffer | undefined): ((term: number) => boolean) => {
  if (memory === undefined) return () => true;
  const cells = new BigInt64Array(memory);
  const currentTerm = termOf(memory);
  // The term last: a lease of a new term is never seen before that term.
  return (term) => process.hrtime.bigint() < Atomics.load(cells, UNTIL_NS) && currentTerm() === term;
};
