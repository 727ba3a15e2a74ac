import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { streamOf } from '../domain/ids.ts';
import type { InvocationEvent } from '../domain/invocation.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, ReadFailure } from '../eventstore/event-store.ts';
import { decodeAll } from '../projections/projector.ts';

const PAGE = 500;

/**
 * Everything that happened to an invocation, oldest first. Without its beginning where that was removed from the log by
 * policy. Throws for an event that cannot be read.
 */
export const invocationLife = async (
  store: Pick<EventStore, 'readStream'>,
  guid: string,
): Promise<Either<ReadFailure, ReadonlyArray<Decoded<InvocationEvent>>>> => {
  const life: Decoded<InvocationEvent>[] = [];
  for (let fromRevision = 0; ;) {
    const page = await store.readStream(streamOf.invocation(guid), { fromRevision, limit: PAGE })();
    if (isLeft(page)) return page;
    life.push(...(decodeAll(page.right) as ReadonlyArray<Decoded<InvocationEvent>>));
    if (page.right.length < PAGE) return right(life);
    fromRevision = (life.at(-1)?.revision ?? 0) + 1;
  }
};
