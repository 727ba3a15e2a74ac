import type { JsonObject } from '../../domain/json.ts';
import { RESOURCES, TRIGGERS } from '../../domain/resources.ts';
import { LIMIT_DEFAULT, LIMIT_MAX } from '../paging.ts';
import { PROBLEM_TYPES } from '../problem-types.ts';
import {
  array,
  described,
  GUID,
  INTEGER,
  object,
  oneOfTexts,
  type Parameter,
  type Schema,
  TEXT,
  TIME,
} from './shape.ts';

export const RESOURCE = oneOfTexts(RESOURCES);
export const TRIGGER = oneOfTexts(TRIGGERS);

export const WEBHOOK_IN_PATH: ReadonlyArray<Parameter> = [
  { name: 'guid', description: 'The webhook.', schema: GUID },
];

export const COMPANY: Parameter = {
  name: 'company_id',
  description: 'The company. Administrators name it; a token that stands for one company need not.',
  schema: GUID,
};

export const AT: Parameter = {
  name: 'at',
  description:
    'As it was then: a time (RFC 3339), or a position in the log: a value of the header Callboard-Position. What lies ahead is refused.',
  schema: TEXT,
};

export const PAGE: ReadonlyArray<Parameter> = [
  {
    name: 'limit',
    description: 'Items at most.',
    schema: { type: 'integer', minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT },
  },
  { name: 'after', description: '"next" of the page before.', schema: TEXT },
];

/** Of a change. */
export const ERASED = described(
  object({ erasure: GUID, at: TIME, actor: TEXT }),
  'Only there when the personal data in it was erased: `***` stands where it was.',
);

/** Forms and JSON have the same fields. */
export const inForms = (schema: Schema): Readonly<Record<string, Schema>> => ({
  'application/json': schema,
  'application/x-www-form-urlencoded': schema,
  'multipart/form-data': schema,
});

export const commonSchemas: JsonObject = {
  ResourceRef: object({ resource: RESOURCE, identifier: TEXT }),
  LastChange: object({
    change: GUID,
    type: TEXT,
    triggers: array(TRIGGER),
    occurred_at: TIME,
    recorded_at: TIME,
    revision: described(INTEGER, 'Of the resource: 0 is its first change.'),
  }),
  Problem: described(
    object(
      {
        type: oneOfTexts(Object.keys(PROBLEM_TYPES).map((slug) => `/docs/errors/${slug}`)),
        title: TEXT,
        status: INTEGER,
        detail: described(TEXT, 'What happened here, and what to do.'),
        errors: array(
          object({
            field: described(TEXT, 'As the request names it; "body" is the whole.'),
            message: TEXT,
          }),
        ),
      },
      ['errors'],
    ),
    'RFC 9457. The types are a closed list, each explained at the address that is its name.',
  ),
};
