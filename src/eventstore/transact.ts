import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Cause, DomainEvent } from '../domain/events.ts';
import type { Random } from '../ports/random.ts';
import { decode, emptyHead, seal } from './codec.ts';
import type { Head } from './decoded.ts';
import type { AppendFailure, EventStore, Position, RecordedEvent } from './event-store.ts';

/** What turns a stream into a state. */
export interface Fold<S, E extends DomainEvent> {
  readonly initial: S;
  readonly evolve: (state: S, event: E) => S;
  /** The newest event alone tells the state: nothing before it is read. */
  readonly foldsFromLastEvent?: boolean;
}

/** The same, and a command into events. */
export interface Aggregate<S, C, E extends DomainEvent, R> extends Fold<S, E> {
  readonly decide: (state: S, command: C) => Either<R, ReadonlyArray<E>>;
}

export interface Loaded<S> {
  readonly state: S;
  readonly head: Head;
}

/** A decision that is on disk. `events` is empty when everything was so already. */
export interface Transacted<S, E> extends Loaded<S> {
  readonly events: ReadonlyArray<E>;
  /** Position of the last event written; undefined when nothing was. */
  readonly position: Position | undefined;
}

/** Why the store did not do it. The caller may try again later. */
export type StoreFailure =
  | { readonly _tag: 'StoreUnavailable'; readonly message: string }
  | { readonly _tag: 'OutcomeUnknown'; readonly message: string }
  | { readonly _tag: 'AppendTooLarge'; readonly bytes: number; readonly bytesMax: number }
  /** Others kept writing to the same stream first. */
  | { readonly _tag: 'TooMuchContention'; readonly stream: string };

const PAGE = 500;
const TRIES_MAX = 8;

export const load = async <S, E extends DomainEvent>(
  store: Pick<EventStore, 'readStream'>,
  stream: string,
  aggregate: Fold<S, E>,
): Promise<Either<StoreFailure, Loaded<S>>> => {
  let loaded: Loaded<S> = { state: aggregate.initial, head: emptyHead(stream) };
  const lastOnly = aggregate.foldsFromLastEvent === true;
  for (;;) {
    const page = await store.readStream(
      stream,
      lastOnly
        ? { direction: 'backwards', limit: 1 }
        : { fromRevision: loaded.head.revision + 1, limit: PAGE },
    )();
    if (isLeft(page)) return page;
    const folded = foldOn(loaded, page.right, aggregate);
    if (isLeft(folded)) return folded;
    loaded = folded.right;
    if (lastOnly || page.right.length < PAGE) return right(loaded);
  }
};

const foldOn = <S, E extends DomainEvent>(
  from: Loaded<S>,
  events: ReadonlyArray<RecordedEvent>,
  aggregate: Fold<S, E>,
): Either<StoreFailure, Loaded<S>> => {
  let { state, head } = from;
  for (const recorded of events) {
    const decoded = decode(recorded);
    if (isLeft(decoded)) {
      const { stream, revision, reason } = decoded.left;
      return left({ _tag: 'StoreUnavailable', message: `${stream} revision ${revision}: ${reason}` });
    }
    // A stream holds the events of its own aggregate only; its name says which.
    state = aggregate.evolve(state, decoded.right.event as E);
    head = { revision: recorded.revision, hash: decoded.right.metadata.hash };
  }
  return right({ state, head });
};

export interface TransactDeps {
  readonly store: EventStore;
  readonly random: Random;
}

/**
 * Load, decide, append at the revision read. When somebody else wrote first: read again, decide again, a few times.
 * `from` spares the first load when the caller already holds the state; to decide nothing, or no, it is not enough.
 * `onLoaded` hears of what was read before anything is waited for.
 */
export const transact = async <S, C, E extends DomainEvent, R>(
  { store, random }: TransactDeps,
  stream: string,
  aggregate: Aggregate<S, C, E, R>,
  command: C,
  cause: Cause,
  from?: Loaded<S>,
  onLoaded: (loaded: Loaded<S>) => void = () => undefined,
): Promise<Either<R | StoreFailure, Transacted<S, E>>> => {
  let known = from;
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    if (known === undefined) {
      const loaded = await load(store, stream, aggregate);
      if (isLeft(loaded)) return loaded;
      known = loaded.right;
      onLoaded(known);
    }
    const decided = aggregate.decide(known.state, command);
    // Where nothing is appended no conflict would show that others have written since.
    if ((isLeft(decided) || decided.right.length === 0) && known === from) {
      known = undefined;
      continue;
    }
    if (isLeft(decided)) return decided;
    const events = decided.right;
    if (events.length === 0) return right({ ...known, events, position: undefined });

    const sealed = seal(
      stream,
      known.head,
      events.map((event) => ({ id: random.uuid(), event })),
      cause,
    );
    const appended = await store.append([sealed.append])();
    if (appended._tag === 'Right') {
      const state = events.reduce(aggregate.evolve, known.state);
      return right({ state, head: sealed.head, events, position: appended.right[0]?.position });
    }
    if (appended.left._tag !== 'WrongExpectedRevision') return left(appended.left);
    known = undefined;
  }
  return left({ _tag: 'TooMuchContention', stream });
};

/** A conflict that re-deciding did not solve, said as the failure it is to the caller. */
export const asStoreFailure = (failure: AppendFailure): StoreFailure =>
  failure._tag === 'WrongExpectedRevision' ? { _tag: 'TooMuchContention', stream: failure.stream } : failure;
