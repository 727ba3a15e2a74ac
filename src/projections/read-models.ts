import type { Subscriber } from '../domain/matching.ts';
import type { InvocationStatus } from '../domain/invocation.ts';
import type { JobScope, KnownJob } from '../domain/job.ts';
import type { Resource, ResourceRef, Trigger } from '../domain/resources.ts';
import type { CompiledRequest } from '../domain/moshtix-request.ts';
import type { Ordering, SystemEvent } from '../domain/webhook.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Position } from '../eventstore/event-store.ts';

/**
 * Everything that is read from tables instead of from streams. Disposable: deleted, it is built again from the log.
 * Two groups, each with a checkpoint of its own in the same transaction as its rows:
 *
 * - `routing`: who hears of what. Applied before a change is fanned out. Rows carry the range of positions in which
 *   they hold, so every question is answered as of a position and never depends on timing.
 * - `log`: invocations, their due times, changes. Applied in larger batches a moment later.
 */
export type Group = 'routing' | 'log';

/** An enabled webhook with what an invocation of it takes over. */
export interface ActiveWebhook extends Subscriber {
  readonly webhook: string;
  readonly triggeredByChildResources: boolean;
  readonly retries: number;
  /** Null: the server's default. */
  readonly retryBaseMs: number | null;
  readonly ordering: Ordering;
  readonly coalesce: boolean;
  /** Of the Moshtix dialect: how the body is made. */
  readonly request?: CompiledRequest;
}

/** Where one report stands in its resource's stream. */
export interface ReportPlace {
  /** Undefined when no report said anything but that it changed. */
  readonly revision: number | undefined;
  readonly deleted: boolean;
}

export interface Routing {
  /** Active webhooks as of `at` (events at positions ≤ `at`). `identifier` matches exactly; '' finds those for any. */
  subscribersTo(
    companyId: string,
    at: Position,
    resource: Resource,
    trigger: Trigger,
    identifier: string,
  ): ReadonlyArray<ActiveWebhook>;
  /** Active Moshtix webhooks as of `at` for this system event. */
  systemSubscribersTo(
    companyId: string,
    at: Position,
    systemEvent: SystemEvent,
  ): ReadonlyArray<ActiveWebhook>;
  /** The newest report as of `at` that says what an event or ticket type is like; `deleted` when a later one ended it. */
  lastReport(companyId: string, at: Position, ref: ResourceRef): ReportPlace | undefined;
  /** Identifiers of the ticket types that belong to the event as of `at`, in code unit order. */
  ticketTypesOf(companyId: string, at: Position, event: string): ReadonlyArray<string>;
  /**
   * The partitions in which the webhook's endpoint lies from `from` up to `upTo`, the oldest first: every node answers the
   * same. It may have moved in between; nothing while it does not exist.
   */
  partitionsOf(webhook: string, from: Position, upTo: Position): ReadonlyArray<number>;
  /** What the resource belongs to as of `at`, a change at `at` itself included. */
  belongsTo(companyId: string, at: Position, ref: ResourceRef): ReadonlyArray<ResourceRef>;
}

/** Something that belongs to another, directly, since the change at this position. Serves as the list's cursor. */
export interface Belonging {
  readonly since: Position;
  readonly ref: ResourceRef;
}

/** Asks both groups: right once both show the position. */
export interface Belongings {
  /**
   * What belongs directly to the resource as of `at`, in the order in which it came to, after the cursor (0 = from the
   * start). `next` is where to go on, null at the end: a page may hold less than `limit`, as what has left is passed over.
   */
  belongingTo(
    companyId: string,
    at: Position,
    ref: ResourceRef,
    after: Position,
    limit: number,
  ): { readonly found: ReadonlyArray<Belonging>; readonly next: Position | null };
  /** Whether anything ever said, up to `at`, that it belongs to the resource. */
  wasNamed(companyId: string, at: Position, ref: ResourceRef): boolean;
}

/** What a list of Moshtix webhooks can be sorted by. Webhooks that are equal in it come in the order of their creation. */
export type MoshtixSort = 'id' | 'created' | 'enabled';

export interface MoshtixPage {
  readonly sortBy: MoshtixSort;
  readonly descending: boolean;
  readonly offset: number;
  readonly limit: number;
}

export interface WebhookSearchFilter {
  /** All of them have to stand in its name or its URL, or be its guid. */
  readonly words: string;
  /** `failing`: enabled, and its last attempt failed. */
  readonly state?: 'enabled' | 'disabled' | 'failing';
}

