import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import {
  explainSelection,
  type SelectionExplained,
  type SelectionReason,
  selectionInWords,
} from '../domain/explain.ts';
import { invocationGuid, streamOf } from '../domain/ids.ts';
import type { InvocationScheduled, InvocationStatus } from '../domain/invocation.ts';
import type { BelongsTo } from '../domain/relations.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import { refKey, type ResourceRef } from '../domain/resources.ts';
import type { Rules } from '../domain/rules.ts';
import { decode } from '../eventstore/codec.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, Position, ReadFailure } from '../eventstore/event-store.ts';
import type { ReadModels } from '../projections/read-models.ts';
import { webhookHistory, type WebhookStep } from './webhook-history.ts';

export interface ExplainDeps {
  readonly store: Pick<EventStore, 'readStream' | 'removedAtMs'>;
  readonly readModels: Pick<ReadModels, 'everyWebhookOf' | 'revisionAt' | 'invocation' | 'belongsTo'>;
  readonly rules: Rules;
}

/** What happened to a webhook, by whom and when, that decides over a change. */
export interface Deed {
  readonly at: number;
  readonly actor: string;
  /** What it was done for: a request, or an attempt that was answered 410. */
  readonly cause: string;
  readonly revision: number;
}

export type Reason =
  | SelectionReason
  /** It would be told, and is not yet. */
  | { readonly code: 'pending' }
  /** An invocation is in the log, though the rules in force now do not lead to it. */
  | { readonly code: 'other_rules' }
  | { readonly code: 'created_later' | 'disabled' | 'deleted'; readonly deed: Deed }
  /** It was told long after, by a job that somebody asked for. */
  | { readonly code: 'backfilled'; readonly job: string; readonly deed: Deed };

/** Why one webhook was told of a change, or was not. */
export interface Explanation {
  /** Its place in the list: where it was created. */
  readonly cursor: Position;
  readonly webhook: string;
  readonly name: string;
  /** Whether an invocation was scheduled; its status says what came of it. */
  readonly told: boolean;
  readonly reason: Reason;
  readonly words: string;
  readonly path: ReadonlyArray<ResourceRef>;
  readonly invocation: {
    readonly guid: string;
    readonly status: InvocationStatus;
    /** Nothing but its end is left of it; null: nobody can tell since when. */
    readonly removedAtMs?: number | null;
  } | null;
}

/** Read at once: with 10,000 webhooks a page is still a few hundred short streams. */
const READ_TOGETHER_MAX = 20;

/**
 * One page of the webhooks of the change's company, in the order of their creation, deleted ones and later ones included.
 * Webhooks, relations and selections are those in force at the change's own position; the rules are those in force now.
 */
export const explain = async (
  deps: ExplainDeps,
  change: Decoded<ResourceChange>,
  after: Position,
  limit: number,
): Promise<Either<ReadFailure, ReadonlyArray<Explanation>>> => {
  const { companyId } = change.event;
  const rows = deps.readModels.everyWebhookOf(companyId, after, limit);
  const belongsTo = remembered((ref) => deps.readModels.belongsTo(companyId, change.position, ref));
  const explanations: Explanation[] = [];
  for (let done = 0; done < rows.length; done += READ_TOGETHER_MAX) {
    const some = rows.slice(done, done + READ_TOGETHER_MAX);
    const found = await Promise.all(
      some.map(async ({ guid, cursor }): Promise<Either<ReadFailure, Explanation>> => {
        const steps = await webhookHistory(deps, guid);
        return isLeft(steps)
          ? steps
          : explainOne(deps, change, belongsTo, { guid, cursor, steps: steps.right });
      }),
    );
    for (const one of found) {
      if (isLeft(one)) return one;
      explanations.push(one.right);
    }
  }
  return right(explanations);
};

interface Candidate {
  readonly guid: string;
  readonly cursor: Position;
  readonly steps: ReadonlyArray<WebhookStep>;
}

