import { streamOf } from '../domain/ids.ts';
import { canonicalJson, type Json } from '../domain/json.ts';
import { Lru } from '../domain/lru.ts';
import { compileRequest } from '../domain/moshtix-request.ts';
import { endpointOf, partitionOf } from '../domain/partitions.ts';
import type { CustomRequest, SystemEvent, WebhookEvent, WebhookSettings } from '../domain/webhook.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Position } from '../eventstore/event-store.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import { guidBytes, guidText } from './guid.ts';
import type { ActiveWebhook, Routing } from './read-models.ts';
import { OPEN } from './schema.ts';

/** The settings that decide what a webhook hears of, and what an invocation takes over. */
type RoutedSettings = Pick<
  WebhookSettings,
  'selection' | 'retries' | 'retryBaseMs' | 'ordering' | 'coalesce' | 'request'
>;

interface Webhook {
  /** Of its WebhookCreated. */
  readonly position: Position;
  readonly guid: string;
  readonly company: number;
  readonly enabled: boolean;
  readonly deleted: boolean;
  readonly settings: RoutedSettings;
}

/** Where the tables look for a webhook: an OpenTicket one stands under one key, a Moshtix one under each system event. */
interface RouteKey {
  readonly resource: string;
  readonly trigger: string;
  readonly identifier: string;
}

/** Stands in place of a resource's name. */
const SYSTEM = 'system';

const systemKey = (systemEvent: SystemEvent): RouteKey => ({
  resource: SYSTEM,
  trigger: systemEvent,
  identifier: '',
});

const keysOf = ({ selection }: RoutedSettings): ReadonlyArray<RouteKey> =>
  selection.dialect === 'openticket'
    ? [selection]
    : selection.systemEvents.map(({ systemEvent }) => systemKey(systemEvent));

/** An answer that holds for every position from `from` up to, not including, `until`. */
interface Answer {
  readonly from: Position;
  readonly until: Position;
  readonly found: ReadonlyArray<ActiveWebhook>;
}

const ANSWERS_MAX = 20_000;
const GROUPS_MAX = 20_000;

/** A webhook's partitions, the newest first. */
type PartitionTimes = ReadonlyArray<{ readonly from: Position; readonly partition: number }>;
const PARTITIONS_CACHED_MAX = 50_000;

export interface WebhookVersions extends Pick<
  Routing,
  'subscribersTo' | 'systemSubscribersTo' | 'partitionsOf'
> {
  add(decoded: Decoded<WebhookEvent>): void;
  forget(): void;
}

