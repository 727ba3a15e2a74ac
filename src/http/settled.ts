import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { HttpDeps } from './deps.ts';
import type { Failure } from './failure.ts';

/** How long a request waits for the read models; they follow the log within milliseconds unless something is stuck. */
const WAIT_MAX_MS = 5_000;

/** Right when the read models show everything that was written before the request. */
export const settledSoon = ({
  settled,
  clock,
}: Pick<HttpDeps, 'settled' | 'clock'>): Promise<Either<Failure, void>> =>
  new Promise((resolve, reject) => {
    const timer = clock.setTimer(WAIT_MAX_MS, () =>
      resolve(left({ _tag: 'StoreUnavailable', message: `the read models are ${WAIT_MAX_MS} ms behind` })),
    );
    settled()
      .then(() => resolve(right(undefined)), reject)
      .finally(() => timer.cancel());
  });
