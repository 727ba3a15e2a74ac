import type { Contradiction } from '../domain/order-contradiction.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
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

/** A report in a timeline; `cause` is the request that reported it. */
export const printedReport = ({ id, event, metadata, revision }: Decoded<ResourceChange>) => ({
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
});

export const printedContradiction = ({ kind, ticket, message }: Contradiction) => ({
  kind,
  ticket: ticket ?? null,
  message,
});
