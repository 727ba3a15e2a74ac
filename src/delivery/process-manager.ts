import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import { invocation as aggregate } from '../commands/aggregates.ts';
import type { Webhooks, WebhookSnapshot } from '../commands/webhooks.ts';
import { streamOf } from '../domain/ids.ts';
import {
  type InvocationCommand,
  type InvocationFacts,
  type InvocationScheduled,
  nextAction,
} from '../domain/invocation.ts';
import { endpointOf, partitionOf } from '../domain/partitions.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, Position } from '../eventstore/event-store.ts';
import { load } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { HttpSender, SendRequest } from '../ports/http-sender.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import type { DueList, DueRow, InvocationLog } from '../projections/read-models.ts';
import type { Admission } from './admission.ts';
import {
  attemptCause,
  type HeldInvocation,
  type RequestBuilder,
  sendAttempt,
  type SentAttempt,
  stepOf,
} from './attempt.ts';
import { Backlog } from './backlog.ts';
import { cancelReasonOf } from './cancel-reason.ts';
import { type AttemptKind, FairQueue, type QueueLimits, type Slot } from './fair-queue.ts';
import { FirstAttempts } from './first-attempts.ts';
import { HeldWindow } from './held-window.ts';
import { Ledger } from './ledger.ts';
import { Outage } from './outage.ts';
import { Pace } from './pace.ts';
import { reasonOf, Recorder } from './recorder.ts';
import { readScheduled } from './scheduled-reader.ts';
import { Settlements } from './settlements.ts';
import { Signable } from './signable.ts';
import type { Territory } from './territory.ts';

export interface ProcessManagerDeps {
  readonly store: EventStore;
  readonly dueList: DueList & Pick<InvocationLog, 'invocation'>;
  readonly webhooks: Webhooks;
  readonly requests: RequestBuilder;
  readonly sender: HttpSender;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly territory: Territory;
  /** Resolves when the read models show everything this process has written. */
  readonly settled: () => Promise<void>;
  /** Resolves when they show everything up to there. */
  readonly reached: (position: Position) => Promise<unknown>;
  /** They are to show it soon: others wait for that. */
  readonly showSoon: (position: Position) => void;
  /** Something that cannot happen did: the process has to stop and start again from the log. */
  readonly onDefect: (error: unknown) => void;
  readonly limits: QueueLimits;
}

/** An invocation waiting in memory; `held` spares reading it again. */
interface Waiting {
  readonly guid: string;
  readonly held: HeldInvocation | undefined;
}

/**
 * Delivers. For every invocation it asks the pure `nextAction`, starts the attempt durably, sends, and records the
 * outcome. What waits is in the due list; memory only holds a bounded window of it. Crash points and what they leave:
 * before AttemptStarted: still waiting; after it: in flight, recorded as interrupted at the next start.
 */
export class ProcessManager {
  /** What the fan-out asks before it appends, and tells afterwards. */
  readonly admission: Admission;
  readonly #deps: ProcessManagerDeps;
  readonly #queue: FairQueue<Waiting>;
  readonly #ledger = new Ledger();
  readonly #window = new HeldWindow();
  readonly #pace: Pace;
  readonly #signable: Signable;
  readonly #backlog: Backlog;
  readonly #outage: Outage;
  readonly #recorder: Recorder;
  readonly #settlements: Settlements;
  readonly #interrupt = new AbortController();
  readonly #drainBegun = Promise.withResolvers<void>();
  /** How much work was begun and has not ended. */
  #running = 0;
  /** Who waits until nothing runs: a stop may come in the middle of another. */
  #untilIdle: Array<() => void> = [];
  #started = false;
  #draining = false;
  #unrecorded = 0;

