import { isJsonObject } from '../domain/json.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import type { Routing } from './read-models.ts';

/**
 * Where the newest report of an event or ticket type stands as of any position. Orders, by far most of all changes,
 * are not written here.
 */
export interface EventReports extends Pick<Routing, 'lastReport'> {
  add(decoded: Decoded<ResourceChange>): void;
}

interface Row {
  readonly revision: number;
  readonly deleted: number;
}

/** Nothing has said yet what it is like. */
const NO_DATA = -1;

export const openEventReports = (db: Database, companies: Dictionary): EventReports => {
  const insert = db.prepare('INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?)');
  const select = db.prepare(`
    SELECT revision, deleted FROM reports
    WHERE company = ? AND resource = ? AND identifier = ? AND position <= ? ORDER BY position DESC LIMIT 1`);

  return {
    add: ({ event, position, revision }) => {
      const { resource, identifier, data, triggers } = event;
      if (resource !== 'event' && resource !== 'ticket') return;
      const company = companies.idOf(event.companyId);
      const before = isJsonObject(data)
        ? undefined
        : (select.get(company, resource, identifier, position) as Row | undefined);
      const says = isJsonObject(data) ? revision : (before?.revision ?? NO_DATA);
      insert.run(company, resource, identifier, position, says, Number(triggers.includes('delete')));
    },
    lastReport: (companyId, at, { resource, identifier }) => {
      const company = companies.find(companyId);
      if (company === undefined) return undefined;
      const row = select.get(company, resource, identifier, at) as Row | undefined;
      return row === undefined
        ? undefined
        : { revision: row.revision === NO_DATA ? undefined : row.revision, deleted: row.deleted === 1 };
    },
  };
};
