import { FORMATS } from '../../audit/export/manifest.ts';
import type { JsonObject } from '../../domain/json.ts';
import { RUNNING_MAX, TABLES } from '../export.ts';
import { COMPANY } from './common.ts';
import { described, GUID, oneOfTexts, operation, type Schema, TEXT } from './shape.ts';

const POSITION: Schema = { type: 'string', pattern: '^\\d{1,16}$' };
const TIME_ASKED: Schema = { type: 'string', format: 'date-time' };

export const exportPaths: JsonObject = {
  '/export': {
    get: operation({
      id: 'export',
      tag: 'Audit',
      summary: 'What was reported and what became of it, as one long answer',
      description: `NDJSON: a CloudEvent 1.0 for each change and whatever happened to an invocation, and a last line with "complete": true, their number and their SHA-256; whoever does not find it has not got everything. CSV: one table, with the position of each row in its last column, for spreadsheets. An answer that is cut short ends without its last chunk. To go on, ask the same again with "from", "to" and "until" of the first answer's headers, and "after" the position of the last whole line. The log is read as the answer is taken. ${RUNNING_MAX} at once at most, then 429.`,
      roles: ['partner', 'admin'],
      query: [
        {
          ...COMPANY,
          description: 'The company. An administrator who names none exports all.',
        },
        { name: 'from', description: 'Recorded then or later (RFC 3339).', schema: TIME_ASKED },
        { name: 'to', description: 'Recorded before; now if absent, never later.', schema: TIME_ASKED },
        {
          name: 'webhook',
          description: 'Its invocations and attempts alone, without changes. Deleted ones, too.',
          schema: GUID,
        },
        { name: 'format', description: 'ndjson if absent.', schema: oneOfTexts(FORMATS) },
        {
          name: 'table',
          description: 'Of CSV: what became of invocations (if absent), or each attempt.',
          schema: oneOfTexts(TABLES),
        },
        {
          name: 'personal_data',
          description: "Customers' data: masked if absent. In clear for administrators alone.",
          schema: oneOfTexts(['masked', 'clear']),
        },
        { name: 'after', description: 'Goes on behind this position.', schema: POSITION },
        {
          name: 'until',
          description:
            'Nothing behind this position. The end of the log if absent; the header Callboard-Export-Until tells it.',
          schema: POSITION,
        },
      ],
      answer: {
        status: 200,
        description: 'The lines, in the order of the log.',
        schema: described(TEXT, 'One JSON object a line.'),
        mediaType: 'application/x-ndjson',
        otherMediaTypes: { 'text/csv': described(TEXT, 'RFC 4180, with a line of column names.') },
        headers: {
          'Callboard-Export-Until': 'The position up to which the log is exported.',
          'Callboard-Export-To': 'The time before which it was recorded.',
        },
      },
      problems: [404, 422, 429],
    }),
  },
};
