import type { InvocationScheduled, MatchedResource } from './invocation.ts';
import { isoTimes } from './iso-time.ts';
import { PAST_TENSE, type ResourceRef, type Trigger } from './resources.ts';

/** What an OpenTicket-style webhook is sent. Shapes: the vendor's page "Remarks", and Standard Webhooks 1.0. */

export interface BodyFields {
  readonly guid: string;
  readonly webhook: string;
  readonly companyId: string;
  readonly trigger: Trigger;
  readonly origin: ResourceRef & { readonly trigger: Trigger };
  readonly matched: ReadonlyArray<MatchedResource>;
  readonly occurredAtMs: number;
  /** The change's data as JSON text, so that it is written out once however many webhooks are told. */
  readonly dataJson: string;
  readonly test: boolean;
  /** The job that tells of it long after: a receiver that keeps what came last must not take it for the newest. */
  readonly backfill?: string;
}

/** All that are told of one change are told of one time. */
const isoTime = isoTimes();

/** The rendered body; the nearest matched resource names it, and `matched` lists all when there are several. */
export const renderBody = (fields: BodyFields): string => {
  const [first] = fields.matched;
  if (first === undefined) throw new Error('an invocation matches at least one resource');
  // What is undefined is left out.
  const head = JSON.stringify({
    guid: fields.guid,
    webhook: fields.webhook,
    company_id: fields.companyId,
    resource: first.resource,
    trigger: fields.trigger,
    identifier: first.identifier,
    matched:
      fields.matched.length > 1
        ? fields.matched.map(({ resource, identifier }) => ({ resource, identifier }))
        : undefined,
    origin: {
      resource: fields.origin.resource,
      identifier: fields.origin.identifier,
      trigger: fields.origin.trigger,
    },
    test: fields.test || undefined,
    backfill: fields.backfill,
    occurred_at: isoTime(fields.occurredAtMs),
  });
  return `${head.slice(0, -1)},"data":${fields.dataJson}}`;
};

/** `event.created` when direct; propagated `order.ticket.scanned`: origin, reached, past tense. */
export const triggerHeader = (scheduled: InvocationScheduled): string => {
  const { origin, resource, trigger } = scheduled;
  const direct = origin.resource === resource && origin.identifier === scheduled.identifier;
  return direct
    ? `${resource}.${PAST_TENSE[trigger]}`
    : `${origin.resource}.${resource}.${PAST_TENSE[trigger]}`;
};

export interface AttemptHeaders {
  readonly scheduled: InvocationScheduled;
  readonly nonce: string;
  readonly timestampSeconds: number;
  readonly version: string;
}

/** All but the signature. */
export const requestHeaders = (attempt: AttemptHeaders): Readonly<Record<string, string>> => ({
  'Content-Type': 'application/json',
  'User-Agent': `Callboard/${attempt.version}`,
  'OpenTicket-Trigger': triggerHeader(attempt.scheduled),
  'OpenTicket-Identifier': attempt.nonce,
  'OpenTicket-Dedupe-Key': attempt.scheduled.guid.replaceAll('-', ''),
  'webhook-id': attempt.scheduled.guid,
  'webhook-timestamp': String(attempt.timestampSeconds),
});
