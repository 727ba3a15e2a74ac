import { isLeft, right } from 'fp-ts/lib/Either.js';
import { type DocumentNode, execute, GraphQLError, parse, validate } from 'graphql';
import type { Answer } from '../answer.ts';
import { authenticate } from '../access.ts';
import type { HttpDeps } from '../deps.ts';
import type { Handled, OpenCall, Route } from '../routing.ts';
import { type Outcome, answerOf } from './answer-of.ts';
import { RequestContext } from './context.ts';
import { explorerRoutes } from './explorer.ts';
import { LIMITS, type Measured, withinLimits } from './limits.ts';
import { Refusal, refusalOf } from './refusal.ts';
import { type GraphqlRequest, readGraphqlRequest } from './request.ts';
import { SCHEMA } from './schema.ts';
import { mutationRoot, queryRoot, type ViewerDeps } from './viewer.ts';

type Deps = ViewerDeps & Pick<HttpDeps, 'health' | 'settled' | 'clock' | 'random' | 'log' | 'development'>;

export const DEADLINE_MS = 2_000;
/** Enough to correct a request by; each may be about a text of the request. */
const ERRORS_MAX = 10;

/** The Moshtix dialect. Open to everybody because the token may stand in the request itself: every field asks for it. */
export const graphqlRoutes = (deps: Deps): ReadonlyArray<Route> => [
  { method: 'POST', path: '/graphql', roles: 'open', handle: (call) => handle(deps, call) },
  ...(deps.development ? explorerRoutes : []),
];

const handle = async (deps: Deps, call: OpenCall): Handled => {
  const request = await readGraphqlRequest(call.request);
  if (isLeft(request)) {
    // JSON that is no request of GraphQL is answered in the words of GraphQL.
    return request.left._tag === 'InvalidFields'
      ? right(answerOf(deps, { errors: [refusalOf(request.left)] }))
      : request;
  }
  return right(await answerTo(deps, call, request.right));
};

const answerTo = async (deps: Deps, call: OpenCall, request: GraphqlRequest): Promise<Answer> => {
  const { ready, reasons, answersReads = false } = deps.health();
  if (!ready && !answersReads) {
    return answerOf(deps, {
      errors: [refusalOf({ _tag: 'StoreUnavailable', message: reasons.join('; ') })],
    });
  }
  const document = parsed(request.query);
  if (document instanceof GraphQLError) return answerOf(deps, { errors: [document] });
  const measured = withinLimits(document, request.variables, request.operationName);
  if (isLeft(measured))
    return answerOf(deps, { errors: [new Refusal(measured.left, { code: 'invalid-value' })] });
  if (measured.right.introspects && !(await mayIntrospect(deps, call))) {
    return answerOf(deps, { errors: [new Refusal(NO_INTROSPECTION, { code: 'not-allowed' })] });
  }
  if (!ready && measured.right.isMutation)
    return answerOf(deps, { errors: [refusalOf({ _tag: 'ReadingStopped' })] });
  const errors = validate(SCHEMA, document, undefined, { maxErrors: ERRORS_MAX });
  if (errors.length > 0) return answerOf(deps, { errors });
  return answerOf(deps, await executed(deps, call, request, document, measured.right));
};

const NO_INTROSPECTION =
  'The schema is shown to administrators only, with their token in the header Authorization. The documentation is under /docs.';

const mayIntrospect = async ({ development, verifyToken }: Deps, { request }: OpenCall): Promise<boolean> =>
  development || !isLeft(await authenticate(verifyToken, request.headers.authorization, ['admin']));

const parsed = (query: string): DocumentNode | GraphQLError => {
  try {
    return parse(query, { maxTokens: LIMITS.tokens });
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
};

/** What runs out of time goes on to the end of its present step, and no further. */
const executed = (
  deps: Deps,
  call: OpenCall,
  { variables, operationName }: GraphqlRequest,
  document: DocumentNode,
  { isMutation }: Measured,
): Promise<Outcome> => {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const context = new RequestContext(deps, call, {
    ms: DEADLINE_MS,
    passed: () => resolve({ errors: [outOfTime(isMutation)], data: null }),
  });
  const timer = deps.clock.setTimer(DEADLINE_MS, () => context.endLate());
  Promise.resolve(
    execute({
      schema: SCHEMA,
      document,
      rootValue: isMutation ? mutationRoot(deps) : queryRoot(deps),
      contextValue: context,
      variableValues: variables,
      operationName: operationName ?? null,
      options: { maxCoercionErrors: ERRORS_MAX },
    }),
  )
    .then(({ errors = [], data }) => resolve({ errors, ...(data !== undefined && { data }) }), reject)
    .finally(() => timer.cancel());
  return promise;
};

const outOfTime = (isMutation: boolean): Refusal => {
  const unknown = isMutation
    ? ' It is not known whether the change was made: read the webhook before you send it again.'
    : ' Ask for less at once, or try again.';
  return new Refusal(
    `The request took longer than ${DEADLINE_MS / 1000} seconds.${unknown}`,
    { code: 'store-not-available' },
    { 'Retry-After': RETRY_AFTER_SECONDS },
  );
};

const RETRY_AFTER_SECONDS = '5';
