import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { HttpDeps } from './deps.ts';
import { type Failure, invalid } from './failure.ts';

/** Answered with every write: how far the log is written with it. On EventStoreDB an offset, elsewhere a count. */
export const POSITION_HEADER = 'Callboard-Position';
export const MIN_POSITION = 'min_position';

const POSITION = /^\d{1,16}$/;
/** How long a request waits for its node to read so far. */
const WAIT_MAX_MS = 5_000;
const LOOK_MS = 20;

/** Right when this node shows the log up to the position that the request asks for, if it does. */
export const reachedSoon = async (
  { shownUpTo, clock }: Pick<HttpDeps, 'shownUpTo' | 'clock'>,
  query: URLSearchParams,
): Promise<Either<Failure, void>> => {
  const wanted = query.get(MIN_POSITION);
  if (wanted === null) return right(undefined);
  const position = Number(wanted);
  if (!POSITION.test(wanted) || !Number.isSafeInteger(position)) {
    return left(invalid(MIN_POSITION, `must be a value of the header ${POSITION_HEADER}`));
  }
  const startedMs = clock.monotonicMs();
  while (shownUpTo() < position) {
    if (clock.monotonicMs() - startedMs >= WAIT_MAX_MS) {
      const message = `this node shows the log up to position ${shownUpTo()}, not yet ${position}`;
      return left({ _tag: 'StoreUnavailable', message });
    }
    await new Promise<void>((resolve) => clock.setTimer(LOOK_MS, resolve));
  }
  return right(undefined);
};
