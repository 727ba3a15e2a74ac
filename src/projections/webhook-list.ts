import type { Selection } from '../domain/webhook.ts';
import { isGuid } from '../domain/ids.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import { guidBytes, guidText } from './guid.ts';
import type { MoshtixSort, WebhookList } from './read-models.ts';
import { OPEN } from './schema.ts';
import { LIMIT } from '../eventstore/sqlite-limit.ts';

/** Reads the tables that webhook-versions.ts writes. */
export const openWebhookList = (db: Database, companies: Dictionary): WebhookList => {
  const select = db.prepare(`
    SELECT position, guid FROM webhooks INDEXED BY webhooks_listed
    WHERE company = ? AND dialect = ? AND deleted = 0 AND position > ? ORDER BY position ${LIMIT}`);
  const selectEvery = db.prepare(`
    SELECT position, guid FROM webhooks INDEXED BY webhooks_by_company
    WHERE company = ? AND position > ? ORDER BY position ${LIMIT}`);
  const selectNewest = db.prepare(`
    SELECT position, guid FROM webhooks INDEXED BY webhooks_listed
    WHERE company = ? AND dialect = ? AND deleted = 0 AND position < ? ORDER BY position DESC ${LIMIT}`);
  const selectCompanies = db.prepare(
    `SELECT id AS position, guid FROM routing_companies WHERE id > ? ORDER BY id ${LIMIT}`,
  );
  const selectRevision = db.prepare(`
    SELECT revision FROM webhook_revisions
    WHERE webhook = (SELECT position FROM webhooks WHERE guid = ?) AND position <= ? ORDER BY position DESC LIMIT 1`);
  const selectCreated = db.prepare('SELECT position FROM webhooks WHERE guid = ?');
  const moshtix =
    "FROM webhooks INDEXED BY webhooks_moshtix WHERE company = ? AND dialect = 'moshtix' AND deleted = 0";
  const count = db.prepare(`SELECT count(*) AS total ${moshtix}`);
  const selectById = db.prepare(`SELECT guid ${moshtix} AND ${ID} = ?`);
  const pages = (order: string) => db.prepare(`SELECT guid ${moshtix} ORDER BY ${order} ${LIMIT} OFFSET ?`);
  const selectPage = {
    up: mapValues(SORTS, (by) => pages(`${by}, position`)),
    down: mapValues(SORTS, (by) => pages(`${by} DESC, position DESC`)),
  };

  return {
    moshtixWebhooks: (companyId, { sortBy, descending, offset, limit }) => {
      const company = companies.find(companyId);
      if (company === undefined) return { guids: [], totalCount: 0 };
      const { total } = count.get(company) as { total: number };
      const rows = selectPage[descending ? 'down' : 'up'][sortBy].all(company, limit, offset);
      return {
        guids: (rows as unknown as { guid: Uint8Array }[]).map((row) => guidText(row.guid)),
        totalCount: total,
      };
    },
    moshtixWebhook: (companyId, id) => {
      const company = companies.find(companyId);
      const row = company === undefined ? undefined : selectById.get(company, id);
      return row === undefined ? undefined : guidText((row as { guid: Uint8Array }).guid);
    },
    webhooksOf: (companyId, dialect, after, limit) => {
      const company = companies.find(companyId);
      if (company === undefined) return [];
      return (select.all(company, dialect, after, limit) as unknown as Listed[]).map(listed);
    },
    liveWebhooksOf: (companyId, before, limit) => {
      const company = companies.find(companyId);
      if (company === undefined) return [];
      return DIALECTS.flatMap(
        (dialect) => selectNewest.all(company, dialect, before ?? OPEN, limit) as unknown as Listed[],
      )
        .sort((a, b) => b.position - a.position)
        .slice(0, limit)
        .map(listed);
    },
    companies: (after, limit) => (selectCompanies.all(after, limit) as unknown as Listed[]).map(listed),
    revisionAt: (guid, at) =>
      (selectRevision.get(guidBytes(guid), at) as { revision: number } | undefined)?.revision,
    createdAt: (guid) =>
      isGuid(guid)
        ? (selectCreated.get(guidBytes(guid)) as { position: number } | undefined)?.position
        : undefined,
    everyWebhookOf: (companyId, after, limit) => {
      const company = companies.find(companyId);
      if (company === undefined) return [];
      return (selectEvery.all(company, after, limit) as unknown as Listed[]).map(listed);
    },
  };
};

const DIALECTS: ReadonlyArray<Selection['dialect']> = ['openticket', 'moshtix'];

interface Listed {
  readonly position: number;
  readonly guid: Uint8Array;
}

const listed = ({ position, guid }: Listed) => ({ cursor: position, guid: guidText(guid) });

/** Read from the settings, and indexed as it stands here. */
const ID = "json_extract(settings, '$.selection.id')";

const SORTS: Readonly<Record<MoshtixSort, string>> = { id: ID, created: 'position', enabled: 'enabled' };

const mapValues = <K extends string, A, B>(
  record: Readonly<Record<K, A>>,
  map: (value: A) => B,
): Readonly<Record<K, B>> =>
  Object.fromEntries(Object.entries<A>(record).map(([key, value]) => [key, map(value)])) as Record<K, B>;
