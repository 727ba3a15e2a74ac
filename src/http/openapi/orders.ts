import type { JsonObject } from '../../domain/json.ts';
import { ORDER_SITUATIONS } from '../../domain/order.ts';
import { CONTRADICTION_KINDS } from '../../domain/order-contradiction.ts';
import { HISTORY_MAX } from '../orders.ts';
import { AT, COMPANY } from './common.ts';
import {
  ANY_JSON,
  array,
  BOOLEAN,
  described,
  GUID,
  INTEGER,
  object,
  oneOfTexts,
  operation,
  ref,
  type Schema,
  TEXT,
  TIME,
} from './shape.ts';

const TICKET_NAME: Schema = { type: ['integer', 'number', 'string'] };

/** Every field of the printed payload is there; other reported ones follow. */
const open = (properties: Readonly<Record<string, Schema>>): Schema => ({
  ...object(properties),
  additionalProperties: true,
});

const contradiction = {
  kind: oneOfTexts(CONTRADICTION_KINDS),
  ticket: described(
    { type: ['integer', 'number', 'string', 'null'] },
    'The ticket, as the platform names it; null when it is about the order.',
  ),
  message: described(TEXT, 'What was known, and what was reported.'),
};

export const orderSchemas: JsonObject = {
  Contradiction: object(contradiction),
  PrintedOrder: described(
    open({
      id: TICKET_NAME,
      createdDate: ANY_JSON,
      channel: ANY_JSON,
      refCode: ANY_JSON,
      offerCode: ANY_JSON,
      customer: ANY_JSON,
      event: ANY_JSON,
      tickets: object({
        items: array(
          open({
            id: ANY_JSON,
            firstName: ANY_JSON,
            lastName: ANY_JSON,
            valid: BOOLEAN,
            barcode: ANY_JSON,
            unitCost: ANY_JSON,
            bookingFee: ANY_JSON,
            totalCost: ANY_JSON,
            discount: ANY_JSON,
            ticketType: ANY_JSON,
          }),
        ),
      }),
      transactions: object({
        items: array(open({ id: ANY_JSON, type: ANY_JSON, status: ANY_JSON, ipAddress: ANY_JSON })),
      }),
    }),
    'The order as ORDER_SAVED sends it in "data". Fields that were never reported are null or empty; what a reissue replaced stands at the end of the tickets, with its old barcode, not valid.',
  ),
  Order: object({
    order: ref('PrintedOrder'),
    identifier: TEXT,
    company_id: GUID,
    situation: described(
      oneOfTexts(ORDER_SITUATIONS),
      'unknown_sale: other reports came, the sale did not so far.',
    ),
    scanned: described(array(TICKET_NAME), 'Tickets scanned so far; again and again counts once.'),
    contradictions: described(
      array(object({ change: GUID, ...contradiction, at: described(TIME, 'When it was recorded.') })),
      'What contradicted what was known, over the changes listed.',
    ),
    changes: described(
      {
        ...array(object({ change: GUID, type: TEXT, occurred_at: TIME, recorded_at: TIME })),
        maxItems: HISTORY_MAX,
      },
      `The newest ${HISTORY_MAX} changes of the order, oldest first.`,
    ),
    complete: described(BOOLEAN, 'False when there are older changes that are not listed.'),
    revision: described(INTEGER, 'Of the newest change: 0 is the first.'),
    last_change: ref('LastChange'),
  }),
};

export const orderPaths: JsonObject = {
  '/orders/{id}': {
    get: operation({
      id: 'getOrder',
      tag: 'Changes',
      summary: 'Read an order as its reports left it',
      description:
        'An order of which none of order.sold, order.refunded, order.reissued, order.cancelled and order.scanned was reported is not found. With "at" the order as it was then, with what had been reported up to then; before its first report it is not found.',
      roles: ['partner', 'platform', 'admin'],
      path: [{ name: 'id', description: 'The order: the subject of its reports.', schema: TEXT }],
      query: [COMPANY, AT],
      answer: { status: 200, description: 'The order.', schema: ref('Order') },
      problems: [404, 422],
    }),
  },
};
