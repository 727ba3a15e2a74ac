import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { EventStore, RecordedEvent } from '../eventstore/event-store.ts';
import { lastRemovals, type Removal, REMOVALS_MAX, sealRemovals } from '../eventstore/removals.ts';
import { readSeals } from '../eventstore/seals.ts';
import { LogCursor, type LogSource } from './log-cursor.ts';
import { SealedLeaves } from './sealed-leaves.ts';
import { settledAtMs, weigh } from './weigh.ts';

/** What truncating takes besides reading. */
export type ScavengeSource = LogSource & Pick<EventStore, 'id'>;

export interface ScavengeTarget extends ScavengeSource, Pick<EventStore, 'append'> {
  truncateBefore(stream: string, revision: number): Promise<Either<string, void>>;
  takeBackTruncation(stream: string, revision: number): Promise<Either<string, void>>;
}

export interface ScavengeOptions {
  /** Invocations whose newest event settled them before that lose all events but this one. */
  readonly settledBeforeMs: number;
  readonly onProgress?: (eventsRead: number) => void;
}

export interface Surveyed {
  /** Streams that lose their beginning, and what of them goes. */
  readonly streams: number;
  readonly events: number;
  readonly bytes: number;
  /** Lost it before. */
  readonly before: number;
  /** Settled long enough, but what would go does not hang together: left as they are. At most so many are named. */
  readonly broken: number;
  readonly examples: ReadonlyArray<string>;
}

export interface Scavenged extends Surveyed {
  /** Truncations that were recorded by a run that did not come to its end, and looked at again. */
  readonly resumed: number;
  /** Somebody wrote to them at that very moment: nothing of them went. */
  readonly keptWhole: number;
}

/** Streams looked at, or truncated, at the same time: each may hold a body of 1 MiB. */
const AT_ONCE = 16;
const EXAMPLES_MAX = 10;

/** What would go. Writes nothing. */
export const survey = async (
  log: ScavengeSource,
  options: ScavengeOptions,
): Promise<Either<string, Surveyed>> => {
  const walked = await walk(log, options, () => Promise.resolve(right(0)));
  if (isLeft(walked)) return walked;
  const { kept: _, ...surveyed } = walked.right;
  return right(surveyed);
};

/**
 * Truncates. Of every stream it is first written down which event is the last to go, with its hash; only then is it
 * truncated. Killed anywhere it leaves at most one record whose truncations are not all done: the next run begins with those.
 */
export const scavenge = async (
  target: ScavengeTarget,
  options: ScavengeOptions & { readonly nowMs: number; readonly newId: () => string },
): Promise<Either<string, Scavenged>> => {
  const last = await lastRemovals(target);
  if (isLeft(last)) return left(last.left.message);
  const resumed = await truncateAll(target, last.right.removed);
  if (isLeft(resumed)) return resumed;
  let { head } = last.right;
  const surveyed = await walk(target, options, async (removed) => {
    const sealed = sealRemovals(head, options.newId(), options.nowMs, removed);
    const recorded = await target.append([sealed.append])();
    if (isLeft(recorded)) {
      return left(
        recorded.left._tag === 'WrongExpectedRevision'
          ? "another 'callboard scavenge' is at work on this store"
          : `what is to go could not be recorded (${recorded.left._tag}): run it again`,
      );
    }
    head = sealed.head;
    return truncateAll(target, removed);
  });
  if (isLeft(surveyed)) return surveyed;
  const { kept, ...rest } = surveyed.right;
  return right({ ...rest, resumed: last.right.removed.length, keptWhole: kept + resumed.right });
};