/** People find theirs among very many. */
export interface WebhookSearch {
  /** Those that match among one company's webhooks that are not deleted, newest first, before the cursor. */
  searchWebhooks(
    companyId: string,
    filter: WebhookSearchFilter,
    before: number | undefined,
    limit: number,
  ): {
    readonly rows: ReadonlyArray<{ readonly cursor: number; readonly guid: string }>;
    /** Where one search ends, as a cursor; undefined: it looked at all that there are. */
    readonly searchedTo: number | undefined;
  };
}

/** One list entry; the rest of a webhook is folded from its stream. Each dialect lists its own webhooks. */
export interface WebhookList {
  /** Webhooks of one company that are not deleted, and how many there are in all. */
  moshtixWebhooks(
    companyId: string,
    page: MoshtixPage,
  ): { readonly guids: ReadonlyArray<string>; readonly totalCount: number };
  /** Guid of the webhook that has this number in its account, unless it is deleted. */
  moshtixWebhook(companyId: string, id: number): string | undefined;
  /** Webhooks of one company and dialect that are not deleted, oldest first, after the cursor (0 = from the start). */
  webhooksOf(
    companyId: string,
    dialect: 'openticket',
    after: number,
    limit: number,
  ): ReadonlyArray<{ readonly cursor: number; readonly guid: string }>;
  /** The same of both dialects and with deleted ones. The cursor is the position at which it was created. */
  everyWebhookOf(
    companyId: string,
    after: number,
    limit: number,
  ): ReadonlyArray<{ readonly cursor: number; readonly guid: string }>;
  /** Webhooks of one company and of both dialects that are not deleted, newest first, before the cursor. */
  liveWebhooksOf(
    companyId: string,
    before: number | undefined,
    limit: number,
  ): ReadonlyArray<{ readonly cursor: number; readonly guid: string }>;
  /** Companies that anything is known of, in the order in which they became known, after the cursor (0 = from the start). */
  companies(after: number, limit: number): ReadonlyArray<{ readonly cursor: number; readonly guid: string }>;
  /** The revision of the webhook's newest event as of `at`; undefined before it was created. */
  revisionAt(webhook: string, at: Position): number | undefined;
  /** The position at which it was created; undefined where it does not exist. */
  createdAt(webhook: string): Position | undefined;
}

/** Where a change stands. */
export interface ChangeRow {
  readonly change: string;
  readonly position: Position;
  readonly stream: string;
  readonly revision: number;
  readonly companyId: string;
  readonly fingerprint: string;
}

export interface Changes {
  change(guid: string): ChangeRow | undefined;
  /** What was reported of one company's resources, newest first, before the cursor (undefined = from the newest). */
  changesOf(companyId: string, before: Position | undefined, limit: number): ReadonlyArray<ChangeRow>;
  /** Of the newest change that was recorded at or before this time; undefined before the first. */
  positionAt(recordedAtMs: number): Position | undefined;
  /** How many there are. */
  changesInAll(): number;
  /** All changes recorded at the time or later lie after this position; undefined: there are none. */
  changesAfter(fromMs: number): Position | undefined;
}

/** A customer's data was erased; by whom. */
export interface ErasureRow {
  /** The list's cursor. */
  readonly position: Position;
  readonly guid: string;
  readonly companyId: string;
  readonly subject: string;
  readonly changes: number;
  readonly atMs: number;
  readonly actor: string;
}

/** By the id of a customer's key. */
export interface Customers {
  /** Changes that hold data under this key, oldest first, after the cursor. */
  changesOfKey(
    key: string,
    after: Position,
    limit: number,
  ): ReadonlyArray<{ readonly position: Position; readonly change: string }>;
  countOfKey(key: string): number;
  erasureOfKey(key: string): ErasureRow | undefined;
  /** Newest first, before the cursor; null: of all companies. */
  erasures(companyId: string | null, before: Position | undefined, limit: number): ReadonlyArray<ErasureRow>;
}

/** What became of everything that was scheduled: it stands in exactly one place. */
export type Tally = Readonly<Record<'scheduled' | InvocationStatus, number>>;

export interface TallyRow {
  /** The list's cursor. */
  readonly place: number;
  readonly companyId?: string;
  readonly webhook?: string;
  /** Days since the epoch, UTC. */
  readonly day?: number;
  readonly tally: Tally;
}

