import { isGuid, streamOf } from '../domain/ids.ts';
import type { WebhookEvent } from '../domain/webhook.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import { LIMIT } from '../eventstore/sqlite-limit.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import { guidBytes, guidText } from './guid.ts';
import type { WebhookSearch, WebhookSearchFilter } from './read-models.ts';
import { OPEN } from './schema.ts';

/**
 * Webhooks that one search looks at, the newest; then it says how far it came. Reading names is cheap, and whether a
 * webhook fails has to be looked up for each.
 */
export const SEARCHED_MAX = { byName: 50_000, failing: 10_000 } as const;
/** Between a name and a URL, neither of which has line breaks; so no word lies in both. */
const BREAK = 'instr(words, char(10))';
/** More words than these do not narrow a search any further. */
const WORDS_MAX = 6;

export interface WebhookSearchTable extends WebhookSearch {
  /** After the table `webhooks` has it. */
  add(decoded: Decoded<WebhookEvent>): void;
}

/** Names and URLs of webhooks, in lower case, so that people find theirs among very many. */
export const openWebhookSearch = (db: Database, companies: Dictionary): WebhookSearchTable => {
  const insert = db.prepare('INSERT INTO webhook_names VALUES (?, ?, 1, ?, ?)');
  const ofGuid = '(company, webhook) = (SELECT company, position FROM webhooks WHERE guid = ?)';
  const rename = db.prepare(`UPDATE webhook_names SET words = ? || substr(words, ${BREAK}) WHERE ${ofGuid}`);
  const move = db.prepare(`UPDATE webhook_names SET words = substr(words, 1, ${BREAK}) || ? WHERE ${ofGuid}`);
  const enable = db.prepare(`UPDATE webhook_names SET enabled = ? WHERE ${ofGuid}`);
  const remove = db.prepare(`DELETE FROM webhook_names WHERE ${ofGuid}`);
  const selectNotSearched = db.prepare(`
    SELECT webhook FROM webhook_names WHERE company = ? AND webhook < ? ORDER BY webhook DESC LIMIT 1 OFFSET ?`);

  return {
    add: ({ event, stream, position }) => {
      if (event.type === 'WebhookCreated') {
        const { name, url } = event.settings;
        const company = companies.idOf(event.companyId);
        insert.run(company, position, guidBytes(event.guid), `${name}\n${url}`.toLowerCase());
        return;
      }
      const guid = guidBytes(stream.slice(streamOf.webhook('').length));
      switch (event.type) {
        case 'WebhookUpdated': {
          const { name, url } = event.changes;
          if (name !== undefined) rename.run(name.toLowerCase(), guid);
          if (url !== undefined) move.run(url.toLowerCase(), guid);
          return;
        }
        case 'WebhookEnabled':
          enable.run(1, guid);
          return;
        case 'WebhookDisabled':
          enable.run(0, guid);
          return;
        case 'WebhookDeleted':
          remove.run(guid);
          return;
        case 'SecretRotated':
          return;
      }
    },
    searchWebhooks: (companyId, filter, before, limit) => {
      const company = companies.find(companyId);
      if (company === undefined) return { rows: [], searchedTo: undefined };
      const most = filter.state === 'failing' ? SEARCHED_MAX.failing : SEARCHED_MAX.byName;
      const end = before ?? OPEN;
      const left = selectNotSearched.get(company, end, most) as { readonly webhook: number } | undefined;
      const conditions = conditionsOf(filter);
      const found = db
        .prepare(
          `SELECT webhook AS position, guid FROM webhook_names n
           WHERE company = ? AND webhook < ? AND webhook > ? ${conditions.map(({ sql }) => `AND ${sql}`).join(' ')}
           ORDER BY webhook DESC ${LIMIT}`,
        )
        .all(company, end, left?.webhook ?? 0, ...conditions.flatMap(({ values }) => values), limit);
      return {
        rows: (found as unknown as ReadonlyArray<{ position: number; guid: Uint8Array }>).map((row) => ({
          cursor: row.position,
          guid: guidText(row.guid),
        })),
        searchedTo: left === undefined ? undefined : left.webhook + 1,
      };
    },
  };
};

interface Condition {
  readonly sql: string;
  readonly values: ReadonlyArray<string | number | Uint8Array>;
}

const conditionsOf = ({ words, state }: WebhookSearchFilter): ReadonlyArray<Condition> => [
  ...(state === undefined ? [] : [{ sql: 'enabled = ?', values: [state === 'disabled' ? 0 : 1] }]),
  ...words
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, WORDS_MAX)
    .map((word) =>
      isGuid(word)
        ? { sql: 'guid = ?', values: [guidBytes(word)] }
        : { sql: 'instr(words, ?) > 0', values: [word] },
    ),
  ...(state === 'failing' ? [{ sql: FAILING, values: [] }] : []),
];

/** Its last attempt failed. */
const FAILING = `EXISTS (
  SELECT 1 FROM log_webhooks known CROSS JOIN webhook_lasts lasts ON lasts.webhook = known.id
  WHERE known.guid = n.guid AND lasts.failed_at > lasts.delivered_at)`;
