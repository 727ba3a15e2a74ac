import { isLeft, right } from 'fp-ts/lib/Either.js';
import type { KnownWebhook } from '../commands/webhooks.ts';
import { companyOf } from './access.ts';
import { created, ok } from './answer.ts';
import { readFields } from './body.ts';
import { guid, optional } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import { codecOf, decodeFields, decodeQuery } from './fields.ts';
import { openTicketWebhook } from './find-webhook.ts';
import { type HistoryDeps, webhookHistoryOf } from './history.ts';
import { PAGE_FIELDS, pageOf } from './paging.ts';
import { printedIdentity } from './print-webhook.ts';
import { type Call, causeOf, type Handled, type Route } from './routing.ts';
import { settledSoon } from './settled.ts';
import { changesOf, newWebhookReader, settingsOf, webhookPatchCodec } from './webhook-fields.ts';

type Deps = Pick<HttpDeps, 'webhooks' | 'readModels' | 'rules' | 'checkUrl' | 'settled' | 'clock'> &
  HistoryDeps;

/** The OpenTicket dialect. */
export const webhookRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const newWebhook = newWebhookReader(deps);
  const patch = webhookPatchCodec(deps.checkUrl);
  const roles = ['partner', 'admin'] as const;
  return [
    { method: 'POST', path: '/webhook', roles, handle: (call) => create(deps, newWebhook, call) },
    { method: 'GET', path: '/webhook', roles, handle: (call) => list(deps, call) },
    { method: 'GET', path: '/webhook/:guid', roles, handle: (call) => read(deps, call) },
    { method: 'PATCH', path: '/webhook/:guid', roles, handle: (call) => update(deps, patch, call) },
    { method: 'DELETE', path: '/webhook/:guid', roles, handle: (call) => remove(deps, call) },
  ];
};

const create = async (
  deps: Deps,
  readNewWebhook: ReturnType<typeof newWebhookReader>,
  call: Call,
): Handled => {
  const values = await readFields(call.request);
  if (isLeft(values)) return values;
  const decoded = readNewWebhook(values.right);
  if (isLeft(decoded)) return decoded;
  const fields = decoded.right;
  const company = companyOf(call.principal, fields.company_id, 'company_id');
  if (isLeft(company)) return company;

  const made = await deps.webhooks.create(company.right, settingsOf(fields), causeOf(call, company.right));
  if (isLeft(made)) return made;
  const { webhook } = made.right;
  return right(created(`/webhook/${webhook.facts.guid}`, printed(webhook)));
};

const LIST_QUERY = codecOf({ ...PAGE_FIELDS, company_id: optional(guid) });

const list = async (deps: Deps, call: Call): Handled => {
  const query = decodeQuery(LIST_QUERY, call.query);
  if (isLeft(query)) return query;
  const { limit, after, company_id } = query.right;
  const company = companyOf(call.principal, company_id, 'company_id');
  if (isLeft(company)) return company;

  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const found = deps.readModels.webhooksOf(company.right, 'openticket', after ?? 0, limit + 1);
  const { rows, next } = pageOf(found, limit, (row) => row.cursor);
  const items: PrintedWebhook[] = [];
  for (const { guid: listed } of rows) {
    const known = await deps.webhooks.get(listed);
    if (isLeft(known)) return known;
    // Deleted since the list was read.
    if (known.right.webhook.situation !== 'deleted') items.push(printed(known.right.webhook));
  }
  return right(ok({ items, next }));
};

const read = async (deps: Deps, call: Call): Handled => {
  if (call.query.has('at')) return webhookHistoryOf(deps, call);
  const found = await openTicketWebhook(deps, call);
  return isLeft(found) ? found : right(ok(printed(found.right.webhook)));
};

const update = async (deps: Deps, codec: ReturnType<typeof webhookPatchCodec>, call: Call): Handled => {
  const found = await openTicketWebhook(deps, call);
  if (isLeft(found)) return found;
  const values = await readFields(call.request);
  if (isLeft(values)) return values;
  const decoded = decodeFields(codec, values.right);
  if (isLeft(decoded)) return decoded;

  const { facts } = found.right.webhook;
  const changes = changesOf(decoded.right);
  const updated = await deps.webhooks.update(facts.guid, changes, causeOf(call, facts.companyId));
  return isLeft(updated) ? updated : right(ok(printed(updated.right.webhook)));
};

const remove = async (deps: Deps, call: Call): Handled => {
  const found = await openTicketWebhook(deps, call);
  if (isLeft(found)) return found;
  const { facts } = found.right.webhook;
  const deleted = await deps.webhooks.delete(facts.guid, causeOf(call, facts.companyId));
  return isLeft(deleted) ? deleted : right(ok(printed(deleted.right.webhook)));
};

/** The 14 keys that the vendor prints, in the vendor's order. */
interface PrintedWebhook {
  readonly guid: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly deleted_at: string | null;
  readonly company_id: string;
  readonly name: string;
  readonly url: string;
  readonly retries: number;
  readonly resource: string;
  readonly identifier: string;
  readonly nonce: string;
  readonly trigger: string;
  readonly triggered_by_child_resources: boolean;
  /** Always null: the invocations have an address of their own. */
  readonly invocations: null;
}

const printed = (webhook: KnownWebhook): PrintedWebhook => {
  const { guid: named, nonce, settings } = webhook.facts;
  const { selection } = settings;
  if (selection.dialect !== 'openticket') throw new Error(`webhook ${named} is of another dialect`);
  return {
    ...printedIdentity(webhook),
    name: settings.name,
    url: settings.url,
    retries: settings.retries,
    resource: selection.resource,
    identifier: selection.identifier,
    nonce,
    trigger: selection.trigger,
    triggered_by_child_resources: selection.triggeredByChildResources,
    invocations: null,
  };
};
