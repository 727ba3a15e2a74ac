import { streamOf } from '../domain/ids.ts';
import { contentsFault, describeSeal, type HistorySealed, SealTally } from '../domain/seal.ts';
import { hashIn } from './chain.ts';
import type { ChainBreak } from './decoded.ts';
import type { RecordedEvent } from './event-store.ts';
import type { Removal, SealedLeaf } from './removals.ts';
import { RESTORATIONS_STREAM } from './restorations.ts';

/** What a look at all seals has come to. */
export interface SealCounts {
  /** What they cover is there, as it was. */
  readonly holding: number;
  /** Of these: events that they cover were removed by policy. Where streams end still fits; order and number cannot be looked at. */
  readonly thinned: number;
  /** Made before a move to this store, and the event that one of them ends with was removed: what they cover cannot be told apart. */
  readonly unprovable: number;
  /** Events that no seal covers yet. */
  readonly unsealed: number;
}

export interface WatchedRemovals {
  of(stream: string): Removal | undefined;
  sealedIn(seal: number): Iterable<SealedLeaf & Pick<Removal, 'stream'>>;
  readonly isEmpty: boolean;
}

const NO_REMOVALS: WatchedRemovals = { of: () => undefined, sealedIn: () => [], isEmpty: true };

/**
 * Compares all seals with the events of a log as they come by, in the order of the log. Memory holds what one seal covers. What a
 * seal covers ends with the event that it names; where that one was removed by policy, at the place that it had in this store.
 */
export class SealWatch {
  readonly #seals: ReadonlyArray<HistorySealed>;
  readonly #storeId: string;
  readonly #removals: WatchedRemovals;
  /** Which seal an event is the last one of. */
  readonly #ends: ReadonlyMap<string, number>;
  #current = 0;
  /** Where the seal before ended was not found, so it cannot be told what belongs to this one. */
  #lost = false;
  #tally = new SealTally();
  #holding = 0;
  #thinned = 0;
  #unprovable = 0;
  #unsealed = 0;

  constructor(seals: ReadonlyArray<HistorySealed>, storeId: string, removals: WatchedRemovals = NO_REMOVALS) {
    this.#seals = seals;
    this.#storeId = storeId;
    this.#removals = removals;
    this.#ends = new Map(seals.map(({ last }, index) => [placeOf(last), index]));
  }

  /** The next event; answers where seals that end before it, or with it, do not fit. */
  at(recorded: RecordedEvent): ReadonlyArray<ChainBreak> {
    const { stream, revision, position, event } = recorded;
    if (stream === streamOf.seals || stream === RESTORATIONS_STREAM) return [];
    const breaks: ChainBreak[] = [];
    for (;;) {
      const current = this.#seals[this.#current];
      if (current?.hint.store !== this.#storeId || position <= current.hint.position) break;
      breaks.push(...this.#close(this.#isRemoved(current.last)));
    }
    if (!this.#isRemoved(recorded)) this.#tally.add(stream, revision, hashIn(event.metadata) ?? '');
    const ended = this.#ends.get(placeOf(recorded));
    if (ended === undefined || ended < this.#current) return breaks;
    while (this.#current < ended) breaks.push(...this.#close(false));
    return [...breaks, ...this.#close(true)];
  }

  /** No more events. */
  end(): ReadonlyArray<ChainBreak> {
    const breaks: ChainBreak[] = [];
    const { count } = this.#tally;
    while (this.#current < this.#seals.length) {
      const current = this.#seals[this.#current];
      breaks.push(...this.#close(this.#endsHere(current)));
    }
    this.#unsealed = breaks.length > 0 ? 0 : count;
    return breaks;
  }

  counts(): SealCounts {
    return {
      holding: this.#holding,
      thinned: this.#thinned,
      unprovable: this.#unprovable,
      unsealed: this.#unsealed,
    };
  }

  /** Its last event was removed, and it is known where in this store it stood. */
  #endsHere(seal: HistorySealed | undefined): boolean {
    return seal !== undefined && seal.hint.store === this.#storeId && this.#isRemoved(seal.last);
  }

  #isRemoved({ stream, revision }: { readonly stream: string; readonly revision: number }): boolean {
    return revision <= (this.#removals.of(stream)?.revision ?? -1);
  }

  /** `found`: it is known where the seal ends. */
  #close(found: boolean): ReadonlyArray<ChainBreak> {
    const seal = this.#seals[this.#current];
    if (seal === undefined) return [];
    const tally = this.#tally;
    const lost = this.#lost;
    this.#current += 1;
    this.#lost = !found;
    this.#tally = new SealTally();
    if (!found && this.#isRemoved(seal.last)) {
      this.#unprovable += 1;
      return [];
    }
    if (!found) return [sealBreak(seal, 'the event that it ends with is not there, or not in its place')];
    // Of what was before this one's beginning the break before has told.
    if (lost) {
      this.#unprovable += 1;
      return [];
    }
    for (const leaf of this.#removals.sealedIn(seal.number))
      tally.raise(leaf.stream, leaf.revision, leaf.hash);
    const whole = this.#removals.isEmpty || tally.count === seal.count;
    const fault = contentsFault(seal, tally.contents(), whole);
    if (fault !== undefined) return [sealBreak(seal, fault)];
    this.#holding += 1;
    if (!whole) this.#thinned += 1;
    return [];
  }
}

/** What does not fit, at the seal's own place. */
export const sealBreak = (seal: HistorySealed, fault: string): ChainBreak => ({
  stream: streamOf.seals,
  revision: seal.number - 1,
  position: null,
  reason: `${describeSeal(seal)}, does not hold: ${fault}`,
});

const placeOf = ({ stream, revision }: { readonly stream: string; readonly revision: number }): string =>
  `${stream}@${revision}`;
