import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { ReadFailure } from '../eventstore/event-store.ts';
import { ChainCheck } from './check-log.ts';
import { differenceOf } from './copy-log.ts';
import { LogCursor, type LogSource } from './log-cursor.ts';
import { type MoveFailure, placeOf, unavailable } from './move-failure.ts';

export interface Compared {
  readonly events: number;
  readonly streams: number;
}

/** Streams whose ends are asked for at the same time. */
const ENDS_AT_ONCE = 32;

/**
 * Whether both logs hold the same: every event in the same order and to the byte, the target's chains computed again, and
 * each stream ending at the same revision on both sides, as a reader of the stream sees it. `copied`: how many events there
 * should be; what a side holds beyond them was written meanwhile.
 */
export const compareLogs = async (
  source: LogSource,
  target: LogSource,
  copied: number,
  onProgress?: (done: number) => void,
): Promise<Either<MoveFailure, Compared>> => {
  const [from, to] = [new LogCursor(source), new LogCursor(target)];
  const chains = new ChainCheck(target);
  let streams = 0;
  let begun: string[] = [];
  /** Told last: of what was written meanwhile the log tells more. */
  let otherEnd: MoveFailure | undefined;
  for (let events = 0; ; events += 1) {
    const here = await from.next();
    if (isLeft(here)) return left(unavailable('source', here.left));
    const there = await to.next();
    if (isLeft(there)) return left(unavailable('target', there.left));
    const ended = here.right === undefined && there.right === undefined;
    if (ended || begun.length >= ENDS_AT_ONCE) {
      const ends = await sameEnds(source, target, begun);
      if (isLeft(ends)) return ends;
      otherEnd ??= ends.right;
      begun = [];
    }
    if (ended) {
      const quiet = await stillEnded(from, to);
      if (isLeft(quiet)) return quiet;
      if (otherEnd !== undefined) return left(otherEnd);
      if (events === copied) return right({ events, streams });
      return differs(`both hold ${events} events, ${copied} were copied`);
    }
    if (events >= copied && (here.right === undefined || there.right === undefined)) {
      return here.right === undefined
        ? meanwhile('target', there.right ?? { stream: '', revision: 0 })
        : meanwhile('source', here.right);
    }
    const difference = differenceOf(here.right, there.right);
    if (difference !== undefined) return differs(difference);
    if (there.right === undefined) continue;
    const fault = await chains.fault(there.right);
    if (isLeft(fault)) return left(unavailable('target', fault.left));
    if (fault.right !== undefined) return differs(`${placeOf(there.right)}: ${fault.right}`);
    if (there.right.revision === 0) {
      streams += 1;
      begun.push(there.right.stream);
    }
    onProgress?.(events + 1);
  }
};

const differs = (message: string): Either<MoveFailure, never> => left({ _tag: 'TargetDiffers', message });

const meanwhile = (
  which: 'source' | 'target',
  at: { readonly stream: string; readonly revision: number },
): Either<MoveFailure, never> => {
  const goOn = which === 'source' ? '; stop what writes there and run it again: it goes on from here' : '';
  return left({
    _tag: 'WrittenMeanwhile',
    message: `the ${which} was written while it was copied, ${placeOf(at)} is new${goOn}`,
  });
};

/** Asked last: nothing may have come while the rest was compared. */
const stillEnded = async (from: LogCursor, to: LogCursor): Promise<Either<MoveFailure, void>> => {
  for (const [which, cursor] of [
    ['source', from],
    ['target', to],
  ] as const) {
    const next = await cursor.next();
    if (isLeft(next)) return left(unavailable(which, next.left));
    if (next.right !== undefined) return meanwhile(which, next.right);
  }
  return right(undefined);
};

/** The first stream that ends elsewhere, or undefined. */
const sameEnds = async (
  source: LogSource,
  target: LogSource,
  streams: ReadonlyArray<string>,
): Promise<Either<MoveFailure, MoveFailure | undefined>> => {
  const ends = await Promise.all(
    streams.map(async (stream) => ({
      stream,
      here: await endOf(source, stream),
      there: await endOf(target, stream),
    })),
  );
  for (const { stream, here, there } of ends) {
    if (isLeft(here)) return left(unavailable('source', here.left));
    if (isLeft(there)) return left(unavailable('target', there.left));
    if (here.right === there.right) continue;
    const message = `stream '${stream}' has ${there.right + 1} events in the target, ${here.right + 1} in the source`;
    return right({ _tag: 'TargetDiffers', message });
  }
  return right(undefined);
};

/** The last revision that a reader of the stream sees; −1 when there is none. */
const endOf = async (log: LogSource, stream: string): Promise<Either<ReadFailure, number>> => {
  const page = await log.readStream(stream, { direction: 'backwards', limit: 1 })();
  return isLeft(page) ? page : right(page.right[0]?.revision ?? -1);
};
