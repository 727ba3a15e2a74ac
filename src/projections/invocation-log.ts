import { isGuid } from '../domain/ids.ts';
import type { Position } from '../eventstore/event-store.ts';
import type { ChangeTable } from './changes.ts';
import type { Counters } from './counters.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import { guidBytes, guidHash } from './guid.ts';
import { invocationRow, ROW_COLUMNS, ROW_JOINS, type RowColumns, STATUS } from './invocation-rows.ts';
import type { InvocationFilter, InvocationLog, InvocationRow } from './read-models.ts';
import { OPEN } from './schema.ts';
import { LIMIT } from '../eventstore/sqlite-limit.ts';
import { openTimeBlocks } from './time-blocks.ts';

/** One condition of a query and the value of its parameter. */
type Condition = readonly [sql: string, value: number | string];

/** Rows to walk through, newest first, and the names under which a condition finds their columns. */
interface Source {
  readonly from: string;
  /** The table of `from` that is walked through, and by what its index leads to the rows; null: not by the filter. */
  readonly table: string;
  readonly indexedBy: 'webhook' | 'company' | 'identifier' | null;
  /** Whether its index leads through one generation at a time, which is then the first parameter. */
  readonly byGeneration: boolean;
  readonly position: string;
  readonly company: string;
  readonly webhook: string;
  readonly status: string;
}

export const openInvocationLog = (
  db: Database,
  counters: Counters,
  companies: Dictionary,
  webhooks: Dictionary,
  changes: ChangeTable,
): InvocationLog => {
  const selectByGuid = db.prepare(`
    SELECT ${ROW_COLUMNS} FROM generations g
    CROSS JOIN invocations i INDEXED BY invocations_by_guid ON i.generation = g.generation AND i.hash = ? ${ROW_JOINS}
    WHERE i.guid = ? ORDER BY g.generation DESC LIMIT 1`);
  const selectGenerations = db.prepare('SELECT generation FROM generations ORDER BY generation DESC');
  const times = openTimeBlocks(db, 'scheduled_times');

  /** Undefined when the filter names something that does not exist. */
  const conditionsOf = (
    filter: InvocationFilter,
    source: Source,
    before: Position,
  ): ReadonlyArray<Condition> | undefined => {
    const conditions: Condition[] = [];
    let end = before;
    if (filter.companyId !== null) {
      const company = companies.find(filter.companyId);
      if (company === undefined) return undefined;
      conditions.push([`${source.company} = ?`, company]);
    }
    if (filter.webhook !== undefined) {
      const webhook = webhooks.find(filter.webhook);
      if (webhook === undefined) return undefined;
      conditions.push([`${source.webhook} = ?`, webhook]);
    }
    if (filter.change !== undefined) {
      const change = changes.positionOf(filter.change);
      if (change === undefined) return undefined;
      conditions.push(['i.change_position = ?', change]);
    }
    if (filter.status !== undefined) conditions.push([`${source.status} = ?`, filter.status]);
    if (filter.resource !== undefined) conditions.push(['i.resource = ?', filter.resource]);
    if (filter.identifier !== undefined) conditions.push(['i.identifier = ?', filter.identifier]);
    if (filter.fromMs !== undefined) {
      conditions.push(['i.scheduled_at >= ?', filter.fromMs]);
      conditions.push([`${source.position} >= ?`, times.startOf(filter.fromMs)]);
    }
    if (filter.toMs !== undefined) {
      conditions.push(['i.scheduled_at < ?', filter.toMs]);
      end = Math.min(end, times.endOf(filter.toMs));
    }
    if (filter.notBefore !== undefined) conditions.push([`${source.position} >= ?`, filter.notBefore]);
    return [...conditions, [`${source.position} < ?`, end]];
  };

  /** The last of so many rows that the index alone leads to; undefined: there are fewer. */
  const lowestOf = (filter: InvocationFilter, before: Position, most: number): Position | undefined => {
    const source = sourceOf(filter);
    const { webhook, companyId, identifier, status } = filter;
    if (source.indexedBy === null) return undefined;
    const indexed: InvocationFilter = {
      companyId: source.indexedBy === 'company' ? companyId : null,
      ...(source.indexedBy === 'webhook' && webhook !== undefined && { webhook }),
      ...(source.indexedBy === 'identifier' && identifier !== undefined && { identifier }),
      ...(source.status !== STATUS && status !== undefined && { status }),
    };
    const conditions = conditionsOf(indexed, source, before);
    if (conditions === undefined) return undefined;
    const statement = db.prepare(`
      SELECT count(*) AS many, min(position) AS lowest FROM (
        SELECT ${source.position} AS position FROM ${source.table}
        WHERE ${source.byGeneration ? 'i.generation = ? AND ' : ''}${conditions.map(([sql]) => sql).join(' AND ')}
        ORDER BY ${source.position} DESC ${LIMIT})`);
    const values = conditions.map(([, value]) => value);
    const generations = source.byGeneration
      ? (selectGenerations.all() as unknown as { generation: number }[]).map(({ generation }) => [generation])
      : [[]];
    let left = most;
    for (const generation of generations) {
      const { many, lowest } = statement.get(...generation, ...values, left) as {
        readonly many: number;
        readonly lowest: number | null;
      };
      left -= many;
      if (left <= 0 && lowest !== null) return lowest;
    }
    return undefined;
  };

  const invocations = (
    filter: InvocationFilter,
    before: Position | undefined,
    limit: number,
  ): ReadonlyArray<InvocationRow> => {
    const source = sourceOf(filter);
    const conditions = conditionsOf(filter, source, before ?? OPEN);
    if (conditions === undefined) return [];
    const where = conditions.map(([sql]) => sql).join(' AND ');
    const values = conditions.map(([, value]) => value);
    const statement = db.prepare(`
      SELECT ${ROW_COLUMNS} FROM ${source.from} ${ROW_JOINS}
      WHERE ${source.byGeneration ? 'i.generation = ? AND ' : ''}${where}
      ORDER BY ${source.position} DESC ${LIMIT}`);
    const all = (...parameters: ReadonlyArray<number | string>): ReadonlyArray<InvocationRow> =>
      (statement.all(...parameters) as unknown as RowColumns[]).map(invocationRow);

    if (!source.byGeneration) return all(...values, limit);
    const rows: InvocationRow[] = [];
    for (const { generation } of selectGenerations.all() as unknown as { generation: number }[]) {
      if (rows.length >= limit) break;
      rows.push(...all(generation, ...values, limit - rows.length));
    }
    return rows;
  };

  return {
    invocations,
    searchInvocations: (filter, before, limit, lookedAtMax) => {
      const end = Math.min(before ?? OPEN, filter.toMs === undefined ? OPEN : times.endOf(filter.toMs));
      const lowest = mayPassOver(filter) ? lowestOf(filter, end, lookedAtMax) : undefined;
      const within = lowest === undefined ? filter : { ...filter, notBefore: lowest };
      return { rows: invocations(within, before, limit), searchedTo: lowest };
    },
    invocation: (guid) => {
      if (!isGuid(guid)) return undefined;
      const row = selectByGuid.get(guidHash(guid), guidBytes(guid)) as RowColumns | undefined;
      return row === undefined ? undefined : invocationRow(row);
    },
    scheduledInAll: () => counters.get('invocations'),
    counts: () => ({
      waiting: counters.get('waiting'),
      in_flight: counters.get('in_flight'),
      delivered: counters.get('delivered'),
      exhausted: counters.get('exhausted'),
      cancelled: counters.get('cancelled'),
      superseded: counters.get('superseded'),
    }),
  };
};

