import type { JsonObject } from '../../domain/json.ts';
import { CLIENT_ID_MAX } from '../accounts.ts';
import { inForms } from './common.ts';
import { BOOLEAN, described, GUID, nullable, object, operation, ref, type Schema } from './shape.ts';

const tag = 'Accounts';
const roles = ['admin'] as const;
const path = [{ name: 'company_id', description: 'The company.', schema: GUID }];

const CLIENT_ID: Schema = { type: 'integer', minimum: 1, maximum: CLIENT_ID_MAX };
const STRICT = described(
  BOOLEAN,
  'Reports about an order that contradict what is known are refused with 409, instead of kept and marked.',
);

const account = object({
  company_id: GUID,
  client_id: described(
    nullable(CLIENT_ID),
    'The client account of the Moshtix dialect that stands for the company; null for none.',
  ),
  strict: STRICT,
});

const accountPatch: Schema = {
  ...object(
    {
      client_id: described(
        CLIENT_ID,
        'Attaches the client account. It stays attached, and stands for no other company.',
      ),
      strict: STRICT,
    },
    ['client_id', 'strict'],
  ),
  additionalProperties: true,
};

export const accountSchemas: JsonObject = { Account: account, AccountPatch: accountPatch };

export const accountPaths: JsonObject = {
  '/accounts/{company_id}': {
    get: operation({
      id: 'getAccount',
      tag,
      summary: 'Read an account',
      description: 'A company has an account as soon as anything was done for it.',
      roles,
      path,
      answer: { status: 200, description: 'The account.', schema: ref('Account') },
      problems: [404],
    }),
    patch: operation({
      id: 'updateAccount',
      tag,
      summary: 'Attach a client account, or change how strict the account is',
      description: 'Opens the account of a company that has none yet.',
      roles,
      path,
      body: { ...inForms(ref('AccountPatch')), 'application/merge-patch+json': ref('AccountPatch') },
      answer: { status: 200, description: 'The account as it is now.', schema: ref('Account') },
      problems: [400, 404, 409, 413, 415, 422],
    }),
  },
};
