import { isLeft } from 'fp-ts/lib/Either.js';
import { invocation as invocationAggregate } from '../../src/commands/aggregates.ts';
import {
  getInvocation,
  type InvocationDeps,
  type KnownInvocation,
  retryAllFailed,
  retryInvocation,
  testWebhook,
} from '../../src/commands/invocations.ts';
import {
  askForJob,
  type AskedJob,
  type JobDeps,
  type JobRequest,
  steerJob,
} from '../../src/commands/jobs.ts';
import { ChangeClaims } from '../../src/commands/change-claims.ts';
import { ChangeIntake } from '../../src/commands/report-changes.ts';
import type { ReportedChange } from '../../src/commands/reported-change.ts';
import { Accounts } from '../../src/commands/accounts.ts';
import { Webhooks } from '../../src/commands/webhooks.ts';
import { RequestBuilder } from '../../src/delivery/attempt.ts';
import { Engine } from '../../src/delivery/engine.ts';
import { Membership } from '../../src/delivery/membership.ts';
import type { QueueLimits } from '../../src/delivery/fair-queue.ts';
import type { Cause } from '../../src/domain/events.ts';
import { streamOf } from '../../src/domain/ids.ts';
import type { Json } from '../../src/domain/json.ts';
import type { SetUp } from '../../src/domain/node-settings.ts';
import { ORDER_LIFE } from '../../src/domain/resource-change.ts';
import type { Resource, ResourceRef, Trigger } from '../../src/domain/resources.ts';
import { BUILT_IN_RULES } from '../../src/domain/rules.ts';
import { formatSecret } from '../../src/domain/signature.ts';
import type { WebhookSettings } from '../../src/domain/webhook.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { load } from '../../src/eventstore/transact.ts';
import { type Log, silentLog } from '../../src/ports/log.ts';
import type { HttpSender } from '../../src/ports/http-sender.ts';
import type { Random } from '../../src/ports/random.ts';
import { decodeAll } from '../../src/projections/projector.ts';
import type { JobRow, ReadModels } from '../../src/projections/read-models.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { type FaultyStore, faulty } from './faulty-store.ts';
import { Mortal } from './mortal.ts';
import { ScriptedSender } from './scripted-sender.ts';
import { VirtualClock } from './virtual-clock.ts';

export const COMPANY = '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a03';
export const BASE_MS = 1_000;
export const TIMEOUT_MS = 15_000;
export const CAUSE: Cause = {
  correlationId: '00000000-0000-4000-8000-00000000c0de',
  causationId: '00000000-0000-4000-8000-00000000c0de',
  actor: 'tests',
  companyId: COMPANY,
};

const LIMITS: QueueLimits = {
  inFlightMax: 16,
  unprovenMax: 12,
  doubtfulMax: 8,
  perEndpointMin: 4,
  perEndpointMax: 8,
};

/** The same ids in the same order in every run. */
const countingRandom = (): Random => {
  let drawn = 0;
  return {
    uuid: () => `10000000-0000-4000-8000-${(drawn += 1).toString(16).padStart(12, '0')}`,
    bytes: (length) => new Uint8Array(length).fill((drawn += 1) % 256),
  };
};

/** One run of the product's engine over the world's store. */
export interface Process {
  readonly engine: Engine;
  readonly accounts: Accounts;
  readonly webhooks: Webhooks;
  readonly intake: ChangeIntake;
  readonly readModels: ReadModels;
  readonly invocations: InvocationDeps;
  readonly jobs: JobDeps;
  readonly mortal: Mortal;
  readonly membership?: Membership;
}

/** A store, receivers and a clock that outlive the processes started on them. */
export class World {
  readonly clock = new VirtualClock();
  readonly sender = new ScriptedSender(this.clock);
  readonly store: FaultyStore;
  readonly random = countingRandom();
  readonly limits: QueueLimits;
  readonly changeUnitsMax: number | undefined;
  readonly defects: unknown[] = [];
  /** Nodes that were told that others have taken over, under the name that they had until then. */
  readonly fenced: string[] = [];
  /** Throws for what is damaged. */
  openSecret = (sealed: string): string => sealed;
  operatorLog: Log = silentLog;
  /** As the processes started from now on are configured. */
  retryBaseMs = BASE_MS;
  #process: Process | undefined;
  #changes = 0;

  /** Of processes built from now on; with one they are nodes that share the store. */
  leaseMs: number | undefined;
  /** What such nodes tell of how they are set up. */
  setUp: SetUp = { version: '0.0.0' };
  #nodes = 0;

