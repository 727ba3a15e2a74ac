import { SelectionPreviews } from '../../audit/selection-preview.ts';
import type { HttpDeps } from '../deps.ts';
import { editWebhookPages } from './edit-webhook.ts';
import { newWebhookPages } from './new-webhook.ts';
import type { DashboardRoute } from './visit.ts';

type Deps = Pick<
  HttpDeps,
  'webhooks' | 'readModels' | 'store' | 'rules' | 'checkUrl' | 'settled' | 'clock' | 'defaultRetryBaseMs'
>;

/** Creating and editing webhooks as OpenTicket knows them; both look at the same sample of changes. */
export const webhookFormPages = (deps: Deps): ReadonlyArray<DashboardRoute> => {
  const forms = { ...deps, previews: new SelectionPreviews(deps) };
  return [...newWebhookPages(forms), ...editWebhookPages(forms)];
};
