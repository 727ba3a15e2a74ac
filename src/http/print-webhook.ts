import type { KnownWebhook } from '../commands/webhooks.ts';

/** What every webhook is known by, whatever its dialect, as the OpenTicket dialect prints it. */
export const printedIdentity = (webhook: KnownWebhook) => {
  const { guid, companyId, createdAtMs, updatedAtMs } = webhook.facts;
  return {
    guid,
    created_at: wholeSeconds(createdAtMs),
    updated_at: wholeSeconds(updatedAtMs),
    deleted_at: webhook.situation === 'deleted' ? wholeSeconds(webhook.deletedAtMs) : null,
    company_id: companyId,
  };
};

/** As the vendor prints times: UTC, whole seconds, Z. */
const wholeSeconds = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, 19)}Z`;
