import type { JsonObject } from '../../domain/json.ts';
import { INVOCATION_STATUSES } from '../invocations.ts';
import { EXCERPT_IN_LISTS_MAX } from '../print-invocation.ts';
import { COMPANY, PAGE, RESOURCE, TRIGGER, WEBHOOK_IN_PATH } from './common.ts';
import {
  array,
  described,
  GUID,
  INTEGER,
  listOf,
  nullable,
  object,
  oneOfTexts,
  operation,
  type Parameter,
  ref,
  TEXT,
  TIME,
} from './shape.ts';

const tag = 'Invocations';
const roles = ['partner', 'admin'] as const;

const INVOCATION_IN_PATH: ReadonlyArray<Parameter> = [
  { name: 'guid', description: 'The invocation.', schema: GUID },
];

const attempt = object({
  number: described(INTEGER, '1, 2, 3 … over all rounds.'),
  started_at: TIME,
  ended_at: nullable(TIME),
  outcome: described(
    nullable(oneOfTexts(['succeeded', 'failed', 'interrupted'])),
    'Null while it runs; interrupted when nobody knows whether the receiver saw it.',
  ),
  status_code: described(nullable(INTEGER), 'What the receiver answered.'),
  error: described(nullable(TEXT), 'Why there was no answer.'),
  duration_ms: nullable({ type: 'number' }),
  url: TEXT,
  address: described(nullable(TEXT), 'The IP address dialled.'),
  webhook_revision: described(INTEGER, 'Which revision of the webhook gave the URL and the secrets.'),
  response_excerpt: described(
    nullable(TEXT),
    `The beginning of the answer's body; in lists at most ${EXCERPT_IN_LISTS_MAX} characters.`,
  ),
});

const invocation = object(
  {
    guid: GUID,
    webhook: GUID,
    change: described(nullable(GUID), 'Null for a test.'),
    test: described({ type: 'boolean', const: true }, 'Only there for a test.'),
    backfill: described(
      GUID,
      'The job that told the webhook of a change from before it was there. Only there then.',
    ),
    status: oneOfTexts(INVOCATION_STATUSES),
    resource: RESOURCE,
    trigger: TRIGGER,
    identifier: TEXT,
    origin: object({ resource: RESOURCE, identifier: TEXT, trigger: TRIGGER }),
    scheduled_at: TIME,
    next_attempt_at: nullable(TIME),
    settled_at: nullable(TIME),
    cancel_reason: described(
      oneOfTexts(['webhook_disabled', 'webhook_deleted', 'body_too_large', 'erased']),
      'Only there when it was cancelled. `body_too_large`: its body would have been more than can be sent. `erased`: the personal data of its customer was erased, and the body with it.',
    ),
    attempts: array(ref('Attempt')),
  },
  ['test', 'backfill', 'cancel_reason'],
);

export const invocationSchemas: JsonObject = { Attempt: attempt, Invocation: invocation };

const FILTER: ReadonlyArray<Parameter> = [
  { name: 'status', description: 'Only those with this status.', schema: oneOfTexts(INVOCATION_STATUSES) },
  { name: 'change', description: 'Only those of this change.', schema: GUID },
  { name: 'resource', description: 'Only those whose matched resource is of this type.', schema: RESOURCE },
  { name: 'identifier', description: 'Only those whose matched resource has this identifier.', schema: TEXT },
  { name: 'from', description: 'Scheduled at or after this time (RFC 3339).', schema: TEXT },
  { name: 'to', description: 'Scheduled before this time (RFC 3339).', schema: TEXT },
];

export const invocationPaths: JsonObject = {
  '/webhook/{guid}/invocations': {
    get: operation({
      id: 'listInvocationsOfWebhook',
      tag,
      summary: 'The log of one webhook, newest first',
      roles,
      path: WEBHOOK_IN_PATH,
      query: [...FILTER, ...PAGE],
      answer: { status: 200, description: 'One page.', schema: listOf(ref('Invocation')) },
      problems: [404, 422],
    }),
  },
  '/webhook/{guid}/invocations/retry': {
    post: operation({
      id: 'retryAllFailed',
      tag,
      summary: 'Retry all failed invocations of a webhook',
      description: 'Takes what is exhausted, and what waits after a failure.',
      roles,
      path: WEBHOOK_IN_PATH,
      answer: {
        status: 202,
        description: 'How many new rounds were opened.',
        schema: object({ retried: INTEGER }),
      },
      problems: [404, 409],
    }),
  },
  '/webhook/{guid}/test': {
    post: operation({
      id: 'testWebhook',
      tag,
      summary: 'Send a test to a webhook',
      description: 'One invocation that no change caused, marked "test": true in the log and in its body.',
      roles,
      path: WEBHOOK_IN_PATH,
      answer: { status: 202, description: 'The invocation, on its way.', schema: ref('Invocation') },
      problems: [404, 409],
    }),
  },
  '/invocations': {
    get: operation({
      id: 'listInvocations',
      tag,
      summary: 'The log across webhooks, newest first',
      roles,
      query: [
        { name: 'webhook', description: 'Only those of this webhook.', schema: GUID },
        ...FILTER,
        {
          ...COMPANY,
          description: 'Only those of this company. An administrator who names none sees all.',
        },
        ...PAGE,
      ],
      answer: { status: 200, description: 'One page.', schema: listOf(ref('Invocation')) },
      problems: [422],
    }),
  },
  '/invocations/{guid}': {
    get: operation({
      id: 'getInvocation',
      tag,
      summary: 'Read one invocation with all its attempts',
      roles,
      path: INVOCATION_IN_PATH,
      answer: { status: 200, description: 'The invocation.', schema: ref('Invocation') },
      problems: [404],
    }),
  },
  '/invocations/{guid}/retry': {
    post: operation({
      id: 'retryInvocation',
      tag,
      summary: 'Retry one invocation by hand',
      description:
        'Opens a new round with the same body and ids; its first attempt is due at once. In flight and superseded ones answer 409.',
      roles,
      path: INVOCATION_IN_PATH,
      answer: { status: 202, description: 'The invocation, waiting again.', schema: ref('Invocation') },
      problems: [404, 409],
    }),
  },
};
