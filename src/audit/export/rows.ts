import { isResourceStream } from '../../domain/ids.ts';
import type { CustomerErased } from '../../domain/erasure.ts';
import type { InvocationEvent } from '../../domain/invocation.ts';
import type { ResourceChange } from '../../domain/resource-change.ts';
import type { Decoded } from '../../eventstore/decoded.ts';
import {
  CHANGE_TYPE,
  changeEvent,
  ERASURE_TYPE,
  erasureEvent,
  invocationEvent,
  invocationType,
} from './cloud-event.ts';
import { attemptRow, invocationRow, isAttemptEnd } from './csv.ts';
import type { FactsOfInvocations } from './facts.ts';
import type { ExportQuestion } from './manifest.ts';

/** One line of an export, complete with its end. */
export interface ExportRow {
  /** Which file it belongs to. */
  readonly kind: 'events' | 'invocations' | 'attempts';
  /** What it is counted as. */
  readonly counted: string;
  readonly row: string;
}

/** Whether anything of this stream is told. */
export const isTold = (stream: string): boolean =>
  stream.startsWith('invocation-') || isErasure(stream) || isResourceStream(stream);

const isErasure = (stream: string): boolean => stream.startsWith('erasure-');

/** Whether an event lies in what was asked for, as far as it tells itself. */
export const selectionOf = (
  question: Pick<ExportQuestion, 'from' | 'to' | 'company_id'>,
): ((decoded: Decoded) => boolean) => {
  const fromMs = question.from === null ? Number.NEGATIVE_INFINITY : Date.parse(question.from);
  const toMs = Date.parse(question.to);
  return ({ event, metadata }) =>
    event.atMs >= fromMs &&
    event.atMs < toMs &&
    (question.company_id === null || metadata.companyId === question.company_id);
};

/** What is told of an event that was selected: at most one line of each kind. */
export const rowsOf = async (
  decoded: Decoded,
  facts: FactsOfInvocations,
  question: Pick<ExportQuestion, 'webhook' | 'format' | 'personal_data'>,
): Promise<ReadonlyArray<ExportRow>> => {
  const isClear = question.personal_data === 'clear';
  const isNdjson = question.format === 'ndjson';
  if (isResourceStream(decoded.stream)) {
    // A webhook is told of changes by its invocations.
    if (!isNdjson || question.webhook !== null) return [];
    const row = `${JSON.stringify(changeEvent(decoded as Decoded<ResourceChange>, isClear))}\n`;
    return [{ kind: 'events', counted: CHANGE_TYPE, row }];
  }
  if (isErasure(decoded.stream)) {
    if (!isNdjson || question.webhook !== null) return [];
    const row = `${JSON.stringify(erasureEvent(decoded as Decoded<CustomerErased>))}\n`;
    return [{ kind: 'events', counted: ERASURE_TYPE, row }];
  }
  const happened = decoded as Decoded<InvocationEvent>;
  const known = await facts.of(decoded.stream);
  if (question.webhook !== null && known?.webhook !== question.webhook) return [];
  if (isNdjson) {
    const row = `${JSON.stringify(invocationEvent(happened, known, isClear))}\n`;
    return [{ kind: 'events', counted: invocationType(happened.event.type), row }];
  }
  const rows: ExportRow[] = [];
  const row = invocationRow(happened, known);
  if (row !== undefined) rows.push({ kind: 'invocations', counted: 'invocations', row });
  if (isAttemptEnd(happened)) {
    const started = await facts.startOf(decoded.stream, happened.event.number, decoded.revision);
    rows.push({
      kind: 'attempts',
      counted: 'attempts',
      row: attemptRow(happened, known, started, isClear),
    });
  }
  return rows;
};
