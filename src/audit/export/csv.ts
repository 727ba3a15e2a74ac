import { streamOf } from '../../domain/ids.ts';
import type { AttemptStarted, InvocationEvent } from '../../domain/invocation.ts';
import type { Decoded } from '../../eventstore/decoded.ts';
import { excerptOf, invocationType, isoTime } from './cloud-event.ts';
import type { InvocationFacts } from './facts.ts';

/** Rows of CSV as in RFC 4180, for people and their spreadsheets. Columns are a format for others: docs/export.md lists them. */

type Cell = string | number | boolean | null;

/** What a spreadsheet would run, or begin a cell with by its own rules. Half and full width, as some read both alike. */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
const QUOTED = /[",\r\n]/;

/** A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers are ours and stay numbers. */
const printed = (cell: Cell): string => {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  const harmless = FORMULA.test(cell) ? `'${cell}` : cell;
  return QUOTED.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
};

export const csvLine = (cells: ReadonlyArray<Cell>): string => `${cells.map(printed).join(',')}\r\n`;

export const INVOCATION_COLUMNS = [
  'time',
  'event',
  'invocation',
  'webhook',
  'change',
  'company_id',
  'resource',
  'identifier',
  'trigger',
  'origin_resource',
  'origin_identifier',
  'test',
  'attempt',
  'detail',
  'actor',
] as const;

const NO_ROW: ReadonlySet<InvocationEvent['type']> = new Set(['AttemptStarted', 'AttemptFailed']);

/** One row for each thing that happened to an invocation; its attempts have a file of their own. */
export const invocationRow = (
  { stream, event, metadata }: Decoded<InvocationEvent>,
  facts: InvocationFacts | undefined,
): string | undefined => {
  if (NO_ROW.has(event.type)) return undefined;
  return csvLine([
    metadata.time,
    invocationType(event.type).slice('callboard.invocation.'.length),
    stream.slice(streamOf.invocation('').length),
    facts?.webhook ?? null,
    facts?.change ?? null,
    metadata.companyId,
    facts?.resource ?? null,
    facts?.identifier ?? null,
    facts?.trigger ?? null,
    facts?.origin.resource ?? null,
    facts?.origin.identifier ?? null,
    facts?.test ?? null,
    event.type === 'InvocationDelivered' ? event.number : null,
    detailOf(event),
    metadata.actor,
  ]);
};

const detailOf = (event: InvocationEvent): string | null => {
  if (event.type === 'InvocationCancelled') return event.reason;
  if (event.type === 'InvocationSuperseded') return `superseded by ${event.by}`;
  return event.type === 'InvocationExhausted' && event.gone ? 'gone' : null;
};

export const ATTEMPT_COLUMNS = [
  'ended_at',
  'invocation',
  'webhook',
  'company_id',
  'number',
  'started_at',
  'outcome',
  'status_code',
  'error',
  'duration_ms',
  'next_attempt_at',
  'url',
  'address',
  'webhook_revision',
  'response_excerpt',
] as const;

export type AttemptEnd = Extract<InvocationEvent, { readonly type: 'AttemptFailed' | 'InvocationDelivered' }>;

export const isAttemptEnd = (decoded: Decoded<InvocationEvent>): decoded is Decoded<AttemptEnd> =>
  decoded.event.type === 'AttemptFailed' || decoded.event.type === 'InvocationDelivered';

/** One row for each attempt, when it ended. */
export const attemptRow = (
  { stream, event, metadata }: Decoded<AttemptEnd>,
  facts: InvocationFacts | undefined,
  started: AttemptStarted | undefined,
  isClear: boolean,
): string =>
  csvLine([
    metadata.time,
    stream.slice(streamOf.invocation('').length),
    facts?.webhook ?? null,
    metadata.companyId,
    event.number,
    started === undefined ? null : isoTime(started.atMs),
    event.type === 'InvocationDelivered' ? 'succeeded' : event.outcome,
    event.result.statusCode,
    event.result.error,
    event.result.durationMs,
    event.type === 'InvocationDelivered' || event.nextAttemptAtMs === null
      ? null
      : isoTime(event.nextAttemptAtMs),
    started?.url ?? null,
    event.result.address,
    started?.webhookRevision ?? null,
    excerptOf(event.result, isClear),
  ]);
