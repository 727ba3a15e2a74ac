import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';

/** How V8 keeps its heap, for all threads of the process: to be called before there is much in it. */

const FEW_CORES = 2;

/**
 * For who makes a long stream of what is dead at once: V8 would let it pile up to a hundred megabytes before it looks. It costs
 * little to look earlier.
 */
export const keepGarbageSmall = (): void => setFlagsFromString('--semi-space-growth-factor=1');

/**
 * For commands that go through a whole log: nearly all that they read is garbage at once, and V8 would let it grow to hundreds of
 * megabytes before it looks. Collected in small steps it costs up to a tenth more time.
 */
export const keepHeapSmall = (): void => {
  setFlagsFromString('--max-semi-space-size=8');
  keepGarbageSmall();
  // The old generation is collected when it has grown by a third, not to a multiple.
  setFlagsFromString('--heap-growing-percent=35');
};

/**
 * For the server, where all that belongs to a delivery is garbage a moment after it. In a burst V8 finds that much of it is not
 * garbage yet, concludes that it will stay, and from then on allocates it where only a full collection finds it; whatever such
 * an object points to then outlives the young generation too. Without that conclusion nearly all of it dies young.
 */
export const expectShortLives = (): void => {
  setFlagsFromString('--no-allocation-site-pretenuring');
  // On so few cores helpers take the time of the threads that they are to help.
  if (availableParallelism() <= FEW_CORES) setFlagsFromString('--no-parallel-scavenge');
};
