import { GraphQLError } from 'graphql';
import { type Answer, ok } from '../answer.ts';
import type { HttpDeps } from '../deps.ts';
import { problemOfDefect } from '../problem.ts';
import type { ProblemSlug } from '../problem-types.ts';
import { type ErrorExtensions, Refusal } from './refusal.ts';

/** An error as the vendor prints it, with a code for programs. */
interface PrintedError {
  readonly message: string;
  readonly locations?: GraphQLError['locations'];
  readonly path?: GraphQLError['path'];
  readonly extensions: ErrorExtensions;
  readonly unhandledException: boolean;
}

/** A document that was not executed has no data at all. */
export interface Outcome {
  readonly errors: ReadonlyArray<GraphQLError | Refusal>;
  readonly data?: unknown;
}

/** The status is always 200, as the vendor's. */
export const answerOf = (deps: Pick<HttpDeps, 'log' | 'random'>, { errors, data }: Outcome): Answer => {
  const answer = ok({
    ...(errors.length > 0 && { errors: errors.map((error) => printed(deps, error)) }),
    ...(data !== undefined && { data }),
  });
  const headers = errors.map((error) => refusalIn(error)?.headers['Retry-After']);
  const retryAfter = headers.find((seconds) => seconds !== undefined);
  return retryAfter === undefined ? answer : { ...answer, headers: { 'Retry-After': retryAfter } };
};

const printed = (
  { log, random }: Pick<HttpDeps, 'log' | 'random'>,
  error: GraphQLError | Refusal,
): PrintedError => {
  const place = error instanceof GraphQLError ? placeOf(error) : {};
  const refusal = refusalIn(error);
  if (refusal !== undefined) {
    const { message, extensions, failure } = refusal;
    if (extensions.code === 'store-not-available')
      log.warn({ failure }, 'a GraphQL field could not be served');
    return { message, ...place, extensions, unhandledException: false };
  }
  if (error instanceof GraphQLError && isOfTheRequest(error)) {
    return {
      message: withoutSuggestion(error.message),
      ...place,
      extensions: { code: codeOf(error) },
      unhandledException: false,
    };
  }
  const id = random.uuid();
  const cause = error instanceof GraphQLError ? error.originalError : error;
  log.error({ id, path: place.path, error: cause }, 'a GraphQL field met a defect');
  return {
    message: problemOfDefect(id).problem.detail,
    ...place,
    extensions: { code: 'internal' },
    unhandledException: true,
  };
};

const placeOf = ({ locations, path }: GraphQLError): Pick<PrintedError, 'locations' | 'path'> => ({
  ...(locations !== undefined && { locations }),
  ...(path !== undefined && { path }),
});

const refusalIn = (error: GraphQLError | Refusal): Refusal | undefined => {
  const cause = error instanceof GraphQLError ? error.originalError : error;
  return cause instanceof Refusal ? cause : undefined;
};

/** GraphQL's own words about the request; what anything else threw is a defect. */
const isOfTheRequest = ({ originalError }: GraphQLError): boolean =>
  originalError === undefined || originalError instanceof GraphQLError;

const codeOf = ({ message }: GraphQLError): ProblemSlug =>
  /^Syntax Error/.test(message) ? 'not-parseable' : 'invalid-value';

const MESSAGE_LENGTH_MAX = 1_000;

/** GraphQL names what a wrong name might have meant, which would give the schema away piece by piece. */
const withoutSuggestion = (message: string): string => {
  const own = message.replace(/ Did you mean [^]*$/, '');
  return own.length > MESSAGE_LENGTH_MAX ? `${own.slice(0, MESSAGE_LENGTH_MAX).toWellFormed()}…` : own;
};
