import type { ChangeIntake } from '../commands/report-changes.ts';
import type { Accounts } from '../commands/accounts.ts';
import type { Erasures } from '../commands/erasures.ts';
import type { Webhooks, WebhookSnapshot } from '../commands/webhooks.ts';
import { endpointOf, partitionOf } from '../domain/partitions.ts';
import type { Rules } from '../domain/rules.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, Position, RecordedEvent, Subscription } from '../eventstore/event-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { HttpSender } from '../ports/http-sender.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import { decodeUpTo, Projector, UndecodableEvent, type UndecodablePlace } from '../projections/projector.ts';
import type { ReadModels } from '../projections/read-models.ts';
import type { RequestBuilder } from './attempt.ts';
import { Consequences } from './consequences.ts';
import type { QueueLimits } from './fair-queue.ts';
import { JobRunner } from './job-runner.ts';
import { FILTER, LogPages, PAGE } from './log-pages.ts';
import { NotStored } from './not-stored.ts';
import { Patience } from './patience.ts';
import { ProcessManager } from './process-manager.ts';
import type { Membership, Tenant } from './membership.ts';
import { webhookOf } from './reactions.ts';
import { recordInterrupted } from './recovery.ts';
import { describeStop, RUNNING_MAX_MS, WHAT_TO_DO } from './stopped-reading.ts';
import type { Move } from './takeovers.ts';
import { WHOLE_TERRITORY } from './territory.ts';

export interface EngineDeps {
  readonly store: EventStore;
  readonly readModels: ReadModels;
  readonly accounts: Pick<Accounts, 'observe'>;
  readonly webhooks: Webhooks;
  readonly intake: ChangeIntake;
  readonly requests: RequestBuilder;
  readonly sender: HttpSender;
  readonly rules: Rules;
  readonly defaultRetryBaseMs: number;
  readonly limits: QueueLimits;
  /** Code units of the changes that may wait in memory for their fan-out; 8 Mi if undefined. */
  readonly changeUnitsMax?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Undefined: no keys are kept. */
  readonly erasures?: Pick<Erasures, 'complete'>;
  /** Where several nodes share the store; undefined: this process has it for itself. */
  readonly membership?: Membership;
  /** The engine cannot go on; a new process recovers from the log. Not told of an event that cannot be read: see `stoppedAt`. */
  readonly onDefect: (error: unknown) => void;
}

export const DEFAULT_LIMITS: QueueLimits = {
  inFlightMax: 1024,
  unprovenMax: 384,
  doubtfulMax: 256,
  perEndpointMin: 4,
  perEndpointMax: 256,
};

const CHANGE_UNITS_MAX = 8 * 1024 * 1024;
const HANDLED_POLL_MS = 10;

/**
 * Reads the log in order and does what follows: routing tables, fan-out, reactions, the invocation log, deliveries.
 * Every step may be repeated after a crash; none needs another to have happened in the same process.
 */
