import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { Lru } from '../domain/lru.ts';
import { NO_STREAM } from '../eventstore/event-store.ts';
import type { Loaded, StoreFailure, Transacted } from '../eventstore/transact.ts';

/** Reads and writes of one stream that are under way. */
interface UnderWay {
  works: number;
  /** Newest revision observed since the first of them began. */
  observed: number;
}

/** Each one more means that others wrote during the one before. */
const READS_MAX = 8;

/**
 * The newest known states of streams to which others write, too. What they wrote is observed in the order of the log,
 * also while the same stream is read or written here: then the answer may be older than what was observed meanwhile, and
 * must not be kept, as nobody would ever correct it. So whatever is in here is as new as all that was observed.
 */
export class Followed<S> {
  readonly #known: Lru<string, Loaded<S>>;
  readonly #streamOf: (key: string) => string;
  readonly #underWay = new Map<string, UnderWay>();

  constructor(sizeMax: number, streamOf: (key: string) => string) {
    this.#known = new Lru(sizeMax);
    this.#streamOf = streamOf;
  }

  get(key: string): Loaded<S> | undefined {
    return this.#known.get(key);
  }

  /** From memory, or read with `load`: then as often as it takes to be as new as what was observed meanwhile. */
  async read(
    key: string,
    load: (stream: string) => Promise<Either<StoreFailure, Loaded<S>>>,
  ): Promise<Either<StoreFailure, Loaded<S>>> {
    const known = this.#known.get(key);
    if (known !== undefined) return right(known);
    const stream = this.#streamOf(key);
    return this.#during(key, async () => {
      for (let reads = 0; reads < READS_MAX; reads += 1) {
        const loaded = await load(stream);
        if (isLeft(loaded)) return loaded;
        const newest = this.#keep(key, loaded.right);
        if (newest !== undefined) return right(newest);
      }
      return left({ _tag: 'TooMuchContention', stream });
    });
  }

  /** Decides on what is known, if anything is, and keeps what was read for it and what was written. */
  write<R, E>(
    key: string,
    transact: (
      stream: string,
      known: Loaded<S> | undefined,
      onLoaded: (loaded: Loaded<S>) => void,
    ) => Promise<Either<R, Transacted<S, E>>>,
  ): Promise<Either<R, Transacted<S, E>>> {
    return this.#during(key, async () => {
      const onLoaded = (loaded: Loaded<S>): void => void this.#keep(key, loaded);
      const written = await transact(this.#streamOf(key), this.#known.get(key), onLoaded);
      if (written._tag === 'Right') this.#keep(key, written.right);
      return written;
    });
  }

  /** The stream has this revision. `next` goes one event on from what is known; without it that is forgotten. */
  observe(key: string, revision: number, next?: (known: S) => Loaded<S>): void {
    const underWay = this.#underWay.get(key);
    if (underWay !== undefined) underWay.observed = Math.max(underWay.observed, revision);
    const known = this.#known.get(key);
    if (known === undefined || revision <= known.head.revision) return;
    if (next === undefined || revision > known.head.revision + 1) this.#known.delete(key);
    else this.#known.set(key, next(known.state));
  }

  async #during<A>(key: string, work: () => Promise<A>): Promise<A> {
    const underWay = this.#underWay.get(key) ?? { works: 0, observed: NO_STREAM };
    this.#underWay.set(key, underWay);
    underWay.works += 1;
    try {
      return await work();
    } finally {
      underWay.works -= 1;
      if (underWay.works === 0) this.#underWay.delete(key);
    }
  }

  /** Answers what is known now: this, or what is newer. Undefined: it is older than what was observed, and not kept. */
  #keep(key: string, { state, head }: Loaded<S>): Loaded<S> | undefined {
    const known = this.#known.get(key);
    if (known !== undefined && known.head.revision >= head.revision) return known;
    if (head.revision < (this.#underWay.get(key)?.observed ?? NO_STREAM)) return undefined;
    const current = { state, head };
    // What does not exist takes no room from what does.
    if (head.revision !== NO_STREAM) this.#known.set(key, current);
    return current;
  }
}
