import type { Principal } from '../../ports/tokens.ts';
import { onlyCompany } from '../access.ts';
import type { HttpDeps } from '../deps.ts';
import { invalidValues, orRefuse, Refusal, refusalOf } from './refusal.ts';

/** As an input names a client account. */
export interface ClientInput {
  readonly id?: number | null;
}

type Deps = Pick<HttpDeps, 'accounts'>;

/**
 * The client account that a field is about: a partner's own, or the one that an administrator names. Whoever names
 * another one than their own learns nothing about it.
 */
export const clientOf = (principal: Principal, named: ClientInput | null | undefined): number => {
  const id = named?.id ?? null;
  if (principal.role === 'admin') {
    if (id !== null) return id;
    throw invalidValues('Request', [
      { field: 'client.id', message: 'is required: administrators name the client account' },
    ]);
  }
  const own = principal.client;
  if (own === null) {
    throw new Refusal(
      'Your token stands for no client account. Ask the operator for one that does: callboard token --client <id>.',
      { code: 'not-allowed' },
    );
  }
  if (onlyCompany(principal) === undefined) {
    throw new Refusal(
      'A token for webhooks of a client account must stand for a single company; yours does not.',
      {
        code: 'not-allowed',
      },
    );
  }
  if (id === null || id === own) return own;
  throw new Refusal(
    `Your token is for the client account ${own}, not for ${id}. Webhooks are those of your own client account.`,
    { code: 'not-allowed' },
  );
};

/** The company behind the client account, to be written to. A partner's client account may not be attached to it yet. */
export const companyToWriteFor = async (
  deps: Deps,
  principal: Principal,
  client: number,
): Promise<string> => {
  const own = principal.role === 'admin' ? undefined : onlyCompany(principal);
  return own ?? companyBehind(deps, client);
};

/**
 * The company whose webhooks are those of the client account; undefined while neither was ever attached. Reading refuses
 * what saving would refuse: a list that is empty for ever would hide that the token is wrong.
 */
export const companyToReadFrom = async (
  deps: Deps,
  principal: Principal,
  client: number,
): Promise<string | undefined> => {
  const company = await companyToWriteFor(deps, principal, client);
  const account = orRefuse(await deps.accounts.get(company));
  const attached = account?.clientId ?? null;
  if (attached === client) return company;
  if (attached !== null) throw refusalOf({ _tag: 'AccountHasAnotherClient', clientId: attached });
  const claimedBy = orRefuse(await deps.accounts.companyOfClient(client));
  if (claimedBy !== undefined && claimedBy !== company)
    throw refusalOf({ _tag: 'ClientOfAnotherCompany', clientId: client });
  return undefined;
};

const companyBehind = async ({ accounts }: Deps, client: number): Promise<string> => {
  const company = orRefuse(await accounts.companyOfClient(client));
  if (company !== undefined) return company;
  throw new Refusal(
    `No company is the client account ${client} yet. Attach it first: PATCH /accounts/{company_id} with {"client_id": ${client}}.`,
    { code: 'not-found' },
  );
};