const explainOne = async (
  deps: ExplainDeps,
  change: Decoded<ResourceChange>,
  belongsTo: BelongsTo,
  { guid, cursor, steps }: Candidate,
): Promise<Either<ReadFailure, Explanation>> => {
  const { event, position } = change;
  const revision = deps.readModels.revisionAt(guid, position) ?? -1;
  const before = steps.filter(({ decoded }) => decoded.revision <= revision);
  const last = before.at(-1) ?? steps[0];
  if (last === undefined || last.after.situation === 'unknown')
    throw new Error(`webhook ${guid} has no history`);
  const { settings } = last.after.facts;
  const { resource, identifier, triggers, type } = event;
  const selected = explainSelection(
    deps.rules,
    { type, ref: { resource, identifier }, triggers },
    belongsTo,
    settings.selection,
  );
  const told = invocationGuid(guid, change.id);
  const against = reasonAgainst(before, steps);
  const row = deps.readModels.invocation(told);
  const common = { cursor, webhook: guid, name: settings.name };
  // Read models that were built after it was removed do not know it. It is in the log by what is left of it.
  const remains =
    row === undefined && against === undefined && selected.matches
      ? await remainsOf(deps, told)
      : right(undefined);
  if (isLeft(remains)) return remains;
  if (remains.right !== undefined) {
    const { status, removedAtMs } = remains.right;
    const words = `it was told: ${inWords(selected.reason, selected)}${CAME_OF_IT[status]}${goneInWords(removedAtMs)}`;
    const invocation = { guid: told, status, removedAtMs };
    return right({ ...common, told: true, reason: selected.reason, words, path: selected.path, invocation });
  }
  if (row !== undefined) {
    const gone = await removalOf(deps, row);
    if (isLeft(gone)) return gone;
    const invocation = {
      guid: row.guid,
      status: row.status,
      ...(gone.right !== undefined && { removedAtMs: gone.right }),
    };
    // Only a job tells a webhook of what happened before it was there.
    const asRecorded = !selected.matches || before.length === 0;
    const recorded = asRecorded ? await scheduledAs(deps, row.guid) : right(undefined);
    if (isLeft(recorded)) return recorded;
    const path = asRecorded ? (recorded.right?.event.matched[0]?.path ?? []) : selected.path;
    const reason: Reason =
      backfilled(recorded.right) ?? (selected.matches ? selected.reason : { code: 'other_rules' });
    const words = `it was told: ${inWords(reason, selected)}${CAME_OF_IT[row.status]}${gone.right === undefined ? '' : goneInWords(gone.right)}`;
    return right({ ...common, told: true, reason, words, path, invocation });
  }
  const reason = against ?? (selected.matches ? { code: 'pending' as const } : selected.reason);
  const words = `it was not told: ${inWords(reason, selected)}`;
  return right({ ...common, told: false, reason, words, path: selected.path, invocation: null });
};

/** Why nothing at all reached the webhook at that moment. */
const reasonAgainst = (
  before: ReadonlyArray<WebhookStep>,
  steps: ReadonlyArray<WebhookStep>,
): Reason | undefined => {
  const [created] = steps;
  const last = before.at(-1);
  if (last === undefined) return created && { code: 'created_later', deed: deedOf(created) };
  const { situation } = last.after;
  if (situation !== 'disabled' && situation !== 'deleted') return undefined;
  // What was changed on a disabled webhook since is not what disabled it.
  const by = before.findLast(
    (step) => step.before.situation !== situation && step.after.situation === situation,
  );
  return by && { code: situation, deed: deedOf(by) };
};

const deedOf = ({ decoded: { event, metadata, revision } }: WebhookStep): Deed => ({
  at: event.atMs,
  actor: metadata.actor,
  cause: metadata.causationId,
  revision,
});

/** Of an invocation that has ended: when its beginning was removed; undefined: it is all there. */
const removalOf = async (
  { store }: ExplainDeps,
  { guid, status }: { readonly guid: string; readonly status: InvocationStatus },
): Promise<Either<ReadFailure, number | null | undefined>> => {
  if (status === 'waiting' || status === 'in_flight' || store.removedAtMs === undefined)
    return right(undefined);
  return store.removedAtMs(streamOf.invocation(guid))();
};

