import type { Principal } from '../../ports/tokens.ts';
import type { MoshtixSort } from '../../projections/read-models.ts';
import { authenticate, bearerToken } from '../access.ts';
import type { HttpDeps } from '../deps.ts';
import { causeOf } from '../routing.ts';
import { type ClientInput, clientOf, companyToReadFrom } from './client-account.ts';
import type { RequestContext } from './context.ts';
import { findGuid, unknownWebhook } from './find-webhook.ts';
import { type Connection, countedPage, type PageArguments, pageOf } from './page.ts';
import { printedWebhook, type PrintedWebhook } from './print-webhook.ts';
import { orRefuse, Refusal } from './refusal.ts';
import { saveWebhook } from './save-webhook.ts';
import { WEBHOOKS_DEFAULT } from './schema.ts';
import type { WebhookInput } from './webhook-input.ts';

export type ViewerDeps = Pick<
  HttpDeps,
  'accounts' | 'webhooks' | 'readModels' | 'invocations' | 'checkUrl' | 'verifyToken'
>;

interface ViewerArguments {
  readonly token?: string | null;
}

interface OneWebhook {
  readonly id: number;
  readonly client?: ClientInput | null;
}

interface WebhooksArguments extends PageArguments {
  readonly sortBy: keyof typeof SORTS | null;
  readonly sortByDirection: 'ASC' | 'DESC' | null;
  readonly client?: ClientInput | null;
}

const SORTS = { ID: 'id', CREATEDDATE: 'created', ENABLED: 'enabled' } as const satisfies Record<
  string,
  MoshtixSort
>;

/** The first field of every query. Its methods are the fields of `Viewer`. */
export const queryRoot = (deps: ViewerDeps) => ({
  viewer: async ({ token }: ViewerArguments, context: RequestContext) => {
    const principal = await principalOf(deps, context, token);
    return {
      webhook: (asked: OneWebhook) => readWebhook(deps, context, principal, asked),
      webhooks: (asked: WebhooksArguments) => listWebhooks(deps, context, principal, asked),
    };
  },
});

/** The first field of every mutation. Its methods are the fields of `MutationViewer`. */
export const mutationRoot = (deps: ViewerDeps) => ({
  viewer: async ({ token }: ViewerArguments, context: RequestContext) => {
    const principal = await principalOf(deps, context, token);
    return {
      saveWebhook: ({ webhook }: { readonly webhook: WebhookInput }) =>
        saveWebhook(deps, context, principal, webhook),
      deleteWebhook: (asked: OneWebhook) => deleteWebhook(deps, context, principal, asked),
    };
  },
});

const ROLES = ['partner', 'admin'] as const;

/** A token that stands in both places must be one and the same: nothing is guessed about who is meant. */
const principalOf = async (
  { verifyToken }: Pick<ViewerDeps, 'verifyToken'>,
  { call }: RequestContext,
  token: string | null | undefined,
): Promise<Principal> => {
  const { authorization } = call.request.headers;
  if (token === undefined || token === null) {
    return orRefuse(await authenticate(verifyToken, authorization, ROLES));
  }
  if (authorization !== undefined && bearerToken(authorization) !== token) {
    throw new Refusal(
      'Two different tokens were given, as viewer(token: …) and in the header Authorization. Send one of them.',
      { code: 'not-authenticated' },
    );
  }
  return orRefuse(await authenticate(verifyToken, `Bearer ${token}`, ROLES));
};

const readWebhook = async (
  deps: ViewerDeps,
  context: RequestContext,
  principal: Principal,
  { id, client }: OneWebhook,
): Promise<PrintedWebhook> => {
  const clientId = clientOf(principal, client);
  const { guid } = await findGuid(deps, context, principal, clientId, id);
  const { webhook } = orRefuse(await deps.webhooks.get(guid));
  // Deleted since the list was read.
  if (webhook.situation === 'deleted') throw unknownWebhook(id, clientId);
  return printedWebhook(deps, webhook);
};

const READ_TOGETHER_MAX = 20;

const listWebhooks = async (
  deps: ViewerDeps,
  context: RequestContext,
  principal: Principal,
  asked: WebhooksArguments,
): Promise<Connection<PrintedWebhook>> => {
  const page = pageOf(asked, WEBHOOKS_DEFAULT);
  const companyId = await companyToReadFrom(deps, principal, clientOf(principal, asked.client));
  if (companyId === undefined) return countedPage([], page, 0);
  await context.settled();
  const { guids, totalCount } = deps.readModels.moshtixWebhooks(companyId, {
    sortBy: SORTS[asked.sortBy ?? 'ID'],
    descending: asked.sortByDirection === 'DESC',
    offset: page.pageIndex * page.pageSize,
    limit: page.pageSize,
  });
  const items: PrintedWebhook[] = [];
  for (let done = 0; done < guids.length; done += READ_TOGETHER_MAX) {
    context.goOn();
    const some = guids.slice(done, done + READ_TOGETHER_MAX);
    for (const known of await Promise.all(some.map((guid) => deps.webhooks.get(guid)))) {
      const { webhook } = orRefuse(known);
      if (webhook.situation !== 'deleted') items.push(printedWebhook(deps, webhook));
    }
  }
  return countedPage(items, page, totalCount);
};

const deleteWebhook = (
  deps: ViewerDeps,
  context: RequestContext,
  principal: Principal,
  { id, client }: OneWebhook,
): Promise<PrintedWebhook> =>
  context.inTurn(async () => {
    const clientId = clientOf(principal, client);
    const { guid, companyId } = await findGuid(deps, context, principal, clientId, id);
    const cause = causeOf({ ...context.call, principal }, companyId);
    context.goOn();
    return printedWebhook(deps, orRefuse(await deps.webhooks.delete(guid, cause)).webhook);
  });
