import type { Webhooks } from '../commands/webhooks.ts';
import {
  evolveInvocation,
  initialInvocation,
  type InvocationScheduled,
  isErased,
} from '../domain/invocation.ts';
import { endpointOf } from '../domain/partitions.ts';
import type { Appended, Position } from '../eventstore/event-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { SendRequest } from '../ports/http-sender.ts';
import type { Random } from '../ports/random.ts';
import type { Admission, Reservation, Scheduling } from './admission.ts';
import { type HeldInvocation, type RequestBuilder, stepOf } from './attempt.ts';
import type { Backlog } from './backlog.ts';
import type { FairQueue, Slot } from './fair-queue.ts';
import type { Ledger } from './ledger.ts';
import type { Outage } from './outage.ts';
import type { Pace } from './pace.ts';
import type { Territory } from './territory.ts';

export interface FirstAttemptDeps {
  readonly webhooks: Pick<Webhooks, 'cached' | 'get'>;
  readonly requests: Pick<RequestBuilder, 'build'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly territory: Pick<Territory, 'node'>;
  readonly queue: Pick<FairQueue<unknown>, 'reserve' | 'release' | 'isProven'>;
  readonly ledger: Ledger;
  readonly backlog: Pick<Backlog, 'holds' | 'fetch'>;
  readonly outage: Outage;
  readonly pace: Pace;
  readonly started: () => boolean;
  readonly draining: () => boolean;
  readonly mayAttempt: (endpoint: string) => boolean;
  /** AttemptStarted is durable. */
  readonly onStarted: (held: HeldInvocation, slot: Slot, request: SendRequest) => void;
  /** To wait in memory for its first attempt; false: there is no room. */
  readonly enqueue: (webhook: string, endpoint: string, guid: string, held: HeldInvocation) => boolean;
}

/** First attempts, straight from the fan-out. Whatever cannot start at once, nor wait in memory, is in the due list. */
export class FirstAttempts implements Admission {
  readonly #deps: FirstAttemptDeps;

  constructor(deps: FirstAttemptDeps) {
    this.#deps = deps;
  }

  /** Else the first invocations after a start would all take the long way, through the due list. */
  acquaint(webhook: string): Promise<void> | undefined {
    if (this.#deps.webhooks.cached(webhook) !== undefined) return undefined;
    // Not read: it takes the long way.
    return this.#deps.webhooks.get(webhook).then(() => undefined);
  }

  /** Starts the first attempt in the same append where capacity is free: two durable appends a delivery, not three. */
  admit(scheduling: Scheduling): Scheduling {
    const { queue, backlog, outage, pace, random, clock, requests } = this.#deps;
    const { scheduled, stream, append, head } = scheduling;
    if (isSequenced(scheduled)) return scheduling;
    // From now on: the read models may show it before the store's answer is seen here.
    this.#deps.ledger.take(scheduled.guid);
    const webhook = this.#deps.webhooks.cached(scheduled.webhook);
    if (!this.#deps.started() || this.#deps.draining() || outage.isOn) return scheduling;
    if (webhook?.webhook.situation !== 'enabled' || backlog.holds(scheduled.webhook)) return scheduling;
    const { facts } = webhook.webhook;
    const { url } = facts.settings;
    const endpoint = endpointOf(url);
    if (!this.#deps.mayAttempt(endpoint)) return scheduling;
    const slot = queue.reserve(scheduled.webhook, endpoint);
    if (slot === undefined) {
      if (queue.isProven(endpoint)) pace.foundNoSlot();
      return scheduling;
    }

    const atMs = clock.nowMs();
    const state = evolveInvocation(initialInvocation, scheduled);
    const { node } = this.#deps.territory;
    const webhookRevision = webhook.revision;
    const start = { type: 'StartAttempt', number: 1, url, webhookRevision, node, atMs } as const;
    const request = requests.build(facts, scheduled, url, atMs);
    const step =
      request === undefined ? undefined : stepOf(random, { state, head, stream }, start, scheduling.cause);
    if (request === undefined || step === undefined) {
      queue.release(slot, undefined);
      return scheduling;
    }
    const held = step.after;
    const reservation = { slot, held, request, webhookRevision, endpoint, node, isOpen: true };
    const events = [...append.events, ...step.append.events];
    return { ...scheduling, append: { ...append, events }, head: held.head, reservation };
  }

  /** Not once its webhook was changed (it may have been disabled, or moved), nor once the endpoint is another node's. */
  stands({ scheduled, reservation }: Scheduling): boolean {
    if (reservation === undefined) return true;
    if (!reservation.isOpen) return false;
    const { webhookRevision, endpoint, node } = reservation;
    const { webhooks, territory, mayAttempt } = this.#deps;
    const isSame = webhooks.cached(scheduled.webhook)?.revision === webhookRevision;
    if (isSame && !isErased(scheduled) && territory.node === node && mayAttempt(endpoint)) return true;
    this.#giveBack(reservation);
    return false;
  }

  scheduled(scheduling: Scheduling, appended: Appended | undefined): void {
    const { scheduled, stream, head, reservation } = scheduling;
    const reserved = reservation?.isOpen === true ? reservation : undefined;
    if (appended !== undefined) this.#deps.outage.over();
    // A revision of another append: it was there before, with a history of its own.
    if (appended === undefined || appended.revision !== head.revision) {
      if (reserved !== undefined) this.#giveBack(reserved);
      return this.#leaveToDueList(scheduled);
    }
    if (reserved !== undefined) {
      reserved.isOpen = false;
      return this.#deps.onStarted(reserved.held, reserved.slot, reserved.request);
    }
    if (isSequenced(scheduled)) return;
    const state = evolveInvocation(initialInvocation, scheduled);
    this.#keepInMemory(scheduled, { state, head, stream }, appended.position);
  }

  hasRoom(): boolean {
    return this.#deps.pace.hasRoom();
  }

  room(): Promise<void> {
    return this.#deps.pace.room();
  }

  #giveBack(reservation: Reservation): void {
    reservation.isOpen = false;
    this.#deps.queue.release(reservation.slot, undefined);
  }

  #leaveToDueList({ guid, webhook }: InvocationScheduled, visibleAt: Position = 0): void {
    this.#deps.ledger.letGo(guid);
    if (this.#deps.started()) this.#deps.backlog.fetch(webhook, visibleAt);
  }

  #keepInMemory(scheduled: InvocationScheduled, held: HeldInvocation, position: Position): void {
    const { webhook, guid } = scheduled;
    const cached = this.#deps.webhooks.cached(webhook);
    const mayWait = cached !== undefined && this.#deps.started() && !this.#deps.backlog.holds(webhook);
    const kept =
      mayWait && this.#deps.enqueue(webhook, endpointOf(cached.webhook.facts.settings.url), guid, held);
    if (!kept) this.#leaveToDueList(scheduled, position);
  }
}

/** Its turn depends on others for the same resource: it goes through the due list, never past it. */
const isSequenced = (scheduled: InvocationScheduled): boolean =>
  scheduled.ordering === 'per_resource' || scheduled.coalesce;
