import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { invocation as aggregate } from '../commands/aggregates.ts';
import type { Webhooks, WebhookSnapshot } from '../commands/webhooks.ts';
import { streamOf } from '../domain/ids.ts';
import {
  type CancelReason,
  evolveInvocation,
  initialInvocation,
  type InvocationCommand,
  type InvocationFacts,
  type InvocationScheduled,
  nextAction,
} from '../domain/invocation.ts';
import { endpointOf, partitionOf } from '../domain/partitions.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Appended, AppendFailure, EventStore, Position } from '../eventstore/event-store.ts';
import { load } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { HttpSender, SendRequest } from '../ports/http-sender.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import type { DueList, DueRow, InvocationLog } from '../projections/read-models.ts';
import { appendUntilKnown } from './append-until-known.ts';
import {
  attemptCause,
  type HeldInvocation,
  type RequestBuilder,
  sendAttempt,
  type SentAttempt,
  type Step,
  stepOf,
} from './attempt.ts';
import { Backlog } from './backlog.ts';
import { cancelReasonOf } from './cancel-reason.ts';
import { Pace } from './pace.ts';
import { readScheduled } from './scheduled-reader.ts';
import { type AttemptKind, FairQueue, type QueueLimits, type Slot } from './fair-queue.ts';
import type { Admission, Scheduling } from './fan-out.ts';
import { HeldWindow } from './held-window.ts';
import { Ledger } from './ledger.ts';
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
  /** Something that cannot happen did: the process has to stop and start again from the log. */
  readonly onDefect: (error: unknown) => void;
  readonly limits: QueueLimits;
}

/** An invocation waiting in memory; `held` spares reading it again. */
interface Waiting {
  readonly guid: string;
  readonly held: HeldInvocation | undefined;
}

const STORE_RETRY_MS = 500;

/**
 * Delivers. For every invocation it asks the pure `nextAction`, starts the attempt durably, sends, and records the
 * outcome. What waits is in the due list; memory only holds a bounded window of it. Crash points and what they leave:
 * before AttemptStarted: still waiting; after it: in flight, recorded as interrupted at the next start.
 */
export class ProcessManager implements Admission {
  readonly #deps: ProcessManagerDeps;
  readonly #queue: FairQueue<Waiting>;
  readonly #ledger = new Ledger();
  readonly #window = new HeldWindow();
  readonly #pace: Pace;
  readonly #signable: Signable;
  /** Reservations of first attempts that are being appended together with their scheduling. */
  readonly #reserved = new Map<
    string,
    { readonly slot: Slot; readonly held: HeldInvocation; readonly request: SendRequest }
  >();
  readonly #backlog: Backlog;
  /** Ordered webhooks where something settled at this place in the log: once that is shown, the next may be due. */
  #lookAgain: Array<{ readonly webhook: string; readonly position: Position }> = [];
  readonly #interrupt = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #started = false;
  #draining = false;

