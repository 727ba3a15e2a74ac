/**
 * Every kind of problem that an answer can name, by the last part of its `type`. The list is closed: its pages under
 * /docs/errors are made from it, and clients may rely on the slugs.
 */
export const PROBLEM_TYPES = {
  'not-parseable': {
    status: 400,
    title: 'The request cannot be read',
    explanation:
      'The body is not what its Content-Type says: broken JSON, bytes that are not UTF-8, or a broken form. The detail names the place. Nothing was stored. Correct the body and send the request again.',
  },
  'not-authenticated': {
    status: 401,
    title: 'A token is needed',
    explanation:
      'Send "Authorization: Bearer <token>" with a token of this server that has not expired. The operator issues tokens with "callboard token".',
  },
  'not-allowed': {
    status: 403,
    title: 'The token does not allow this',
    explanation:
      'The token is good, but its role or its companies do not cover the request. Partners manage webhooks of their own company, platforms report changes for theirs, administrators do everything and name the company in company_id.',
  },
  'not-found': {
    status: 404,
    title: 'There is nothing here',
    explanation:
      'The path is unknown, the object does not exist, was deleted, or belongs to a company that the token does not cover. The answer is the same for all of these.',
  },
  removed: {
    status: 404,
    title: 'It was removed by retention',
    explanation:
      'The invocation was settled longer ago than the company keeps invocations: its body and attempts are gone for good, and it cannot be retried. The record of the removal holds its hash, so the history can still be verified; /changes/{change}/explain still says that the webhook was told, and an administrator reads the policy under /accounts/{company_id}/retention.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The path does not take this method',
    explanation: 'The Allow header lists the methods that the path takes.',
  },
  'order-contradicted': {
    status: 409,
    title: 'The report contradicts what is known of the order',
    explanation:
      'The account is strict: a report that does not fit what is known of the order is refused, for example a refund of a ticket that was refunded before. "errors" lists every contradiction with its place, what is known and what was reported. Nothing of the request was stored. Correct the report, send first what is missing, or switch strict mode off: then such reports are kept, marked with what they contradict.',
  },
  'change-conflict': {
    status: 409,
    title: 'The change was reported before with other content',
    explanation:
      'A change is identified by its id and source, once per company. The same content again is answered with the status "duplicate"; other content under the same id and source is refused, and nothing of its batch is stored. Give a new change a new id.',
  },
  conflict: {
    status: 409,
    title: 'The present state does not allow this',
    explanation:
      'The request is valid, but not now: the invocation is in flight or was superseded, the webhook is disabled, or a client account is taken. The detail says which, and what to do first.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    explanation:
      'A body holds at most 1 MiB (1,048,576 bytes), that of a GraphQL request 256 KiB. Split a batch of changes into several.',
  },
  'media-type-not-taken': {
    status: 415,
    title: 'The media type is not taken',
    explanation:
      'The Content-Type is missing or is none that the path takes, or the body has a Content-Encoding. The detail and the Accept header list what is taken; bodies are sent as they are, without compression.',
  },
  'invalid-value': {
    status: 422,
    title: 'A value is not valid',
    explanation:
      'The request was read, but one or more values cannot be used. "errors" lists every one with its field and what is expected. Nothing was stored.',
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests',
    explanation: 'Wait for as many seconds as Retry-After says, then go on.',
  },
  internal: {
    status: 500,
    title: 'A defect of this server',
    explanation:
      'Something went wrong that is not the fault of the request. It is in the log of the server under the id that the detail names. It is not known whether the request took effect; reading and reporting changes may be repeated safely.',
  },
  'store-not-available': {
    status: 503,
    title: 'The store is not available',
    explanation:
      'The event store did not take or give the data, or holds something that this server cannot read. Unless the detail says that nothing was stored, it is not known whether the request took effect. Repeat it after as many seconds as Retry-After says: the same change reported again is never stored twice.',
  },
} as const satisfies Readonly<
  Record<string, { readonly status: number; readonly title: string; readonly explanation: string }>
>;

export type ProblemSlug = keyof typeof PROBLEM_TYPES;
