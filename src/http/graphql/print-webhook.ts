import type { GraphQLResolveInfo } from 'graphql';
import type { KnownWebhook } from '../../commands/webhooks.ts';
import type { MoshtixSelection } from '../../domain/webhook.ts';
import type { HttpDeps } from '../deps.ts';
import type { RequestContext } from './context.ts';
import { invocationsOf, type InvocationArguments } from './invocations.ts';
import { wholeList } from './page.ts';
import type { WebhookContent } from './webhook-input.ts';

type Deps = Pick<HttpDeps, 'readModels' | 'invocations'>;

const selectionOf = ({ facts }: KnownWebhook): MoshtixSelection => {
  const { selection } = facts.settings;
  if (selection.dialect !== 'moshtix') throw new Error(`webhook ${facts.guid} is of another dialect`);
  return selection;
};

export const presentContent = (webhook: KnownWebhook): WebhookContent => {
  const { url, request } = webhook.facts.settings;
  if (request === undefined) throw new Error(`webhook ${webhook.facts.guid} has no request of its own`);
  const enabled = webhook.situation === 'enabled';
  return { url, systemEvents: selectionOf(webhook).systemEvents, request, enabled };
};

/** A webhook as GraphQL shows it. The invocations are read only if they are asked for. */
export const printedWebhook = (deps: Deps, webhook: KnownWebhook) => {
  const { guid, companyId, createdAtMs, updatedAtMs } = webhook.facts;
  const { id, clientId } = selectionOf(webhook);
  const { url, request, systemEvents, enabled } = presentContent(webhook);
  return {
    id,
    guid,
    client: { id: clientId },
    url,
    headers: wholeList(request.headers),
    body: request.body,
    systemEventTypes: wholeList(
      systemEvents.map(({ id: numbered, systemEvent }) => ({ id: numbered, systemEventType: systemEvent })),
    ),
    enabled,
    createdDate: new Date(createdAtMs).toISOString(),
    updatedDate: new Date(updatedAtMs).toISOString(),
    invocations: (asked: InvocationArguments, context: RequestContext, info: GraphQLResolveInfo) =>
      invocationsOf(deps, context, { companyId, webhook: guid }, asked, info),
  };
};

export type PrintedWebhook = ReturnType<typeof printedWebhook>;
