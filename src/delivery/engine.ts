import { isLeft } from 'fp-ts/lib/Either.js';
import type { ChangeIntake } from '../commands/report-changes.ts';
import type { Accounts } from '../commands/accounts.ts';
import type { Erasures } from '../commands/erasures.ts';
import type { Webhooks, WebhookSnapshot } from '../commands/webhooks.ts';
import { isResourceStream, STREAM_PREFIXES } from '../domain/ids.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import { endpointOf, partitionOf } from '../domain/partitions.ts';
import type { Rules } from '../domain/rules.ts';
import { unitsOf } from '../eventstore/batch.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, Position, RecordedEvent, Subscription } from '../eventstore/event-store.ts';
import { oursOf } from '../eventstore/ours.ts';
import type { Clock } from '../ports/clock.ts';
import type { HttpSender } from '../ports/http-sender.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import {
  decodeAll,
  decodeUpTo,
  Projector,
  UndecodableEvent,
  type UndecodablePlace,
} from '../projections/projector.ts';
import type { ReadModels } from '../projections/read-models.ts';
import type { RequestBuilder } from './attempt.ts';
import type { QueueLimits } from './fair-queue.ts';
import { type Admission, fanOut, type FanOutTask, noAdmission } from './fan-out.ts';
import { JobRunner } from './job-runner.ts';
import { NotStored } from './not-stored.ts';
import { ProcessManager } from './process-manager.ts';
import type { Membership, Tenant } from './membership.ts';
import { isCause, react, webhookOf } from './reactions.ts';
import { recordInterrupted } from './recovery.ts';
import { describeStop, RUNNING_MAX_MS, WHAT_TO_DO } from './stopped-reading.ts';
import { type IsOurs, type Move, type Redone, Takeovers } from './takeovers.ts';
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
  inFlightMax: 512,
  unprovenMax: 384,
  doubtfulMax: 256,
  perEndpointMin: 4,
  perEndpointMax: 128,
};

const PAGE = 1000;
/** Code units of the changes that may wait in memory for their fan-out; with more of them nothing more is read. */
const UNITS_DUE_MAX = 8 * 1024 * 1024;
const STORE_RETRY_MS = 500;
const HANDLED_POLL_MS = 10;
const FILTER = { streamPrefixes: STREAM_PREFIXES };

/**
 * Reads the log in order and does what follows: routing tables, fan-out, reactions, the invocation log, deliveries.
 * Every step may be repeated after a crash; none needs another to have happened in the same process.
 */
