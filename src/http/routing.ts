import type { IncomingMessage } from 'node:http';
import type { Either } from 'fp-ts/lib/Either.js';
import type { Cause } from '../domain/events.ts';
import type { Principal, Role } from '../ports/tokens.ts';
import type { Answer } from './answer.ts';
import type { Failure } from './failure.ts';

/** One request, as far as a route may look at it. */
export interface OpenCall {
  readonly requestId: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** For its body and the headers that describe it. */
  readonly request: IncomingMessage;
}

export interface Call extends OpenCall {
  readonly principal: Principal;
}

export type Handled = Promise<Either<Failure, Answer>>;

interface At {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With `:name` for parameters. */
  readonly path: string;
}

/** Either for holders of a token with one of the roles, or open to everybody. */
export type Route =
  | (At & { readonly roles: ReadonlyArray<Role>; readonly handle: (call: Call) => Handled })
  | (At & { readonly roles: 'open'; readonly handle: (call: OpenCall) => Handled });

export const causeOf = (call: Call, companyId: string): Cause => ({
  correlationId: call.requestId,
  causationId: call.requestId,
  actor: call.principal.subject,
  companyId,
});
