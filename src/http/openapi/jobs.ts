import { JOB_KINDS, JOB_SKIPS, JOB_STATUSES } from '../../domain/job.ts';
import type { JsonObject } from '../../domain/json.ts';
import { JOB_RATE_DEFAULT, JOB_RATE_MAX } from '../jobs.ts';
import { COMPANY, inForms, PAGE, RESOURCE } from './common.ts';
import {
  array,
  BOOLEAN,
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

const tag = 'Jobs';
const roles = ['partner', 'admin'] as const;

const JOB_IN_PATH: ReadonlyArray<Parameter> = [{ name: 'guid', description: 'The job.', schema: GUID }];

const scope = {
  kind: described(
    oneOfTexts(JOB_KINDS),
    '`retry_failed`: a new round of what is exhausted or waits after a failure. `backfill`: tells one webhook of what happened before it was created.',
  ),
  company_id: GUID,
  webhook: described(nullable(GUID), 'Null: all webhooks of the company.'),
  from: nullable(TIME),
  to: nullable(TIME),
  rate: described(INTEGER, 'Retried or scheduled in a second at most.'),
};

const job = object({
  guid: GUID,
  ...scope,
  status: oneOfTexts(JOB_STATUSES),
  reason: described(
    nullable(oneOfTexts(['by_request', 'webhook_disabled', 'webhook_deleted'])),
    'Why it is paused or cancelled.',
  ),
  asked_by: described(TEXT, 'Subject of the token that asked for it: the actor of all that it leads to.'),
  created_at: TIME,
  updated_at: TIME,
  ended_at: nullable(TIME),
  counted: described(
    nullable(INTEGER),
    'What there was to do when it was asked for; null where that was too much to count.',
  ),
  done: described(INTEGER, 'Retried or scheduled by it, each at most once.'),
  skipped: described(
    {
      type: 'object',
      properties: Object.fromEntries(JOB_SKIPS.map((reason) => [reason, INTEGER])),
      additionalProperties: false,
    },
    'Left as it was, by reason.',
  ),
  looked_at: described(INTEGER, 'Invocations or changes that it has come to; noted every few hundred.'),
  left: described(nullable(INTEGER), 'Of what was counted; null where it was not.'),
  seconds_left: described(nullable(INTEGER), 'At its rate, while it runs.'),
});

const retryExample = object({
  invocation: GUID,
  webhook: GUID,
  status: oneOfTexts(['waiting', 'exhausted']),
  scheduled_at: TIME,
});
const backfillExample = object({
  invocation: described(GUID, 'The guid that the invocation will have.'),
  change: GUID,
  type: TEXT,
  resource: RESOURCE,
  identifier: TEXT,
  recorded_at: TIME,
});

const preview = object({
  dry_run: described({ type: 'boolean', const: true }, 'Nothing was stored.'),
  ...scope,
  count: INTEGER,
  complete: described(
    BOOLEAN,
    'False: there are at least "count"; looking at all of them would take too long for an answer.',
  ),
  seconds: described(nullable(INTEGER), 'How long it would take at this rate.'),
  examples: array({ anyOf: [retryExample, backfillExample] }),
});

export const jobSchemas: JsonObject = { Job: job, JobPreview: preview };

const asked = {
  type: 'object',
  properties: {
    kind: oneOfTexts(JOB_KINDS),
    company_id: described(GUID, 'Administrators name it, or the webhook.'),
    webhook: described(nullable(GUID), 'A backfill needs one; without it all of the company.'),
    from: described(nullable(TEXT), 'Scheduled, or recorded, at or after this time (RFC 3339).'),
    to: described(nullable(TEXT), 'Before this time. Neither may lie in the future.'),
    rate: { type: 'integer', minimum: 1, maximum: JOB_RATE_MAX, default: JOB_RATE_DEFAULT },
    dry_run: described(
      { type: 'boolean', default: true },
      'False: do it. Else only what it would do is answered.',
    ),
  },
  required: ['kind'],
};

const steering = (
  asked: 'pause' | 'resume' | 'cancel',
  summary: string,
  description: string,
): JsonObject => ({
  post: operation({
    id: `${asked}Job`,
    tag,
    summary,
    description,
    roles,
    path: JOB_IN_PATH,
    answer: { status: 200, description: 'The job.', schema: ref('Job') },
    problems: [404, 409],
  }),
});

const askForJob = operation({
  id: 'askForJob',
  tag,
  summary: 'Retry or backfill many: what it would do, or do it',
  description:
    'Answers what it would do, with a count and a few examples, and stores nothing, unless `"dry_run": false` is sent. Then 202 with the new job, or 200 with the one that is asked to do the same and is not over yet.',
  roles,
  body: inForms(asked),
  answer: {
    status: 200,
    description: 'What it would do; or the same job, which is not over yet.',
    schema: { anyOf: [ref('JobPreview'), ref('Job')] },
  },
  problems: [400, 404, 409, 413, 415, 422],
});

export const jobPaths: JsonObject = {
  '/jobs': {
    post: {
      ...askForJob,
      responses: {
        ...(askForJob['responses'] as JsonObject),
        '202': {
          description: 'The new job.',
          headers: { Location: { description: 'Where the job is read.', schema: TEXT } },
          content: { 'application/json': { schema: ref('Job') } },
        },
      },
    },
    get: operation({
      id: 'listJobs',
      tag,
      summary: 'Jobs, newest first',
      roles,
      query: [
        {
          ...COMPANY,
          description: 'Only those of this company. An administrator who names none sees all.',
        },
        ...PAGE,
      ],
      answer: { status: 200, description: 'One page.', schema: listOf(ref('Job')) },
      problems: [422],
    }),
  },
  '/jobs/{guid}': {
    get: operation({
      id: 'getJob',
      tag,
      summary: 'Read one job with its progress',
      roles,
      path: JOB_IN_PATH,
      answer: { status: 200, description: 'The job.', schema: ref('Job') },
      problems: [404],
    }),
  },
  '/jobs/{guid}/pause': steering(
    'pause',
    'Pause a job',
    'It stays paused, whatever is restarted. 409 once it is over.',
  ),
  '/jobs/{guid}/resume': steering(
    'resume',
    'Resume a paused job',
    'It goes on where it was. 409 unless it is paused, and while its webhook is disabled.',
  ),
  '/jobs/{guid}/cancel': steering(
    'cancel',
    'Cancel a job',
    'What it did stays done. 409 once it is completed.',
  ),
};
