import {
  evolveInvocation,
  initialInvocation,
  type InvocationEvent,
  type InvocationState,
  type InvocationStatus,
  statusOf,
} from '../../src/domain/invocation.ts';
import { belongsTo, type ResourceChange } from '../../src/domain/resource-change.ts';
import { compareRefs, refKey, type ResourceRef, sameRef } from '../../src/domain/resources.ts';
import {
  evolveWebhook,
  initialWebhook,
  type WebhookEvent,
  type WebhookState,
} from '../../src/domain/webhook.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { Position } from '../../src/eventstore/event-store.ts';
import type {
  ActiveWebhook,
  DueRow,
  InvocationFilter,
  InvocationRow,
  ReadModels,
} from '../../src/projections/read-models.ts';

/** The same questions answered by folding the log in memory, as slowly as may be. */

export const plainRouting = (
  log: ReadonlyArray<Decoded>,
): Pick<ReadModels, 'subscribersTo' | 'belongsTo' | 'webhooksOf'> => {
  const webhooksAt = (at: Position): ReadonlyArray<{ position: Position; state: WebhookState }> => {
    const states = new Map<string, { position: Position; state: WebhookState }>();
    for (const { stream, position, event } of log) {
      if (position > at || !stream.startsWith('webhook-')) continue;
      const before = states.get(stream) ?? { position, state: initialWebhook };
      states.set(stream, { ...before, state: evolveWebhook(before.state, event as WebhookEvent) });
    }
    return [...states.values()];
  };
  return {
    subscribersTo: (companyId, at, resource, trigger, identifier) =>
      webhooksAt(at).flatMap(({ state }): ReadonlyArray<ActiveWebhook> => {
        if (state.situation !== 'enabled' || state.facts.companyId !== companyId) return [];
        const { guid, settings } = state.facts;
        const { selection, retries, retryBaseMs, ordering, coalesce } = settings;
        if (selection.dialect !== 'openticket') return [];
        if (selection.resource !== resource || selection.trigger !== trigger) return [];
        if (selection.identifier !== identifier) return [];
        const { triggeredByChildResources } = selection;
        return [{ webhook: guid, triggeredByChildResources, retries, retryBaseMs, ordering, coalesce }];
      }),
    belongsTo: (companyId, at, ref) => {
      const last = log
        .filter(isChange)
        .findLast(
          ({ position, event }) => position <= at && event.companyId === companyId && sameRef(event, ref),
        );
      return last === undefined ? [] : [...belongsTo(last.event.relations)].sort(compareRefs);
    },
    webhooksOf: (companyId, _dialect, after, limit) =>
      webhooksAt(Number.POSITIVE_INFINITY)
        .flatMap(({ position, state }) =>
          state.situation === 'unknown' ||
          state.situation === 'deleted' ||
          state.facts.companyId !== companyId ||
          position <= after
            ? []
            : [{ cursor: position, guid: state.facts.guid }],
        )
        .slice(0, limit),
  };
};

const isChange = (decoded: Decoded): decoded is Decoded<ResourceChange> => 'relations' in decoded.event;

interface Plain {
  readonly row: InvocationRow;
  readonly changePosition: Position;
  readonly state: Exclude<InvocationState, { situation: 'unscheduled' }>;
  /** Events after its InvocationScheduled. */
  readonly later: number;
}

export const plainInvocations = (
  log: ReadonlyArray<Decoded>,
): Pick<
  ReadModels,
  | 'invocations'
  | 'invocation'
  | 'counts'
  | 'dueOf'
  | 'webhooksDue'
  | 'nextFirstAfter'
  | 'nextDueAfter'
  | 'inFlight'
  | 'waitingOf'
  | 'failedOf'
  | 'olderWaiting'
  | 'newerThan'
