import type { WebhookSnapshot } from '../commands/webhooks.ts';
import type { CancelReason } from '../domain/invocation.ts';

/** Why nothing is sent to this webhook, if so: then nothing waits for it either. */
export const cancelReasonOf = ({ webhook }: WebhookSnapshot): CancelReason | undefined => {
  if (webhook.situation === 'enabled') return undefined;
  return webhook.situation === 'deleted' ? 'webhook_deleted' : 'webhook_disabled';
};