  /** With `leaseMs` its processes are nodes that share the store. */
  constructor(
    options: {
      readonly limits?: Partial<QueueLimits>;
      /** Undefined: as the product has it. */
      readonly changeUnitsMax?: number | undefined;
      readonly store?: EventStore;
      readonly leaseMs?: number;
    } = {},
  ) {
    this.store = faulty(options.store ?? openMemoryStore());
    this.limits = { ...LIMITS, ...options.limits };
    this.changeUnitsMax = options.changeUnitsMax;
    this.leaseMs = options.leaseMs;
  }

  static async started(options: ConstructorParameters<typeof World>[0] = {}): Promise<World> {
    const world = new World(options);
    await world.start();
    return world;
  }

  /** The process started last. */
  get process(): Process {
    if (this.#process === undefined) throw new Error('no process was started');
    return this.#process;
  }

  /** Starts a process beside those that run. Keeps the read models of the one before only when asked to. */
  async start(kept?: ReadModels, name?: string): Promise<Process> {
    const process = this.build(kept, name);
    const ready = process.engine.start();
    ready.catch((error: unknown) => this.defects.push(error));
    await this.clock.advance(100);
    return process;
  }

  build(kept?: ReadModels, name?: string): Process {
    const mortal = new Mortal();
    const store = mortal.store(this.store);
    const clock = mortal.clock(this.clock);
    const readModels = kept ?? openReadModels({ path: ':memory:', log: silentLog });
    const { random } = this;
    let secrets = 0;
    const accounts = new Accounts({ store, random, clock });
    const webhooks = new Webhooks({
      accounts,
      store,
      random,
      clock,
      rules: BUILT_IN_RULES,
      secrets: {
        newSealedSecret: () => formatSecret(new Uint8Array(32).fill((secrets += 1))),
        newNonce: () => 'nonce',
      },
    });
    const intake = new ChangeIntake({
      store,
      clock,
      changes: readModels,
      caughtUp: (): Promise<boolean> => engine.caughtUp(),
      openAccount: (companyId, cause) => accounts.open(companyId, cause),
      isStrict: (companyId) => accounts.isStrict(companyId),
      rules: BUILT_IN_RULES,
      ...(this.leaseMs !== undefined && { claims: new ChangeClaims({ store, clock, random }) }),
    });
    const onDefect = (error: unknown): void => {
      this.defects.push(error);
    };
    /** As the sending thread obeys it: asked when the first byte is about to leave. */
    let leaseUntilMs = this.leaseMs === undefined ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    const sender: HttpSender = {
      send: (request, signal) =>
        this.clock.monotonicMs() < leaseUntilMs
          ? this.sender.send(request, signal)
          : Promise.resolve({ kind: 'interrupted', address: null }),
      close: () => this.sender.close(),
    };
    const membership =
      this.leaseMs === undefined
        ? undefined
        : new Membership({
            store,
            clock,
            random,
            log: this.operatorLog,
            identity: {
              name: name ?? `node-${(this.#nodes += 1)}`,
              url: 'http://127.0.0.1',
              ...this.setUp,
            },
            leaseMs: this.leaseMs,
            onLease: (untilMs) => (leaseUntilMs = untilMs),
            // No request is stopped by it here: each leaves at once.
            onFenced: () => void this.fenced.push(membership?.node ?? ''),
            onDefect: (error) => engine.failed(error),
          });
    const engine = new Engine({
      ...(membership !== undefined && { membership }),
      store,
      accounts,
      readModels,
      webhooks,
      intake,
      requests: new RequestBuilder({
        openSecret: (sealed) => this.openSecret(sealed),
        version: '0.0.0',
        timeoutMs: TIMEOUT_MS,
      }),
      sender: mortal.sender(sender),
      rules: BUILT_IN_RULES,
      defaultRetryBaseMs: this.retryBaseMs,
      limits: this.limits,
      ...(this.changeUnitsMax !== undefined && { changeUnitsMax: this.changeUnitsMax }),
      clock,
      random,
      log: this.operatorLog,
      onDefect,
    });
    const invocations = {
      store,
      random,
      clock,
      webhooks,
      dueList: readModels,
      defaultRetryBaseMs: this.retryBaseMs,
    };
    this.#process = {
      engine,
      accounts,
      webhooks,
      intake,
      readModels,
      invocations,
      jobs: { store, random, clock, webhooks, readModels, rules: BUILT_IN_RULES },
      mortal,
      ...(membership !== undefined && { membership }),
    };
    return this.#process;
  }

  /** As `kill -9`: nothing the process waits for ever comes. */
  kill(): void {
    this.process.mortal.die();
  }

  async restart(kept?: ReadModels): Promise<Process> {
    this.kill();
    return this.start(kept);
  }

  // What users do

