import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { invocationGuid, isResourceStream, streamOf } from '../domain/ids.ts';
import type { InvocationScheduled, InvocationStatus } from '../domain/invocation.ts';
import { Lru } from '../domain/lru.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Position, ReadFailure } from '../eventstore/event-store.ts';
import type { ReadModels } from '../projections/read-models.ts';
import { type AuditedLog, buildModels, pagesOf } from './log-pages.ts';
import { readChange } from './read-change.ts';

export type Totals = Readonly<Record<'scheduled' | InvocationStatus, number>>;

/** One webhook and one change that do not fit together. */
export interface Difference {
  /** Missing: it had to be told, and no invocation was scheduled. Unexpected: one was, and nothing leads to it. */
  readonly kind: 'missing' | 'unexpected';
  readonly change: string;
  readonly webhook: string;
}

export interface Conserved {
  readonly totals: Totals;
  readonly changes: number;
  /** Changes at the end of the log of which not everybody is told yet. */
  readonly pending: number;
  /** Invocations that a job told webhooks of long after the change. */
  readonly backfilled: number;
  /** Invocations of which only the end is left in the log, by policy. They count nowhere else. */
  readonly removed: number;
  /** The first of them. */
  readonly differences: ReadonlyArray<Difference>;
  readonly differencesInAll: number;
}

export const DIFFERENCES_MAX = 100;

/** Whether every invocation stands in exactly one place, and everybody was told who had to be. */
export const addsUp = ({ totals: { scheduled, ...settled }, differencesInAll }: Conserved): boolean =>
  differencesInAll === 0 && Object.values(settled).reduce((sum, count) => sum + count, 0) === scheduled;

export interface ConserveDeps {
  readonly log: AuditedLog;
  /** Empty ones, which are built here from the log and nothing else. */
  readonly models: ReadModels;
  /** Whether this webhook, as it was at a revision, takes a change from before it was there. */
  readonly couldTell: (
    change: Decoded<ResourceChange>,
    webhook: string,
    revision: number,
  ) => Promise<Either<ReadFailure, boolean>>;
  /** The webhooks that must hear of a change, by the rules in force now. */
  readonly hearersOf: (change: Decoded<ResourceChange>) => ReadonlyArray<string>;
  readonly onProgress: (events: number) => void;
}

/** Invocations follow their change closely: of these it is known who had to hear. */
const CHANGES_REMEMBERED = 10_000;

/**
 * Counts what became of every invocation, and compares the invocations with the changes: as many as there are webhooks
 * that had to hear. Goes through the log twice, up to where it ends at the beginning.
 */
export const conserve = async (deps: ConserveDeps): Promise<Either<ReadFailure, Conserved>> => {
  const head = await deps.log.head()();
  if (isLeft(head)) return head;
  const built = await build(deps, head.right);
  if (isLeft(built)) return built;
  const compared = await compare(deps, head.right, built.right);
  if (isLeft(compared)) return compared;
  const { scheduled, removed, backfilled } = built.right;
  const totals = { scheduled, ...deps.models.counts() };
  return right({ totals, removed, backfilled, ...compared.right });
};

interface Built {
  readonly scheduled: number;
  readonly removed: number;
  readonly backfilled: number;
  /** Of the newest change that somebody was told of. */
  readonly fannedOutUpTo: Position;
  readonly events: number;
}

const build = async (
  { log, models, onProgress }: ConserveDeps,
  head: Position,
): Promise<Either<ReadFailure, Built>> => {
  let scheduled = 0;
  let backfilled = 0;
  let fannedOutUpTo = 0;
  let events = 0;
  const beheaded = new Set<string>();
  const done = await buildModels(log, models, head, (decoded) => {
    for (const { event, stream, revision } of decoded) {
      if (event.type === 'InvocationScheduled') {
        scheduled += 1;
        if (event.backfill !== undefined) {
          // It says nothing of how far the changes are told.
          backfilled += 1;
          continue;
        }
        const change = event.change === null ? undefined : models.change(event.change);
        fannedOutUpTo = Math.max(fannedOutUpTo, change?.position ?? 0);
      } else if (revision > 0 && stream.startsWith(INVOCATION)) {
        const guid = stream.slice(INVOCATION.length);
        if (!beheaded.has(guid) && models.invocation(guid) === undefined) beheaded.add(guid);
      }
    }
    events += decoded.length;
    onProgress(events);
  });
  if (isLeft(done)) return done;
  return right({ scheduled, backfilled, removed: beheaded.size, fannedOutUpTo, events });
};

