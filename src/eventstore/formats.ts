import * as t from 'io-ts';
import type {
  AccountOpened,
  ClientAttached,
  IdsIssued,
  RetentionApplied,
  RetentionSet,
  StrictModeSwitched,
} from '../domain/account.ts';
import type { ChangeClaimed, ClaimReleased } from '../domain/change-claim.ts';
import type { ClientClaimed } from '../domain/client.ts';
import type { NodeExpired, NodeJoined, NodeLeft, NodeReport, NodeRenewed } from '../domain/cluster.ts';
import type { CustomerKey } from '../domain/customer-key.ts';
import type { CustomerErased } from '../domain/erasure.ts';
import type { DomainEvent } from '../domain/events.ts';
import type {
  AttemptFailed,
  AttemptResult,
  AttemptStarted,
  Backfill,
  CancelReason,
  InvocationCancelled,
  InvocationDelivered,
  InvocationExhausted,
  InvocationScheduled,
  InvocationSuperseded,
  MatchedResource,
  RetryRequested,
} from '../domain/invocation.ts';
import {
  JOB_KINDS,
  type JobCancelled,
  type JobCancelReason,
  type JobCompleted,
  type JobCounts,
  type JobCreated,
  type JobPaused,
  type JobProgressed,
  type JobResumed,
  type JobStarted,
  type PauseReason,
} from '../domain/job.ts';
import type { Relations, ResourceChange } from '../domain/resource-change.ts';
import { type Resource, type ResourceRef, RESOURCES, type Trigger, TRIGGERS } from '../domain/resources.ts';
import {
  type CustomRequest,
  type DisabledReason,
  type MoshtixSelection,
  type OpenTicketSelection,
  type Ordering,
  type SecretRotated,
  type Selection,
  type SystemEvent,
  type WebhookCreated,
  type WebhookDeleted,
  type WebhookDisabled,
  type WebhookEnabled,
  type WebhookSettings,
  type WebhookUpdated,
  SYSTEM_EVENTS,
} from '../domain/webhook.ts';
import type { HistorySealed } from '../domain/seal.ts';
import { json, nullable, object, objectWith, oneOf, partial, type Props } from './codec-parts.ts';
import { orderOutcome } from './order-format.ts';

/**
 * How every event type stands in the log, by schema version. A new version keeps the old codec under another name
 * and says how its data becomes the new one's:
 *
 *     AttemptFailed: upcast(attemptFailedV1, (v1) => ({ ...v1, outcome: 'failed' }), latest(attemptFailed)),
 */

/** An event's data on disk: its type stands beside it. */
export type DataOf<E> = Omit<E, 'type'>;

/** One event type. Versions count from 1; the newest is what is written. */
export interface Format<Data> {
  readonly newest: t.Type<Data>;
  /** Versions 1, 2 … before the newest, each with the step to the next. */
  readonly older: ReadonlyArray<{ readonly codec: t.Mixed; readonly upcast: (data: unknown) => unknown }>;
}

/** A type of the domain without its codec, or with a codec for another shape, does not compile. */
export type Formats = { readonly [E in DomainEvent as E['type']]: Format<DataOf<E>> };

export const latest = <Data>(newest: t.Type<Data>): Format<Data> => ({ newest, older: [] });

/** Puts one more version before all versions of `format`. */
export const upcast = <Old, Newest, Next = Newest>(
  codec: t.Type<Old>,
  step: (old: Old) => Next,
  format: Format<Newest>,
): Format<Newest> => ({
  newest: format.newest,
  older: [{ codec, upcast: (data) => step(data as Old) }, ...format.older],
});

/** The newest version. */
export const schemaVersionOf = (format: { readonly older: ReadonlyArray<unknown> }): number =>
  format.older.length + 1;

/**
 * Of events that may hold personal data: in version 2 that stands boxed, under a customer's key (personal.ts). What has none is written as
 * version 1, which it is: programs from before read it.
 */
const boxable = <Data>(codec: t.Type<Data>): Format<Data> => upcast(codec, (v1) => v1, latest(codec));

/** The version that an event is written in. */
export const writtenVersionOf = (
  format: { readonly older: ReadonlyArray<unknown> },
  isOfCustomer: boolean,
): number => {
  const newest = schemaVersionOf(format);
  return newest === 1 || isOfCustomer ? newest : newest - 1;
};