/** Of invocations scheduled in these days: fromDay ≤ day < toDay. */
export interface TallyDays {
  readonly fromDay: number;
  readonly toDay: number;
}

/**
 * The invocations counted by company, webhook and day of their scheduling. Kept in the transaction of the invocation log, so
 * they are exact at every checkpoint. What a removal of old invocations took from the log before it was read counts nowhere.
 */
export interface Tallies {
  /** Of one webhook, of one company, or with null of all. */
  tallyOf(
    of: TallyDays & { readonly companyId: string | null; readonly webhook?: string | undefined },
  ): Tally;
  talliesByCompany(days: TallyDays, after: number, limit: number): ReadonlyArray<TallyRow>;
  talliesByWebhook(
    of: TallyDays & { readonly companyId: string },
    after: number,
    limit: number,
  ): ReadonlyArray<TallyRow>;
  /** Of all of the company's webhooks, or of one. */
  talliesByDay(
    of: TallyDays & { readonly companyId: string; readonly webhook?: string | undefined },
    after: number,
    limit: number,
  ): ReadonlyArray<TallyRow>;
}

/** A job as it stands now. */
export interface JobRow {
  /** Position of its JobCreated. */
  readonly position: Position;
  readonly guid: string;
  readonly job: KnownJob;
  /** What it retried or scheduled, by the invocations themselves: ahead of what it says of its progress. */
  readonly done: number;
}

export interface Jobs {
  job(guid: string): JobRow | undefined;
  /** Newest first, before the cursor; null: of every company. */
  jobs(companyId: string | null, before: Position | undefined, limit: number): ReadonlyArray<JobRow>;
  /** Those that are neither completed nor cancelled, oldest first. */
  openJobs(): ReadonlyArray<JobRow>;
  /** The newest one that was asked to do this. */
  lastJob(scope: JobScope): JobRow | undefined;
}

/** How the attempts of one webhook went. */
export interface WebhookHealth {
  /** When the last attempt of either kind ended; null when there was none. */
  readonly deliveredAtMs: number | null;
  readonly failedAtMs: number | null;
  /** Those of the last 48 hours in which there were attempts, oldest first; `hour` counts from the epoch. */
  readonly hours: ReadonlyArray<{
    readonly hour: number;
    readonly delivered: number;
    readonly failed: number;
    /** Of all attempts together. */
    readonly durationMs: number;
  }>;
}

/** Attempts of all webhooks that ended in one minute, and took about as long as each other. */
export interface AttemptMinute {
  /** From the epoch. */
  readonly minute: number;
  /** Index into `BUCKETS_MS` of attempt-minutes.ts. */
  readonly bucket: number;
  readonly delivered: number;
  readonly failed: number;
}

export interface SlowWebhook {
  readonly webhook: string;
  readonly attempts: number;
  readonly averageMs: number;
}

export interface Health {
  health(webhook: string, nowMs: number): WebhookHealth;
  /**
   * Those whose attempts of this hour and the last took longest on average, the slowest first. With `after` and `among` of
   * only so many webhooks: looking at all of them takes long where there are very many.
   */
  slowest(
    nowMs: number,
    limit: number,
    after?: number,
    among?: number,
  ): {
    readonly rows: ReadonlyArray<SlowWebhook>;
    /** The next `after`; undefined: there are no more. */
    readonly next: number | undefined;
  };
  /** Oldest first, at most a day. */
  minutes(fromMs: number, toMs: number): ReadonlyArray<AttemptMinute>;
}

export interface InvocationRow {
  /** Position of its InvocationScheduled: newer is greater. Serves as the list's cursor. */
  readonly position: Position;
  readonly guid: string;
  readonly companyId: string;
  readonly webhook: string;
  readonly status: InvocationStatus;
}

export interface InvocationFilter {
  /** Null: every company (administrators). */
  readonly companyId: string | null;
  readonly status?: InvocationStatus;
  readonly webhook?: string;
  readonly change?: string;
  /** The matched resource that names the invocation. */
  readonly resource?: Resource;
  readonly identifier?: string;
  /** from ≤ scheduled_at < to, milliseconds since the epoch. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Nothing that was scheduled before this position. */
  readonly notBefore?: Position;
}

