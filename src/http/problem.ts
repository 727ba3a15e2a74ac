import type { Resource, Trigger } from '../domain/resources.ts';
import type { Failure, FieldError } from './failure.ts';
import { PROBLEM_TYPES, type ProblemSlug } from './problem-types.ts';

/** RFC 9457 with `errors` for fields. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: ReadonlyArray<FieldError>;
}

export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
}

/** How long to wait before a store that failed is asked again. */
const STORE_RETRY_AFTER_SECONDS = 5;
/** Such a state does not end by itself. */
const UPGRADE_RETRY_AFTER_SECONDS = 60;

const CHALLENGE = 'Bearer realm="callboard"';

const problem = (
  slug: ProblemSlug,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
  errors?: ReadonlyArray<FieldError>,
): ProblemAnswer => {
  const { title, status } = PROBLEM_TYPES[slug];
  return {
    problem: { type: `/docs/errors/${slug}`, title, status, detail, ...(errors !== undefined && { errors }) },
    headers,
  };
};

/** The one place where a failure becomes a status. The detail says what to do; nothing inner is shown. */
export const problemOf = (failure: Failure): ProblemAnswer => {
  switch (failure._tag) {
    case 'NotParseable':
      return problem('not-parseable', failure.message);
    case 'TokenMissing':
      return problem('not-authenticated', 'Send the header "Authorization: Bearer <token>".', {
        'WWW-Authenticate': CHALLENGE,
      });
    case 'TokenExpired':
      return problem('not-authenticated', 'The token has expired. Ask the operator for a new one.', {
        'WWW-Authenticate': `${CHALLENGE}, error="invalid_token", error_description="The token has expired"`,
      });
    case 'TokenNotAccepted':
      return problem(
        'not-authenticated',
        'The token is not accepted here. Check that it was copied in full.',
        {
          'WWW-Authenticate': `${CHALLENGE}, error="invalid_token"`,
        },
      );
    case 'RoleNotAllowed':
      return problem(
        'not-allowed',
        `This takes a token with the role ${failure.needed.join(' or ')}; yours has the role ${failure.role}.`,
      );
    case 'CompanyNotAllowed':
      return problem('not-allowed', `Your token does not cover the company ${failure.companyId}.`);
    case 'NotFound':
    case 'WebhookUnknown':
    case 'WebhookDeletedBefore':
    case 'InvocationUnknown':
    case 'JobUnknown':
      return problem('not-found', 'Nothing is found under this address. Check the path and its identifiers.');
    case 'InvocationRemoved':
      return problem(
        'removed',
        `Its body and attempts were removed by retention${failure.removedAtMs === null ? '' : ` at ${new Date(failure.removedAtMs).toISOString()}`}, long after it was settled. It cannot be retried. The change it told of is still there.`,
      );
    case 'NothingThen':
      return problem(
        'not-found',
        "Nothing was known of it at that moment. Ask for a later one, or without 'at' for now.",
      );
    case 'MethodNotAllowed':
      return problem('method-not-allowed', `This path takes ${failure.allowed.join(', ')}.`, {
        Allow: failure.allowed.join(', '),
      });
    case 'BodyTooLarge':
      return problem('body-too-large', `A body holds at most ${failure.bytesMax} bytes. Send less at once.`);
    case 'AppendTooLarge':
      return problem(
        'body-too-large',
        'The store does not take this much at once. Split it into smaller parts.',
      );
    case 'MediaTypeNotTaken':
      return problem(
        'media-type-not-taken',
        `Send one of these as Content-Type: ${failure.taken.join(', ')}.`,
        {
          Accept: failure.taken.join(', '),
        },
      );
    case 'EncodingNotTaken':
      return problem('media-type-not-taken', 'Send the body as it is, without a Content-Encoding.', {
        'Accept-Encoding': 'identity',
      });
    case 'InvalidFields':
      return problem('invalid-value', inWords(failure.errors), {}, failure.errors);
    case 'OrderContradicted':
      return problem(
        'order-contradicted',
        `${inWords(failure.errors)} Nothing of this request was stored.`,
        {},
        failure.errors,
      );
    case 'WebhookCouldNeverFire': {
      const errors = [neverFires(failure)];
      return problem('invalid-value', inWords(errors), {}, errors);
    }
    case 'TooManyRequests':
      return problem('too-many-requests', `Go on in ${failure.retryAfterSeconds} seconds.`, {
        'Retry-After': String(failure.retryAfterSeconds),
      });
    case 'ChangeConflict':
      return problem(
        'change-conflict',
        `The change with id ${JSON.stringify(failure.id)} and source ${JSON.stringify(failure.source)} was reported before with other content. Give a new change a new id. Nothing of this request was stored.`,
      );
    case 'AccountHasAnotherClient':
      return problem(
        'conflict',
        `The company already is the client account ${failure.clientId}. That cannot be changed, because its webhooks belong to that client account.`,
      );
    case 'ClientOfAnotherCompany':
      return problem(
        'conflict',
        `The client account ${failure.clientId} already is another company. A client account stands for one company only.`,
      );
    case 'WebhookExists':
      return problem('conflict', 'The webhook exists already. Send the request again.');
    case 'TooManySecrets':
      return problem(
        'conflict',
        `The secret was rotated too often in a day: all secrets before it still sign. Rotate it again after ${new Date(failure.untilMs).toISOString()}.`,
      );
    case 'WebhookNotEnabled':
      return problem(
        'conflict',
        failure.deleted
          ? 'The webhook is deleted: nothing is sent to it any more.'
          : 'The webhook is disabled. Enable it in its settings first.',
      );
    case 'InvocationInFlight':
      return problem('conflict', 'An attempt of this invocation is in flight. Wait until it has ended.');
    case 'InvocationSupersededBefore':
      return problem('conflict', 'A newer invocation superseded this one. Retry the newer one instead.');
    case 'InvocationHasNoBody':
      return problem('conflict', 'Its body would have been more than can be sent. It cannot be retried.');
    case 'InvocationErased':
      return problem(
        'conflict',
        'The personal data of its customer was erased, and its body with it. It cannot be retried.',
      );
    case 'ErasureNotPossible':
      return problem(
        'conflict',
        'This server stores personal data as it is reported: without a key for each customer nothing can be erased. It takes the embedded store (CALLBOARD_STORE=sqlite:).',
      );
    case 'JobIs':
      return problem(
        'conflict',
        `The job is ${failure.status}: that cannot be asked of it any more, or not yet.`,
      );
    case 'InvocationNotWaiting':
    case 'AttemptOutOfTurn':
    case 'AttemptTooEarly':
      return problem('conflict', 'The invocation has moved on. Read it again, then decide anew.');
    case 'ReadingStopped':
      return problem(
        'store-not-available',
        'This server cannot read all of the store any more: it changes nothing and answers what it knows from before. Nothing of this request was stored. Another server may serve it; else send it again once the operator has upgraded this one.',
        { 'Retry-After': String(UPGRADE_RETRY_AFTER_SECONDS) },
      );
    case 'StoreUnavailable':
    case 'OutcomeUnknown':
    case 'TooMuchContention':
      return problem(
        'store-not-available',
        `The store did not answer. Send the request again in ${STORE_RETRY_AFTER_SECONDS} seconds.`,
        { 'Retry-After': String(STORE_RETRY_AFTER_SECONDS) },
      );
  }
};

/** What is shown of a defect: the id under which the log has the rest. */
export const problemOfDefect = (id: string): ProblemAnswer =>
  problem(
    'internal',
    `The server failed to handle the request. The operator finds the cause in the log under ${id}.`,
  );

/** The error of a webhook that would never hear of anything, with what it could hear of. */
export const neverFires = (of: {
  readonly resource: Resource;
  readonly trigger: Trigger;
  readonly possible: ReadonlyArray<Trigger>;
}): FieldError => {
  const possible = of.possible.length === 0 ? 'nothing' : of.possible.join(', ');
  return {
    field: 'trigger',
    message: `a webhook on ${of.resource} would never hear of ${of.trigger}; possible: ${possible}`,
  };
};

const DETAIL_ERRORS_MAX = 3;

const inWords = (errors: ReadonlyArray<FieldError>): string => {
  const shown = errors
    .slice(0, DETAIL_ERRORS_MAX)
    .map(({ field, message }) => `${field}: ${message.replace(/\.$/, '')}`);
  const more = errors.length - shown.length;
  // A message may end with a full stop of its own; as a part of the sentence it goes without.
  return `${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}.`;
};