export const openWebhookVersions = (db: Database, companies: Dictionary): WebhookVersions => {
  let answers = new Lru<string, Answer>(ANSWERS_MAX);
  /** Whether any webhook, at any time, named an identifier in the group (company, resource, trigger). */
  let named = new Lru<string, boolean>(GROUPS_MAX);
  let partitions = new Lru<string, PartitionTimes>(PARTITIONS_CACHED_MAX);

  // ------------------------------------------------------------ writing

  const selectWebhook = db.prepare(
    'SELECT position, company, enabled, deleted, settings FROM webhooks WHERE guid = ?',
  );
  const saveWebhook = db.prepare(`
    INSERT INTO webhooks (position, guid, company, dialect, enabled, deleted, settings) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (position) DO UPDATE
      SET dialect = excluded.dialect, enabled = excluded.enabled, deleted = excluded.deleted,
        settings = excluded.settings`);
  const beginVersion = db.prepare(
    'INSERT INTO webhook_versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const endVersion = db.prepare(`
    UPDATE webhook_versions SET to_pos = ?
    WHERE company = ? AND resource = ? AND "trigger" = ? AND identifier = ? AND to_pos = ${OPEN} AND webhook = ?`);

  const noteRevision = db.prepare(
    'INSERT INTO webhook_revisions SELECT position, ?, ? FROM webhooks WHERE guid = ?',
  );

  const beginPartition = db.prepare('INSERT INTO webhook_partitions VALUES (?, ?, ?)');

  const locate = (guid: string, webhook: Position, url: string, at: Position): void => {
    const partition = partitionOf(endpointOf(url));
    const known = partitionTimes(guid);
    if (known[0]?.partition === partition) return;
    beginPartition.run(webhook, at, partition);
    partitions.set(guid, [{ from: at, partition }, ...known]);
  };

  const load = (guid: string): Webhook => {
    const row = selectWebhook.get(guidBytes(guid)) as
      { position: number; company: number; enabled: number; deleted: number; settings: string } | undefined;
    if (row === undefined) throw new Error(`webhook ${guid} was never created`);
    return {
      position: row.position,
      guid,
      company: row.company,
      enabled: row.enabled === 1,
      deleted: row.deleted === 1,
      settings: JSON.parse(row.settings) as RoutedSettings,
    };
  };

  const add = (decoded: Decoded<WebhookEvent>): void => {
    route(decoded);
    const { stream, position, revision } = decoded;
    noteRevision.run(position, revision, guidBytes(stream.slice(streamOf.webhook('').length)));
  };

  const route = ({ event, stream, position }: Decoded<WebhookEvent>): void => {
    if (event.type === 'SecretRotated') return;
    if (event.type === 'WebhookCreated') {
      const company = companies.idOf(event.companyId);
      const settings = routed(event.settings);
      replace(
        undefined,
        { position, guid: event.guid, company, enabled: true, deleted: false, settings },
        position,
      );
      locate(event.guid, position, event.settings.url, position);
      return;
    }
    const before = load(stream.slice(streamOf.webhook('').length));
    replace(before, evolve(before, event), position);
    const url = event.type === 'WebhookUpdated' ? event.changes.url : undefined;
    if (url !== undefined) locate(before.guid, before.position, url, position);
  };

  const replace = (before: Webhook | undefined, after: Webhook, at: Position): void => {
    const { position, guid, company, enabled, deleted, settings } = after;
    saveWebhook.run(
      position,
      guidBytes(guid),
      company,
      settings.selection.dialect,
      Number(enabled),
      Number(deleted),
      JSON.stringify(settings),
    );
    const was = before !== undefined && isActive(before) ? before : undefined;
    const is = isActive(after) ? after : undefined;
    if (was !== undefined && is !== undefined && sameSettings(was.settings, is.settings)) return;
    if (was !== undefined) end(was, at);
    if (is !== undefined) begin(is, at);
  };

  const begin = ({ position, guid, company, settings }: Webhook, at: Position): void => {
    const { selection, retries, retryBaseMs, ordering, coalesce, request } = settings;
    const byChildren = selection.dialect === 'openticket' && selection.triggeredByChildResources;
    for (const { resource, trigger, identifier } of keysOf(settings)) {
      beginVersion.run(
        company,
        resource,
        trigger,
        identifier,
        OPEN,
        position,
        at,
        guidBytes(guid),
        Number(byChildren),
        retries,
        retryBaseMs,
        ordering,
        Number(coalesce),
        request === undefined ? null : JSON.stringify(request),
      );
    }
    outdate(company, settings);
  };

  const end = ({ position, company, settings }: Webhook, at: Position): void => {
    for (const { resource, trigger, identifier } of keysOf(settings)) {
      endVersion.run(at, company, resource, trigger, identifier, position);
    }
    outdate(company, settings);
  };

  const outdate = (company: number, settings: RoutedSettings): void => {
    for (const { resource, trigger, identifier } of keysOf(settings)) {
      const group = `${company}:${resource}:${trigger}`;
      named.delete(group);
      answers.delete(`${group}:${identifier}`);
    }
  };

  // ------------------------------------------------------------ asking

  const selectPartitions = db.prepare(`
    SELECT from_pos AS "from", partition FROM webhook_partitions
    WHERE webhook = (SELECT position FROM webhooks WHERE guid = ?) ORDER BY from_pos DESC`);

  const partitionTimes = (guid: string): PartitionTimes => {
    const known = partitions.get(guid);
    if (known !== undefined) return known;
    const found = selectPartitions.all(guidBytes(guid)) as unknown as PartitionTimes;
    if (found.length > 0) partitions.set(guid, found);
    return found;
  };

  const selectNamed = db.prepare(`
    SELECT 1 FROM webhook_versions
    WHERE company = ? AND resource = ? AND "trigger" = ? AND identifier > '' LIMIT 1`);
  const selectVersions = db.prepare(`
    SELECT from_pos, to_pos, guid, triggered_by_child_resources, retries, retry_base_ms, ordering, "coalesce", request
    FROM webhook_versions
    WHERE company = ? AND resource = ? AND "trigger" = ? AND identifier = ? AND to_pos > ?
    ORDER BY webhook`);

  const webhooksUnder = (
    company: number,
    at: Position,
    { resource, trigger, identifier }: RouteKey,
  ): ReadonlyArray<ActiveWebhook> => {
    const key = `${company}:${resource}:${trigger}:${identifier}`;
    const known = answers.get(key);
    if (known !== undefined && known.from <= at && at < known.until) return known.found;

    const rows = selectVersions.all(company, resource, trigger, identifier, at) as unknown as VersionRow[];
    const found = rows.filter((row) => row.from_pos <= at).map(activeWebhook);
    const until = Math.min(OPEN, ...rows.map((row) => (row.from_pos <= at ? row.to_pos : row.from_pos)));
    answers.set(key, { from: at, until, found });
    return found;
  };

  return {
    add,
    forget: () => {
      answers = new Lru(ANSWERS_MAX);
      named = new Lru(GROUPS_MAX);
      partitions = new Lru(PARTITIONS_CACHED_MAX);
    },
    partitionsOf: (webhook, from, upTo) => {
      const times = partitionTimes(webhook);
      const first = times.findIndex((time) => time.from <= from);
      const until = first === -1 ? times : times.slice(0, first + 1);
      return until.flatMap((time) => (time.from <= upTo ? [time.partition] : [])).toReversed();
    },
    subscribersTo: (companyId, at, resource, trigger, identifier) => {
      const company = companies.find(companyId);
      if (company === undefined) return [];
      if (identifier !== '') {
        const group = `${company}:${resource}:${trigger}`;
        const isNamed = named.get(group) ?? selectNamed.get(company, resource, trigger) !== undefined;
        named.set(group, isNamed);
        if (!isNamed) return [];
      }
      return webhooksUnder(company, at, { resource, trigger, identifier });
    },
    systemSubscribersTo: (companyId, at, systemEvent) => {
      const company = companies.find(companyId);
      return company === undefined ? [] : webhooksUnder(company, at, systemKey(systemEvent));
    },
  };
};

const routed = ({
  selection,
  retries,
  retryBaseMs,
  ordering,
  coalesce,
  request,
}: RoutedSettings): RoutedSettings => ({
  selection,
  retries,
  retryBaseMs,
  ordering,
  coalesce,
  ...(request !== undefined && { request }),
});

const isActive = (webhook: Webhook): boolean => webhook.enabled && !webhook.deleted;

const evolve = (
  webhook: Webhook,
  event: Exclude<WebhookEvent, { type: 'WebhookCreated' | 'SecretRotated' }>,
): Webhook => {
  switch (event.type) {
    case 'WebhookUpdated':
      return { ...webhook, settings: routed({ ...webhook.settings, ...event.changes }) };
    case 'WebhookEnabled':
      return { ...webhook, enabled: true };
    case 'WebhookDisabled':
      return { ...webhook, enabled: false };
    case 'WebhookDeleted':
      return { ...webhook, deleted: true };
  }
};

const sameSettings = (a: RoutedSettings, b: RoutedSettings): boolean =>
  a.retries === b.retries &&
  a.retryBaseMs === b.retryBaseMs &&
  a.ordering === b.ordering &&
  a.coalesce === b.coalesce &&
  canonicalJson([a.selection, a.request ?? null] as unknown as Json) ===
    canonicalJson([b.selection, b.request ?? null] as unknown as Json);

interface VersionRow {
  readonly from_pos: number;
  readonly to_pos: number;
  readonly guid: Uint8Array;
  readonly triggered_by_child_resources: number;
  readonly retries: number;
  readonly retry_base_ms: number | null;
  readonly ordering: 'none' | 'per_resource';
  readonly coalesce: number;
  readonly request: string | null;
}

const activeWebhook = (row: VersionRow): ActiveWebhook => ({
  webhook: guidText(row.guid),
  triggeredByChildResources: row.triggered_by_child_resources === 1,
  retries: row.retries,
  retryBaseMs: row.retry_base_ms,
  ordering: row.ordering,
  coalesce: row.coalesce === 1,
  ...(row.request !== null && { request: compileRequest(JSON.parse(row.request) as CustomRequest) }),
});
