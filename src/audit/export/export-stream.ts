import { createHash } from 'node:crypto';
import { isLeft } from 'fp-ts/lib/Either.js';
import type { EventStore, Position, RecordedEvent, StreamFilter } from '../../eventstore/event-store.ts';
import { isOurs } from '../../eventstore/ours.ts';
import { decodeAll } from '../../projections/projector.ts';
import { ATTEMPT_COLUMNS, csvLine, INVOCATION_COLUMNS } from './csv.ts';
import { FactsOfInvocations, NotRead } from './facts.ts';
import type { ExportQuestion } from './manifest.ts';
import { isTold, rowsOf, selectionOf } from './rows.ts';

/** What is asked for at once: one kind of line. */
export interface StreamQuestion extends Omit<ExportQuestion, 'part_bytes'> {
  readonly kind: 'events' | 'invocations' | 'attempts';
  /** Goes on behind this position; 0 for the beginning. */
  readonly after: Position;
  /** Nothing behind it is told, however the log grows meanwhile. */
  readonly until: Position;
}

export interface StreamDeps {
  readonly log: Pick<EventStore, 'readAll' | 'readStream'>;
  /** Of a store that holds others' events, too. */
  readonly filter?: StreamFilter;
  /** Waited for after each page of the log: others may have something to do. */
  readonly breathe: () => Promise<void>;
}

const PAGE = 200;
/** Handed on when it holds so much; a single line may be longer. */
const CHUNK_UNITS = 64 * 1024;

/**
 * The lines of an export, one after the other: by log and question alone, so whoever goes on after the position of the last line
 * gets the very lines that are missing. Memory holds one page of the log and one chunk; nothing is read while nobody takes. Throws
 * `NotRead` when the log cannot be read on.
 */
export async function* exportStream(
  { log, filter, breathe }: StreamDeps,
  question: StreamQuestion,
): AsyncGenerator<string> {
  const { after: from, until, kind } = question;
  const facts = new FactsOfInvocations(log);
  const select = selectionOf(question);
  const mayBeAsked = hasCompany(question.company_id);
  const digest = createHash('sha256');
  let rows = 0;
  let chunk = kind === 'events' || from > 0 ? '' : csvLine([...columnsOf(kind), 'position']);
  for (let after = from; after < until;) {
    const page = await log.readAll({ after, limit: PAGE, ...(filter !== undefined && { filter }) })();
    if (isLeft(page)) throw new NotRead(page.left.message);
    for (const recorded of page.right.events) {
      if (recorded.position > until) break;
      if (!isTold(recorded.stream) || !mayBeAsked(recorded) || !isOurs(recorded)) continue;
      for (const decoded of decodeAll([recorded])) {
        facts.observe(decoded);
        if (!select(decoded)) continue;
        for (const told of await rowsOf(decoded, facts, question)) {
          if (told.kind !== kind) continue;
          const row = kind === 'events' ? told.row : withPosition(told.row, recorded.position);
          digest.update(row);
          rows += 1;
          chunk += row;
        }
      }
      if (chunk.length < CHUNK_UNITS) continue;
      yield chunk;
      chunk = '';
    }
    after = page.right.next;
    if (page.right.atEnd) break;
    await breathe();
  }
  if (kind === 'events') chunk += lastLine(question, rows, digest.digest('hex'));
  if (chunk !== '') yield chunk;
}

/** Whoever does not find it has not got everything. */
const lastLine = (
  { from, to, company_id, webhook, personal_data, after, until }: StreamQuestion,
  rows: number,
  sha256: string,
): string =>
  `${JSON.stringify({
    callboard_export: 1,
    complete: true,
    question: { from, to, company_id, webhook, format: 'ndjson', personal_data },
    after: String(after),
    until: String(until),
    rows,
    sha256,
  })}\n`;

const columnsOf = (kind: 'invocations' | 'attempts'): ReadonlyArray<string> =>
  kind === 'invocations' ? INVOCATION_COLUMNS : ATTEMPT_COLUMNS;

const END = '\r\n';
const withPosition = (row: string, position: Position): string =>
  `${row.slice(0, -END.length)},${position}${END}`;

/** Without decoding: what the metadata's text does not name cannot be of that company. */
const hasCompany = (company: string | null): ((recorded: RecordedEvent) => boolean) => {
  const named = `"companyId":"${company ?? ''}"`;
  return company === null ? () => true : ({ event }) => event.metadata.includes(named);
};