/** Whether rows that its index leads to may still not match; those of the newest times follow each other. */
const mayPassOver = ({ resource, status, identifier }: InvocationFilter): boolean =>
  resource !== undefined || status === 'delivered' || identifier !== undefined;

/** The narrowest rows that hold every answer. */
const sourceOf = ({ change, status, identifier, webhook, companyId }: InvocationFilter): Source => {
  if (change !== undefined) return walkInvocations('change', null);
  const owner = webhook !== undefined ? 'webhook' : companyId !== null ? 'company' : null;
  if (status === 'waiting') {
    const index = owner === null ? 'NOT INDEXED' : `INDEXED BY due_by_${owner}`;
    return { ...walk(`due AS r ${index}`, owner), status: STATUS };
  }
  if (status === 'in_flight') {
    return { ...walk('in_flight AS r NOT INDEXED', null), company: 'i.company', status: STATUS };
  }
  if (status !== undefined && status !== 'delivered') {
    return walk(`undelivered AS r INDEXED BY undelivered_by_${owner ?? 'status'}`, owner);
  }
  if (identifier !== undefined) return walkInvocations('identifier', 'identifier');
  return walkInvocations(owner, owner);
};

const walkInvocations = (
  index: 'change' | 'identifier' | 'webhook' | 'company' | null,
  indexedBy: Source['indexedBy'],
): Source => {
  const table = `invocations AS i ${index === null ? 'NOT INDEXED' : `INDEXED BY invocations_by_${index}`}`;
  return {
    from: table,
    table,
    indexedBy,
    // Of those alone whose keys come in no order.
    byGeneration: indexedBy !== null,
    position: 'i.position',
    company: 'i.company',
    webhook: 'i.webhook',
    status: STATUS,
  };
};

/** One of the tables that say where an invocation stands. */
const walk = (table: string, indexedBy: Source['indexedBy']): Source => ({
  from: `${table} CROSS JOIN invocations AS i ON i.position = r.position`,
  table,
  indexedBy,
  byGeneration: false,
  position: 'r.position',
  company: 'r.company',
  webhook: 'r.webhook',
  status: 'r.status',
});
