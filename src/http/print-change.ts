import type { Contradiction } from '../domain/order-contradiction.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { Customers } from '../projections/read-models.ts';
import type { Decoded } from '../eventstore/decoded.ts';

/** The change that left something as it is shown. */
export const printedLastChange = ({ id, event, revision }: Decoded<ResourceChange>) => ({
  change: id,
  type: event.changeType,
  triggers: event.triggers,
  occurred_at: new Date(event.occurredAtMs).toISOString(),
  recorded_at: new Date(event.atMs).toISOString(),
  revision,
});

/** A report in a timeline; `cause` is the request that reported it. `erased`: its personal data is gone. */
export const printedReport = (
  { id, event, metadata, revision }: Decoded<ResourceChange>,
  readModels: Pick<Customers, 'erasureOfKey'>,
) => ({
  change: id,
  id: event.id,
  source: event.source,
  type: event.changeType,
  triggers: event.triggers,
  occurred_at: new Date(event.occurredAtMs).toISOString(),
  recorded_at: new Date(event.atMs).toISOString(),
  revision,
  actor: metadata.actor,
  cause: metadata.causationId,
  contradictions: (event.order?.contradictions ?? []).map(printedContradiction),
  ...printedErasureOf(event, readModels),
});

/** When and by whom the personal data in it was erased, if it was. */
export const printedErasureOf = (
  { customer }: ResourceChange,
  readModels: Pick<Customers, 'erasureOfKey'>,
) => {
  const row = customer && readModels.erasureOfKey(customer.id);
  return row === undefined
    ? {}
    : { erased: { erasure: row.guid, at: new Date(row.atMs).toISOString(), actor: row.actor } };
};

export const printedContradiction = ({ kind, ticket, message }: Contradiction) => ({
  kind,
  ticket: ticket ?? null,
  message,
});
