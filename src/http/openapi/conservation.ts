import type { JsonObject } from '../../domain/json.ts';
import { GROUPINGS } from '../../audit/conservation.ts';
import { COMPANY, PAGE } from './common.ts';
import {
  array,
  described,
  GUID,
  INTEGER,
  nullable,
  object,
  oneOfTexts,
  operation,
  type Schema,
  TEXT,
} from './shape.ts';

const DAY: Schema = { type: 'string', format: 'date' };

const tally = {
  scheduled: INTEGER,
  waiting: INTEGER,
  in_flight: INTEGER,
  delivered: INTEGER,
  exhausted: INTEGER,
  cancelled: INTEGER,
  superseded: INTEGER,
  difference: described(INTEGER, 'Scheduled ones that stand in no place, or in two: 0 when all adds up.'),
};

export const conservationSchemas: JsonObject = {
  Tally: object(tally),
  TallyItem: object({ company_id: GUID, webhook: GUID, day: DAY, ...tally }, [
    'company_id',
    'webhook',
    'day',
  ]),
};

export const conservationPaths: JsonObject = {
  '/conservation': {
    get: operation({
      id: 'getConservation',
      tag: 'Audit',
      summary: 'What became of everything that was scheduled',
      description:
        'Every invocation stands in exactly one place; it counts for the day (UTC) on which it was scheduled. Kept with the invocation log, so it is exact at the position named. An administrator who names no company sees all of them, by company.',
      roles: ['partner', 'admin'],
      query: [
        {
          name: 'by',
          description: 'What is counted apart.',
          schema: { ...oneOfTexts(GROUPINGS), default: 'company' },
        },
        COMPANY,
        { name: 'webhook', description: 'Only of this one, deleted ones included.', schema: GUID },
        { name: 'from', description: 'From this day on.', schema: DAY },
        { name: 'to', description: 'Before this day.', schema: DAY },
        ...PAGE,
      ],
      answer: {
        status: 200,
        description: 'The totals, and one page of what was counted apart.',
        schema: object({
          company_id: described(nullable(GUID), 'Null: all companies.'),
          by: oneOfTexts(GROUPINGS),
          position: described(INTEGER, 'Up to where the log is counted.'),
          totals: { $ref: '#/components/schemas/Tally' },
          items: array({ $ref: '#/components/schemas/TallyItem' }),
          next: described(
            nullable(TEXT),
            'Send it as "after" for the next page; null at the end of the list.',
          ),
        }),
      },
      problems: [422],
    }),
  },
};
