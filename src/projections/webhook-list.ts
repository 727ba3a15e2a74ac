import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import { guidText } from './guid.ts';
import type { WebhookList } from './read-models.ts';

/** Reads the table that webhook-versions.ts writes. */
export const openWebhookList = (db: Database, companies: Dictionary): WebhookList => {
  const select = db.prepare(`
    SELECT position, guid FROM webhooks INDEXED BY webhooks_listed
    WHERE company = ? AND dialect = ? AND deleted = 0 AND position > ? ORDER BY position LIMIT ?`);
  return {
    webhooksOf: (companyId, dialect, after, limit) => {
      const company = companies.find(companyId);
      if (company === undefined) return [];
      const rows = select.all(company, dialect, after, limit) as unknown as {
        position: number;
        guid: Uint8Array;
      }[];
      return rows.map((row) => ({ cursor: row.position, guid: guidText(row.guid) }));
    },
  };
};
