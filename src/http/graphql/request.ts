import type { IncomingMessage } from 'node:http';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';
import { contentTypeOf, JSON_TYPE, readJson, refuse, takesCharset } from '../body.ts';
import { type FieldError, invalid, type RequestFailure } from '../failure.ts';

/** A template of 64 KiB, escaped for GraphQL and again for JSON, with room for the rest. */
export const GRAPHQL_BYTES_MAX = 256 * 1024;

/** The rest of the bytes is for variables, which are quicker to read. Characters. */
export const QUERY_LENGTH_MAX = 100_000;

export interface GraphqlRequest {
  readonly query: string;
  readonly variables: JsonObject;
  readonly operationName: string | undefined;
}

export const readGraphqlRequest = async (
  request: IncomingMessage,
): Promise<Either<RequestFailure, GraphqlRequest>> => {
  // Nothing that a form could send from another site.
  const { mediaType, charset } = contentTypeOf(request);
  if (mediaType !== JSON_TYPE || !takesCharset(charset)) {
    return refuse(request, { _tag: 'MediaTypeNotTaken', taken: [JSON_TYPE] });
  }
  const body = await readJson(request, GRAPHQL_BYTES_MAX);
  return isLeft(body) ? body : requestIn(body.right);
};

const requestIn = (body: Json): Either<RequestFailure, GraphqlRequest> => {
  if (Array.isArray(body)) return left(invalid('body', 'must be one request: batches are not taken'));
  if (!isJsonObject(body)) return left(invalid('body', 'must be a JSON object'));
  const { query = null, variables = null, operationName = null } = body;
  const errors: FieldError[] = [];
  if (query === null) errors.push({ field: 'query', message: 'is required' });
  else if (typeof query !== 'string') errors.push({ field: 'query', message: 'must be a text' });
  else if (query.length > QUERY_LENGTH_MAX) {
    errors.push({
      field: 'query',
      message: `must have at most ${QUERY_LENGTH_MAX} characters; variables have room for long texts`,
    });
  }
  if (variables !== null && !isJsonObject(variables)) {
    errors.push({ field: 'variables', message: 'must be a JSON object' });
  }
  if (operationName !== null && typeof operationName !== 'string') {
    errors.push({ field: 'operationName', message: 'must be a text' });
  }
  if (typeof query !== 'string' || errors.length > 0) return left({ _tag: 'InvalidFields', errors });
  return right({
    query,
    variables: isJsonObject(variables) ? variables : {},
    operationName: typeof operationName === 'string' && operationName !== '' ? operationName : undefined,
  });
};
