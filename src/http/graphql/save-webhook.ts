import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { KnownWebhook } from '../../commands/webhooks.ts';
import type { Principal } from '../../ports/tokens.ts';
import type { HttpDeps } from '../deps.ts';
import type { FieldError } from '../failure.ts';
import { causeOf } from '../routing.ts';
import { RETRIES_DEFAULT } from '../webhook-fields.ts';
import { clientOf, companyToWriteFor } from './client-account.ts';
import type { RequestContext } from './context.ts';
import { findGuid, unknownWebhook } from './find-webhook.ts';
import { presentContent, printedWebhook, type PrintedWebhook } from './print-webhook.ts';
import { invalidValues, orRefuse, refusalOf } from './refusal.ts';
import { contentOf, type WebhookInput } from './webhook-input.ts';

type Deps = Pick<HttpDeps, 'accounts' | 'webhooks' | 'readModels' | 'invocations' | 'checkUrl'>;

export const saveWebhook = (
  deps: Deps,
  context: RequestContext,
  principal: Principal,
  input: WebhookInput,
): Promise<PrintedWebhook> => {
  const id = input.id ?? null;
  return context.inTurn(async () => {
    const saved =
      id === null
        ? await create(deps, context, principal, input)
        : await update(deps, context, principal, id, input);
    return printedWebhook(deps, saved);
  });
};

/** Nothing is stored unless all is valid. A crash on the way leaves at most ids that nothing has, or a client attached. */
const create = async (
  deps: Deps,
  context: RequestContext,
  principal: Principal,
  input: WebhookInput,
): Promise<KnownWebhook> => {
  // A client that is missing is told along with whatever else is wrong.
  if (hasClient(input)) clientOf(principal, input.client);
  const valid = contentOf(deps.checkUrl, input, undefined, []);
  if (isLeft(valid)) throw invalidValues('Webhook', valid.left);
  const clientId = clientOf(principal, input.client);
  const companyId = await companyToWriteFor(deps, principal, clientId);

  const cause = causeOf({ ...context.call, principal }, companyId);
  orRefuse(await deps.accounts.attachClient(companyId, clientId, cause));
  const id = orRefuse(await deps.accounts.issueIds(companyId, 1 + valid.right.idsTaken, cause));
  const numbered = contentOf(deps.checkUrl, input, undefined, idsFrom(id + 1, valid.right.idsTaken));
  if (isLeft(numbered)) throw new Error('a valid input has become invalid by its ids');
  const { url, systemEvents, request, enabled } = numbered.right.content;
  const settings = {
    name: '',
    url,
    retries: RETRIES_DEFAULT,
    selection: { dialect: 'moshtix', id, clientId, systemEvents },
    retryBaseMs: null,
    ordering: 'none',
    coalesce: false,
    request,
  } as const;
  context.goOn();
  return orRefuse(await deps.webhooks.create(companyId, settings, cause, enabled)).webhook;
};

const hasClient = ({ client }: WebhookInput): boolean =>
  client !== undefined && client !== null && client.id !== undefined && client.id !== null;

const idsFrom = (first: number, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, index) => first + index);

type Unable =
  | { readonly _tag: 'InputInvalid'; readonly errors: ReadonlyArray<FieldError> }
  /** The plan needs so many ids in all. */
  | { readonly _tag: 'IdsNeeded'; readonly count: number };

const update = async (
  deps: Deps,
  context: RequestContext,
  principal: Principal,
  id: number,
  input: WebhookInput,
): Promise<KnownWebhook> => {
  const clientId = clientOf(principal, input.client);
  const found = await findGuid(deps, context, principal, clientId, id);
  const cause = causeOf({ ...context.call, principal }, found.companyId);
  let ids: ReadonlyArray<number> = [];
  // Comes to an end: a plan never needs more ids than the input has items, and each round adds those that were missing.
  for (;;) {
    context.goOn();
    const revised = await deps.webhooks.revise<Unable>(
      found.guid,
      (webhook) => {
        if (webhook.situation === 'deleted') return right({ changes: {} });
        const wanted = contentOf(deps.checkUrl, input, presentContent(webhook), ids);
        if (isLeft(wanted)) return left({ _tag: 'InputInvalid', errors: wanted.left });
        const { content, idsTaken } = wanted.right;
        if (idsTaken > ids.length) return left({ _tag: 'IdsNeeded', count: idsTaken });
        const { url, systemEvents, request, enabled } = content;
        return right({ changes: { url, request, selection: { systemEvents } }, enabled });
      },
      cause,
    );
    if (!isLeft(revised)) return revised.right.webhook;
    const failure = revised.left;
    switch (failure._tag) {
      case 'InputInvalid':
        throw invalidValues('Webhook', failure.errors);
      case 'WebhookDeletedBefore':
        throw unknownWebhook(id, clientId);
      case 'IdsNeeded': {
        const count = failure.count - ids.length;
        const first = orRefuse(await deps.accounts.issueIds(found.companyId, count, cause));
        ids = [...ids, ...idsFrom(first, count)];
        break;
      }
      default:
        throw refusalOf(failure);
    }
  }
};
