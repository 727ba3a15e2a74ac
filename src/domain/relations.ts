import { compareRefs, type ResourceRef, refKey, type Resource } from './resources.ts';

/** What a resource belongs to at the moment in question. */
export type BelongsTo = (ref: ResourceRef) => ReadonlyArray<ResourceRef>;

/** A related resource and the shortest way to it: from the origin, both ends included. */
export interface Reached {
  readonly ref: ResourceRef;
  readonly path: ReadonlyArray<ResourceRef>;
}

/**
 * Every resource of the wanted types that `origin` belongs to, directly or over others, nearest first and then by
 * identifier. Each resource is visited once, so cycles end; the origin itself is never reached.
 */
export const reachedFrom = (
  origin: ResourceRef,
  wanted: ReadonlySet<Resource>,
  belongsTo: BelongsTo,
): ReadonlyArray<Reached> => {
  if (wanted.size === 0) return [];
  const visited = new Set([refKey(origin)]);
  const reached: Reached[] = [];
  let frontier: Reached[] = [{ ref: origin, path: [origin] }];
  while (frontier.length > 0) {
    const next: Reached[] = [];
    for (const { ref, path } of frontier) {
      for (const parent of [...belongsTo(ref)].sort(compareRefs)) {
        const key = refKey(parent);
        if (visited.has(key)) continue;
        visited.add(key);
        next.push({ ref: parent, path: [...path, parent] });
      }
    }
    next.sort((a, b) => compareRefs(a.ref, b.ref));
    for (const step of next) if (wanted.has(step.ref.resource)) reached.push(step);
    frontier = next;
  }
  return reached;
};
