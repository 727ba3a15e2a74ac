import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import type { ResourceChange } from '../domain/resource-change.ts';
import { decode } from '../eventstore/codec.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, ReadFailure } from '../eventstore/event-store.ts';
import type { ChangeRow } from '../projections/read-models.ts';

/**
 * The change that the read models know, with its place in the log: an event of a stream does not tell that on every
 * store. Throws where it cannot be read.
 */
export const readChange = async (
  store: Pick<EventStore, 'readStream'>,
  { change, stream, revision, position }: ChangeRow,
): Promise<Either<ReadFailure, Decoded<ResourceChange>>> => {
  const page = await store.readStream(stream, { fromRevision: revision, limit: 1 })();
  if (isLeft(page)) return page;
  const [recorded] = page.right;
  const decoded = recorded === undefined ? undefined : decode(recorded);
  if (decoded === undefined || isLeft(decoded)) {
    throw new Error(`change ${change} cannot be read from ${stream} at revision ${revision}`);
  }
  return right({ ...(decoded.right as Decoded<ResourceChange>), position });
};