> => {
  const all = fold(log);
  const rows = (which: (plain: Plain) => boolean, limit = Infinity): ReadonlyArray<InvocationRow> =>
    all
      .filter(which)
      .slice(0, limit)
      .map(({ row }) => row);
  const ready = all.flatMap((plain): ReadonlyArray<DueRow & { webhook: string }> => {
    const { row, state, later } = plain;
    if (state.situation !== 'waiting' || all.some((other) => comesBefore(other, plain))) return [];
    const { guid, position, webhook } = row;
    return [{ guid, position, webhook, retry: later > 0, dueAtMs: state.dueAtMs }];
  });
  const sameOrigin = (plain: Plain, webhook: string, origin: ResourceRef): boolean =>
    plain.row.webhook === webhook &&
    plain.state.facts.scheduled.coalesce &&
    originOf(plain) === refKey(origin);

  return {
    invocations: (filter, before, limit) =>
      all
        .filter((plain) => plain.row.position < (before ?? Infinity) && passes(plain, filter))
        .reverse()
        .slice(0, limit)
        .map(({ row }) => row),
    invocation: (guid) => rows(({ row }) => row.guid === guid)[0],
    counts: () => {
      const count = (status: InvocationStatus): number => rows(({ row }) => row.status === status).length;
      return {
        waiting: count('waiting'),
        in_flight: count('in_flight'),
        delivered: count('delivered'),
        exhausted: count('exhausted'),
        cancelled: count('cancelled'),
        superseded: count('superseded'),
      };
    },
    dueOf: (webhook, nowMs, limit) =>
      ready
        .filter((due) => due.webhook === webhook && due.dueAtMs <= nowMs)
        .sort((a, b) => Number(a.retry) - Number(b.retry) || a.dueAtMs - b.dueAtMs || a.position - b.position)
        .slice(0, limit)
        .map(({ guid, position, retry, dueAtMs }) => ({ guid, position, retry, dueAtMs })),
    webhooksDue: (afterMs, untilMs, retriesOnly = false) => [
      ...new Set(
        ready
          .filter(({ dueAtMs, retry }) => afterMs < dueAtMs && dueAtMs <= untilMs && (retry || !retriesOnly))
          .map(({ webhook }) => webhook),
      ),
    ],
    nextDueAfter: (afterMs) =>
      ready
        .map(({ dueAtMs }) => dueAtMs)
        .filter((dueAtMs) => dueAtMs > afterMs)
        .sort((a, b) => a - b)[0],
    nextFirstAfter: (afterMs) =>
      ready
        .filter(({ dueAtMs, retry }) => dueAtMs > afterMs && !retry)
        .map(({ dueAtMs }) => dueAtMs)
        .sort((a, b) => a - b)[0],
    inFlight: (after, limit) => rows(({ row }) => row.status === 'in_flight' && row.position > after, limit),
    waitingOf: (webhook, before, after, limit) =>
      rows(
        ({ row, changePosition }) =>
          row.webhook === webhook &&
          row.status === 'waiting' &&
          changePosition < before &&
          row.position > after,
        limit,
      ),
    failedOf: (webhook, after, limit) =>
      rows(
        ({ row, state }) =>
          row.webhook === webhook &&
          row.position > after &&
          (row.status === 'exhausted' || (row.status === 'waiting' && failedInRound(state))),
        limit,
      ),
    olderWaiting: (webhook, origin, before) =>
      rows(
        (plain) =>
          sameOrigin(plain, webhook, origin) && plain.row.status === 'waiting' && plain.row.position < before,
      ),
    newerThan: (webhook, origin, than) =>
      rows((plain) => sameOrigin(plain, webhook, origin) && plain.row.position > than).at(-1),
  };
};

const fold = (log: ReadonlyArray<Decoded>): ReadonlyArray<Plain> => {
  const streams = new Map<string, Decoded[]>();
  const changes = new Map<string, Position>();
  for (const decoded of log) {
    if (isChange(decoded)) changes.set(decoded.id, decoded.position);
    if (!decoded.stream.startsWith('invocation-')) continue;
    streams.set(decoded.stream, [...(streams.get(decoded.stream) ?? []), decoded]);
  }
  return [...streams.values()].flatMap((events) => {
    const state = events
      .map(({ event }) => event as InvocationEvent)
      .reduce(evolveInvocation, initialInvocation);
    const position = events[0]?.position ?? 0;
    if (state.situation === 'unscheduled') return [];
    const { guid, companyId, webhook, change } = state.facts.scheduled;
    return [
      {
        row: { position, guid, companyId, webhook, status: statusOf(state) },
        changePosition: change === null ? position : (changes.get(change) ?? 0),
        state,
        later: events.length - 1,
      },
    ];
  });
};

const originOf = ({ state }: Plain): string => refKey(state.facts.scheduled.origin);

const comesBefore = (other: Plain, plain: Plain): boolean =>
  plain.state.facts.scheduled.ordering === 'per_resource' &&
  other.state.facts.scheduled.ordering === 'per_resource' &&
  other.row.webhook === plain.row.webhook &&
  originOf(other) === originOf(plain) &&
  other.row.position < plain.row.position &&
  (other.row.status === 'waiting' || other.row.status === 'in_flight');

const failedInRound = ({ facts }: Plain['state']): boolean =>
  facts.attempts.slice(facts.round.attemptsBefore).some(({ ended }) => ended !== null);

const passes = ({ row, state }: Plain, filter: InvocationFilter): boolean => {
  const { change, resource, identifier, atMs } = state.facts.scheduled;
  const is = <T>(wanted: T | null | undefined, actual: T | null): boolean =>
    wanted === undefined || wanted === null || wanted === actual;
  return (
    is(filter.companyId, row.companyId) &&
    is(filter.status, row.status) &&
    is(filter.webhook, row.webhook) &&
    is(filter.change, change) &&
    is(filter.resource, resource) &&
    is(filter.identifier, identifier) &&
    atMs >= (filter.fromMs ?? -Infinity) &&
    atMs < (filter.toMs ?? Infinity)
  );
};