/** Put back by the codec, from the key's id: none of the formats reads it. */
const customerKey = new t.Type<CustomerKey>(
  'CustomerKey',
  (value): value is CustomerKey => typeof value === 'object' && value !== null && 'isForgotten' in value,
  (value, context) => t.failure(value, context),
  t.identity,
);

const resource: t.Type<Resource> = oneOf(RESOURCES);
const trigger: t.Type<Trigger> = oneOf(TRIGGERS);
const systemEvent = oneOf<SystemEvent>(SYSTEM_EVENTS);
const ordering: t.Type<Ordering> = oneOf<Ordering>(['none', 'per_resource']);

const resourceRef = object<ResourceRef>({ resource, identifier: t.string });

const accountOpened = object<DataOf<AccountOpened>>({ companyId: t.string, atMs: t.number });
const clientAttached = object<DataOf<ClientAttached>>({ clientId: t.number, atMs: t.number });
const strictModeSwitched = object<DataOf<StrictModeSwitched>>({ strict: t.boolean, atMs: t.number });
const idsIssued = object<DataOf<IdsIssued>>({ first: t.number, count: t.number, atMs: t.number });
const retentionSet = object<DataOf<RetentionSet>>({ invocationsMonths: nullable(t.number), atMs: t.number });
const retentionApplied = object<DataOf<RetentionApplied>>({
  settledBeforeMs: t.number,
  record: t.number,
  hash: t.string,
  streams: t.number,
  events: t.number,
  bytes: t.number,
  atMs: t.number,
});
const clientClaimed = object<DataOf<ClientClaimed>>({
  clientId: t.number,
  companyId: t.string,
  atMs: t.number,
});

// Webhooks

const openTicketSelection = object<OpenTicketSelection>({
  dialect: t.literal('openticket'),
  resource,
  trigger,
  identifier: t.string,
  triggeredByChildResources: t.boolean,
});

const moshtixSelection = object<MoshtixSelection>({
  dialect: t.literal('moshtix'),
  id: t.number,
  clientId: t.number,
  systemEvents: t.readonlyArray(
    object<MoshtixSelection['systemEvents'][number]>({ id: t.number, systemEvent }),
  ),
});

const selection: t.Type<Selection> = t.union([openTicketSelection, moshtixSelection]);

const customRequest = object<CustomRequest>({
  headers: t.readonlyArray(
    object<CustomRequest['headers'][number]>({ id: t.number, name: t.string, value: t.string }),
  ),
  body: t.string,
});

const settings: Props<Omit<WebhookSettings, 'request'>> = {
  name: t.string,
  url: t.string,
  retries: t.number,
  selection,
  retryBaseMs: nullable(t.number),
  ordering,
  coalesce: t.boolean,
};

const disabledReason: t.Type<DisabledReason> = t.union([
  object<Extract<DisabledReason, { kind: 'by_request' }>>({ kind: t.literal('by_request') }),
  object<Extract<DisabledReason, { kind: 'gone' }>>({
    kind: t.literal('gone'),
    invocation: t.string,
    attempt: t.number,
  }),
]);

const webhookCreated = object<DataOf<WebhookCreated>>({
  guid: t.string,
  companyId: t.string,
  nonce: t.string,
  sealedSecret: t.string,
  settings: objectWith<WebhookSettings>(settings, { request: customRequest }),
  atMs: t.number,
});
const webhookUpdated = object<DataOf<WebhookUpdated>>({
  changes: partial<WebhookSettings>({ ...settings, request: customRequest }),
  atMs: t.number,
});
const webhookEnabled = object<DataOf<WebhookEnabled>>({ atMs: t.number });
const webhookDisabled = object<DataOf<WebhookDisabled>>({ reason: disabledReason, atMs: t.number });
const secretRotated = object<DataOf<SecretRotated>>({
  sealedSecret: t.string,
  previousUntilMs: t.number,
  atMs: t.number,
});
const webhookDeleted = object<DataOf<WebhookDeleted>>({ atMs: t.number });

// Resources

