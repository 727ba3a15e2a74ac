import { isKeyId, partsOfKeyId } from '../domain/customer-key.ts';
import type { CustomerErased } from '../domain/erasure.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import { LIMIT } from '../eventstore/sqlite-limit.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import { guidBytes, guidText } from './guid.ts';
import type { Customers, ErasureRow } from './read-models.ts';
import { OPEN } from './schema.ts';

export interface CustomerTable extends Customers {
  changed(decoded: Decoded<ResourceChange>): void;
  erased(decoded: Decoded<CustomerErased>): void;
}

/** Which changes hold the data of which customer, by their keys, and which of these were forgotten. Nothing of it is personal. */
export const openCustomers = (db: Database, companies: Dictionary): CustomerTable => {
  const insertChange = db.prepare('INSERT INTO customer_changes VALUES (?, ?, ?)');
  const insertErasure = db.prepare('INSERT INTO erasures VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
  const count = db.prepare(
    'SELECT count(*) AS found FROM customer_changes WHERE subject = ? AND generation = ?',
  );
  const selectChanges = db.prepare(`
    SELECT o.position, c.guid FROM customer_changes o CROSS JOIN changes c ON c.position = o.position
    WHERE o.subject = ? AND o.generation = ? AND o.position > ? ORDER BY o.position ${LIMIT}`);
  const columns = `e.position, e.guid, company.guid AS company, e.subject, e.generation, e.changes, e.at, e.actor
    FROM erasures e CROSS JOIN log_companies company ON company.id = e.company`;
  const selectOf = db.prepare(`SELECT ${columns} WHERE e.subject = ? AND e.generation = ?`);
  const selectAll = db.prepare(`SELECT ${columns} WHERE e.position < ? ORDER BY e.position DESC ${LIMIT}`);
  const selectOfCompany = db.prepare(
    `SELECT ${columns} WHERE e.company = ? AND e.position < ? ORDER BY e.position DESC ${LIMIT}`,
  );

  return {
    changed: ({ event: { customer }, position }) => {
      if (customer === undefined) return;
      const [subject, generation] = placeOf(customer.id);
      insertChange.run(subject, generation, position);
    },
    erased: ({ event, position }) => {
      const { guid, companyId, subject, key, changes, askedBy, atMs } = event;
      const generation = key === null ? 0 : partsOfKeyId(key).generation;
      const company = companies.idOf(companyId);
      const bytes = Buffer.from(subject, 'hex');
      insertErasure.run(position, guidBytes(guid), company, bytes, generation, changes, atMs, askedBy);
    },
    changesOfKey: (key, after, limit) => {
      const rows = selectChanges.all(...placeOf(key), after, limit) as unknown as ReadonlyArray<{
        readonly position: number;
        readonly guid: Uint8Array;
      }>;
      return rows.map(({ position, guid }) => ({ position, change: guidText(guid) }));
    },
    countOfKey: (key) => Number((count.get(...placeOf(key)) as { readonly found: number }).found),
    erasureOfKey: (key) => {
      const row = isKeyId(key) ? (selectOf.get(...placeOf(key)) as ErasureColumns | undefined) : undefined;
      return row && rowOf(row);
    },
    erasures: (companyId, before, limit) => {
      const company = companyId === null ? null : companies.find(companyId);
      if (company === undefined) return [];
      const rows =
        company === null
          ? selectAll.all(before ?? OPEN, limit)
          : selectOfCompany.all(company, before ?? OPEN, limit);
      return (rows as unknown as ReadonlyArray<ErasureColumns>).map(rowOf);
    },
  };
};

const placeOf = (key: string): readonly [Uint8Array, number] => {
  const { subject, generation } = partsOfKeyId(key);
  return [Buffer.from(subject, 'hex'), generation];
};

interface ErasureColumns {
  readonly position: number;
  readonly guid: Uint8Array;
  readonly company: Uint8Array;
  readonly subject: Uint8Array;
  readonly changes: number;
  readonly at: number;
  readonly actor: string;
}

const rowOf = ({ position, guid, company, subject, changes, at, actor }: ErasureColumns): ErasureRow => ({
  position,
  guid: guidText(guid),
  companyId: guidText(company),
  subject: Buffer.from(subject).toString('hex'),
  changes,
  atMs: at,
  actor,
});