/** What is left of an invocation whose beginning was removed; undefined: there is none, or it is all there. */
const remainsOf = async (
  { store }: ExplainDeps,
  guid: string,
): Promise<
  Either<ReadFailure, { readonly status: InvocationStatus; readonly removedAtMs: number | null } | undefined>
> => {
  const stream = streamOf.invocation(guid);
  const read = await store.readStream(stream, { limit: 1 })();
  if (isLeft(read)) return read;
  const [first] = read.right;
  const status = first === undefined || first.revision === 0 ? undefined : ENDS[first.event.type];
  if (status === undefined) return right(undefined);
  const at = store.removedAtMs === undefined ? right(undefined) : await store.removedAtMs(stream)();
  return isLeft(at) ? at : right({ status, removedAtMs: at.right ?? null });
};

const ENDS: Readonly<Record<string, InvocationStatus>> = {
  InvocationDelivered: 'delivered',
  InvocationExhausted: 'exhausted',
  InvocationCancelled: 'cancelled',
  InvocationSuperseded: 'superseded',
};

const goneInWords = (atMs: number | null): string =>
  `; its body and attempts were removed by retention${atMs === null ? '' : ` at ${new Date(atMs).toISOString()}`}`;

/** As it was scheduled; nothing where that was removed from the log long after. */
const scheduledAs = async (
  { store }: ExplainDeps,
  guid: string,
): Promise<Either<ReadFailure, Decoded<InvocationScheduled> | undefined>> => {
  const read = await store.readStream(streamOf.invocation(guid), { limit: 1 })();
  if (isLeft(read)) return read;
  const [recorded] = read.right;
  const decoded = recorded === undefined ? undefined : decode(recorded);
  return right(
    decoded?._tag === 'Right' && decoded.right.event.type === 'InvocationScheduled'
      ? (decoded.right as Decoded<InvocationScheduled>)
      : undefined,
  );
};

const backfilled = (scheduled: Decoded<InvocationScheduled> | undefined): Reason | undefined => {
  if (scheduled?.event.backfill === undefined) return undefined;
  const { event, metadata, revision } = scheduled;
  const { actor, causationId: cause } = metadata;
  return {
    code: 'backfilled',
    job: scheduled.event.backfill.job,
    deed: { at: event.atMs, actor, cause, revision },
  };
};

const inWords = (reason: Reason, { matches, reason: selection }: SelectionExplained): string => {
  const otherwise = matches ? '; it would have been told' : `; besides, ${selectionInWords(selection)}`;
  switch (reason.code) {
    case 'pending':
      return 'not yet: the change is still being worked on';
    case 'other_rules':
      return 'the rules in force then led to it, those in force now do not';
    case 'backfilled':
      return `the backfill ${reason.job}, asked for by ${reason.deed.actor}, scheduled it at ${new Date(reason.deed.at).toISOString()}, as the webhook was not there yet at the change`;
    case 'created_later':
      return `it was created only ${when(reason.deed)}${otherwise}`;
    case 'disabled':
      return `it was disabled ${when(reason.deed)}${otherwise}`;
    case 'deleted':
      return `it was deleted ${when(reason.deed)}${otherwise}`;
    default:
      return selectionInWords(reason);
  }
};

const when = ({ at, actor }: Deed): string => `by ${actor} at ${new Date(at).toISOString()}`;

const CAME_OF_IT: Readonly<Record<InvocationStatus, string>> = {
  waiting: '; the next attempt is still to come',
  in_flight: '; an attempt is under way',
  delivered: '; it was delivered',
  exhausted: '; all attempts failed',
  cancelled: '; the invocation was cancelled before it was delivered',
  superseded: '; a newer invocation for the same resource took its place',
};

const remembered = (belongsTo: BelongsTo): BelongsTo => {
  const known = new Map<string, ReadonlyArray<ResourceRef>>();
  return (ref) => {
    const key = refKey(ref);
    const found = known.get(key) ?? belongsTo(ref);
    known.set(key, found);
    return found;
  };
};
