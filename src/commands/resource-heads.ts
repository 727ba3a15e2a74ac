import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { Lru } from '../domain/lru.ts';
import type { ResourceState } from '../domain/resource-change.ts';
import type { EventStore } from '../eventstore/event-store.ts';
import { load, type Loaded, type StoreFailure } from '../eventstore/transact.ts';
import { resource as aggregate } from './aggregates.ts';

/** The newest state of a resource, as far as is known here. */
export interface KnownHead extends Loaded<ResourceState> {
  /** Which of the loads it rests on: what others wrote before that is in it. */
  readonly load: number;
}

/** Resources whose newest state stays in memory. */
const HEADS_MAX = 50_000;

/** What the next change of a resource is decided on: read from its stream, or what the appends under way will leave. */
export class ResourceHeads {
  readonly #store: EventStore;
  readonly #heads = new Lru<string, KnownHead>(HEADS_MAX);
  readonly #loading = new Map<string, Promise<Either<StoreFailure, void>>>();
  /** Appends to a stream that are under way. */
  readonly #writes = new Map<string, Promise<unknown>>();
  #loads = 0;

  constructor(store: EventStore) {
    this.#store = store;
  }

  /** How many were read so far. */
  get loads(): number {
    return this.#loads;
  }

  get(stream: string): KnownHead | undefined {
    return this.#heads.get(stream);
  }

  /** It is not as was thought: it is read again when it is next needed. */
  forget(streams: Iterable<string>): void {
    for (const stream of streams) this.#heads.delete(stream);
  }

  /** Reads what is not known. Some may be forgotten again by then. */
  async load(streams: ReadonlySet<string>): Promise<Either<StoreFailure, void>> {
    for (const stream of streams) {
      if (this.#heads.get(stream) !== undefined) continue;
      const loading = this.#loading.get(stream) ?? this.#loadOne(stream);
      this.#loading.set(stream, loading);
      const loaded = await loading;
      if (isLeft(loaded)) return loaded;
    }
    return right(undefined);
  }

  /** An append is sent that leaves these heads; `settled` resolves when it is answered, whatever came of it. */
  writing(heads: ReadonlyMap<string, KnownHead>, settled: Promise<void>): void {
    for (const [stream, head] of heads) {
      this.#heads.set(stream, head);
      const all = Promise.all([this.#writes.get(stream), settled]).then(() => {
        if (this.#writes.get(stream) === all) this.#writes.delete(stream);
      });
      this.#writes.set(stream, all);
    }
  }

  /**
   * Never beside an append to the stream: what was read before that landed would be taken for the head, and what is
   * planned on the next one would find its place in the stream, but not its predecessor.
   */
  async #loadOne(stream: string): Promise<Either<StoreFailure, void>> {
    try {
      for (let write = this.#writes.get(stream); write !== undefined; write = this.#writes.get(stream)) {
        await write;
      }
      const loaded = await load(this.#store, stream, aggregate);
      if (isLeft(loaded)) return loaded;
      this.#loads += 1;
      this.#heads.set(stream, { ...loaded.right, load: this.#loads });
      return right(undefined);
    } finally {
      this.#loading.delete(stream);
    }
  }
}