  async webhook(
    settings: Partial<WebhookSettings> & { readonly on?: string } = {},
    { webhooks }: Pick<Process, 'webhooks'> = this.process,
  ): Promise<string> {
    const { on = 'event.update', ...more } = settings;
    const [resource = '', trigger = ''] = on.split('.');
    const made = await webhooks.create(
      COMPANY,
      {
        name: 'tests',
        url: 'https://receiver.example/hook',
        retries: 3,
        selection: {
          dialect: 'openticket',
          resource: resource as Resource,
          trigger: trigger as Trigger,
          identifier: '',
          triggeredByChildResources: false,
        },
        retryBaseMs: null,
        ordering: 'none',
        coalesce: false,
        ...more,
      },
      CAUSE,
    );
    if (isLeft(made)) throw new Error(`no webhook: ${made.left._tag}`);
    return made.right.webhook.facts.guid;
  }

  change(
    type = 'event.update',
    identifier = '7',
    more: { readonly data?: Json; readonly declared?: ReadonlyArray<ResourceRef>; readonly id?: string } = {},
  ): ReportedChange {
    const [resource = '', trigger = ''] = type.split('.');
    const life = Object.entries(ORDER_LIFE).find(([known]) => known === type)?.[1];
    this.#changes += 1;
    return {
      companyId: COMPANY,
      changeType: type,
      eventType: life?.event ?? 'ResourceChanged',
      resource: resource as Resource,
      identifier,
      triggers: life?.triggers ?? [trigger as Trigger],
      source: '/tests',
      id: more.id ?? `change-${this.#changes}`,
      occurredAtMs: this.clock.nowMs(),
      data: more.data ?? { n: this.#changes },
      declared: more.declared,
    };
  }

  /** Reports and answers with the changes' guids. What follows from them takes until the clock goes on. */
  async report(...changes: ReadonlyArray<ReportedChange>): Promise<ReadonlyArray<string>> {
    const receipts = await this.process.intake.report(changes, 'platform', this.random.uuid());
    if (isLeft(receipts)) throw new Error(`not accepted: ${receipts.left._tag}`);
    return receipts.right.map(({ change }) => change);
  }

  retry(guid: string) {
    return retryInvocation(this.process.invocations, guid, CAUSE);
  }

  async retryAllFailed(webhook: string) {
    await this.process.engine.settled();
    return retryAllFailed(this.process.invocations, webhook, CAUSE);
  }

  test(webhook: string) {
    return testWebhook(this.process.invocations, webhook, CAUSE);
  }

  /** Asks for a job on everything of the company, or on less. */
  async job(asked: Partial<JobRequest> = {}, { engine, jobs } = this.process): Promise<AskedJob> {
    await engine.settled();
    const request: JobRequest = {
      kind: 'retry_failed',
      companyId: COMPANY,
      webhook: null,
      fromMs: null,
      toMs: null,
      ratePerSecond: 50,
      ...asked,
    };
    const made = await askForJob(jobs, request, { ...CAUSE, actor: 'partner' });
    if (isLeft(made)) throw new Error(`no job: ${made.left._tag}`);
    return made.right;
  }

  async steer(guid: string, asked: 'pause' | 'resume' | 'cancel'): Promise<string> {
    const steered = await steerJob(this.process.jobs, guid, asked, CAUSE);
    return isLeft(steered) ? steered.left._tag : steered.right.situation;
  }

  // What can be seen

  jobRow(guid: string, { readModels } = this.process): JobRow {
    const row = readModels.job(guid);
    if (row === undefined) throw new Error(`no job ${guid}`);
    return row;
  }

  async log(): Promise<ReadonlyArray<Decoded>> {
    const page = await this.store.readAll({ after: 0, limit: 1_000_000 })();
    if (isLeft(page)) throw new Error(page.left.message);
    return decodeAll(page.right.events);
  }

  async invocation(guid: string): Promise<KnownInvocation> {
    const found = await getInvocation({ store: this.store }, guid);
    if (isLeft(found)) throw new Error(`invocation ${guid}: ${found.left._tag}`);
    return found.right;
  }

  /** Every invocation, folded, in the order of scheduling. */
  async invocations(webhook?: string): Promise<ReadonlyArray<KnownInvocation>> {
    const folded: KnownInvocation[] = [];
    for (const { event } of await this.log()) {
      if (event.type !== 'InvocationScheduled' || (webhook !== undefined && event.webhook !== webhook))
        continue;
      const loaded = await load(this.store, streamOf.invocation(event.guid), invocationAggregate);
      if (isLeft(loaded) || loaded.right.state.situation === 'unscheduled') throw new Error('cannot be read');
      folded.push(loaded.right.state);
    }
    return folded;
  }

  async situations(webhook?: string): Promise<ReadonlyArray<string>> {
    return (await this.invocations(webhook)).map(({ situation }) => situation);
  }

  async types(guid: string): Promise<ReadonlyArray<string>> {
    const stream = streamOf.invocation(guid);
    return (await this.log()).filter((one) => one.stream === stream).map(({ event }) => event.type);
  }
}
