import type { ClientFailure } from '../commands/accounts.ts';
import type { ErasureFailure } from '../commands/erasures.ts';
import type { InvocationFailure } from '../commands/invocations.ts';
import type { JobFailure } from '../commands/jobs.ts';
import type { ReportFailure } from '../commands/reported-change.ts';
import type { WebhookFailure } from '../commands/webhooks.ts';

/** One thing that is wrong with one field, in words for whoever wrote the request. */
export interface FieldError {
  /** As the request names it: `name`, `[3].subject`, a query parameter, or `body` for the whole. */
  readonly field: string;
  readonly message: string;
}

/** What can be wrong with a request before any command is decided. */
export type RequestFailure =
  | { readonly _tag: 'NotParseable'; readonly message: string }
  | { readonly _tag: 'TokenMissing' }
  | { readonly _tag: 'TokenExpired' }
  | { readonly _tag: 'TokenNotAccepted' }
  | { readonly _tag: 'RoleNotAllowed'; readonly role: string; readonly needed: ReadonlyArray<string> }
  | { readonly _tag: 'CompanyNotAllowed'; readonly companyId: string }
  | { readonly _tag: 'NotFound' }
  /** Nothing was known of it at the moment that was asked for. */
  | { readonly _tag: 'NothingThen' }
  | { readonly _tag: 'MethodNotAllowed'; readonly allowed: ReadonlyArray<string> }
  | { readonly _tag: 'BodyTooLarge'; readonly bytesMax: number }
  | { readonly _tag: 'MediaTypeNotTaken'; readonly taken: ReadonlyArray<string> }
  | { readonly _tag: 'EncodingNotTaken' }
  | { readonly _tag: 'InvalidFields'; readonly errors: ReadonlyArray<FieldError> }
  /** A strict account's reports contradict what is known of its orders; each by its place in the request. */
  | { readonly _tag: 'OrderContradicted'; readonly errors: ReadonlyArray<FieldError> }
  | { readonly _tag: 'TooManyRequests'; readonly retryAfterSeconds: number }
  /** The log holds an event that this server cannot read: what follows from it is not known here. */
  | { readonly _tag: 'ReadingStopped' };

/** Contradictions are answered as `OrderContradicted`, by their place in the request. */
type IntakeFailure = Exclude<ReportFailure, { readonly _tag: 'ReportsContradict' }>;

/** Everything that a route can answer instead of success. */
export type Failure =
  | RequestFailure
  | WebhookFailure
  | InvocationFailure
  | JobFailure
  | IntakeFailure
  | ClientFailure
  | ErasureFailure;

export const invalid = (field: string, message: string): RequestFailure => ({
  _tag: 'InvalidFields',
  errors: [{ field, message }],
});