/** `flush` gets what may go, so many at once; it answers how many of them were kept after all. */
const walk = async (
  log: ScavengeSource,
  { settledBeforeMs, onProgress }: ScavengeOptions,
  flush: (removed: ReadonlyArray<Removal>) => Promise<Either<string, number>>,
): Promise<Either<string, Surveyed & { readonly kept: number }>> => {
  const seals = await readSeals(log);
  if (isLeft(seals)) return left(`the store cannot be read: ${seals.left.message}`);
  if (seals.right.broken !== undefined)
    return left(`${seals.right.broken.reason}: see callboard audit verify`);
  const leaves = new SealedLeaves(seals.right.seals, log.id);
  const cursor = new LogCursor(log);
  const found = { streams: 0, events: 0, bytes: 0, before: 0, broken: 0, kept: 0 };
  const examples: string[] = [];
  let candidates: RecordedEvent[] = [];
  let removed: Removal[] = [];
  const weighAll = async (): Promise<Either<string, void>> => {
    const weighed = await Promise.all(candidates.map((candidate) => weigh(log, candidate)));
    const weighedOf = candidates;
    candidates = [];
    for (const [at, one] of weighed.entries()) {
      if (isLeft(one)) return left(`the store cannot be read: ${one.left.message}`);
      switch (one.right.kind) {
        case 'removable':
          found.streams += 1;
          found.events += one.right.events;
          found.bytes += one.right.bytes;
          removed.push(leaves.withLeaves(one.right.removal));
          break;
        case 'removed':
          leaves.forget(weighedOf[at]?.stream ?? '');
          found.before += 1;
          break;
        case 'broken':
          found.broken += 1;
          if (examples.length < EXAMPLES_MAX) examples.push(one.right.reason);
          break;
        case 'not_newest':
      }
    }
    return right(undefined);
  };
  for (let events = 0; ; events += 1) {
    const next = await cursor.next();
    if (isLeft(next)) return left(`the store cannot be read: ${next.left.message}`);
    const recorded = next.right;
    if (recorded !== undefined) leaves.at(recorded);
    if (
      recorded !== undefined &&
      settledAtMs(recorded) < settledBeforeMs &&
      leaves.covers(recorded.stream, recorded.revision)
    ) {
      candidates.push(recorded);
    }
    if (candidates.length >= AT_ONCE || recorded === undefined) {
      const weighed = await weighAll();
      if (isLeft(weighed)) return weighed;
    }
    if (removed.length > REMOVALS_MAX - AT_ONCE || (recorded === undefined && removed.length > 0)) {
      const flushed = await flush(removed);
      if (isLeft(flushed)) return flushed;
      found.kept += flushed.right;
      removed = [];
    }
    if (recorded === undefined) return right({ ...found, examples });
    onProgress?.(events + 1);
  }
};

/** Answers how many were kept. */
const truncateAll = async (
  target: ScavengeTarget,
  removed: ReadonlyArray<Removal>,
): Promise<Either<string, number>> => {
  let kept = 0;
  for (let start = 0; start < removed.length; start += AT_ONCE) {
    const some = removed.slice(start, start + AT_ONCE);
    for (const one of await Promise.all(some.map((removal) => truncateOne(target, removal)))) {
      if (isLeft(one)) return one;
      if (!one.right) kept += 1;
    }
  }
  return right(kept);
};

/**
 * A retry by hand may come in between, and no append can exclude that: what was truncated just now is shown again then,
 * before any scavenge of the database has freed it. False: it was. Done twice it changes nothing.
 */
const truncateOne = async (target: ScavengeTarget, removal: Removal): Promise<Either<string, boolean>> => {
  const { stream } = removal;
  const end = removal.revision + 1;
  for (const truncated of [false, true]) {
    const newest = await target.readStream(stream, { direction: 'backwards', limit: 1 })();
    if (isLeft(newest)) return left(`the store cannot be read: ${newest.left.message}`);
    if (newest.right[0]?.revision !== end) {
      const back = await target.takeBackTruncation(stream, end);
      return isLeft(back) ? back : right(false);
    }
    if (truncated) break;
    const done = await target.truncateBefore(stream, end);
    if (isLeft(done)) return done;
  }
  return right(true);
};
