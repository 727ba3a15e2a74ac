import type { JsonObject } from '../../domain/json.ts';
import { EVENTS_MAX, RELATIONS_MAX } from '../cloud-event.ts';
import { ERASED, RESOURCE, TRIGGER } from './common.ts';
import {
  ANY_JSON,
  array,
  described,
  GUID,
  object,
  oneOfTexts,
  operation,
  ref,
  type Schema,
  TEXT,
  TIME,
} from './shape.ts';

const tag = 'Changes';

const cloudEvent: Schema = {
  ...object(
    {
      specversion: { type: 'string', const: '1.0' },
      id: described({ type: 'string', minLength: 1, maxLength: 1024 }, 'With source, names the change.'),
      source: { type: 'string', minLength: 1, maxLength: 1024 },
      type: described(
        TEXT,
        'A resource and its trigger, such as ticket.update, or order.sold, order.refunded, order.reissued, order.cancelled, order.scanned.',
      ),
      subject: described({ type: 'string', minLength: 1, maxLength: 255 }, 'The identifier of the resource.'),
      time: described(
        { type: 'string', format: 'date-time' },
        'When it happened; when it is received, if absent.',
      ),
      companyid: described(GUID, 'The company; needed unless the token stands for a single one.'),
      datacontenttype: described(TEXT, 'A JSON media type, if it is there.'),
      data: described(
        ANY_JSON,
        `The resource as it is now; of an order's life, the order or what of it is affected. "relations", a list of {"resource", "identifier"} with at most ${RELATIONS_MAX} entries, replaces what it belongs to.`,
      ),
    },
    ['time', 'companyid', 'datacontenttype', 'data'],
  ),
  additionalProperties: true,
};

const batch: Schema = { ...array(ref('CloudEvent')), minItems: 1, maxItems: EVENTS_MAX };

export const changeSchemas: JsonObject = {
  CloudEvent: cloudEvent,
  CloudEventBatch: batch,
  Receipts: object({
    changes: array(
      object({
        id: TEXT,
        source: TEXT,
        change: described(GUID, 'Callboard’s own name of the change.'),
        status: oneOfTexts(['accepted', 'duplicate']),
      }),
    ),
  }),
  Change: object(
    {
      change: GUID,
      id: TEXT,
      source: TEXT,
      type: TEXT,
      resource: RESOURCE,
      identifier: TEXT,
      triggers: described(array(TRIGGER), 'All that it fired.'),
      company_id: GUID,
      occurred_at: TIME,
      recorded_at: TIME,
      data: ANY_JSON,
      relations: described(
        array(ref('ResourceRef')),
        'What the resource belongs to from this change on, whether the change said so or an earlier one.',
      ),
      contradictions: described(
        { ...array(ref('Contradiction')), minItems: 1 },
        'Only there when the report contradicts what was known of the order: what was known, and what was reported.',
      ),
      erased: ERASED,
    },
    ['contradictions', 'erased'],
  ),
};

export const changePaths: JsonObject = {
  '/changes': {
    post: operation({
      id: 'reportChanges',
      tag,
      summary: 'Report changes as CloudEvents 1.0',
      description:
        'Structured, binary or batch. Plain application/json is read as what it holds: with a ce-specversion header the data of a binary event, else a list is a batch and an object one event. A batch is all or nothing, in the order given. A report of an order that contradicts what is known is kept and marked with it; a strict account refuses it with 409. The answer comes when everything is on disk; the same change again is answered as a duplicate, so that a report may always be repeated.',
      roles: ['platform', 'admin'],
      body: {
        'application/cloudevents+json': ref('CloudEvent'),
        'application/cloudevents-batch+json': ref('CloudEventBatch'),
        'application/json': { anyOf: [ref('CloudEvent'), ref('CloudEventBatch'), ANY_JSON] },
      },
      answer: {
        status: 202,
        description: 'One receipt for each event, in the order of the request.',
        schema: ref('Receipts'),
      },
      problems: [400, 409, 413, 415, 422],
    }),
  },
  '/changes/{change}': {
    get: operation({
      id: 'getChange',
      tag,
      summary: 'Read a change',
      roles: ['partner', 'platform', 'admin'],
      path: [{ name: 'change', description: 'The change, as its receipt named it.', schema: GUID }],
      answer: { status: 200, description: 'The change.', schema: ref('Change') },
      problems: [404],
    }),
  },
};
