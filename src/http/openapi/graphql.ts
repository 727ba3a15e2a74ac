import type { JsonObject } from '../../domain/json.ts';
import { array, described, object, operation, ref, type Schema, TEXT } from './shape.ts';

const tag = 'Moshtix';

const anyObject: Schema = { type: 'object' };

const graphqlRequest: Schema = {
  ...object(
    {
      query: described(TEXT, 'One operation.'),
      variables: described({ type: ['object', 'null'] }, 'Values for the variables of the operation.'),
      operationName: described({ type: ['string', 'null'] }, 'Its name, if it has one.'),
    },
    ['variables', 'operationName'],
  ),
  additionalProperties: true,
};

const graphqlError = object(
  {
    message: described(TEXT, 'What is wrong, in words; values that are not valid: "Validation errors: {…}".'),
    locations: array(object({ line: { type: 'integer' }, column: { type: 'integer' } })),
    path: array({ type: ['string', 'integer'] }),
    extensions: described(
      object(
        {
          code: described(TEXT, 'The last part of the address of a page under /docs/errors.'),
          errors: array(object({ field: TEXT, message: TEXT })),
        },
        ['errors'],
      ),
      'The same for programs.',
    ),
    unhandledException: described({ type: 'boolean' }, 'True for a defect of this server.'),
  },
  ['locations', 'path'],
);

const graphqlAnswer = object(
  {
    errors: array(ref('GraphqlError')),
    data: described({ anyOf: [anyObject, { type: 'null' }] }, 'Null where a field failed.'),
  },
  ['errors', 'data'],
);

export const graphqlSchemas: JsonObject = {
  GraphqlRequest: graphqlRequest,
  GraphqlError: graphqlError,
  GraphqlAnswer: graphqlAnswer,
};

/** The route lets everybody in, because the token may stand in the body. */
const { security: _security, ...post } = operation({
  id: 'graphql',
  tag,
  summary: 'Manage webhooks of the Moshtix dialect',
  description:
    'The token stands in viewer(token: …) or in the header Authorization. Whatever was read as a GraphQL request is answered with 200, errors included.',
  roles: 'open',
  body: { 'application/json': ref('GraphqlRequest') },
  answer: { status: 200, description: 'Data, errors, or both.', schema: ref('GraphqlAnswer') },
  problems: [400, 413, 415],
});

export const graphqlPaths: JsonObject = {
  '/graphql': { post: { ...post, 'x-roles': ['partner', 'admin'] } },
};
