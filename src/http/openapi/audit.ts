import { INVOCATIONS_MAX } from '../../audit/timeline.ts';
import type { JsonObject } from '../../domain/json.ts';
import { SYSTEM_EVENTS } from '../../domain/webhook.ts';
import { INVOCATION_STATUSES } from '../invocations.ts';
import { AT, COMPANY, ERASED, PAGE, RESOURCE, TRIGGER, WEBHOOK_IN_PATH } from './common.ts';
import {
  ANY_JSON,
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
  ref,
  type Schema,
  TEXT,
  TIME,
  TIME_IN_SECONDS,
} from './shape.ts';

const tag = 'Audit';

/** What every reason has beside it, by its code; those without anything are empty. */
const DETAILS: Readonly<Record<string, Schema>> = {
  direct: object({ trigger: TRIGGER }),
  propagated: object({ trigger: TRIGGER, rule: ref('PropagationRule') }),
  saved: object({ system_event: oneOfTexts(SYSTEM_EVENTS) }),
  other_rules: object({}),
  backfilled: object({ job: GUID, at: TIME, actor: TEXT }),
  trigger_differs: object({ wanted: TRIGGER, fired: array(TRIGGER) }),
  no_rule: object({ wanted: ref('WantedResource'), from: ref('ResourceRef') }),
  no_path: object({ wanted: ref('WantedResource'), from: ref('ResourceRef') }),
  identifier_differs: object({ wanted: ref('WantedResource'), reached: array(TEXT) }),
  child_resources_off: object({ wanted: ref('WantedResource'), rule: ref('PropagationRule') }),
  saves_nothing: object({}),
  system_event_differs: object({
    wanted: array(oneOfTexts(SYSTEM_EVENTS)),
    saved: oneOfTexts(SYSTEM_EVENTS),
  }),
  created_later: ref('Deed'),
  disabled: ref('Deed'),
  deleted: ref('Deed'),
  pending: object({}),
};

const explanationOf = (code: string, details: Schema): Schema =>
  object(
    {
      webhook: GUID,
      name: TEXT,
      told: described(BOOLEAN, 'Whether an invocation was scheduled; "status" says what came of it.'),
      reason: described(TEXT, 'Why, in words.'),
      code: { type: 'string', const: code },
      details,
      path: described(
        array(ref('ResourceRef')),
        'The shortest way from what changed to what the webhook listens to; empty where there was none.',
      ),
      invocation: nullable(GUID),
      status: nullable(oneOfTexts(INVOCATION_STATUSES)),
      removed_at: described(
        nullable(TIME),
        'Only there where retention has removed the body and the attempts: when; null where the store does not tell.',
      ),
    },
    ['removed_at'],
  );

export const auditSchemas: JsonObject = {
  PropagationRule: object({
    origin: RESOURCE,
    trigger: TRIGGER,
    reaches: array(RESOURCE),
    source: oneOfTexts(['table', 'prose', 'operator']),
  }),
  WantedResource: object({
    resource: RESOURCE,
    trigger: TRIGGER,
    identifier: described(TEXT, 'Empty: any.'),
  }),
  Deed: object({
    at: TIME,
    actor: described(TEXT, 'Who did it: the subject of the token, or the part of Callboard.'),
    cause: described(TEXT, 'What for: the request, or the attempt that was answered 410.'),
    revision: described(INTEGER, 'Of the webhook.'),
  }),
  Explanation: {
    oneOf: Object.entries(DETAILS).map(([code, details]) => explanationOf(code, details)),
  },
  HistoryItem: object({
    event: TEXT,
    at: TIME,
    actor: described(TEXT, 'Who did it: the subject of the token, or the part of Callboard.'),
    cause: described(TEXT, 'What for: the request, or the attempt that was answered 410.'),
    revision: described(INTEGER, 'Of the webhook; attempts name it.'),
    changed: described(
      { type: 'object', additionalProperties: { ...array(ANY_JSON), minItems: 2, maxItems: 2 } },
      'By field, what it was and what it is since. Secrets are never shown: "previous_secret_until" tells of a rotation.',
    ),
  }),
  TimelineItem: object(
    {
      change: GUID,
      id: TEXT,
      source: TEXT,
      type: TEXT,
      triggers: array(TRIGGER),
      occurred_at: TIME,
      recorded_at: TIME,
      revision: INTEGER,
      actor: described(TEXT, 'Who reported it.'),
      cause: described(GUID, 'The request that reported it.'),
      contradictions: array(ref('Contradiction')),
      invocations: described(
        { ...array(ref('Invocation')), maxItems: INVOCATIONS_MAX },
        'In the order in which they were scheduled.',
      ),
      more: described(BOOLEAN, 'Whether there are more: /invocations?change= lists all.'),
      removed: described(
        array(
          object({
            invocation: GUID,
            webhook: GUID,
            status: oneOfTexts(INVOCATION_STATUSES),
            removed_at: nullable(TIME),
          }),
        ),
        'Only there where retention has removed some: what is still known of them. explain tells of all.',
      ),
      erased: ERASED,
    },
    ['removed', 'erased'],
  ),
  ResourceAsOf: object({
    resource: RESOURCE,
    identifier: TEXT,
    belongs_to: described(array(ref('ResourceRef')), 'In the order of identifiers.'),
    has: described(array(ref('ResourceRef')), 'One page of what belongs to it.'),
    next: described(
      nullable(TEXT),
      'Send it as "after" for the next page of "has", with the same "at"; null at the end. A page may hold fewer than "limit", and still have a next.',
    ),
    last_change: described(
      nullable(ref('LastChange')),
      'The newest of its changes; null when only others named it.',
    ),
  }),
  WebhookAsOf: object({
    as_of: TIME,
    revision: INTEGER,
    webhook: {
      ...object({
        guid: GUID,
        created_at: TIME_IN_SECONDS,
        updated_at: TIME_IN_SECONDS,
        deleted_at: nullable(TIME_IN_SECONDS),
        company_id: GUID,
        name: TEXT,
        url: TEXT,
        retries: INTEGER,
        enabled: BOOLEAN,
        deleted: BOOLEAN,
        ordering: oneOfTexts(['none', 'per_resource']),
        coalesce: BOOLEAN,
        retry_base_ms: INTEGER,
        previous_secret_until: nullable(TIME),
      }),
      // What it listens to and what it sends depend on its dialect.
      additionalProperties: true,
    },
  }),
};

