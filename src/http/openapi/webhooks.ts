import type { JsonObject } from '../../domain/json.ts';
import { URL_LENGTH_MAX } from '../../domain/url-policy.ts';
import { RETRIES_DEFAULT, RETRIES_MAX } from '../webhook-fields.ts';
import { AT, COMPANY, inForms, PAGE, RESOURCE, TRIGGER, WEBHOOK_IN_PATH } from './common.ts';
import {
  BOOLEAN,
  described,
  GUID,
  listOf,
  nullable,
  object,
  operation,
  ref,
  type Schema,
  TIME_IN_SECONDS,
} from './shape.ts';

const tag = 'Webhooks';
const roles = ['partner', 'admin'] as const;

const NAME: Schema = { type: 'string', minLength: 1, maxLength: 255 };
const IDENTIFIER: Schema = described(
  { type: 'string', maxLength: 255 },
  'Only this one resource; empty for any.',
);
const RETRIES: Schema = described(
  { type: 'integer', minimum: 0, maximum: RETRIES_MAX },
  'Further attempts after a failed first one.',
);
const URL_TO_CALL: Schema = described(
  { type: 'string', format: 'uri', maxLength: URL_LENGTH_MAX },
  'Where the requests go: http or https, to a public address.',
);

const webhook = object({
  guid: GUID,
  created_at: TIME_IN_SECONDS,
  updated_at: TIME_IN_SECONDS,
  deleted_at: nullable(TIME_IN_SECONDS),
  company_id: GUID,
  name: NAME,
  url: URL_TO_CALL,
  retries: RETRIES,
  resource: RESOURCE,
  identifier: IDENTIFIER,
  nonce: described(
    { type: 'string', pattern: '^[A-Za-z0-9]{20}$' },
    'Sent with every request as OpenTicket-Identifier.',
  ),
  trigger: TRIGGER,
  triggered_by_child_resources: BOOLEAN,
  invocations: described({ type: 'null' }, 'They have an address of their own.'),
});

const input = {
  name: NAME,
  url: URL_TO_CALL,
  resource: RESOURCE,
  trigger: described(TRIGGER, 'One that the resource has, or that related resources bring to it.'),
  retries: { ...RETRIES, default: RETRIES_DEFAULT },
  identifier: { ...IDENTIFIER, default: '' },
  triggered_by_child_resources: described(
    { type: 'boolean', default: false },
    'Hear of related resources too. In forms 1, 0, true, false or empty.',
  ),
};

/** Forms and JSON have the same fields; fields beyond these are ignored. */
const newWebhook: Schema = {
  ...object({ ...input, company_id: described(GUID, 'For administrators only.') }, [
    'retries',
    'identifier',
    'triggered_by_child_resources',
    'company_id',
  ]),
  additionalProperties: true,
};
const webhookPatch: Schema = { ...object(input, Object.keys(input)), additionalProperties: true };

export const webhookSchemas: JsonObject = {
  Webhook: webhook,
  NewWebhook: newWebhook,
  WebhookPatch: webhookPatch,
};

export const webhookPaths: JsonObject = {
  '/webhook': {
    post: operation({
      id: 'createWebhook',
      tag,
      summary: 'Create a webhook',
      description:
        'All fields that are wrong are named at once. A webhook that could never fire is refused with the triggers that could.',
      roles,
      body: inForms(ref('NewWebhook')),
      answer: {
        status: 201,
        description: 'The webhook as it was stored.',
        schema: ref('Webhook'),
        headers: { Location: 'The path of the webhook.' },
      },
      problems: [400, 413, 415, 422],
    }),
    get: operation({
      id: 'listWebhooks',
      tag,
      summary: 'List the webhooks of a company, oldest first',
      roles,
      query: [COMPANY, ...PAGE],
      answer: { status: 200, description: 'One page.', schema: listOf(ref('Webhook')) },
      problems: [422],
    }),
  },
  '/webhook/{guid}': {
    get: operation({
      id: 'getWebhook',
      tag,
      summary: 'Read a webhook, as it is or as it was',
      description:
        'With "at" the answer is that of its history with the same "at", also after it was deleted.',
      roles,
      path: WEBHOOK_IN_PATH,
      query: [AT],
      answer: {
        status: 200,
        description: 'The webhook; with "at" the webhook as of then.',
        schema: { oneOf: [ref('Webhook'), ref('WebhookAsOf')] },
      },
      problems: [404, 422],
    }),
    patch: operation({
      id: 'updateWebhook',
      tag,
      summary: 'Change some fields of a webhook',
      description:
        'A JSON merge patch: absent fields stay as they are, null puts a field that has a default back to it.',
      roles,
      path: WEBHOOK_IN_PATH,
      body: {
        ...inForms(ref('WebhookPatch')),
        'application/merge-patch+json': ref('WebhookPatch'),
      },
      answer: { status: 200, description: 'The webhook as it is now.', schema: ref('Webhook') },
      problems: [400, 404, 413, 415, 422],
    }),
    delete: operation({
      id: 'deleteWebhook',
      tag,
      summary: 'Delete a webhook',
      description: 'What still waits is cancelled. From then on the webhook is not found; its history stays.',
      roles,
      path: WEBHOOK_IN_PATH,
      answer: {
        status: 200,
        description: 'The webhook for the last time, with deleted_at.',
        schema: ref('Webhook'),
      },
      problems: [404],
    }),
  },
};
