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
    return [...conditions, [`${source.position} < ?`, end]];
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

/** The narrowest rows that hold every answer. */
const sourceOf = ({ change, status, identifier, webhook, companyId }: InvocationFilter): Source => {
  if (change !== undefined) return walkInvocations('INDEXED BY invocations_by_change', false);
  if (status === 'waiting') {
    const by = webhook !== undefined ? 'due_by_webhook' : companyId !== null ? 'due_by_company' : null;
    return { ...walk(`due AS r ${by === null ? 'NOT INDEXED' : `INDEXED BY ${by}`}`), status: STATUS };
  }
  if (status === 'in_flight') {
    return { ...walk('in_flight AS r NOT INDEXED'), company: 'i.company', status: STATUS };
  }
  if (status !== undefined && status !== 'delivered') {
    const by = webhook !== undefined ? 'webhook' : companyId !== null ? 'company' : 'status';
    return walk(`undelivered AS r INDEXED BY undelivered_by_${by}`);
  }
  if (identifier !== undefined) return walkInvocations('INDEXED BY invocations_by_identifier', true);
  if (webhook !== undefined) return walkInvocations('INDEXED BY invocations_by_webhook', true);
  if (companyId !== null) return walkInvocations('INDEXED BY invocations_by_company', true);
  return walkInvocations('NOT INDEXED', false);
};

const walkInvocations = (index: string, byGeneration: boolean): Source => ({
  from: `invocations AS i ${index}`,
  byGeneration,
  position: 'i.position',
  company: 'i.company',
  webhook: 'i.webhook',
  status: STATUS,
});

/** One of the tables that say where an invocation stands. */
const walk = (table: string): Source => ({
  from: `${table} CROSS JOIN invocations AS i ON i.position = r.position`,
  byGeneration: false,
  position: 'r.position',
  company: 'r.company',
  webhook: 'r.webhook',
  status: 'r.status',
});