const resourceChange = objectWith<DataOf<ResourceChange>>(
  {
    companyId: t.string,
    resource,
    identifier: t.string,
    changeType: t.string,
    triggers: t.readonlyArray(trigger),
    source: t.string,
    id: t.string,
    fingerprint: t.string,
    occurredAtMs: t.number,
    data: json,
    relations: object<Relations>({
      declared: t.readonlyArray(resourceRef),
      derived: t.readonlyArray(resourceRef),
    }),
    atMs: t.number,
  },
  { order: orderOutcome, customer: customerKey },
);

// Invocations

const attemptResult = object<AttemptResult>({
  statusCode: nullable(t.number),
  error: nullable(t.string),
  durationMs: t.number,
  address: nullable(t.string),
  responseExcerpt: nullable(t.string),
});

const invocationScheduled = objectWith<DataOf<InvocationScheduled>>(
  {
    guid: t.string,
    webhook: t.string,
    companyId: t.string,
    change: nullable(t.string),
    test: t.boolean,
    resource,
    trigger,
    identifier: t.string,
    origin: object<InvocationScheduled['origin']>({ resource, identifier: t.string, trigger }),
    matched: t.readonlyArray(
      object<MatchedResource>({ resource, identifier: t.string, path: t.readonlyArray(resourceRef) }),
    ),
    body: t.string,
    retries: t.number,
    retryBaseMs: t.number,
    ordering,
    coalesce: t.boolean,
    atMs: t.number,
  },
  // Optional rather than a version of its own: nodes of the version before read it while both run.
  {
    systemEvent,
    backfill: object<Backfill>({ job: t.string, webhookRevision: t.number }),
    customer: customerKey,
  },
);
const attemptStarted = objectWith<DataOf<AttemptStarted>>(
  { number: t.number, url: t.string, webhookRevision: t.number, atMs: t.number },
  { node: t.string },
);
const attemptFailed = objectWith<DataOf<AttemptFailed>>(
  {
    number: t.number,
    outcome: oneOf<AttemptFailed['outcome']>(['failed', 'interrupted']),
    result: attemptResult,
    nextAttemptAtMs: nullable(t.number),
    atMs: t.number,
  },
  { customer: customerKey },
);
const invocationDelivered = objectWith<DataOf<InvocationDelivered>>(
  { number: t.number, result: attemptResult, atMs: t.number },
  { customer: customerKey },
);
const invocationExhausted = object<DataOf<InvocationExhausted>>({ gone: t.boolean, atMs: t.number });
const invocationCancelled = object<DataOf<InvocationCancelled>>({
  reason: oneOf<CancelReason>(['webhook_disabled', 'webhook_deleted', 'body_too_large', 'erased']),
  atMs: t.number,
});
const invocationSuperseded = object<DataOf<InvocationSuperseded>>({ by: t.string, atMs: t.number });
const retryRequested = objectWith<DataOf<RetryRequested>>(
  { retries: t.number, retryBaseMs: t.number, atMs: t.number },
  { job: t.string },
);

// Erasures

const customerErased = object<DataOf<CustomerErased>>({
  guid: t.string,
  companyId: t.string,
  subject: t.string,
  key: nullable(t.string),
  changes: t.number,
  askedBy: t.string,
  atMs: t.number,
});

// Jobs

const jobCounts = object<JobCounts>({
  done: t.number,
  // A newer version may know more reasons: a count is a count.
  skipped: t.record(t.string, t.number),
  lookedAt: t.number,
});
const jobCreated = object<DataOf<JobCreated>>({
  guid: t.string,
  kind: oneOf(JOB_KINDS),
  companyId: t.string,
  webhook: nullable(t.string),
  fromMs: nullable(t.number),
  toMs: nullable(t.number),
  generation: t.number,
  ratePerSecond: t.number,
  cut: t.number,
  counted: nullable(t.number),
  askedBy: t.string,
  atMs: t.number,
});
const jobStarted = object<DataOf<JobStarted>>({ atMs: t.number });
const jobProgressed = object<DataOf<JobProgressed>>({ cursor: t.number, counts: jobCounts, atMs: t.number });
const jobPaused = object<DataOf<JobPaused>>({
  reason: oneOf<PauseReason>(['by_request', 'webhook_disabled']),
  atMs: t.number,
});
const jobResumed = object<DataOf<JobResumed>>({ atMs: t.number });
const jobCancelled = object<DataOf<JobCancelled>>({
  reason: oneOf<JobCancelReason>(['by_request', 'webhook_deleted']),
  atMs: t.number,
});
const jobCompleted = object<DataOf<JobCompleted>>({ counts: jobCounts, atMs: t.number });

