import type { WebhookSnapshot } from '../commands/webhooks.ts';
import { type CancelReason, type InvocationScheduled, isErased } from '../domain/invocation.ts';

/** Why this is not sent to this webhook, if so: then it does not wait either. */
export const cancelReasonOf = (
  { webhook }: WebhookSnapshot,
  scheduled: Pick<InvocationScheduled, 'customer'>,
): CancelReason | undefined => {
  if (isErased(scheduled)) return 'erased';
  if (webhook.situation === 'enabled') return undefined;
  return webhook.situation === 'deleted' ? 'webhook_deleted' : 'webhook_disabled';
};
