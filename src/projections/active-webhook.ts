import { compileRequest } from '../domain/moshtix-request.ts';
import type { WebhookFacts } from '../domain/webhook.ts';
import type { ActiveWebhook } from './read-models.ts';

/** A webhook as the routing tables would have it, were it enabled with these settings. */
export const activeWebhookOf = ({
  guid,
  settings,
}: Pick<WebhookFacts, 'guid' | 'settings'>): ActiveWebhook => {
  const { selection, retries, retryBaseMs, ordering, coalesce, request } = settings;
  return {
    webhook: guid,
    triggeredByChildResources: selection.dialect === 'openticket' && selection.triggeredByChildResources,
    retries,
    retryBaseMs,
    ordering,
    coalesce,
    ...(request !== undefined && { request: compileRequest(request) }),
  };
};