export interface InvocationLog {
  /** Newest first, before the cursor (undefined = from the newest). */
  invocations(
    filter: InvocationFilter,
    before: Position | undefined,
    limit: number,
  ): ReadonlyArray<InvocationRow>;
  /**
   * The same for people, who would rather look again than wait: among at most `lookedAtMax` of those that the filter's
   * webhook, company and status name. `searchedTo` is where it ended, as a cursor; undefined: those were all.
   */
  searchInvocations(
    filter: InvocationFilter,
    before: Position | undefined,
    limit: number,
    lookedAtMax: number,
  ): { readonly rows: ReadonlyArray<InvocationRow>; readonly searchedTo: Position | undefined };
  invocation(guid: string): InvocationRow | undefined;
  /** Counts by status, over everything. */
  counts(): Readonly<Record<InvocationStatus, number>>;
  /** How many were ever scheduled, counted for itself. */
  scheduledInAll(): number;
}

/** One invocation whose next attempt is due. */
export interface DueRow {
  readonly guid: string;
  readonly position: Position;
  /** Whether it failed before or was asked for by hand; first attempts go first. */
  readonly retry: boolean;
  readonly dueAtMs: number;
}

/** What the process manager asks for: the backlog lives here, not in memory. */
export interface DueList {
  /**
   * Due at `nowMs`, first attempts before retries, then by due time and position. Of a webhook with
   * `ordering: per_resource` only those without an older unsettled one for the same origin.
   */
  dueOf(webhook: string, nowMs: number, limit: number): ReadonlyArray<DueRow>;
  /** Webhooks with something, or with a retry, that fell due in the range: after < due ≤ until. */
  webhooksDue(afterMs: number, untilMs: number, retriesOnly?: boolean): ReadonlyArray<string>;
  /** The earliest due time after the given one, or undefined. */
  nextDueAfter(afterMs: number): number | undefined;
  /** The same of first attempts alone: one lies in the future only if the clock was set back. */
  nextFirstAfter(afterMs: number): number | undefined;
  inFlight(after: Position, limit: number): ReadonlyArray<InvocationRow>;
  /** Nodes that have attempts in flight; '' stands for those that were started when nodes did not share the store. */
  inFlightNodes(): ReadonlyArray<string>;
  /** What one of these has in flight. */
  inFlightOf(node: string, after: Position, limit: number): ReadonlyArray<InvocationRow>;
  /** Waiting invocations of a webhook whose change (or test, or job) came before `before`, oldest first, after the cursor. */
  waitingOf(webhook: string, before: Position, after: Position, limit: number): ReadonlyArray<InvocationRow>;
  /** Exhausted ones, and waiting ones that failed before: what "retry all failed" takes. Oldest first. */
  failedOf(webhook: string, after: Position, limit: number): ReadonlyArray<InvocationRow>;
  /** The same of a job's scope, scheduled at `upTo` or before, and how many there are. */
  failedIn(
    scope: JobScope,
    upTo: Position,
    after: Position,
    limit: number,
  ): ReadonlyArray<InvocationRow & { readonly scheduledAtMs: number }>;
  countFailedIn(scope: JobScope, upTo: Position): number;
  /** Waiting invocations of the same webhook and origin that are older than `before`. */
  olderWaiting(webhook: string, origin: ResourceRef, before: Position): ReadonlyArray<InvocationRow>;
  /** The newest invocation of the same webhook and origin that is newer than `than`. */
  newerThan(webhook: string, origin: ResourceRef, than: Position): InvocationRow | undefined;
}

export interface ReadModels
  extends
    Routing,
    Belongings,
    WebhookList,
    WebhookSearch,
    Changes,
    Customers,
    Tallies,
    InvocationLog,
    DueList,
    Jobs,
    Health {
  checkpoint(group: Group): Position;
  /** Rows and checkpoint in one transaction. Events at or before the checkpoint are skipped: applying twice is safe. */
  apply(group: Group, events: ReadonlyArray<Decoded>, upTo: Position): void;
  /**
   * Up to where every change is known to have been fanned out: what was stored, or what the log shows (of the changes
   * with a scheduled invocation the last but one), whichever is greater. The log shows it only where it was written by one
   * process on a store whose appends over several streams are all or nothing.
   */
  fannedOutUpTo(): Position;
  recordFannedOut(position: Position): void;
  /** What `recordFannedOut` stored, whatever the log shows: up to here reactions are done, too. */
  handledUpTo(): Position;
  close(): void;
}
