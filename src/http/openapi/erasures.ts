import type { JsonObject } from '../../domain/json.ts';
import { COMPANY, inForms, PAGE } from './common.ts';
import { described, GUID, INTEGER, listOf, object, operation, ref, TEXT, TIME } from './shape.ts';

const tag = 'Erasures';
const roles = ['admin'] as const;

const erasure = object({
  erasure: described(GUID, 'The same however often it is asked for.'),
  company_id: GUID,
  subject: described(TEXT, 'Stands for the customer in the history: the same for all that is stored of one.'),
  changes: described(INTEGER, 'Changes with data of the customer; 0 also where nothing was known of one.'),
  erased_at: TIME,
  actor: described(TEXT, 'Subject of the token that asked for it first.'),
});

export const erasureSchemas: JsonObject = { Erasure: erasure };

const asked: JsonObject = {
  type: 'object',
  properties: {
    company_id: GUID,
    customer: described(
      { type: 'object' },
      'Either `{"email": …}` or `{"id": …}`: as the reports name the customer, e-mail addresses in any case. Who is reported with an address is known by that.',
    ),
    order: described(TEXT, 'Instead of "customer": the customer of this order.'),
    scanner: described(TEXT, 'Instead of "customer": whoever was reported by this scanner without a name.'),
  },
  required: ['company_id'],
};

export const erasurePaths: JsonObject = {
  '/erasures': {
    post: operation({
      id: 'eraseCustomer',
      tag,
      summary: "Erase a customer's personal data",
      description:
        'For good: the key is forgotten under which it stands in the history. That keeps every event and every hash; where a value was, `***` is shown. What waits to be sent with data of the customer is cancelled. Asked again it answers the first erasure; what is reported of the customer afterwards is new. Unknown customers are answered alike. 409 where the server keeps no keys.',
      roles,
      body: inForms(asked),
      answer: { status: 200, description: 'The erasure, which is done.', schema: ref('Erasure') },
      problems: [400, 409, 413, 415, 422],
    }),
    get: operation({
      id: 'listErasures',
      tag,
      summary: 'List erasures',
      description: 'Newest first; without "company_id" those of all companies.',
      roles,
      query: [COMPANY, ...PAGE],
      answer: { status: 200, description: 'One page.', schema: listOf(ref('Erasure')) },
      problems: [422],
    }),
  },
};
