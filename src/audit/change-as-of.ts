import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { streamOf } from '../domain/ids.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { ResourceRef } from '../domain/resources.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, Position, ReadFailure } from '../eventstore/event-store.ts';
import { decodeAll } from '../projections/projector.ts';
import type { ReadModels } from '../projections/read-models.ts';

export interface ChangeAsOfDeps {
  readonly store: Pick<EventStore, 'readStream'>;
  readonly readModels: Pick<ReadModels, 'change'>;
}

/**
 * The newest change of a resource at or before a position; undefined where nothing was reported of it up to there. Reads a
 * few events of its own stream, as many as the number of them has binary digits. Where they stand in the log the read models
 * say, as a stream does not tell that on every store. Throws for an event that cannot be read.
 */
export const changeAsOf = async (
  { store, readModels }: ChangeAsOfDeps,
  companyId: string,
  { resource, identifier }: ResourceRef,
  at: Position,
): Promise<Either<ReadFailure, Decoded<ResourceChange> | undefined>> => {
  const stream = streamOf.resource(companyId, resource, identifier);
  const newest = await store.readStream(stream, { direction: 'backwards', limit: 1 })();
  if (isLeft(newest)) return newest;
  const [last] = decodeAll(newest.right) as ReadonlyArray<Decoded<ResourceChange>>;
  // What they do not show yet came after all positions that they do.
  const isIn = ({ id }: Decoded): boolean => (readModels.change(id)?.position ?? Infinity) <= at;
  if (last === undefined || at === Number.MAX_SAFE_INTEGER || isIn(last)) return right(last);

  let found: Decoded<ResourceChange> | undefined;
  let tooNew = last.revision;
  while (tooNew - (found?.revision ?? -1) > 1) {
    const middle = Math.floor(((found?.revision ?? -1) + tooNew) / 2);
    const read = await store.readStream(stream, { fromRevision: middle, limit: 1 })();
    if (isLeft(read)) return read;
    const [one] = decodeAll(read.right) as ReadonlyArray<Decoded<ResourceChange>>;
    if (one === undefined) throw new Error(`${stream} has no revision ${middle}`);
    if (isIn(one)) found = one;
    else tooNew = middle;
  }
  return right(found);
};
