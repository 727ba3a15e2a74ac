import { Lru } from '../domain/lru.ts';
import { type Resource, type ResourceRef, sameRef } from '../domain/resources.ts';
import type { Position } from '../eventstore/event-store.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import type { Belonging, Belongings } from './read-models.ts';
import { parseParents } from './relation-graph.ts';
import { OPEN } from './schema.ts';

/**
 * What belongs to a resource: the relations from the other end. Only that a belonging began is written, as two integers;
 * whether it lasts is asked of the relations, one by one, when somebody wants to know.
 */
export interface BelongingTable extends Belongings {
  /** The change at this position made its resource belong to the parent; before, it did not. */
  add(company: number, parent: ResourceRef, position: Position): void;
  /** After the last change of a batch: writes what was added. */
  save(): void;
  forget(): void;
}

const PARENTS_MAX = 20_000;
/** Rows that one statement writes: an order alone has several. */
const TOGETHER = 32;
/** Belongings looked at for one page: of an event that all its orders left, each of them may have ended. */
const LOOKED_AT_MAX = 1_000;

export const openBelongings = (db: Database, companies: Dictionary): BelongingTable => {
  let parents = new Lru<string, number>(PARENTS_MAX);

  /** Parents and positions in turns. */
  let added: number[] = [];

  const insert = db.prepare('INSERT INTO belongings VALUES (?, ?)');
  const insertMany = db.prepare(
    `INSERT INTO belongings VALUES ${Array.from({ length: TOGETHER }, () => '(?, ?)').join(', ')}`,
  );
  const insertParent = db.prepare('INSERT INTO parents (company, resource, identifier) VALUES (?, ?, ?)');
  const selectParent = db.prepare(
    'SELECT id FROM parents WHERE company = ? AND resource = ? AND identifier = ?',
  );
  const selectFirst = db.prepare('SELECT 1 FROM belongings WHERE parent = ? AND position <= ? LIMIT 1');
  const selectSome = db.prepare(`
    SELECT b.position, c.resource, c.identifier FROM belongings b
    CROSS JOIN changes c ON c.position = b.position
    WHERE b.parent = ? AND b.position > ? AND b.position <= ? ORDER BY b.position`);
  const selectSince = db.prepare(`
    SELECT from_pos, to_pos, parents FROM relations
    WHERE company = ? AND resource = ? AND identifier = ? AND to_pos > ? AND from_pos <= ? ORDER BY to_pos`);

  const find = (company: number, { resource, identifier }: ResourceRef): number | undefined => {
    const key = `${company}:${resource}:${identifier}`;
    const known = parents.get(key);
    if (known !== undefined) return known;
    const row = selectParent.get(company, resource, identifier) as { id: number } | undefined;
    if (row !== undefined) parents.set(key, row.id);
    return row?.id;
  };

  /** Whether it has belonged to the parent without a gap since the change at `since` up to `at`. */
  const lasts = (company: number, parent: ResourceRef, { since, ref }: Belonging, at: Position): boolean => {
    const rows = selectSince.iterate(company, ref.resource, ref.identifier, since, at);
    let end: Position | undefined;
    for (const row of rows as unknown as Iterable<RelationColumns>) {
      if (row.from_pos !== (end ?? since)) return false;
      if (!parseParents(row.parents).some((known) => sameRef(known, parent))) return false;
      end = row.to_pos;
    }
    return end === OPEN || (end !== undefined && end > at);
  };

  return {
    add: (company, parent, position) => {
      const { resource, identifier } = parent;
      let id = find(company, parent);
      if (id === undefined) {
        id = Number(insertParent.run(company, resource, identifier).lastInsertRowid);
        parents.set(`${company}:${resource}:${identifier}`, id);
      }
      added.push(id, position);
    },
    save: () => {
      let done = 0;
      for (; done + 2 * TOGETHER <= added.length; done += 2 * TOGETHER) {
        insertMany.run(...added.slice(done, done + 2 * TOGETHER));
      }
      for (; done < added.length; done += 2) insert.run(...added.slice(done, done + 2));
      added = [];
    },
    forget: () => {
      parents = new Lru(PARENTS_MAX);
      added = [];
    },
    wasNamed: (companyId, at, ref) => {
      const company = companies.find(companyId);
      const parent = company === undefined ? undefined : find(company, ref);
      return parent !== undefined && selectFirst.get(parent, at) !== undefined;
    },
    belongingTo: (companyId, at, ref, after, limit) => {
      const company = companies.find(companyId);
      const parent = company === undefined ? undefined : find(company, ref);
      if (company === undefined || parent === undefined) return { found: [], next: null };
      const found: Belonging[] = [];
      let lookedAt = 0;
      let last = after;
      for (const row of selectSome.iterate(parent, after, at) as unknown as Iterable<BelongingColumns>) {
        if (lookedAt === LOOKED_AT_MAX) return { found, next: last };
        lookedAt += 1;
        const { position, resource, identifier } = row;
        const belonging = { since: position, ref: { resource, identifier } };
        if (lasts(company, ref, belonging, at)) {
          if (found.length === limit) return { found, next: last };
          found.push(belonging);
        }
        last = position;
      }
      return { found, next: null };
    },
  };
};

interface BelongingColumns {
  readonly position: number;
  readonly resource: Resource;
  readonly identifier: string;
}

interface RelationColumns {
  readonly from_pos: number;
  readonly to_pos: number;
  readonly parents: string;
}
