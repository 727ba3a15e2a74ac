import type { Principal } from '../../ports/tokens.ts';
import type { HttpDeps } from '../deps.ts';
import { companyToReadFrom } from './client-account.ts';
import type { RequestContext } from './context.ts';
import { Refusal } from './refusal.ts';

export interface FoundGuid {
  readonly guid: string;
  readonly companyId: string;
}

/** Unknown, deleted and another client's all look the same. */
export const unknownWebhook = (id: number, clientId: number): Refusal =>
  new Refusal(`There is no webhook ${id} in the client account ${clientId}.`, { code: 'not-found' });

/** A webhook by the number that it has in its client account. */
export const findGuid = async (
  deps: Pick<HttpDeps, 'accounts' | 'readModels'>,
  context: RequestContext,
  principal: Principal,
  clientId: number,
  id: number,
): Promise<FoundGuid> => {
  const companyId = await companyToReadFrom(deps, principal, clientId);
  await context.settled();
  const guid = companyId === undefined ? undefined : deps.readModels.moshtixWebhook(companyId, id);
  if (guid === undefined || companyId === undefined) throw unknownWebhook(id, clientId);
  return { guid, companyId };
};
