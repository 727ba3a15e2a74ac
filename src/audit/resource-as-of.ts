import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { belongsTo, type ResourceChange } from '../domain/resource-change.ts';
import { compareRefs, type ResourceRef } from '../domain/resources.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Position, ReadFailure } from '../eventstore/event-store.ts';
import type { ReadModels } from '../projections/read-models.ts';
import { changeAsOf, type ChangeAsOfDeps } from './change-as-of.ts';

/** A resource and its relations, directly to it in both directions, as they stood at a position. */
export interface ResourceAsOf {
  readonly belongsTo: ReadonlyArray<ResourceRef>;
  /** One page of what belongs to it, in the order in which it came to. */
  readonly has: ReadonlyArray<ResourceRef>;
  /** Where the next page begins; null at the end. */
  readonly next: Position | null;
  /** Undefined when only others named it. */
  readonly lastChange: Decoded<ResourceChange> | undefined;
}

/** Undefined where nothing was reported of it, and nothing named it, up to there. */
export const resourceAsOf = async (
  deps: ChangeAsOfDeps & { readonly readModels: Pick<ReadModels, 'belongingTo' | 'wasNamed'> },
  companyId: string,
  ref: ResourceRef,
  at: Position,
  { after, limit }: { readonly after: Position; readonly limit: number },
): Promise<Either<ReadFailure, ResourceAsOf | undefined>> => {
  const found = await changeAsOf(deps, companyId, ref, at);
  if (isLeft(found)) return found;
  const lastChange = found.right;
  if (lastChange === undefined && !deps.readModels.wasNamed(companyId, at, ref)) return right(undefined);
  const page = deps.readModels.belongingTo(companyId, at, ref, after, limit);
  return right({
    belongsTo: lastChange === undefined ? [] : [...belongsTo(lastChange.event.relations)].sort(compareRefs),
    has: page.found.map((belonging) => belonging.ref),
    next: page.next,
    lastChange,
  });
};
