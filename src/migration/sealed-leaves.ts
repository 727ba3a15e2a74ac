import { streamOf } from '../domain/ids.ts';
import type { HistorySealed } from '../domain/seal.ts';
import { hashIn } from '../eventstore/chain.ts';
import type { RecordedEvent } from '../eventstore/event-store.ts';
import type { Removal, SealedLeaf } from '../eventstore/removals.ts';

/**
 * Follows a log in its order, and knows of each invocation which of its events are leaves of seals' trees: what retention removes
 * of them has to be written down, or the seals could not be computed again. Memory holds those that were not taken out yet.
 */
export class SealedLeaves {
  readonly #seals: ReadonlyArray<HistorySealed>;
  readonly #storeId: string;
  readonly #leaves = new Map<string, SealedLeaf[]>();
  #current = 0;

  constructor(seals: ReadonlyArray<HistorySealed>, storeId: string) {
    this.#seals = seals;
    this.#storeId = storeId;
  }

  /** The next event of the log. */
  at({ stream, revision, position, event }: RecordedEvent): void {
    let seal = this.#seals[this.#current];
    if (seal === undefined) return;
    // What it ends with was removed before: its place in this store tells.
    while (seal?.hint.store === this.#storeId && position > seal.hint.position) {
      this.#current += 1;
      seal = this.#seals[this.#current];
    }
    if (seal === undefined) return;
    if (stream.startsWith(PREFIX)) {
      const leaves = this.#leaves.get(stream) ?? [];
      if (leaves.at(-1)?.seal === seal.number) leaves.pop();
      leaves.push({ seal: seal.number, revision, hash: hashIn(event.metadata) ?? '' });
      this.#leaves.set(stream, leaves);
    }
    if (seal.last.stream === stream && seal.last.revision === revision) this.#current += 1;
  }

  /** Whether what may be removed of the stream can be: where there are seals, only what they cover. */
  covers(stream: string, revision: number): boolean {
    return this.#seals.length === 0 || (this.#leaves.get(stream)?.at(-1)?.revision ?? -1) >= revision;
  }

  /** The removal with the leaves that go; asked for once. */
  withLeaves(removal: Removal): Removal {
    const sealed = (this.#leaves.get(removal.stream) ?? []).filter(
      ({ revision }) => revision <= removal.revision,
    );
    this.#leaves.delete(removal.stream);
    return sealed.length === 0 ? removal : { ...removal, sealed };
  }

  /** Nothing goes of it any more. */
  forget(stream: string): void {
    this.#leaves.delete(stream);
  }
}

const PREFIX = streamOf.invocation('');
