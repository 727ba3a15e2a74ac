import type { Json, JsonObject } from '../../domain/json.ts';
import type { Role } from '../../ports/tokens.ts';
import { PROBLEM_TYPES } from '../problem-types.ts';

/** Small words to write OpenAPI 3.1 with. A schema is JSON Schema 2020-12. */
export type Schema = JsonObject;

/** An object with exactly these properties; all are always there but those named as optional. */
export const object = (
  properties: Readonly<Record<string, Schema>>,
  optional: ReadonlyArray<string> = [],
): Schema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});

export const described = (schema: Schema, description: string): Schema => ({ ...schema, description });
export const array = (items: Schema): Schema => ({ type: 'array', items });
export const nullable = (schema: Schema): Schema =>
  typeof schema['type'] === 'string' && schema['enum'] === undefined
    ? { ...schema, type: [schema['type'], 'null'] }
    : { anyOf: [schema, { type: 'null' }] };
export const oneOfTexts = (values: ReadonlyArray<string>): Schema => ({ type: 'string', enum: values });
export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

export const TEXT: Schema = { type: 'string' };
export const BOOLEAN: Schema = { type: 'boolean' };
export const GUID: Schema = { type: 'string', format: 'uuid' };
export const INTEGER: Schema = { type: 'integer' };
export const TIME: Schema = {
  type: 'string',
  format: 'date-time',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
};
/** As the OpenTicket dialect prints it. */
export const TIME_IN_SECONDS: Schema = {
  type: 'string',
  format: 'date-time',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$',
};
export const ANY_JSON: Schema = { description: 'Any JSON value.' };

export const listOf = (items: Schema): Schema =>
  object({
    items: array(items),
    next: described(nullable(TEXT), 'Send it as "after" for the next page; null at the end of the list.'),
  });

export interface Parameter {
  readonly name: string;
  readonly description: string;
  readonly schema: Schema;
}

const inPath = ({ name, description, schema }: Parameter): JsonObject => ({
  name,
  in: 'path',
  required: true,
  description,
  schema,
});

const inQuery = ({ name, description, schema }: Parameter): JsonObject => ({
  name,
  in: 'query',
  description,
  schema,
});

/** Taken by every operation with a token. */
export const MIN_POSITION_PARAMETER: JsonObject = inQuery({
  name: 'min_position',
  description:
    'A value of the header Callboard-Position: the answer waits until this node shows the log so far, for 5 s at most; then it is 503.',
  schema: { type: 'string', pattern: '^\\d{1,16}$' },
});

export interface SuccessAnswer {
  readonly status: 200 | 201 | 202;
  readonly description: string;
  readonly schema: Schema;
  readonly mediaType?: string;
  /** What else it can come as. */
  readonly otherMediaTypes?: Readonly<Record<string, Schema>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface OperationText {
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly roles: ReadonlyArray<Role> | 'open';
  readonly path?: ReadonlyArray<Parameter>;
  readonly query?: ReadonlyArray<Parameter>;
  readonly body?: Readonly<Record<string, Schema>>;
  readonly answer: SuccessAnswer;
  /** Besides those that every operation with a token may answer. */
  readonly problems?: ReadonlyArray<number>;
}

export const operation = (text: OperationText): JsonObject => {
  const parameters = [
    ...(text.path ?? []).map(inPath),
    ...(text.query ?? []).map(inQuery),
    ...(text.roles === 'open' ? [] : [{ $ref: '#/components/parameters/MinPosition' }]),
  ];
  const everywhere = text.roles === 'open' ? [500] : [401, 403, 500, 503];
  return {
    operationId: text.id,
    tags: [text.tag],
    summary: text.summary,
    ...(text.description !== undefined && { description: text.description }),
    ...(text.roles === 'open' ? { security: [] } : { 'x-roles': text.roles }),
    ...(parameters.length > 0 && { parameters }),
    ...(text.body !== undefined && {
      requestBody: {
        required: true,
        content: mapValues(text.body, (schema) => ({ schema })),
      },
    }),
    responses: {
      [text.answer.status]: success(text.answer),
      ...problems([...(text.problems ?? []), ...everywhere]),
    },
  };
};

const success = ({
  description,
  schema,
  mediaType,
  otherMediaTypes = {},
  headers,
}: SuccessAnswer): JsonObject => ({
  description,
  ...(headers !== undefined && {
    headers: mapValues(headers, (text) => ({ description: text, schema: TEXT })),
  }),
  content: {
    [mediaType ?? 'application/json']: { schema },
    ...mapValues(otherMediaTypes, (other) => ({ schema: other })),
  },
});

/** Answers by status, each a problem with the titles that its status can have. */
const problems = (statuses: ReadonlyArray<number>): JsonObject =>
  Object.fromEntries(
    [...new Set(statuses)]
      .sort((a, b) => a - b)
      .map((status) => [String(status), { $ref: `#/components/responses/Problem${status}` }]),
  );

/** One answer for each status of the closed list of problems. */
export const PROBLEM_RESPONSES: JsonObject = Object.fromEntries(
  [...new Set(Object.values(PROBLEM_TYPES).map(({ status }) => status))].map((status) => [
    `Problem${status}`,
    {
      description: Object.values(PROBLEM_TYPES)
        .filter((type) => type.status === status)
        .map((type) => type.title)
        .join(', or: '),
      content: { 'application/problem+json': { schema: ref('Problem') } },
    },
  ]),
);

const mapValues = <A>(record: Readonly<Record<string, A>>, map: (value: A) => Json): JsonObject =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