// Nodes that share a store

const changeClaimed = object<DataOf<ChangeClaimed>>({
  change: t.string,
  fingerprint: t.string,
  atMs: t.number,
});
const claimReleased = object<DataOf<ClaimReleased>>({ change: t.string, atMs: t.number });
const nodeReport: Props<Omit<NodeReport, 'leaseMs' | 'settings'>> = {
  node: t.string,
  name: t.string,
  url: t.string,
  version: t.string,
  joinedAtMs: t.number,
  handledUpTo: t.number,
  readUpTo: t.number,
  inFlight: t.number,
  leaving: t.boolean,
};
const nodeReportLater = { leaseMs: t.number, settings: t.record(t.string, t.string) };
const nodeJoined = objectWith<DataOf<NodeJoined>>({ ...nodeReport, atMs: t.number }, nodeReportLater);
const nodeRenewed = objectWith<DataOf<NodeRenewed>>({ ...nodeReport, atMs: t.number }, nodeReportLater);
const nodeLeft = object<DataOf<NodeLeft>>({ node: t.string, atMs: t.number });
const nodeExpired = object<DataOf<NodeExpired>>({ node: t.string, by: t.string, atMs: t.number });

// Seals

const historySealed = object<DataOf<HistorySealed>>({
  count: t.number,
  streams: t.number,
  root: t.string,
  order: t.string,
  last: object<HistorySealed['last']>({ stream: t.string, revision: t.number }),
  number: t.number,
  events: t.number,
  total: t.string,
  frontier: t.readonlyArray(t.string),
  hint: object<HistorySealed['hint']>({ store: t.string, position: t.number }),
  signature: nullable(object<NonNullable<HistorySealed['signature']>>({ keyId: t.string, value: t.string })),
  atMs: t.number,
});

export const FORMATS: Formats = {
  AccountOpened: latest(accountOpened),
  ClientAttached: latest(clientAttached),
  StrictModeSwitched: latest(strictModeSwitched),
  IdsIssued: latest(idsIssued),
  RetentionSet: latest(retentionSet),
  RetentionApplied: latest(retentionApplied),
  ClientClaimed: latest(clientClaimed),

  WebhookCreated: latest(webhookCreated),
  WebhookUpdated: latest(webhookUpdated),
  WebhookEnabled: latest(webhookEnabled),
  WebhookDisabled: latest(webhookDisabled),
  SecretRotated: latest(secretRotated),
  WebhookDeleted: latest(webhookDeleted),

  ResourceChanged: boxable(resourceChange),
  OrderSold: boxable(resourceChange),
  TicketsRefunded: boxable(resourceChange),
  TicketsReissued: boxable(resourceChange),
  OrderCancelled: boxable(resourceChange),
  TicketsScanned: boxable(resourceChange),

  InvocationScheduled: boxable(invocationScheduled),
  AttemptStarted: latest(attemptStarted),
  AttemptFailed: boxable(attemptFailed),
  InvocationDelivered: boxable(invocationDelivered),
  InvocationExhausted: latest(invocationExhausted),
  InvocationCancelled: latest(invocationCancelled),
  InvocationSuperseded: latest(invocationSuperseded),
  RetryRequested: latest(retryRequested),

  CustomerErased: latest(customerErased),

  JobCreated: latest(jobCreated),
  JobStarted: latest(jobStarted),
  JobProgressed: latest(jobProgressed),
  JobPaused: latest(jobPaused),
  JobResumed: latest(jobResumed),
  JobCancelled: latest(jobCancelled),
  JobCompleted: latest(jobCompleted),

  ChangeClaimed: latest(changeClaimed),
  ClaimReleased: latest(claimReleased),
  NodeJoined: latest(nodeJoined),
  NodeRenewed: latest(nodeRenewed),
  NodeLeft: latest(nodeLeft),
  NodeExpired: latest(nodeExpired),

  HistorySealed: latest(historySealed),
};
