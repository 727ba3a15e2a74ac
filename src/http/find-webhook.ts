import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { KnownWebhook } from '../commands/webhooks.ts';
import { isGuid } from '../domain/ids.ts';
import { covers } from './access.ts';
import type { HttpDeps } from './deps.ts';
import type { Failure } from './failure.ts';
import type { Call } from './routing.ts';

type Deps = Pick<HttpDeps, 'webhooks'>;

export type LiveWebhook = Exclude<KnownWebhook, { situation: 'deleted' }>;

export interface FoundWebhook {
  readonly webhook: LiveWebhook;
  readonly revision: number;
}

/** A parameter of the path that holds a GUID, in lower case; undefined when it holds anything else. */
export const guidIn = (call: Call, parameter: string): string | undefined => {
  const text = call.params[parameter]?.toLowerCase() ?? '';
  return isGuid(text) ? text : undefined;
};

/** The webhook that the path names, deleted or not, of whichever dialect. Unknown and another company's look the same. */
export const anyWebhook = async (deps: Deps, call: Call): Promise<Either<Failure, KnownWebhook>> => {
  const guid = guidIn(call, 'guid');
  if (guid === undefined) return left({ _tag: 'NotFound' });
  const found = await deps.webhooks.get(guid);
  if (isLeft(found)) return found;
  const { webhook } = found.right;
  return covers(call.principal, webhook.facts.companyId) ? right(webhook) : left({ _tag: 'NotFound' });
};

/** The webhook that the path names, of whichever dialect. Unknown, deleted and another company's all look the same. */
export const liveWebhook = async (deps: Deps, call: Call): Promise<Either<Failure, FoundWebhook>> => {
  const guid = guidIn(call, 'guid');
  if (guid === undefined) return left({ _tag: 'NotFound' });
  const found = await deps.webhooks.get(guid);
  if (isLeft(found)) return found;
  const { webhook, revision } = found.right;
  return webhook.situation === 'deleted' || !covers(call.principal, webhook.facts.companyId)
    ? left({ _tag: 'NotFound' })
    : right({ webhook, revision });
};

/** The same for what only OpenTicket's dialect has; a webhook of another dialect is not found here. */
export const openTicketWebhook = async (deps: Deps, call: Call): Promise<Either<Failure, FoundWebhook>> => {
  const found = await liveWebhook(deps, call);
  if (isLeft(found)) return found;
  const { dialect } = found.right.webhook.facts.settings.selection;
  return dialect === 'openticket' ? found : left({ _tag: 'NotFound' });
};
