import { Lru } from '../domain/lru.ts';
import { belongsTo, type ResourceChange } from '../domain/resource-change.ts';
import { compareRefs, compareText, type Resource, type ResourceRef, sameRef } from '../domain/resources.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Position } from '../eventstore/event-store.ts';
import type { BelongingTable } from './belongings.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import type { Routing } from './read-models.ts';
import { OPEN } from './schema.ts';

/** What a resource belongs to since `from`, with nothing known to have changed after it. In the order of refs. */
interface Latest {
  readonly from: Position;
  readonly parents: ReadonlyArray<ResourceRef>;
}

const LATEST_MAX = 40_000;

export interface RelationGraph extends Pick<Routing, 'belongsTo' | 'ticketTypesOf'> {
  add(decoded: Decoded<ResourceChange>): void;
  forget(): void;
}

export const openRelationGraph = (
  db: Database,
  companies: Dictionary,
  belongings: Pick<BelongingTable, 'add'>,
): RelationGraph => {
  let latest = new Lru<string, Latest>(LATEST_MAX);

  const selectOpen = db.prepare(
    `SELECT from_pos, parents FROM relations WHERE company = ? AND resource = ? AND identifier = ? AND to_pos = ${OPEN}`,
  );
  const selectAsOf = db.prepare(`
    SELECT from_pos, to_pos, parents FROM relations
    WHERE company = ? AND resource = ? AND identifier = ? AND to_pos > ? ORDER BY to_pos LIMIT 1`);
  const begin = db.prepare('INSERT INTO relations VALUES (?, ?, ?, ?, ?, ?)');
  const end = db.prepare(`
    UPDATE relations SET to_pos = ?
    WHERE company = ? AND resource = ? AND identifier = ? AND to_pos = ${OPEN}`);

  const beginTicketType = db.prepare('INSERT INTO ticket_types VALUES (?, ?, ?, ?, ?)');
  const endTicketType = db.prepare(`
    UPDATE ticket_types SET to_pos = ?
    WHERE company = ? AND event = ? AND to_pos = ${OPEN} AND identifier = ?`);
  const selectTicketTypes = db.prepare(`
    SELECT identifier FROM ticket_types
    WHERE company = ? AND event = ? AND to_pos > ? AND from_pos <= ? ORDER BY identifier`);

  /** The same relations from the other end, of ticket types alone: an event has thousands of orders. */
  const noteTicketType = (
    company: number,
    { resource, identifier }: ResourceRef,
    position: Position,
    before: ReadonlyArray<ResourceRef>,
    after: ReadonlyArray<ResourceRef>,
  ): void => {
    if (resource !== 'ticket') return;
    for (const parent of before) {
      if (parent.resource !== 'event' || isIn(after, parent)) continue;
      endTicketType.run(position, company, parent.identifier, identifier);
    }
    for (const parent of after) {
      if (parent.resource !== 'event' || isIn(before, parent)) continue;
      beginTicketType.run(company, parent.identifier, OPEN, identifier, position);
    }
  };

  const parentsBefore = (key: string, company: number, { event, revision }: Decoded<ResourceChange>) => {
    // The first change of a resource: there is nothing to look for.
    if (revision === 0) return [];
    const known = latest.get(key);
    if (known !== undefined) return known.parents;
    const row = selectOpen.get(company, event.resource, event.identifier) as { parents: string } | undefined;
    return row === undefined ? [] : parseParents(row.parents);
  };

  return {
    add: (decoded) => {
      const { event, position } = decoded;
      const company = companies.idOf(event.companyId);
      const key = keyOf(company, event);
      const before = parentsBefore(key, company, decoded);
      const after = [...belongsTo(event.relations)].sort(compareRefs);
      if (sameRefs(before, after)) return;
      if (before.length > 0) end.run(position, company, event.resource, event.identifier);
      if (after.length > 0) {
        begin.run(company, event.resource, event.identifier, OPEN, position, format(after));
      }
      for (const parent of after) if (!isIn(before, parent)) belongings.add(company, parent, position);
      noteTicketType(company, event, position, before, after);
      latest.set(key, { from: position, parents: after });
    },
    forget: () => {
      latest = new Lru(LATEST_MAX);
    },
    ticketTypesOf: (companyId, at, event) => {
      const company = companies.find(companyId);
      if (company === undefined) return [];
      const rows = selectTicketTypes.all(company, event, at, at) as unknown as { identifier: string }[];
      return rows.map(({ identifier }) => identifier).sort(compareText);
    },
    belongsTo: (companyId, at, ref) => {
      const company = companies.find(companyId);
      if (company === undefined) return [];
      const key = keyOf(company, ref);
      const known = latest.get(key);
      if (known !== undefined && known.from <= at) return known.parents;

      const row = selectAsOf.get(company, ref.resource, ref.identifier, at) as
        { from_pos: number; to_pos: number; parents: string } | undefined;
      if (row === undefined) {
        latest.set(key, { from: at, parents: [] });
        return [];
      }
      if (row.from_pos > at) return [];
      const parents = parseParents(row.parents);
      if (row.to_pos === OPEN) latest.set(key, { from: row.from_pos, parents });
      return parents;
    },
  };
};

const keyOf = (company: number, ref: ResourceRef): string => `${company}:${ref.resource}:${ref.identifier}`;

const sameRefs = (a: ReadonlyArray<ResourceRef>, b: ReadonlyArray<ResourceRef>): boolean =>
  a.length === b.length && a.every((ref, index) => sameRef(ref, b[index] as ResourceRef));

const isIn = (refs: ReadonlyArray<ResourceRef>, ref: ResourceRef): boolean =>
  refs.some((known) => sameRef(known, ref));

const format = (refs: ReadonlyArray<ResourceRef>): string =>
  JSON.stringify(refs.map(({ resource, identifier }) => [resource, identifier]));

/** What a row of `relations` holds. */
export const parseParents = (text: string): ReadonlyArray<ResourceRef> =>
  (JSON.parse(text) as [Resource, string][]).map(([resource, identifier]) => ({ resource, identifier }));
