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
