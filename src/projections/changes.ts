import { isGuid, streamOf } from '../domain/ids.ts';
import { Lru } from '../domain/lru.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Position } from '../eventstore/event-store.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import { guidBytes, guidHash, guidText } from './guid.ts';
import type { Counters } from './counters.ts';
import type { Changes } from './read-models.ts';
import { LIMIT } from '../eventstore/sqlite-limit.ts';
import { OPEN } from './schema.ts';
import { openTimeBlocks } from './time-blocks.ts';

export interface ChangeTable extends Changes {
  add(decoded: Decoded<ResourceChange>): void;
  positionOf(guid: string): Position | undefined;
  /** After the last one of a batch. */
  save(): void;
  forget(): void;
}

const POSITIONS_MAX = 40_000;

export const openChanges = (db: Database, counters: Counters, companies: Dictionary): ChangeTable => {
  const times = openTimeBlocks(db, 'change_times');
  let positions = new Lru<string, Position>(POSITIONS_MAX);

  const insert = db.prepare('INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const selectPosition = db.prepare(
    'SELECT position FROM changes INDEXED BY changes_by_guid WHERE hash = ? AND guid = ?',
  );
  const selectChange = db.prepare(`
    SELECT c.position, c.resource, c.identifier, c.revision, c.fingerprint, company.guid AS company
    FROM changes c INDEXED BY changes_by_guid CROSS JOIN log_companies company ON company.id = c.company
    WHERE c.hash = ? AND c.guid = ?`);

  const selectOf = db.prepare(`
    SELECT position, guid, resource, identifier, revision, fingerprint
    FROM changes INDEXED BY changes_by_company
    WHERE company = ? AND position < ? ORDER BY position DESC ${LIMIT}`);
  const selectNewest = db.prepare(`
    SELECT position FROM changes NOT INDEXED
    WHERE position < ? AND recorded_at <= ? ORDER BY position DESC LIMIT 1`);

  return {
    add: ({ id, event, position, revision }) => {
      insert.run(
        position,
        guidHash(id),
        guidBytes(id),
        companies.idOf(event.companyId),
        event.resource,
        event.identifier,
        revision,
        event.fingerprint,
        event.atMs,
      );
      positions.set(id, position);
      const number = counters.get('changes');
      times.note(number, position, event.atMs);
      counters.set('changes', number + 1);
    },
    save: () => times.save(),
    changesInAll: () => counters.get('changes'),
    // The newest block that can hold it does hold one, so no more than a block is looked through.
    positionAt: (recordedAtMs) =>
      (
        selectNewest.get(times.endOf(recordedAtMs + 1), recordedAtMs) as
          { readonly position: number } | undefined
      )?.position,
    changesAfter: (fromMs) => times.placeBefore(fromMs),
    positionOf: (guid) => {
      const known = positions.get(guid);
      if (known !== undefined || !isGuid(guid)) return known;
      const row = selectPosition.get(guidHash(guid), guidBytes(guid)) as { position: number } | undefined;
      if (row !== undefined) positions.set(guid, row.position);
      return row?.position;
    },
    change: (guid) => {
      if (!isGuid(guid)) return undefined;
      const row = selectChange.get(guidHash(guid), guidBytes(guid)) as ChangeColumns | undefined;
      if (row === undefined) return undefined;
      const companyId = guidText(row.company);
      return {
        change: guid,
        position: row.position,
        stream: streamOf.resource(companyId, row.resource, row.identifier),
        revision: row.revision,
        companyId,
        fingerprint: row.fingerprint,
      };
    },
    changesOf: (companyId, before, limit) => {
      const company = companies.find(companyId);
      if (company === undefined) return [];
      const rows = selectOf.all(company, before ?? OPEN, limit) as unknown as ReadonlyArray<
        Omit<ChangeColumns, 'company'> & { readonly guid: Uint8Array }
      >;
      return rows.map((row) => ({
        change: guidText(row.guid),
        position: row.position,
        stream: streamOf.resource(companyId, row.resource, row.identifier),
        revision: row.revision,
        companyId,
        fingerprint: row.fingerprint,
      }));
    },
    forget: () => {
      positions = new Lru(POSITIONS_MAX);
      times.forget();
    },
  };
};

interface ChangeColumns {
  readonly position: number;
  readonly resource: string;
  readonly identifier: string;
  readonly revision: number;
  readonly fingerprint: string;
  readonly company: Uint8Array;
}