export class Engine {
  readonly #deps: EngineDeps;
  readonly #projector: Projector;
  readonly #deliveries: ProcessManager;
  readonly #patience: Patience;
  readonly #pages: LogPages;
  readonly #consequences: Consequences;
  readonly #jobs: JobRunner;
  readonly #recovering = new Set<string>();
  #subscription: Subscription | undefined;
  #ready = false;
  #stopped = false;
  #stoppedAt: UndecodablePlace | undefined;
  /** Once it has stopped reading: resolves when nothing is under way here any more. */
  #standingDown: Promise<void> = Promise.resolve();

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    const stopped = (): boolean => this.#stopped;
    this.#patience = new Patience({ ...deps, stopped });
    this.#pages = new LogPages({ ...deps, patience: this.#patience, stopped });
    this.#projector = new Projector(deps);
    this.#deliveries = new ProcessManager({
      ...deps,
      territory: deps.membership ?? WHOLE_TERRITORY,
      dueList: deps.readModels,
      settled: () => this.settled(),
      reached: (position) => this.#projector.reached(position),
      showSoon: (position) => this.#projector.showSoon(position),
    });
    this.#jobs = new JobRunner({
      ...deps,
      territory: deps.membership ?? WHOLE_TERRITORY,
      settled: () => this.settled(),
      onDefect: (error) => this.failed(error),
    });
    this.#consequences = new Consequences({
      ...deps,
      pages: this.#pages,
      patience: this.#patience,
      projector: this.#projector,
      admission: this.#deliveries.admission,
      changeUnitsMax: deps.changeUnitsMax ?? CHANGE_UNITS_MAX,
      stopped,
      onFailure: (error) => this.failed(error),
    });
    this.#projector.onProjected((events, position) => {
      deps.intake.projectedUpTo(position);
      this.#consequences.record();
      this.#deliveries.projected(events, position);
      this.#jobs.projected(events);
    });
  }

  /** True once everything that the log holds is known and deliveries run. */
  get ready(): boolean {
    return this.#ready;
  }

  /** The event that it could not read. From there on it shows, fans out and attempts nothing; the process goes on. */
  get stoppedAt(): UndecodablePlace | undefined {
    return this.#stoppedAt;
  }

  get inFlight(): number {
    return this.#deliveries.inFlight;
  }

  /** How far the read models show the log. */
  get shownUpTo(): Position {
    return this.#projector.shownUpTo;
  }

  /** How far all that follows from the log is done, as far as this process has to. */
  get handledUpTo(): Position {
    return this.#consequences.handledUpTo;
  }

  /** Resolves when all that follows up to there is done, or with false when that takes too long. */
  async handledAll(upTo: Position, patienceMs: number): Promise<boolean> {
    const { clock } = this.#deps;
    const untilMs = clock.monotonicMs() + patienceMs;
    while (this.handledUpTo < upTo) {
      if (this.#stopped || clock.monotonicMs() >= untilMs) return false;
      await new Promise<void>((resolve) => {
        clock.setTimer(HANDLED_POLL_MS, resolve);
      });
    }
    return true;
  }

  /** Resolves when the read models show everything that is in the store now. */
  async settled(): Promise<void> {
    await this.#projector.settled();
  }

  /** The same, and whether they do: not while the store is away, nor once the engine has stopped. */
  caughtUp(): Promise<boolean> {
    return this.#projector.settled();
  }

  /** Resolves when deliveries run, or when an event stands in the way that cannot be read. */
  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      if (!(error instanceof UndecodableEvent)) throw error;
      this.failed(error);
    }
  }

  async #start(): Promise<void> {
    const { readModels, log, membership } = this.#deps;
    const head = await this.#catchUp();
    this.#consequences.beginAt(head);
    if (membership !== undefined) return this.#startAmongOthers(membership, head);
    const repeated = await this.#consequences.finish(head);
    await this.#subscribe(head);
    await this.#consequences.reacted;
    const interrupted = await this.#patience.untilStored('recovery', () =>
      recordInterrupted({ ...this.#deps, dueList: readModels }),
    );
    await this.settled();
    if (this.#stopped) return;
    this.#consequences.record();
    this.#deliveries.start();
    this.#jobs.start();
    this.#ready = true;
    log.info({ head, repeated, interrupted }, 'engine ready');
  }

  /** What others have not done comes with the partitions that this node gets. */
  async #startAmongOthers(membership: Membership, head: Position): Promise<void> {
    await this.#subscribe(head);
    await this.settled();
    if (this.#stopped) return;
    this.#deliveries.start();
    await membership.join(this.#tenant());
    if (this.#stopped) return;
    this.#jobs.start();
    this.#ready = true;
    this.#deps.log.info({ head, node: membership.node }, 'engine ready');
  }

  #tenant(): Tenant {
    const { readModels } = this.#deps;
    return {
      handledUpTo: () => this.handledUpTo,
      handledBefore: () => readModels.fannedOutUpTo(),
      readUpTo: () => this.shownUpTo,
      inFlight: () => this.#deliveries.inFlight,
      assigned: (partitions, undoneFrom) => {
        this.#consequences.assigned(partitions, undoneFrom);
        this.#deliveries.lookAgain();
        this.#jobs.lookAgain();
      },
      busyNodes: () => readModels.inFlightNodes(),
      takeOverAttempts: (node) => void this.#takeOverAttempts(node).catch((error) => this.failed(error)),
      resumed: () => {
        this.#deliveries.lookAgain();
        this.#jobs.lookAgain();
      },
    };
  }

  /** Asked again with each look at the cluster, until none is left. */
  async #takeOverAttempts(node: string): Promise<void> {
    const { readModels, membership, log } = this.#deps;
    if (this.#recovering.has(node) || membership === undefined) return;
    this.#recovering.add(node);
    try {
      await this.settled();
      const isOurs = ({ webhook }: WebhookSnapshot): boolean =>
        membership.mayAttempt(partitionOf(endpointOf(webhook.facts.settings.url)));
      const dueList = {
        inFlight: (after: Position, limit: number) => readModels.inFlightOf(node, after, limit),
      };
      const interrupted = await recordInterrupted({ ...this.#deps, dueList, of: { node, isOurs } });
      if (interrupted > 0) log.info({ node, interrupted }, 'attempts of a node that is gone were ended');
    } catch (error) {
      if (!(error instanceof NotStored)) throw error;
    } finally {
      this.#recovering.delete(node);
    }
  }

  /** Stops reading and delivering. Running attempts end or, after `boundMs`, are recorded as interrupted. */
  async drain(boundMs: number): Promise<void> {
    this.#ready = false;
    if (this.#stoppedAt === undefined)
      await this.#asFarAsReadable(() => this.#deps.membership?.beginLeaving());
    if (this.#stoppedAt !== undefined) {
      // On its way to the same end already, but with more time.
      await this.#consequences.fannedOut;
      await this.#deliveries.drain(boundMs);
      return this.#standingDown;
    }
    this.#stopped = true;
    return this.#windDown(boundMs);
  }

  /**
   * Something of this process failed. An event that cannot be read ends the reading and all that follows from it, but not
   * the process: a restart would meet it again. All else is a defect.
   */
  failed(error: unknown): void {
    if (!(error instanceof UndecodableEvent)) return this.#onDefect(error);
    if (this.#stopped) {
      // Being stopped: nothing more will be shown, and nobody is to wait for it, nor to start an attempt on what is shown.
      void this.#deliveries.drain(RUNNING_MAX_MS);
      return this.#projector.stop();
    }
    this.#stopped = true;
    this.#ready = false;
    this.#stoppedAt = error.at;
    this.#deps.log.error({ ...error.at, todo: WHAT_TO_DO }, describeStop(error.at));
    this.#standingDown = this.#standDown().catch((failure: unknown) => this.#deps.onDefect(failure));
  }

  /** Others may do what this process cannot; what it has in flight stays its own to the end. */
  async #standDown(): Promise<void> {
    // Before anything is waited for: from now on no attempt starts.
    void this.#deliveries.drain(RUNNING_MAX_MS);
    void this.#jobs.stop();
    this.#projector.stop();
    await this.#asFarAsReadable(() => this.#deps.membership?.beginLeaving());
    await this.#windDown(RUNNING_MAX_MS);
    this.#deps.log.info(
      {},
      'nothing is in flight any more; what is shown is answered until the server is stopped',
    );
  }

  /** Of a stream of nodes that cannot be read nothing can be said there either: the lease runs out. */
  async #asFarAsReadable(work: () => Promise<void> | undefined): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof UndecodableEvent)) throw error;
      this.failed(error);
    }
  }

  async #windDown(boundMs: number): Promise<void> {
    // An append that is under way may hold first attempts: they are among the running ones once it is answered.
    await this.#consequences.fannedOut;
    await Promise.all([this.#jobs.stop(), this.#deliveries.drain(boundMs)]);
    await this.#subscription?.stop();
    this.#projector.stop();
    await this.#consequences.reacted;
    this.#consequences.record();
    await this.#asFarAsReadable(() => this.#deps.membership?.leave());
  }

  /** The read models up to the newest event; nothing is decided here. */
  async #catchUp(): Promise<Position> {
    const { readModels } = this.#deps;
    let after = Math.min(readModels.checkpoint('routing'), readModels.checkpoint('log'));
    for await (const { events, next } of this.#pages.between(after)) {
      const { decoded, unreadable } = decodeUpTo(events);
      const upTo = unreadable === undefined ? next : (decoded.at(-1)?.position ?? after);
      readModels.apply('routing', decoded, upTo);
      readModels.apply('log', decoded, upTo);
      after = upTo;
      if (unreadable === undefined) continue;
      this.#projector.take([], after);
      throw unreadable;
    }
    this.#projector.take([], after);
    return after;
  }

  async #subscribe(after: Position): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      this.#subscription = this.#deps.store.subscribe({
        after,
        filter: FILTER,
        batchMax: PAGE,
        onEvents: (events, upTo) => this.#onEvents(events, upTo),
        onCaughtUp: resolve,
        onFailure: (error) => {
          this.failed(error);
          resolve();
        },
      });
    });
  }

  async #onEvents(stored: ReadonlyArray<RecordedEvent>, position: Position): Promise<void> {
    const recorded = this.#pages.ours(stored);
    const { decoded: events, unreadable } = decodeUpTo(recorded);
    if (unreadable !== undefined) {
      // What stands before it is shown, and no more.
      const last = events.at(-1);
      if (last !== undefined) this.#show(events, last.position);
      throw unreadable;
    }
    const moves = this.#show(events, position);
    this.#consequences.take(recorded, events, moves, position);
    if (this.#consequences.isFull) await this.#consequences.fannedOut;
  }

  /** Read models and memory know of them from now on, or soon. Answers which webhooks moved. */
  #show(events: ReadonlyArray<Decoded>, position: Position): ReadonlyArray<Move> {
    const { readModels, accounts, webhooks } = this.#deps;
    readModels.apply('routing', events, position);
    const moves: Move[] = [];
    for (const decoded of events) {
      if (isWebhookEvent(decoded)) {
        webhooks.observe(decoded);
        if (this.#deps.membership === undefined) continue;
        const webhook = webhookOf(decoded);
        this.#deliveries.moved(webhook);
        moves.push({ webhook, at: decoded.position });
      } else if (isAccountEvent(decoded)) accounts.observe(decoded);
    }
    this.#projector.take(events, position);
    return moves;
  }

  /** Nothing more will be shown: whoever waits for that would wait for ever. */
  #onDefect(error: unknown): void {
    this.#projector.stop();
    // Being stopped politely; one that has stopped reading still is to end on a defect.
    if (this.#stopped && this.#stoppedAt === undefined) return;
    this.#stopped = true;
    this.#deps.onDefect(error);
  }
}

const isAccountEvent = (decoded: Decoded): boolean => decoded.stream.startsWith('account-');

const isWebhookEvent = (decoded: Decoded): boolean => decoded.stream.startsWith('webhook-');
