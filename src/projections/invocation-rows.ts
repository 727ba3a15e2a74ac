import type { InvocationStatus } from '../domain/invocation.ts';
import { guidText } from './guid.ts';
import type { InvocationRow } from './read-models.ts';

/** The joins that `STATUS` needs, beside the table `invocations i`. */
export const STATUS_JOINS = `
  LEFT JOIN due AS waiting ON waiting.position = i.position
  LEFT JOIN in_flight AS running ON running.position = i.position
  LEFT JOIN undelivered AS ended ON ended.position = i.position`;

/** An InvocationStatus. */
export const STATUS = `
  CASE
    WHEN waiting.position IS NOT NULL THEN 'waiting'
    WHEN running.position IS NOT NULL THEN 'in_flight'
    ELSE coalesce(ended.status, 'delivered')
  END`;

/** How an InvocationRow is read from `invocations i`: columns, the joins they need, and the row itself. */
export const ROW_COLUMNS = `i.position, i.guid, ${STATUS} AS status, company.guid AS company, webhook.guid AS webhook`;

export const ROW_JOINS = `
  CROSS JOIN log_companies AS company ON company.id = i.company
  CROSS JOIN log_webhooks AS webhook ON webhook.id = i.webhook
  ${STATUS_JOINS}`;

export interface RowColumns {
  readonly position: number;
  readonly guid: Uint8Array;
  readonly status: InvocationStatus;
  readonly company: Uint8Array;
  readonly webhook: Uint8Array;
}

export const invocationRow = (row: RowColumns): InvocationRow => ({
  position: row.position,
  guid: guidText(row.guid),
  companyId: guidText(row.company),
  webhook: guidText(row.webhook),
  status: row.status,
});
