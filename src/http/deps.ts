import type { Either } from 'fp-ts/lib/Either.js';
import type { Accounts } from '../commands/accounts.ts';
import type { Erasures } from '../commands/erasures.ts';
import type { InvocationFailure, KnownInvocation } from '../commands/invocations.ts';
import type { AskedJob, JobFailure, JobPreview, JobRequest } from '../commands/jobs.ts';
import type { ChangeIntake } from '../commands/report-changes.ts';
import type { Webhooks } from '../commands/webhooks.ts';
import type { Cause } from '../domain/events.ts';
import type { KnownJob } from '../domain/job.ts';
import type { NodeReport } from '../domain/cluster.ts';
import type { Rules } from '../domain/rules.ts';
import type { EventStore, Position } from '../eventstore/event-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Simulations } from '../ports/simulations.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { Random } from '../ports/random.ts';
import type { VerifyToken } from '../ports/tokens.ts';
import type { ReadModels } from '../projections/read-models.ts';

export type CheckUrl = (text: string) => Either<{ readonly message: string }, URL>;

/** The commands on invocations, bound to what they need. */
export interface InvocationCommands {
  get(guid: string): Promise<Either<InvocationFailure, KnownInvocation>>;
  retry(guid: string, cause: Cause): Promise<Either<InvocationFailure, KnownInvocation>>;
  /** How many new rounds were opened. */
  retryAllFailed(webhook: string, cause: Cause): Promise<Either<InvocationFailure, number>>;
  test(webhook: string, cause: Cause): Promise<Either<InvocationFailure, KnownInvocation>>;
}

/** The commands on jobs, bound to what they need. */
export interface JobCommands {
  preview(request: JobRequest): Promise<Either<JobFailure, JobPreview>>;
  ask(request: JobRequest, cause: Cause): Promise<Either<JobFailure, AskedJob>>;
  steer(
    guid: string,
    asked: 'pause' | 'resume' | 'cancel',
    cause: Cause,
  ): Promise<Either<JobFailure, KnownJob>>;
}

export interface Health {
  readonly ready: boolean;
  /** Why not, in words for an operator; empty when ready. */
  readonly reasons: ReadonlyArray<string>;
  /** Not ready, and yet whatever only reads is answered from what is known: the reading of the log has stopped for good. */
  readonly answersReads?: boolean;
}

/** One of the nodes that share the store, as the others know it. */
export interface NodeStatus extends NodeReport {
  readonly isThis: boolean;
  readonly renewedAtMs: number;
  readonly partitions: ReadonlyArray<number>;
  /** By how much it is behind what this node knows of the log, in positions. */
  readonly behind: number;
  /** Names of what it was given differently from this node. */
  readonly differsIn: ReadonlyArray<string>;
}

/** Everything that the HTTP side needs. Each resource's file takes the part that it uses. */
export interface HttpDeps {
  readonly version: string;
  /** The first wait of webhooks that set none. Milliseconds. */
  readonly defaultRetryBaseMs: number;
  readonly rules: Rules;
  readonly webhooks: Webhooks;
  readonly accounts: Pick<
    Accounts,
    'get' | 'setStrict' | 'setRetention' | 'attachClient' | 'companyOfClient' | 'issueIds'
  >;
  readonly intake: Pick<ChangeIntake, 'report'>;
  readonly invocations: InvocationCommands;
  readonly jobs: JobCommands;
  /** Undefined: no keys are kept here, and nothing can be erased. */
  readonly erasures?: Pick<Erasures, 'erase'>;
  readonly readModels: Pick<
    ReadModels,
    | 'webhooksOf'
    | 'everyWebhookOf'
    | 'moshtixWebhooks'
    | 'moshtixWebhook'
    | 'change'
    | 'invocations'
    | 'searchInvocations'
    | 'invocation'
    | 'belongsTo'
    | 'revisionAt'
    | 'liveWebhooksOf'
    | 'searchWebhooks'
    | 'createdAt'
    | 'companies'
    | 'changesOf'
    | 'health'
    | 'counts'
    | 'scheduledInAll'
    | 'countFailedIn'
    | 'slowest'
    | 'minutes'
    | 'belongingTo'
    | 'wasNamed'
    | 'positionAt'
    | 'tallyOf'
    | 'talliesByCompany'
    | 'talliesByWebhook'
    | 'talliesByDay'
    | 'job'
    | 'jobs'
    | 'lastJob'
    | 'erasureOfKey'
    | 'erasures'
  >;
  readonly store: Pick<EventStore, 'readStream' | 'readAll' | 'head' | 'positions' | 'removedAtMs'>;
  readonly verifyToken: VerifyToken;
  /** The secret behind its sealed form, as the partner sees it: `whsec_…`. */
  readonly openSecret: (sealed: string) => string;
  /** Seals what a browser keeps, so that nobody else can read or make it; `open` throws for what was not sealed here. */
  readonly cookies: { readonly seal: (plain: string) => string; readonly open: (sealed: string) => string };
  /** Where people reach this server if that is not where it listens: behind a proxy with TLS. */
  readonly publicUrl: string | null;
  readonly checkUrl: CheckUrl;
  /** Resolves when the read models show everything that this process has written. */
  readonly settled: () => Promise<void>;
  /** How far the read models show the log, and how far this process is known to have written it. */
  readonly shownUpTo: () => Position;
  readonly writtenUpTo: () => Position;
  /** The nodes that share the store; this one alone where it has the store for itself. */
  readonly nodes: () => ReadonlyArray<NodeStatus>;
  /** This store takes out of itself what companies do not keep. */
  readonly removesByPolicy: boolean;
  readonly health: () => Health;
  readonly metrics: Pick<Metrics, 'print'>;
  /** A developer's machine: GraphQL shows its schema to everybody, and has a page to try it out. */
  readonly development: boolean;
  /** For the dashboard; absent where the program was started without them. */
  readonly simulations?: Simulations;
  readonly clock: Clock;
  readonly random: Pick<Random, 'uuid'>;
  readonly log: Log;
}
