import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { STREAM_PREFIXES, streamOf } from '../domain/ids.ts';
import { type HistorySealed, type SealState, numberOf, SealTally } from '../domain/seal.ts';
import { hashIn } from '../eventstore/chain.ts';
import type { EventStore, Position, RecordedEvent } from '../eventstore/event-store.ts';
import { oursOf } from '../eventstore/ours.ts';
import { readRemovals } from '../eventstore/removals.ts';
import { endOf, seals } from '../eventstore/seals.ts';
import { openRemovalIndex, type RemovalIndex } from '../eventstore/sqlite-removals.ts';
import { load, transact } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import type { SealSigner } from '../ports/sign-seal.ts';

export interface SealingDeps {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Undefined: seals are not signed. */
  readonly signer: SealSigner | undefined;
  /** Waited for after every few milliseconds of work: others may have something to do. False: no more of it. */
  readonly breathe: () => Promise<boolean>;
}

/**
 * Events that one seal covers at most: it bounds the memory of all who make, check or prove it. A history that was never
 * sealed gets as many seals as it takes.
 */
export const SEAL_EVENTS_MAX = 20_000;
const PAGE = 200;
const FILTER = { streamPrefixes: STREAM_PREFIXES };

/** By policy nothing younger is removed: no event after this has to be looked up among what was. */
const REMOVED_AFTER_MS = 50 * 24 * 60 * 60 * 1000;

/**
 * Seals what is new, up to where the log ends. Answers the seals made; `sealedMeanwhile`: another node did the rest. Remembers
 * nothing between two calls but what the newest seal says. Hashes are taken as they stand: whether they fit is what
 * `audit verify` looks at.
 */
export const sealHistory = async (
  deps: SealingDeps,
  eventsMax = SEAL_EVENTS_MAX,
): Promise<Either<string, ReadonlyArray<HistorySealed>>> => {
  const made: HistorySealed[] = [];
  const removed = new Removed(deps.store, deps.clock.nowMs() - REMOVED_AFTER_MS);
  try {
    for (;;) {
      const loaded = await load(deps.store, streamOf.seals, seals);
      if (isLeft(loaded)) return left(messageOf(loaded.left));
      const { state } = loaded.right;
      const read = await readNew(deps, state, removed, eventsMax);
      if (isLeft(read)) return read;
      if (read.right === undefined) return right(made);
      const { contents, position } = read.right;
      const { signer, store } = deps;
      const command = {
        type: 'SealHistory',
        after: numberOf(state),
        contents,
        hint: { store: store.id, position },
        sign: (statement: string) =>
          signer === undefined ? null : { keyId: signer.keyId, value: signer.sign(statement) },
        atMs: deps.clock.nowMs(),
      } as const;
      const id = deps.random.uuid();
      const cause = { correlationId: id, causationId: id, actor: 'engine:seal', companyId: '' };
      const sealed = await transact(deps, streamOf.seals, seals, command, cause, loaded.right);
      // Another node was first: it has read the same log, and goes on with it.
      if (isLeft(sealed))
        return sealed.left._tag === 'SealedMeanwhile' ? right(made) : left(messageOf(sealed.left));
      made.push(...sealed.right.events);
      if (contents.count < eventsMax) return right(made);
    }
  } finally {
    removed.close();
  }
};

type New = Either<
  string,
  { readonly contents: ReturnType<SealTally['contents']>; readonly position: Position } | undefined
>;

/** What came after the newest seal; undefined: nothing, or there is no time for it now. */
const readNew = async (
  { store, breathe }: SealingDeps,
  state: SealState,
  removed: Removed,
  eventsMax: number,
): Promise<New> => {
  const last = state.situation === 'sealed' ? state.seal : undefined;
  const end = last === undefined ? right(0) : await endOf(store, last);
  if (isLeft(end)) return left(end.left.message);
  /** After a move to a store that tells no positions of a stream's events: once, until the next seal is made there. */
  let skipping = end.right === undefined;
  let after = end.right ?? 0;
  let position = after;
  const tally = new SealTally();
  for (;;) {
    const limit = Math.min(PAGE, eventsMax - tally.count);
    const page = await store.readAll({ after, limit, filter: FILTER })();
    if (isLeft(page)) return left(page.left.message);
    for (const recorded of oursOf(page.right.events)) {
      const { stream, revision } = recorded;
      if (skipping) {
        skipping = !(stream === last?.last.stream && revision === last.last.revision);
        continue;
      }
      const hash = hashIn(recorded.event.metadata);
      if (hash === undefined)
        return left(`stream '${stream}' at revision ${revision}: its metadata holds no hash`);
      position = recorded.position;
      const gone = await removed.has(recorded);
      if (isLeft(gone)) return gone;
      if (!gone.right) tally.add(stream, revision, hash);
    }
    after = page.right.next;
    if (page.right.atEnd || tally.count >= eventsMax) break;
    if (!(await breathe())) return right(undefined);
  }
  if (skipping) return left(`the last event that seal ${last?.number} covers is not in the log`);
  if (tally.count === 0) return right(undefined);
  const steps = tally.contentsInSlices();
  for (;;) {
    const step = steps.next();
    if (step.done === true) return right({ contents: step.value, position });
    if (!(await breathe())) return right(undefined);
  }
};

/** What `callboard scavenge` has recorded as removed, and the database still shows: no seal may rest on it. */
class Removed {
  readonly #store: EventStore;
  readonly #beforeMs: number;
  #index: RemovalIndex | undefined;

  constructor(store: EventStore, beforeMs: number) {
    this.#store = store;
    this.#beforeMs = beforeMs;
  }

  async has({ stream, revision, event }: RecordedEvent): Promise<Either<string, boolean>> {
    // Only there does anything go; and only what is old.
    if (this.#store.positions !== 'opaque' || !stream.startsWith(INVOCATION)) return right(false);
    if (this.#index === undefined) {
      const at = Date.parse(TIME.exec(event.metadata)?.[1] ?? '');
      if (at >= this.#beforeMs) return right(false);
      const index = openRemovalIndex();
      this.#index = index;
      const read = await readRemovals(this.#store, (removal) => index.add(removal));
      if (isLeft(read)) return left(read.left.message);
    }
    return right(revision <= (this.#index.of(stream)?.revision ?? -1));
  }

  close(): void {
    this.#index?.close();
  }
}

const INVOCATION = streamOf.invocation('');
const TIME = /"time":"([^"]{24})"/;

const messageOf = (failure: { readonly _tag: string; readonly message?: string }): string =>
  failure.message ?? failure._tag;
