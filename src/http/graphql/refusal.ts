import { type Either, isLeft } from 'fp-ts/lib/Either.js';
import type { Failure, FieldError } from '../failure.ts';
import { type ProblemAnswer, problemOf } from '../problem.ts';
import type { ProblemSlug } from '../problem-types.ts';

/** What a program may read of an error. */
export interface ErrorExtensions {
  /** The last part of the address of a page under /docs/errors. */
  readonly code: ProblemSlug;
  readonly errors?: ReadonlyArray<FieldError>;
}

/**
 * Thrown by a resolver to say no: GraphQL knows no other way for a field to fail. Whatever else is thrown there is a
 * defect.
 */
export class Refusal extends Error {
  readonly extensions: ErrorExtensions;
  readonly headers: ProblemAnswer['headers'];
  /** For the log. */
  readonly failure: Failure | undefined;

  constructor(
    message: string,
    extensions: ErrorExtensions,
    headers: ProblemAnswer['headers'] = {},
    failure?: Failure,
  ) {
    super(message);
    this.name = 'Refusal';
    this.extensions = extensions;
    this.headers = headers;
    this.failure = failure;
  }
}

/**
 * The vendor's words for values that are not valid: a text in which a JSON object tells all that is wrong, by field.
 * Source: the vendor's page "Errors". The values themselves are not repeated: headers hold passwords.
 */
export const invalidValues = (
  typeName: 'Webhook' | 'Page' | 'Request',
  errors: ReadonlyArray<FieldError>,
): Refusal => {
  const byField = new Map<string, string[]>();
  for (const { field, message } of errors) byField.set(field, [...(byField.get(field) ?? []), message]);
  const result = {
    valid: false,
    itemResults: {
      [typeName.toLowerCase()]: {
        valid: false,
        resultsList: mapEntries(byField, (messages, fieldName) => ({
          errors: messages,
          typeName,
          fieldName,
        })),
        fields: mapEntries(byField, (messages, field) => `${field} ${messages.join('; ')}`),
      },
    },
  };
  return new Refusal(`Validation errors: ${JSON.stringify(result)}`, { code: 'invalid-value', errors });
};

const mapEntries = <A>(
  fields: ReadonlyMap<string, string[]>,
  map: (messages: string[], field: string) => A,
): Readonly<Record<string, A>> =>
  Object.fromEntries([...fields].map(([field, messages]) => [field, map(messages, field)]));

/** The same words as in the rest of the API. */
export const refusalOf = (failure: Failure): Refusal => {
  if (failure._tag === 'InvalidFields') return invalidValues('Request', failure.errors);
  const { problem, headers } = problemOf(failure);
  const message = failure._tag === 'TokenMissing' ? TOKEN_MISSING : problem.detail;
  return new Refusal(message, { code: slugOf(problem.type) }, headers, failure);
};

/** For resolvers: the value, or the failure thrown. */
export const orRefuse = <A>(result: Either<Failure, A>): A => {
  if (isLeft(result)) throw refusalOf(result.left);
  return result.right;
};

const TOKEN_MISSING =
  'A token is needed: give it as viewer(token: "…"), or send the header "Authorization: Bearer <token>".';

const slugOf = (type: string): ProblemSlug => type.slice(type.lastIndexOf('/') + 1) as ProblemSlug;