export class Engine {
  readonly #deps: EngineDeps;
  readonly #projector: Projector;
  readonly #deliveries: ProcessManager;
  readonly #takeovers: Takeovers;
  readonly #jobs: JobRunner;
  readonly #recovering = new Set<string>();
  #subscription: Subscription | undefined;
  #ready = false;
  #stopped = false;
  #stoppedAt: UndecodablePlace | undefined;
  /** Once it has stopped reading: resolves when nothing is under way here any more. */
  #standingDown: Promise<void> = Promise.resolve();
  #toldOfOthers = false;
  /** The fan-out of what was read; never rejects. */
  #fanningOut: Promise<void> = Promise.resolve();
  /** Code units of the changes read that are not fanned out yet. */
  #unitsDue = 0;
  /** Reactions; the position of the newest that are under way, 0 when none is. */
  #reacting: Promise<void> = Promise.resolve();
  #reactionsDueTo: Position = 0;
  /** Fan-out and reactions are done up to here. */
  #handled: Position = 0;
  #recorded: Position = 0;
  /** Batches of the log were fanned out up to here. */
  #seen: Position = 0;
  /** The newest that was scheduled when the fan-out of the last process was finished. */
  #scheduledUpTo: Position = 0;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.#projector = new Projector(deps);
    this.#deliveries = new ProcessManager({
      ...deps,
      territory: deps.membership ?? WHOLE_TERRITORY,
      dueList: deps.readModels,
      settled: () => this.settled(),
      reached: (position) => this.#projector.reached(position),
    });
    this.#jobs = new JobRunner({
      ...deps,
      territory: deps.membership ?? WHOLE_TERRITORY,
      settled: () => this.settled(),
      onDefect: (error) => this.failed(error),
    });
    this.#takeovers = new Takeovers({
      routing: deps.readModels,
      seenUpTo: () => this.#seen,
      doneByAll: () => deps.membership?.doneByAll ?? 0,
      inTurn: (work) => this.#inTurn(work),
      redo: (after, upTo, isOurs, onDone) => this.#redo(after, upTo, isOurs, onDone),
    });
    this.#projector.onProjected((events, position) => {
      deps.intake.projectedUpTo(position);
      this.#recordHandled();
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
    return this.#takeovers.upTo(this.#handled);
  }

  /** Resolves when all that follows up to there is done, or with false when that takes too long. */
  async handledAll(upTo: Position, patienceMs: number): Promise<boolean> {
    const { clock } = this.#deps;
    const untilMs = clock.monotonicMs() + patienceMs;
    while (this.handledUpTo < upTo) {
      if (this.#stopped || clock.monotonicMs() >= untilMs) return false;
      await this.#pause(HANDLED_POLL_MS);
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
    this.#seen = head;
    if (membership !== undefined) return this.#startAmongOthers(membership, head);
    const handled = readModels.handledUpTo();
    const repeated = await this.#finishFanOut(head);
    void this.#reactInTurn(head, async () => {
      await this.#projector.reached(this.#scheduledUpTo);
      await this.#repeatReactions(handled, head);
    });
    await this.#subscribe(head);
    await this.#reacting;
    const interrupted = await this.#untilStored('recovery', () =>
      recordInterrupted({ ...this.#deps, dueList: readModels }),
    );
    await this.settled();
    if (this.#stopped) return;
    this.#recordHandled();
    this.#deliveries.start();
    this.#jobs.start();
    this.#ready = true;
    log.info({ head, repeated, interrupted }, 'engine ready');
  }

  /** What others have not done comes with the partitions that this node gets. */
  async #startAmongOthers(membership: Membership, head: Position): Promise<void> {
    this.#handled = head;
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
        this.#takeovers.assigned(partitions, undoneFrom);
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
      await this.#fanningOut;
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
    if (this.#stopped) return;
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
    await this.#fanningOut;
    await Promise.all([this.#jobs.stop(), this.#deliveries.drain(boundMs)]);
    await this.#subscription?.stop();
    this.#projector.stop();
    await this.#reacting;
    this.#recordHandled();
    await this.#asFarAsReadable(() => this.#deps.membership?.leave());
  }

  /** The read models up to the newest event; nothing is decided here. */
  async #catchUp(): Promise<Position> {
    const { readModels } = this.#deps;
    let after = Math.min(readModels.checkpoint('routing'), readModels.checkpoint('log'));
    for await (const { events, next } of this.#pages(after)) {
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

  /**
   * Changes that the last process had not fanned out to the end. What is scheduled tells how far it had come only where an
   * append is all or nothing: else those of one batch land side by side, a later change before an earlier one.
   */
  async #finishFanOut(head: Position): Promise<number> {
    const { store, readModels } = this.#deps;
    const after = store.atomicBatches ? readModels.fannedOutUpTo() : readModels.handledUpTo();
    let repeated = 0;
    for await (const { events, next } of this.#pages(after, head)) {
      const changes = decodeAll(events).filter(isChange);
      repeated += changes.length;
      const newest = await this.#fanOutUntilStored(changes, noAdmission, true);
      this.#scheduledUpTo = Math.max(this.#scheduledUpTo, newest);
      if (next >= head) break;
    }
    return repeated;
  }

  /** Reactions that the last process had not finished. They do nothing where they were. */
  async #repeatReactions(after: Position, head: Position): Promise<void> {
    for await (const { events, next } of this.#pages(after, head)) {
      for (const cause of decodeAll(events).filter(isCause)) {
        await this.#untilStored('reaction', () => react(this.#deps, cause));
      }
      if (next >= head) return;
    }
  }

  /** Events of the range after < position ≤ upTo. */
  async *#pages(
    from: Position,
    upTo = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<{ readonly events: ReadonlyArray<RecordedEvent>; readonly next: Position }> {
    let after = from;
    while (!this.#stopped) {
      const page = await this.#deps.store.readAll({ after, limit: PAGE, filter: FILTER })();
      if (isLeft(page)) {
        this.#deps.log.warn({ reason: page.left.message }, 'event store not available, trying again');
        await this.#pause(STORE_RETRY_MS);
        continue;
      }
      const { events, next, atEnd } = page.right;
      yield { events: this.#ours(events).filter(({ position }) => position <= upTo), next };
      if (atEnd) return;
      after = next;
    }
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

  /** What others keep in the same store under names that begin as ours is passed over. */
  #ours(events: ReadonlyArray<RecordedEvent>): ReadonlyArray<RecordedEvent> {
    const ours = oursOf(events);
    if (ours.length < events.length && !this.#toldOfOthers) {
      this.#toldOfOthers = true;
      this.#deps.log.info({}, 'the store holds streams of other programs with names like ours: passed over');
    }
    return ours;
  }

  async #onEvents(stored: ReadonlyArray<RecordedEvent>, position: Position): Promise<void> {
    const recorded = this.#ours(stored);
    const { decoded: events, unreadable } = decodeUpTo(recorded);
    if (unreadable !== undefined) {
      // What stands before it is shown, and no more.
      const last = events.at(-1);
      if (last !== undefined) this.#show(events, last.position);
      throw unreadable;
    }
    const moves = this.#show(events, position);
    const units = recorded.reduce(
      (sum, { stream, event }) => sum + (isResourceStream(stream) ? unitsOf(event) : 0),
      0,
    );
    this.#unitsDue += units;
    this.#inTurn(async () => {
      await this.#fanOutBatch(events, moves, position);
      this.#unitsDue -= units;
    });
    if (this.#unitsDue > UNITS_DUE_MAX) await this.#fanningOut;
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

  /** Fan-out runs beside the reading, one batch after the other: what it leads to is shown while it goes on. */
  #inTurn(work: () => Promise<void>): void {
    this.#fanningOut = this.#fanningOut.then(work).catch((error: unknown) => this.failed(error));
  }

  async #fanOutBatch(
    events: ReadonlyArray<Decoded>,
    moves: ReadonlyArray<Move>,
    position: Position,
  ): Promise<void> {
    const isOurs = this.#deps.membership === undefined ? ALL : await this.#takeovers.begin(moves);
    const changes = events.filter(isChange);
    const scheduledUpTo = await this.#fanOutUntilStored(changes, this.#deliveries.admission, false, isOurs);
    // What was not fanned out before the stop must not count as done.
    if (this.#stopped) return;
    this.#seen = position;
    const causes = events.filter((event) => isCause(event) && isOurs(webhookOf(event), event.position));
    if (causes.length > 0) {
      void this.#reactInTurn(position, async () => {
        // With what the changes before these events have led to, however late that was written.
        await this.#projector.reached(Math.max(position, scheduledUpTo));
        for (const cause of causes) await this.#untilStored('reaction', () => react(this.#deps, cause));
      });
    } else if (this.#reactionsDueTo === 0) this.#handled = position;
  }

  /** Nothing more will be shown: whoever waits for that would wait for ever. */
  #onDefect(error: unknown): void {
    this.#projector.stop();
    // Being stopped politely; one that has stopped reading still is to end on a defect.
    if (this.#stopped && this.#stoppedAt === undefined) return;
    this.#stopped = true;
    this.#deps.onDefect(error);
  }

  /** What others would have done of the range, had they not gone. What they did is left as it is. */
  async #redo(
    after: Position,
    upTo: Position,
    isOurs: IsOurs,
    onDone?: (upTo: Position) => void,
  ): Promise<Redone> {
    await this.#projector.reached(upTo);
    let reacted = Promise.resolve();
    let newest = upTo;
    if (after >= upTo) return { reacted };
    for await (const { events, next } of this.#pages(after, upTo)) {
      const decoded = decodeAll(events);
      const done = Math.min(next, upTo);
      const scheduled = await this.#fanOutUntilStored(decoded.filter(isChange), noAdmission, true, isOurs);
      newest = Math.max(newest, scheduled);
      const scheduledUpTo = newest;
      const causes = decoded.filter(isCause);
      reacted = this.#reactInTurn(Math.min(done, this.#seen), async () => {
        await this.#projector.reached(scheduledUpTo);
        for (const cause of causes) {
          if (!isOurs(webhookOf(cause), cause.position)) continue;
          await this.#untilStored('reaction', () => react(this.#deps, cause));
        }
        // What the stop cut short is not done.
        if (!this.#stopped) onDone?.(done);
      });
      if (next >= upTo) break;
    }
    return { reacted };
  }

  async #fanOutUntilStored(
    changes: ReadonlyArray<Decoded<ResourceChange>>,
    admission: Admission,
    repeated: boolean,
    isOurs: IsOurs = ALL,
  ): Promise<Position> {
    if (changes.length === 0) return 0;
    const task: FanOutTask = { changes, admission, repeated, done: 0, newest: 0 };
    await this.#untilStored('fan-out', () => fanOut(this.#fanOutDeps(isOurs), task));
    return task.newest;
  }

  /** Does it again while the store does not take it. Undefined: the engine was stopped before. */
  async #untilStored<A>(what: string, work: () => Promise<A>): Promise<A | undefined> {
    while (!this.#stopped) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof NotStored)) throw error;
        this.#deps.log.warn({ reason: error.message }, `${what}: trying again`);
        await this.#pause(STORE_RETRY_MS);
      }
    }
    return undefined;
  }

  /** Reactions run beside the reading, one batch after the other. */
  #reactInTurn(position: Position, reactions: () => Promise<void>): Promise<void> {
    this.#reactionsDueTo = position;
    const done = this.#reacting.then(reactions).then(() => {
      if (this.#stopped) return;
      this.#handled = Math.max(this.#handled, position);
      if (this.#reactionsDueTo === position) this.#reactionsDueTo = 0;
    });
    this.#reacting = done.catch((error: unknown) => this.failed(error));
    return done;
  }

  #recordHandled(): void {
    // Among others it stands in what this node says of itself.
    if (this.#handled <= this.#recorded || this.#deps.membership !== undefined) return;
    this.#deps.readModels.recordFannedOut(this.#handled);
    this.#recorded = this.#handled;
  }

  #fanOutDeps(isOurs: IsOurs) {
    const { store, readModels, rules, defaultRetryBaseMs, log } = this.#deps;
    return {
      store,
      routing: readModels,
      known: readModels,
      isOurs,
      rules,
      defaultRetryBaseMs,
      wait: async () => {
        if (!this.#stopped) await this.#pause(STORE_RETRY_MS);
        return !this.#stopped;
      },
      stopped: () => this.#stopped,
      log,
    };
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.clock.setTimer(delayMs, resolve);
    });
  }
}

/** Of a process that has the store for itself. */
const ALL: IsOurs = () => true;

const isChange = (decoded: Decoded): decoded is Decoded<ResourceChange> => isResourceStream(decoded.stream);

const isAccountEvent = (decoded: Decoded): boolean => decoded.stream.startsWith('account-');

const isWebhookEvent = (decoded: Decoded): boolean => decoded.stream.startsWith('webhook-');