const INVOCATION = streamOf.invocation('');

const compare = async (
  deps: ConserveDeps,
  head: Position,
  { fannedOutUpTo, events }: Built,
): Promise<Either<ReadFailure, Omit<Conserved, 'totals' | 'removed' | 'backfilled'>>> => {
  const { log, models, hearersOf, onProgress } = deps;
  const hearers = new Lru<string, ReadonlySet<string>>(CHANGES_REMEMBERED);
  const differences: Difference[] = [];
  let differencesInAll = 0;
  let changes = 0;
  let pending = 0;
  let done = events;
  const note = (difference: Difference): void => {
    differencesInAll += 1;
    if (differences.length < DIFFERENCES_MAX) differences.push(difference);
  };

  for await (const page of pagesOf(log, head)) {
    if (isLeft(page)) return page;
    for (const decoded of page.right.decoded) {
      const { event, id, position } = decoded;
      if (isChange(decoded)) {
        changes += 1;
        const told = hearersOf(decoded);
        hearers.set(id, new Set(told));
        const missing: string[] = [];
        for (const webhook of told) {
          const exists = await isInLog(log, models, invocationGuid(webhook, id));
          if (isLeft(exists)) return exists;
          if (!exists.right) missing.push(webhook);
        }
        // The newest one that anybody was told of may be half done, too.
        if (missing.length > 0 && position >= fannedOutUpTo) pending += 1;
        else for (const webhook of missing) note({ kind: 'missing', change: id, webhook });
      } else if (event.type === 'InvocationScheduled' && event.backfill !== undefined) {
        const fits = await isRightlyBackfilled(deps, event);
        if (isLeft(fits)) return fits;
        if (!fits.right) note({ kind: 'unexpected', change: event.change ?? '', webhook: event.webhook });
      } else if (event.type === 'InvocationScheduled' && event.change !== null) {
        const known = hearers.get(event.change);
        const told =
          known === undefined ? await hearersIn({ log, models, hearersOf }, event.change) : right(known);
        if (isLeft(told)) return told;
        hearers.set(event.change, told.right);
        if (told.right.has(event.webhook)) continue;
        note({ kind: 'unexpected', change: event.change, webhook: event.webhook });
      }
    }
    done += page.right.decoded.length;
    onProgress(done);
  }
  return right({ changes, pending, differences, differencesInAll });
};

/** The webhook was not there at the change, and takes it as it was when the job told it. */
const isRightlyBackfilled = async (
  { log, models, couldTell }: ConserveDeps,
  { change: guid, webhook, backfill }: InvocationScheduled,
): Promise<Either<ReadFailure, boolean>> => {
  const row = guid === null ? undefined : models.change(guid);
  const createdAt = models.createdAt(webhook);
  if (row === undefined || backfill === undefined || createdAt === undefined) return right(false);
  if (row.position >= createdAt) return right(false);
  const change = await readChange(log, row);
  return isLeft(change) ? change : couldTell(change.right, webhook, backfill.webhookRevision);
};

/** Of a change that was seen long before. */
const hearersIn = async (
  { log, models, hearersOf }: Pick<ConserveDeps, 'log' | 'models' | 'hearersOf'>,
  guid: string,
): Promise<Either<ReadFailure, ReadonlySet<string>>> => {
  const row = models.change(guid);
  if (row === undefined) return right(new Set());
  const change = await readChange(log, row);
  return isLeft(change) ? change : right(new Set(hearersOf(change.right)));
};

/** One whose scheduling was removed, long after it was settled, is in the log by what is left of it. */
const isInLog = async (
  log: AuditedLog,
  models: ReadModels,
  guid: string,
): Promise<Either<ReadFailure, boolean>> => {
  if (models.invocation(guid) !== undefined) return right(true);
  const left = await log.readStream(streamOf.invocation(guid), { limit: 1 })();
  return isLeft(left) ? left : right(left.right.length > 0);
};

const isChange = (decoded: Decoded): decoded is Decoded<ResourceChange> => isResourceStream(decoded.stream);