  constructor(deps: ProcessManagerDeps) {
    this.#deps = deps;
    this.#pace = new Pace(deps.clock);
    this.#signable = new Signable(deps.requests, deps.log);
    const lookAgain = (): void => this.lookAgain();
    this.#outage = new Outage({ clock: deps.clock, log: deps.log, onChance: lookAgain, onOver: lookAgain });
    const draining = (): boolean => this.#draining;
    this.#recorder = new Recorder({ ...deps, outage: this.#outage, draining });
    this.#settlements = new Settlements({
      known: deps.dueList,
      territory: deps.territory,
      showSoon: deps.showSoon,
      isHeld: (guid) => this.#ledger.has(guid),
    });
    this.#queue = new FairQueue<Waiting>(deps.limits, (webhook) => {
      const known = deps.webhooks.cached(webhook);
      return known === undefined ? undefined : endpointOf(urlOf(known));
    });
    this.#backlog = new Backlog({
      dueList: deps.dueList,
      clock: deps.clock,
      reached: deps.reached,
      isHeld: (guid) => this.#ledger.has(guid),
      queuedIn: (webhook) => this.#queue.queuedIn(webhook),
      queued: () => this.#queue.queued,
      prepare: async (webhook) => {
        const found = await deps.webhooks.get(webhook);
        if (isLeft(found)) return found;
        const endpoint = endpointOf(urlOf(found.right));
        if (!this.#mayAttempt(endpoint)) return right(undefined);
        if (!this.#signable.check(found.right)) return left('its secret cannot be opened');
        return right((rows) => this.#takeDue(webhook, endpoint, rows));
      },
      pause: () => this.#outage.pause(),
      onFetched: () => this.#pump(),
      run: (work) => this.#run(work),
    });
    this.admission = new FirstAttempts({
      ...deps,
      queue: this.#queue,
      ledger: this.#ledger,
      backlog: this.#backlog,
      outage: this.#outage,
      pace: this.#pace,
      started: () => this.#started,
      draining,
      mayAttempt: (endpoint) => this.#mayAttempt(endpoint),
      onStarted: (held, slot, request) => this.#run(this.#attemptStarted(held, slot, request)),
      enqueue: (webhook, endpoint, guid, held) => {
        if (!this.#window.hasRoomFor(held)) return false;
        this.#enqueue(webhook, endpoint, 'first', guid, held);
        this.#pump();
        return true;
      },
    });
  }

  /** Begins to deliver. The read models must show the whole log, and nothing may be in flight. */
  start(): void {
    this.#started = true;
    this.#backlog.start();
  }

  get inFlight(): number {
    return this.#queue.inFlight;
  }

  /** No new attempt from now on; resolves when the running ones are recorded. After `boundMs` they are interrupted. */
  async drain(boundMs: number): Promise<void> {
    this.#draining = true;
    this.#drainBegun.resolve();
    this.#backlog.stop();
    this.#outage.close();
    const bound = this.#deps.clock.setTimer(boundMs, () => this.#interrupt.abort());
    while (this.#running > 0) await new Promise<void>((resolve) => this.#untilIdle.push(resolve));
    bound.cancel();
    if (this.#unrecorded === 0) return;
    const fields = { attempts: this.#unrecorded };
    this.#deps.log.warn(fields, 'outcomes could not be recorded: the next start ends them as interrupted');
  }

  // What waits in memory

  /** From the due list; those that were only scheduled are read together. */
  async #takeDue(webhook: string, endpoint: string, rows: ReadonlyArray<DueRow>): Promise<void> {
    for (const { guid } of rows) this.#ledger.take(guid);
    const read = await readScheduled(this.#deps.store, rows);
    for (const { guid, retry } of rows) {
      const held = read.get(guid);
      const kept = held !== undefined && this.#window.hasRoomFor(held) ? held : undefined;
      this.#enqueue(webhook, endpoint, retry ? 'retry' : 'first', guid, kept);
    }
  }

  #enqueue(
    webhook: string,
    endpoint: string,
    kind: AttemptKind,
    guid: string,
    held: HeldInvocation | undefined,
  ): void {
    if (held !== undefined) this.#window.add(held);
    this.#queue.push(webhook, endpoint, kind, { guid, held });
  }

  // What the log says

  /** The read models now show everything up to `position`; `events` are the newest of that. */
  projected(events: ReadonlyArray<Decoded>, position: Position): void {
    // Before the ledger lets go of what it has in hand: else what was settled since would be looked for in the due list.
    if (this.#started && !this.#draining) {
      for (const webhook of this.#settlements.shown(events, position)) this.#backlog.fetch(webhook);
      this.#backlog.projected(events);
    }
    this.#ledger.shown(position);
  }

  /** Work may have come or gone: what is due is looked at again. */
  lookAgain(): void {
    if (!this.#started || this.#draining) return;
    this.#backlog.lookAtAll();
    this.#pump();
  }

  /** It may have moved to another endpoint, and so come to us. */
  moved(webhook: string): void {
    if (this.#started && !this.#draining) this.#backlog.fetch(webhook);
  }

  // One attempt after the other

  #mayAttempt(endpoint: string): boolean {
    const { territory } = this.#deps;
    // Where it is alone no partition is reckoned.
    return territory.node === undefined || territory.mayAttempt(partitionOf(endpoint));
  }

  #pump(): void {
    if (!this.#started) return;
    while (!this.#draining && this.#deps.territory.isHeld && this.#outage.mayStart) {
      const taken = this.#queue.take();
      if (taken === undefined) return;
      this.#outage.starts();
      const { lane, item, slot } = taken;
      if (item.held !== undefined) this.#window.remove(item.held);
      this.#backlog.drained(lane);
      this.#run(this.#attempt(item, slot));
    }
  }

  #run(work: Promise<void>): void {
    this.#running += 1;
    work.then(this.#ended, this.#failed);
  }

  readonly #ended = (): void => {
    this.#running -= 1;
    if (this.#running === 0) for (const wake of this.#untilIdle.splice(0)) wake();
  };

  readonly #failed = (error: unknown): void => {
    try {
      this.#deps.onDefect(error);
    } finally {
      this.#ended();
    }
  };

  async #attempt(item: Waiting, slot: Slot): Promise<void> {
    const held = item.held ?? (await this.#load(item.guid));
    const facts = held === undefined ? undefined : factsOf(held);
    if (held === undefined || facts === undefined) return this.#letGoUnread(item.guid, slot);
    const { scheduled } = facts;
    const action = nextAction(held.state, this.#deps.clock.nowMs());
    if (action.do !== 'attempt' || this.#draining) {
      this.#letGo(item.guid, slot);
      return action.do === 'wait' ? this.#backlog.notDueBefore(action.untilMs) : undefined;
    }

    const newer = mayBeSuperseded(held, facts) ? await this.#newerThan(scheduled) : undefined;
    const found = await this.#deps.webhooks.get(scheduled.webhook);
    if (isLeft(found)) return this.#letGoUnread(item.guid, slot);
    // Asked again: whoever waits for the read models is let go at the end, too, when they show nothing more.
    if (this.#draining) return this.#letGo(item.guid, slot);
    // Last: between knowing that the webhook is enabled and starting the attempt nothing is waited for, not even a promise.
    const newest = this.#deps.webhooks.cached(scheduled.webhook) ?? found.right;
    const { webhook, revision } = newest;
    const reason = cancelReasonOf(newest, scheduled);
    if (reason !== undefined) {
      return this.#finish(held, slot, { type: 'CancelInvocation', reason, atMs: this.#deps.clock.nowMs() });
    }
    if (newer !== undefined) {
      return this.#finish(held, slot, {
        type: 'SupersedeInvocation',
        by: newer,
        atMs: this.#deps.clock.nowMs(),
      });
    }

    const { url } = webhook.facts.settings;
    const endpoint = endpointOf(url);
    // Whoever it belongs to now finds it in the due list.
    if (!this.#mayAttempt(endpoint)) return this.#letGo(item.guid, slot);
    if (endpoint !== slot.endpoint) {
      // The webhook was moved meanwhile: its place among the attempts of another endpoint is none here.
      this.#letGo(item.guid, slot);
      return this.#backlog.fetch(scheduled.webhook);
    }
    const atMs = this.#deps.clock.nowMs();
    // Before AttemptStarted: an attempt that cannot be signed is never started.
    const request = this.#deps.requests.build(webhook.facts, scheduled, url, atMs);
    if (request === undefined) {
      this.#letGo(item.guid, slot);
      return this.#backlog.fetch(scheduled.webhook);
    }
    const step = stepOf(
      this.#deps.random,
      held,
      {
        type: 'StartAttempt',
        number: action.number,
        url,
        webhookRevision: revision,
        node: this.#deps.territory.node,
        atMs,
      },
      attemptCause(scheduled),
    );
    if (step === undefined) {
      // Too early after all: the clock was set back since the question above.
      this.#letGo(item.guid, slot);
      return held.state.situation === 'waiting' ? this.#backlog.notDueBefore(held.state.dueAtMs) : undefined;
    }
    const started = await this.#recorder.append(step);
    if (isLeft(started)) {
      if (started.left._tag === 'WrongExpectedRevision') return this.#overtaken(scheduled, slot);
      // Looked at again once the outage is over.
      this.#outage.failed(reasonOf(started.left));
      return this.#letGo(item.guid, slot);
    }
    return this.#attemptStarted(step.after, slot, request);
  }

  /** AttemptStarted is durable: send, and record what came of it. */
  async #attemptStarted(held: HeldInvocation, slot: Slot, request: SendRequest): Promise<void> {
    const { state } = held;
    if (state.situation !== 'in_flight') {
      throw new Error(`${held.stream} was started but is ${state.situation}`);
    }
    const { scheduled, attempts } = state.facts;
    if (attempts.at(-1)?.node !== this.#deps.territory.node) {
      // Its lease has expired while the store did not answer. Others have ended this attempt, or will: it is not made any more.
      this.#letGo(scheduled.guid, slot);
      return this.#backlog.fetch(scheduled.webhook);
    }
    const sent = await sendAttempt(this.#deps, state.number, request, this.#interrupt.signal);
    if (isGone(sent.command)) await this.#recorder.disableGone(state.facts.scheduled, state.number);
    await this.#finish(held, slot, sent.command, sent.success);
  }

  /** Records the outcome, and makes room for others. */
  async #finish(
    held: HeldInvocation,
    slot: Slot,
    command: InvocationCommand,
    success?: SentAttempt['success'],
  ): Promise<void> {
    const facts = factsOf(held);
    if (facts === undefined) throw new Error(`${held.stream}: ${command.type} of nothing`);
    const { guid, webhook } = facts.scheduled;
    const recorded = await this.#recorder.record(held, command);
    if (recorded === 'moved_on') {
      this.#ledger.letGo(guid);
      this.#backlog.fetch(webhook);
    } else if (recorded === 'not_recorded') {
      this.#unrecorded += 1;
    } else {
      if (success === false) this.#backlog.slowDown(webhook);
      this.#recordedAt(recorded, facts.scheduled);
    }
    const { inFlight } = this.#queue;
    this.#queue.release(slot, success);
    this.#pump();
    if (this.#queue.inFlight < inFlight) this.#pace.slotFreed();
  }

  /** It is at this place in the log; until the read models show that, they must not be believed about it. */
  #recordedAt(position: Position, scheduled: InvocationScheduled): void {
    const isShown = this.#ledger.recorded(scheduled.guid, position);
    // What the read models showed before the store answered was passed over: it may have been asked for again since.
    if (isShown) this.#backlog.fetch(scheduled.webhook);
    else this.#settlements.recorded(scheduled, position);
  }

  /** Not attempted now. The due list still knows it, should it be due. */
  #letGo(guid: string, slot: Slot): void {
    this.#ledger.letGo(guid);
    this.#queue.release(slot, undefined);
    this.#pump();
  }

  /**
   * Somebody else went on with it. Held until the read models show that: looked for in the due list before, it would be tried
   * over and over.
   */
  async #overtaken({ guid, webhook }: InvocationScheduled, slot: Slot): Promise<void> {
    this.#queue.release(slot, undefined);
    this.#pump();
    // Once it drains, the reading may have ended for good: then nothing is looked for any more.
    await Promise.race([this.#deps.settled(), this.#drainBegun.promise]);
    this.#ledger.letGo(guid);
    this.#backlog.fetch(webhook);
  }

  /** The store could not be read: after a while everything is looked at again. */
  async #letGoUnread(guid: string, slot: Slot): Promise<void> {
    await this.#outage.pause();
    this.#ledger.letGo(guid);
    this.#queue.release(slot, undefined);
    this.lookAgain();
  }

  async #load(guid: string): Promise<HeldInvocation | undefined> {
    const stream = streamOf.invocation(guid);
    const loaded = await load(this.#deps.store, stream, aggregate);
    if (isLeft(loaded)) return undefined;
    return { ...loaded.right, stream };
  }

  async #newerThan(scheduled: InvocationScheduled): Promise<string | undefined> {
    await this.#deps.settled();
    const { dueList } = this.#deps;
    const row = dueList.invocation(scheduled.guid);
    return row === undefined
      ? undefined
      : dueList.newerThan(scheduled.webhook, scheduled.origin, row.position)?.guid;
  }
}

const isGone = (command: InvocationCommand): boolean =>
  command.type === 'RecordAnswer' && command.result.statusCode === 410;

/** In a round that was asked for by hand only what is newer than the request supersedes it: see reactions.ts. */
const mayBeSuperseded = (held: HeldInvocation, { scheduled, attempts, round }: InvocationFacts): boolean => {
  const byHand = round.attemptsBefore > 0 || (attempts.length === 0 && held.head.revision > 0);
  return scheduled.coalesce && !byHand;
};

const urlOf = (snapshot: WebhookSnapshot): string => snapshot.webhook.facts.settings.url;

const factsOf = (held: HeldInvocation): InvocationFacts | undefined =>
  held.state.situation === 'unscheduled' ? undefined : held.state.facts;
