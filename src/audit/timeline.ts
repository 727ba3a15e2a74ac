import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { streamOf } from '../domain/ids.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { ResourceRef } from '../domain/resources.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, ReadFailure } from '../eventstore/event-store.ts';
import { decodeAll } from '../projections/projector.ts';
import type { InvocationRow, ReadModels } from '../projections/read-models.ts';

/** What was reported of a resource, and what followed from it. */
export interface Told {
  readonly change: Decoded<ResourceChange>;
  /** The first ones, in the order in which they were scheduled. */
  readonly invocations: ReadonlyArray<InvocationRow>;
  /** Whether there are more. */
  readonly more: boolean;
}

/** Invocations that one change lists; all of them are under /invocations?change=. */
export const INVOCATIONS_MAX = 50;

/** Read at once: an order's events hold the whole order each. */
const PAGE = 20;

/** One page of a resource's reports, oldest first, from a revision on. Throws for an event that cannot be read. */
export const timeline = async (
  deps: {
    readonly store: Pick<EventStore, 'readStream'>;
    readonly readModels: Pick<ReadModels, 'invocations'>;
  },
  companyId: string,
  { resource, identifier }: ResourceRef,
  fromRevision: number,
  limit: number,
  invocationsMax = INVOCATIONS_MAX,
): Promise<Either<ReadFailure, ReadonlyArray<Told>>> => {
  const stream = streamOf.resource(companyId, resource, identifier);
  const told: Told[] = [];
  while (told.length < limit) {
    const size = Math.min(PAGE, limit - told.length);
    const page = await deps.store.readStream(stream, {
      fromRevision: fromRevision + told.length,
      limit: size,
    })();
    if (isLeft(page)) return page;
    for (const decoded of decodeAll(page.right)) {
      const change = decoded as Decoded<ResourceChange>;
      const found = deps.readModels.invocations(
        { companyId, change: change.id },
        undefined,
        invocationsMax + 1,
      );
      const more = found.length > invocationsMax;
      told.push({ change, invocations: found.slice(0, invocationsMax).toReversed(), more });
    }
    if (page.right.length < size) break;
  }
  return right(told);
};
