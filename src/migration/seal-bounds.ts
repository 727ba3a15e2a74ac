import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { EventStore, Position } from '../eventstore/event-store.ts';
import type { SealedLeaf } from '../eventstore/removals.ts';
import type { RemovingStore } from '../eventstore/removing.ts';
import { readSeals } from '../eventstore/seals.ts';

/** Which seal covers which positions, in a store that counts them. */
export interface SealBounds {
  /** Nothing is sealed at all. */
  readonly none: boolean;
  /** The last position that a seal covers. */
  readonly end: Position;
  /**
   * The leaves of seals' trees among the events that go: by revision, the first of them 0, and `kept` the one that stays. A leaf is
   * a stream's last event in what one seal covers.
   */
  leavesOf(
    places: ReadonlyArray<{ readonly position: Position; readonly hash: string }>,
    kept: Position,
  ): ReadonlyArray<SealedLeaf>;
}

export const readSealBounds = async (
  log: Pick<EventStore, 'id' | 'readStream'> & Pick<RemovingStore, 'removedPosition'>,
): Promise<Either<string, SealBounds>> => {
  const read = await readSeals(log);
  if (isLeft(read)) return left(`the store cannot be read: ${read.left.message}`);
  if (read.right.broken !== undefined) return left(`${read.right.broken.reason}: see callboard audit verify`);
  const ends: Position[] = [];
  for (const { number, hint, last } of read.right.seals) {
    const end = hint.store === log.id ? right(hint.position) : await placeOf(log, last);
    if (isLeft(end)) return end;
    if (end.right === undefined || end.right <= (ends.at(-1) ?? 0)) {
      return left(`the end of seal ${number} is not in its place: see callboard audit verify`);
    }
    ends.push(end.right);
  }
  return right({
    none: ends.length === 0,
    end: ends.at(-1) ?? 0,
    leavesOf: (places, kept) => {
      const sealed = places.map(({ position }) => sealOf(ends, position));
      const sealOfKept = sealOf(ends, kept);
      return places.flatMap(({ hash }, revision): ReadonlyArray<SealedLeaf> => {
        const seal = sealed[revision];
        const next = revision + 1 < places.length ? sealed[revision + 1] : sealOfKept;
        return seal === undefined || seal === next ? [] : [{ seal, revision, hash }];
      });
    },
  });
};

const placeOf = async (
  log: Pick<EventStore, 'readStream'> & Pick<RemovingStore, 'removedPosition'>,
  { stream, revision }: { readonly stream: string; readonly revision: number },
): Promise<Either<string, Position | undefined>> => {
  const page = await log.readStream(stream, { fromRevision: revision, limit: 1 })();
  if (isLeft(page)) return left(page.left.message);
  const [found] = page.right;
  if (found?.revision === revision) return right(found.position);
  const gone = await log.removedPosition(stream, revision)();
  return isLeft(gone) ? left(gone.left.message) : gone;
};

/** Number of the seal that covers the position; undefined: none does. */
const sealOf = (ends: ReadonlyArray<Position>, position: Position): number | undefined => {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle] ?? 0) < position) low = middle + 1;
    else high = middle;
  }
  return low < ends.length ? low + 1 : undefined;
};
