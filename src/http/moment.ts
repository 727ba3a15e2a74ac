import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Position } from '../eventstore/event-store.ts';
import { type Check, time } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import { type Failure, invalid } from './failure.ts';
import { POSITION_HEADER } from './min-position.ts';
import { settledSoon } from './settled.ts';

/** What `?at=` names: a time, or a value of the header Callboard-Position. */
export type AskedMoment = { readonly atMs: number } | { readonly position: Position };

const POSITION = /^\d{1,16}$/;
/** Clocks of servers and of those who ask differ by less: a moment that is no further ahead is now. */
const AHEAD_MAX_MS = 60_000;

export const moment: Check<AskedMoment> = (value) => {
  if (typeof value === 'string' && POSITION.test(value) && Number.isSafeInteger(Number(value))) {
    return right({ position: Number(value) });
  }
  const checked = time(value);
  return isLeft(checked)
    ? left(`${checked.left}, or a position in the log: digits alone`)
    : right({ atMs: checked.right });
};

/** Right once the read models show everything up to the request, and the moment is not still to come. */
export const notAhead = async (
  deps: Pick<HttpDeps, 'settled' | 'clock' | 'shownUpTo'>,
  at: AskedMoment,
): Promise<Either<Failure, void>> => {
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  if ('atMs' in at) {
    return at.atMs <= deps.clock.nowMs() + AHEAD_MAX_MS
      ? right(undefined)
      : left(invalid('at', 'must not lie in the future'));
  }
  const end = deps.shownUpTo();
  return at.position <= end
    ? right(undefined)
    : left(
        invalid('at', `must not lie behind the end of the log: a ${POSITION_HEADER} is at most ${end} now`),
      );
};

/** The place in the log: for a time the newest change recorded up to it, 0 before the first. Without a moment the end. */
export const placeOf = async (
  deps: Pick<HttpDeps, 'settled' | 'clock' | 'shownUpTo' | 'readModels'>,
  at: AskedMoment | undefined,
): Promise<Either<Failure, Position>> => {
  if (at === undefined) {
    const settled = await settledSoon(deps);
    return isLeft(settled) ? settled : right(Number.MAX_SAFE_INTEGER);
  }
  const past = await notAhead(deps, at);
  if (isLeft(past)) return past;
  return right('position' in at ? at.position : (deps.readModels.positionAt(at.atMs) ?? 0));
};
