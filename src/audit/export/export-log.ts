import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { isResourceStream } from '../../domain/ids.ts';
import type { CustomerErased } from '../../domain/erasure.ts';
import type { InvocationEvent } from '../../domain/invocation.ts';
import type { ResourceChange } from '../../domain/resource-change.ts';
import { hashIn } from '../../eventstore/chain.ts';
import type { Decoded } from '../../eventstore/decoded.ts';
import type { EventStore, RecordedEvent, StreamFilter } from '../../eventstore/event-store.ts';
import { nextDigest } from '../../eventstore/log-digest.ts';
import { isOurs } from '../../eventstore/ours.ts';
import { decodeAll } from '../../projections/projector.ts';
import type { ExportFolder } from '../../ports/export-folder.ts';
import {
  CHANGE_TYPE,
  changeEvent,
  ERASURE_TYPE,
  erasureEvent,
  invocationEvent,
  invocationType,
} from './cloud-event.ts';
import {
  ATTEMPT_COLUMNS,
  attemptRow,
  csvLine,
  INVOCATION_COLUMNS,
  invocationRow,
  isAttemptEnd,
} from './csv.ts';
import { FactsOfInvocations, NotRead } from './facts.ts';
import { type ExportProgress, MANIFEST_FILE, printManifest, PROGRESS_FILE } from './manifest.ts';
import { Parts } from './parts.ts';

export interface ExportDeps {
  readonly log: Pick<EventStore, 'readAll' | 'readStream'>;
  /** Of a store that holds others' events, too. */
  readonly filter?: StreamFilter;
  readonly folder: ExportFolder;
  readonly onProgress: (events: number) => void;
}

export type ExportFailure =
  /** The log cannot be read on. */
  | { readonly _tag: 'LogNotRead'; readonly message: string }
  /** The folder takes no more: full, most often. Nothing there looks complete. */
  | { readonly _tag: 'NotWritten'; readonly message: string };

const PAGE = 200;

/**
 * Writes what the question asks for from `from.after` on, in parts. Each part is on disk before the progress says so, and what follows
 * is decided by the log and the question alone: whoever goes on from the progress writes the same bytes. Memory holds one
 * page of the log and one buffer a file.
 */
export const exportLog = async (
  deps: ExportDeps,
  from: ExportProgress,
): Promise<Either<ExportFailure, ExportProgress>> => {
  const parts = new Parts(deps.folder, from.question.part_bytes, from.parts.length, headerOf);
  let progress = from;
  try {
    for await (const next of steps(deps, from, parts)) {
      progress = next;
      deps.folder.save(PROGRESS_FILE, `${JSON.stringify(progress)}\n`);
    }
    deps.folder.save(MANIFEST_FILE, printManifest(progress));
    deps.folder.remove(PROGRESS_FILE);
    return right(progress);
  } catch (error) {
    parts.discard();
    if (error instanceof NotRead) return left({ _tag: 'LogNotRead', message: error.message });
    if (error instanceof Error && 'syscall' in error) {
      return left({ _tag: 'NotWritten', message: error.message });
    }
    throw error;
  }
};

const headerOf = (kind: string): string => {
  if (kind === 'invocations') return csvLine(INVOCATION_COLUMNS);
  return kind === 'attempts' ? csvLine(ATTEMPT_COLUMNS) : '';
};

/** The progress after each part that was completed; at the end of the log also without one. */
async function* steps(
  { log, filter, onProgress }: ExportDeps,
  from: ExportProgress,
  parts: Parts,
): AsyncGenerator<ExportProgress> {
  const facts = new FactsOfInvocations(log);
  const select = selectionOf(from);
  const counts = { ...from.counts };
  const state = { ...from.log };
  const completed = (after: number): ExportProgress => {
    const all = [...from.parts, ...parts.complete()];
    from = { ...from, after, counts: { ...counts }, log: { ...state }, parts: all };
    return from;
  };
  const end = from.log.end_position;
  let after = from.after;
  while (after < end) {
    const page = await log.readAll({ after, limit: PAGE, ...(filter !== undefined && { filter }) })();
    if (isLeft(page)) throw new NotRead(page.left.message);
    const { events, next, atEnd } = page.right;
    for (const recorded of events) {
      if (recorded.position > end) break;
      note(state, recorded);
      if (isOurs(recorded) && isTold(recorded.stream)) {
        for (const decoded of decodeAll([recorded])) {
          await tell(decoded, { facts, select, parts, counts, question: from.question });
        }
      }
      if (parts.isFull) yield completed(recorded.position);
    }
    onProgress(state.events);
    after = Math.min(next, end);
    if (atEnd) break;
  }
  yield completed(end);
}

const isErasure = (stream: string): boolean => stream.startsWith('erasure-');

const isTold = (stream: string): boolean =>
  stream.startsWith('invocation-') || isErasure(stream) || isResourceStream(stream);

const note = (state: ExportProgress['log'], { stream, revision, event }: RecordedEvent): void => {
  const hash = hashIn(event.metadata);
  if (hash === undefined) return;
  state.events += 1;
  state.digest = nextDigest(state.digest, hash);
  state.last = { stream, revision, hash };
};

/** Whether an event lies in what was asked for, as far as it tells itself. */
const selectionOf = ({ question }: ExportProgress): ((decoded: Decoded) => boolean) => {
  const fromMs = question.from === null ? Number.NEGATIVE_INFINITY : Date.parse(question.from);
  const toMs = Date.parse(question.to);
  return ({ event, metadata }) =>
    event.atMs >= fromMs &&
    event.atMs < toMs &&
    (question.company_id === null || metadata.companyId === question.company_id);
};

interface Telling extends Pick<ExportProgress, 'question'> {
  readonly facts: FactsOfInvocations;
  readonly select: (decoded: Decoded) => boolean;
  readonly parts: Parts;
  readonly counts: Record<string, number>;
}

const tell = async (decoded: Decoded, { facts, select, parts, counts, question }: Telling): Promise<void> => {
  facts.observe(decoded);
  if (!select(decoded)) return;
  const isClear = question.personal_data === 'clear';
  const isNdjson = question.format === 'ndjson';
  const count = (name: string): void => void (counts[name] = (counts[name] ?? 0) + 1);
  if (isResourceStream(decoded.stream)) {
    // A webhook is told of changes by its invocations.
    if (!isNdjson || question.webhook !== null) return;
    parts.write('events', `${JSON.stringify(changeEvent(decoded as Decoded<ResourceChange>, isClear))}\n`);
    count(CHANGE_TYPE);
    return;
  }
  if (isErasure(decoded.stream)) {
    if (!isNdjson || question.webhook !== null) return;
    parts.write('events', `${JSON.stringify(erasureEvent(decoded as Decoded<CustomerErased>))}\n`);
    count(ERASURE_TYPE);
    return;
  }
  const happened = decoded as Decoded<InvocationEvent>;
  const known = await facts.of(decoded.stream);
  if (question.webhook !== null && known?.webhook !== question.webhook) return;
  if (isNdjson) {
    parts.write('events', `${JSON.stringify(invocationEvent(happened, known, isClear))}\n`);
    count(invocationType(happened.event.type));
    return;
  }
  const row = invocationRow(happened, known);
  if (row !== undefined) {
    parts.write('invocations', row);
    count('invocations');
  }
  if (!isAttemptEnd(happened)) return;
  const started = await facts.startOf(decoded.stream, happened.event.number, decoded.revision);
  parts.write('attempts', attemptRow(happened, known, started, isClear));
  count('attempts');
};