  constructor(deps: ProcessManagerDeps) {
    this.#deps = deps;
    this.#pace = new Pace(deps.clock);
    this.#signable = new Signable(deps.requests, deps.log);
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
      onFetched: () => this.#pump(),
      run: (work) => this.#run(work),
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
    this.#backlog.stop();
    const bound = this.#deps.clock.setTimer(boundMs, () => this.#interrupt.abort());
    while (this.#running.size > 0) await Promise.all(this.#running);
    bound.cancel();
  }

  // First attempts, straight from fan-out

  /** Starts the first attempt in the same append where capacity is free: two durable appends a delivery, not three. */
  admit(scheduling: Scheduling): Scheduling {
    const { scheduled, stream, append, head } = scheduling;
    if (isSequenced(scheduled)) return scheduling;
    // From now on: the read models may show it before the store's answer is seen here.
    this.#ledger.take(scheduled.guid);
    const webhook = this.#deps.webhooks.cached(scheduled.webhook);
    if (!this.#started || this.#draining) return scheduling;
    if (webhook?.webhook.situation !== 'enabled' || this.#backlog.holds(scheduled.webhook)) return scheduling;
    const { facts } = webhook.webhook;
    const { url } = facts.settings;
    const endpoint = endpointOf(url);
    if (!this.#mayAttempt(endpoint)) return scheduling;
    const slot = this.#queue.reserve(scheduled.webhook, endpoint);
    if (slot === undefined) {
      if (this.#queue.isProven(endpoint)) this.#pace.foundNoSlot();
      return scheduling;
    }

    const atMs = this.#deps.clock.nowMs();
    const state = evolveInvocation(initialInvocation, scheduled);
    const { node } = this.#deps.territory;
    const webhookRevision = webhook.revision;
    const start = { type: 'StartAttempt', number: 1, url, webhookRevision, node, atMs } as const;
    const request = this.#deps.requests.build(facts, scheduled, url, atMs);
    const step =
      request === undefined
        ? undefined
        : stepOf(this.#deps.random, { state, head, stream }, start, scheduling.cause);
    if (request === undefined || step === undefined) {
      this.#queue.release(slot, undefined);
      return scheduling;
    }
    this.#reserved.set(scheduled.guid, { slot, held: step.after, request });
    const events = [...append.events, ...step.append.events];
    return { ...scheduling, append: { ...append, events }, head: step.after.head };
  }

  scheduled(scheduling: Scheduling, appended: Appended | undefined): void {
    const { scheduled, stream, head } = scheduling;
    const reserved = this.#reserved.get(scheduled.guid);
    this.#reserved.delete(scheduled.guid);
    // A revision of another append: it was there before, with a history of its own.
    if (appended === undefined || appended.revision !== head.revision) {
      if (reserved !== undefined) this.#queue.release(reserved.slot, undefined);
      return this.#leaveToDueList(scheduled);
    }
    if (reserved !== undefined) {
      this.#run(this.#attemptStarted(reserved.held, reserved.slot, reserved.request));
      return;
    }
    if (isSequenced(scheduled)) return;
    const state = evolveInvocation(initialInvocation, scheduled);
    this.#keepInMemory(scheduled, { state, head, stream }, appended.position);
  }

  hasRoom(): boolean {
    return this.#pace.hasRoom();
  }

  room(): Promise<void> {
    return this.#pace.room();
  }

  #leaveToDueList({ guid, webhook }: InvocationScheduled, visibleAt: Position = 0): void {
    this.#ledger.letGo(guid);
    if (this.#started) this.#backlog.fetch(webhook, visibleAt);
  }

  #keepInMemory(scheduled: InvocationScheduled, held: HeldInvocation, position: Position): void {
    const { webhook, guid } = scheduled;
    const cached = this.#deps.webhooks.cached(webhook);
    const kept = this.#started && this.#window.hasRoomFor(held) && !this.#backlog.holds(webhook);
    if (cached === undefined || !kept) return this.#leaveToDueList(scheduled, position);
    this.#enqueue(webhook, endpointOf(urlOf(cached)), 'first', guid, held);
    this.#pump();
  }

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
    if (this.#started && !this.#draining) this.#lookAtProjected(events, position);
    this.#ledger.shown(position);
  }

  #lookAtProjected(events: ReadonlyArray<Decoded>, position: Position): void {
    const settledIn = new Set<string>();
    for (const decoded of events) {
      if (!this.#isSettledByOthers(decoded)) continue;
      const row = this.#deps.dueList.invocation(guidOf(decoded.stream));
      if (row !== undefined) settledIn.add(row.webhook);
    }
    for (const shown of this.#lookAgain) if (shown.position <= position) settledIn.add(shown.webhook);
    this.#lookAgain = this.#lookAgain.filter((later) => later.position > position);
    for (const webhook of settledIn) this.#backlog.fetch(webhook);
    this.#backlog.projected(events);
  }

  /** By a reaction, or as an attempt of another node: where invocations are ordered, another one may go now. */
  #isSettledByOthers({ event, stream }: Decoded): boolean {
    if (event.type === 'InvocationCancelled' || event.type === 'InvocationSuperseded') return true;
    if (event.type !== 'InvocationDelivered' && event.type !== 'InvocationExhausted') return false;
    return this.#deps.territory.node !== undefined && !this.#ledger.has(guidOf(stream));
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
    while (!this.#draining && this.#deps.territory.isHeld) {
      const taken = this.#queue.take();
      if (taken === undefined) return;
      const { lane, item, slot } = taken;
      if (item.held !== undefined) this.#window.remove(item.held);
      this.#backlog.drained(lane);
      this.#run(this.#attempt(item, slot));
    }
  }

  #run(work: Promise<void>): void {
    const running = work.catch(this.#deps.onDefect).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #attempt(item: Waiting, slot: Slot): Promise<void> {
    const held = item.held ?? (await this.#load(item.guid));
    const facts = held === undefined ? undefined : factsOf(held);
    if (held === undefined || facts === undefined) return this.#letGo(item.guid, slot, STORE_RETRY_MS);
    const { scheduled } = facts;
    const action = nextAction(held.state, this.#deps.clock.nowMs());
    if (action.do !== 'attempt' || this.#draining) {
      await this.#letGo(item.guid, slot);
      return action.do === 'wait' ? this.#backlog.notDueBefore(action.untilMs) : undefined;
    }

    const newer = mayBeSuperseded(held, facts) ? await this.#newerThan(scheduled) : undefined;
    // Last: between knowing that the webhook is enabled and starting the attempt nothing is waited for.
    const found = await this.#deps.webhooks.get(scheduled.webhook);
    if (isLeft(found)) return this.#letGo(item.guid, slot, STORE_RETRY_MS);
    const { webhook, revision } = found.right;
    const reason = cancelReasonOf(found.right);
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
    // Whoever it belongs to now finds it in the due list.
    if (!this.#mayAttempt(endpointOf(url))) return this.#letGo(item.guid, slot);
    const atMs = this.#deps.clock.nowMs();
    // Before AttemptStarted: an attempt that cannot be signed is never started.
    const request = this.#deps.requests.build(webhook.facts, scheduled, url, atMs);
    if (request === undefined) {
      await this.#letGo(item.guid, slot);
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
      await this.#letGo(item.guid, slot);
      return held.state.situation === 'waiting' ? this.#backlog.notDueBefore(held.state.dueAtMs) : undefined;
    }
    const started = await this.#append(step);
    if (isLeft(started)) {
      if (started.left._tag !== 'WrongExpectedRevision') return this.#letGo(item.guid, slot, STORE_RETRY_MS);
      await this.#letGo(item.guid, slot);
      return this.#backlog.fetch(scheduled.webhook);
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
      await this.#letGo(scheduled.guid, slot);
      return this.#backlog.fetch(scheduled.webhook);
    }
    const sent = await sendAttempt(this.#deps, state.number, request, this.#interrupt.signal);
    if (isGone(sent.command)) await this.#disableGone(state.facts.scheduled, state.number);
    await this.#finish(held, slot, sent.command, sent.success);
  }

  /** Records the outcome. It is known, so it is written as soon as the store takes it. */
  async #finish(
    held: HeldInvocation,
    slot: Slot,
    command: InvocationCommand,
    success?: SentAttempt['success'],
  ): Promise<void> {
    const facts = factsOf(held);
    const step =
      facts === undefined
        ? undefined
        : stepOf(this.#deps.random, held, command, attemptCause(facts.scheduled));
    if (facts === undefined || step === undefined) {
      throw new Error(`${held.stream}: ${command.type} was refused`);
    }
    const { guid, webhook } = facts.scheduled;
    for (;;) {
      const recorded = await this.#append(step);
      if (recorded._tag === 'Right') {
        const reason =
          step.after.state.situation === 'waiting' ? await this.#cancelReason(webhook) : undefined;
        if (reason !== undefined) {
          // Disabled while the attempt was running: nothing waits for such a webhook.
          const cancel = { type: 'CancelInvocation', reason, atMs: this.#deps.clock.nowMs() } as const;
          return this.#finish(step.after, slot, cancel, success);
        }
        if (success === false) this.#backlog.slowDown(webhook);
        this.#recordedAt(recorded.right, facts.scheduled);
        break;
      }
      if (recorded.left._tag === 'WrongExpectedRevision') {
        // Moved on by somebody else, for example recorded as interrupted by a node that took over.
        this.#ledger.letGo(guid);
        this.#backlog.fetch(webhook);
        break;
      }
      this.#deps.log.warn({ invocation: guid, reason: recorded.left._tag }, 'outcome not recorded yet');
      if (this.#draining) break;
      await this.#pause(STORE_RETRY_MS);
    }
    const { inFlight } = this.#queue;
    this.#queue.release(slot, success);
    this.#pump();
    if (this.#queue.inFlight < inFlight) this.#pace.slotFreed();
  }

  async #cancelReason(webhook: string): Promise<CancelReason | undefined> {
    for (;;) {
      const found = await this.#deps.webhooks.get(webhook);
      if (found._tag === 'Right') return cancelReasonOf(found.right);
      if (this.#draining) return undefined;
      await this.#pause(STORE_RETRY_MS);
    }
  }

  /** It is at this place in the log; until the read models show that, they must not be believed about it. */
  #recordedAt(position: Position, { guid, webhook, ordering }: InvocationScheduled): void {
    if (this.#ledger.recorded(guid, position)) {
      // What the read models showed before the store answered was passed over: it may have been asked for again since.
      this.#backlog.fetch(webhook);
      return;
    }
    if (ordering === 'per_resource') this.#lookAgain.push({ webhook, position });
  }

  /** Not attempted now. The due list still knows it, should it be due. */
  async #letGo(guid: string, slot: Slot, afterMs = 0): Promise<void> {
    if (afterMs > 0) {
      await this.#pause(afterMs);
    }
    this.#ledger.letGo(guid);
    this.#queue.release(slot, undefined);
    if (afterMs > 0) this.#backlog.lookAtAll();
    this.#pump();
  }

  async #append(step: Step): Promise<Either<AppendFailure, Position>> {
    const appended = await appendUntilKnown(this.#deps.store, [step.append], async () => {
      if (!this.#draining) await this.#pause(STORE_RETRY_MS);
      return !this.#draining;
    });
    return isLeft(appended) ? appended : right(appended.right[0]?.position ?? 0);
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

  /** Before the outcome: a crash in between leaves a disabled webhook and an interrupted attempt, never the reverse. */
  async #disableGone(scheduled: InvocationScheduled, attempt: number): Promise<void> {
    const cause = attemptCause(scheduled);
    const gone = { invocation: scheduled.guid, attempt };
    for (;;) {
      const disabled = await this.#deps.webhooks.disableGone(scheduled.webhook, gone, cause);
      if (disabled._tag === 'Right' || disabled.left._tag === 'WebhookDeletedBefore' || this.#draining)
        return;
      await this.#pause(STORE_RETRY_MS);
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.clock.setTimer(delayMs, resolve);
    });
  }
}

/** Its turn depends on others for the same resource: it goes through the due list, never past it. */
const isSequenced = (scheduled: InvocationScheduled): boolean =>
  scheduled.ordering === 'per_resource' || scheduled.coalesce;

const isGone = (command: InvocationCommand): boolean =>
  command.type === 'RecordAnswer' && command.result.statusCode === 410;

const INVOCATION_PREFIX = streamOf.invocation('');

const guidOf = (stream: string): string => stream.slice(INVOCATION_PREFIX.length);

/** In a round that was asked for by hand only what is newer than the request supersedes it: see reactions.ts. */
const mayBeSuperseded = (held: HeldInvocation, { scheduled, attempts, round }: InvocationFacts): boolean => {
  const byHand = round.attemptsBefore > 0 || (attempts.length === 0 && held.head.revision > 0);
  return scheduled.coalesce && !byHand;
};

const urlOf = (snapshot: WebhookSnapshot): string => snapshot.webhook.facts.settings.url;

const factsOf = (held: HeldInvocation): InvocationFacts | undefined =>
  held.state.situation === 'unscheduled' ? undefined : held.state.facts;