const timelineAnswer = {
  status: 200,
  description: 'One page, oldest first.',
  schema: object({
    resource: RESOURCE,
    identifier: TEXT,
    company_id: GUID,
    items: array(ref('TimelineItem')),
    next: described(nullable(TEXT), 'Send it as "after" for the next page; null at the end of the list.'),
  }),
} as const;

const timelineText =
  'Each change with the request that reported it, and under it the invocations that followed with all their attempts.';

export const auditPaths: JsonObject = {
  '/orders/{id}/timeline': {
    get: operation({
      id: 'getOrderTimeline',
      tag,
      summary: 'What was reported of an order, what followed from it, and every attempt',
      description: timelineText,
      roles: ['partner', 'admin'],
      path: [{ name: 'id', description: 'The order: the subject of its reports.', schema: TEXT }],
      query: [COMPANY, ...PAGE],
      answer: timelineAnswer,
      problems: [404, 422],
    }),
  },
  '/resources/{resource}/{id}': {
    get: operation({
      id: 'getResource',
      tag,
      summary: 'A resource and its relations, now or as of any moment',
      description:
        'Directly, in both directions. Found is what was reported, and what something else says it belongs to. What belongs to it comes in pages, in the order in which it came to; the other fields are the same on each.',
      roles: ['partner', 'platform', 'admin'],
      path: [
        { name: 'resource', description: 'Its type.', schema: RESOURCE },
        { name: 'id', description: 'Its identifier: the subject of its reports.', schema: TEXT },
      ],
      query: [COMPANY, AT, ...PAGE],
      answer: { status: 200, description: 'The resource.', schema: ref('ResourceAsOf') },
      problems: [404, 422],
    }),
  },
  '/resources/{resource}/{id}/timeline': {
    get: operation({
      id: 'getTimeline',
      tag,
      summary: 'The same of any resource',
      description: timelineText,
      roles: ['partner', 'admin'],
      path: [
        { name: 'resource', description: 'Its type.', schema: RESOURCE },
        { name: 'id', description: 'Its identifier: the subject of its reports.', schema: TEXT },
      ],
      query: [COMPANY, ...PAGE],
      answer: timelineAnswer,
      problems: [404, 422],
    }),
  },
  '/changes/{change}/explain': {
    get: operation({
      id: 'explainChange',
      tag,
      summary: 'Why each webhook was told of a change, or was not',
      description:
        'Every webhook of the company, in the order of their creation, also those that were deleted or came later. Webhooks and relations are those in force at the position of the change, however long ago; the rules are those of today.',
      roles: ['partner', 'platform', 'admin'],
      path: [{ name: 'change', description: 'The change, as its receipt named it.', schema: GUID }],
      query: [
        { name: 'told', description: 'Only those that were told, or were not.', schema: BOOLEAN },
        ...PAGE,
      ],
      answer: {
        status: 200,
        description: 'One page. With "told" a page may hold fewer than "limit", and still have a next.',
        schema: object(
          {
            change: GUID,
            items: array(ref('Explanation')),
            next: described(
              nullable(TEXT),
              'Send it as "after" for the next page; null at the end of the list.',
            ),
            erased: ERASED,
          },
          ['erased'],
        ),
      },
      problems: [404, 422],
    }),
  },
  '/webhook/{guid}/history': {
    get: operation({
      id: 'getWebhookHistory',
      tag,
      summary: 'What happened to a webhook, or what it was at a moment',
      description:
        'Oldest first, of either dialect, also after it was deleted. With "at" the webhook as it was then; before it was created it is not found.',
      roles: ['partner', 'admin'],
      path: WEBHOOK_IN_PATH,
      query: [AT, ...PAGE],
      answer: {
        status: 200,
        description: 'One page of its history; with "at" the webhook.',
        schema: { oneOf: [listOf(ref('HistoryItem')), ref('WebhookAsOf')] },
      },
      problems: [404, 422],
    }),
  },
};
