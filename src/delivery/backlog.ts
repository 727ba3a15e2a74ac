import { isLeft, type Either } from 'fp-ts/lib/Either.js';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Position } from '../eventstore/event-store.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { DueList, DueRow } from '../projections/read-models.ts';

export interface BacklogDeps {
  readonly dueList: Pick<DueList, 'dueOf' | 'webhooksDue' | 'nextDueAfter' | 'nextFirstAfter'>;
  readonly clock: Clock;
  /** Resolves when the read models show everything up to there. */
  readonly reached: (position: Position) => Promise<unknown>;
  /** Whether an invocation is in memory already, so that what the read models say of it may be out of date. */
  readonly isHeld: (guid: string) => boolean;
  /** How many invocations of a webhook, and how many of all, wait in memory. */
  readonly queuedIn: (webhook: string) => number;
  readonly queued: () => number;
  /** Makes ready to take invocations of a webhook, undefined: they are not ours; the left side: the store is away. */
  readonly prepare: (
    webhook: string,
  ) => Promise<Either<unknown, ((rows: ReadonlyArray<DueRow>) => Promise<void>) | undefined>>;
  /** Passes the time until the store is asked again. */
  readonly pause: () => Promise<void>;
  /** Called when something was brought into memory. */
  readonly onFetched: () => void;
  /** Runs work that nobody waits for; what it throws is a defect. */
  readonly run: (work: Promise<void>) => void;
}

/** Bounds of what is brought into memory; an entry is about 200 bytes. */
const QUEUED_MAX = 50_000;
/** First portion for a webhook; doubled while it keeps draining, so that one that does not holds little memory. */
const PORTION_MIN = 16;
const PORTION_MAX = 512;
/** A queue that holds less than this share of the last portion is filled up again. */
const REFILL_SHARE = 0.25;
/** The longest single timer; when it fires the question is asked anew. */
const TIMER_MAX_MS = 60 * 60 * 1000;

/**
 * What is due but not in memory. Notices what falls due (the only timer of all retries) and fetches it from the due
 * list in bounded portions. Everything it knows can be forgotten: the due list knows it, too.
 */
export class Backlog {
  readonly #deps: BacklogDeps;
  /** Webhooks with due work in the store, in the order they asked, and what the read models must show to see it. */
  readonly #waiting = new Map<string, Position>();
  /** Those of them of which first attempts may wait there, not retries alone. */
  readonly #firsts = new Set<string>();
  readonly #fetching = new Set<string>();
  /** Sizes of the last portions of webhooks that drain well. */
  readonly #portions = new Map<string, number>();
  /** Everything due up to here has been noticed. */
  #noticedUntilMs = Number.NEGATIVE_INFINITY;
  /** Up to here first attempts may fall due in the future, too: the clock was set back. */
  #firstsUntilMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #running = false;

  constructor(deps: BacklogDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#running = true;
    this.#notice();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
  }

  /** Whether first attempts of this webhook wait in the store: then newer ones do not go past them, as past retries. */
  holds(webhook: string): boolean {
    return this.#waiting.has(webhook) && this.#firsts.has(webhook);
  }

  /** Something of this webhook, or retries alone, may be due once the read models show `visibleAt`. */
  fetch(webhook: string, visibleAt: Position = 0, retriesOnly = false): void {
    if (!retriesOnly) this.#firsts.add(webhook);
    this.#waiting.set(webhook, Math.max(this.#waiting.get(webhook) ?? 0, visibleAt));
    if (this.#isLow(webhook)) this.#fetchSome();
  }

  /** One of its invocations left the memory. */
  drained(webhook: string): void {
    if (this.#waiting.has(webhook) && this.#isLow(webhook)) this.#fetchSome();
  }

  /** It does not answer well: it gets small portions again. */
  slowDown(webhook: string): void {
    this.#portions.delete(webhook);
  }

  /** The read models show these newest events, too. */
  projected(events: ReadonlyArray<Decoded>): void {
    if (!this.#running) return;
    for (const { event } of events) {
      if (event.type === 'InvocationScheduled') {
        if (this.#deps.isHeld(event.guid)) continue;
        // What a job schedules goes with the retries.
        this.fetch(event.webhook, 0, event.backfill !== undefined);
      } else if (event.type === 'AttemptFailed' || event.type === 'RetryRequested') {
        const dueAtMs = event.type === 'RetryRequested' ? event.atMs : event.nextAttemptAtMs;
        // It became due before the last look, and was written after it.
        if (dueAtMs !== null) this.#noticedUntilMs = Math.min(this.#noticedUntilMs, dueAtMs - 1);
      }
    }
    this.#notice();
  }

  /** Something due was put back: everything is looked at again. */
  lookAtAll(): void {
    this.#noticedUntilMs = Number.NEGATIVE_INFINITY;
    this.#notice();
  }

  /** An invocation was let go because it is not due yet: the clock was set back since it was scheduled or noticed. */
  notDueBefore(dueAtMs: number): void {
    this.#firstsUntilMs = Math.max(this.#firstsUntilMs, dueAtMs);
    this.#noticedUntilMs = Math.min(this.#noticedUntilMs, this.#deps.clock.nowMs());
    this.#notice();
  }

  /** Looks up what fell due since the last time, and sets the timer for what falls due next. */
  #notice(): void {
    if (!this.#running) return;
    const nowMs = this.#deps.clock.nowMs();
    if (nowMs < this.#noticedUntilMs) {
      // What was noticed ahead of the clock falls due once more.
      this.#firstsUntilMs = Math.max(this.#firstsUntilMs, this.#noticedUntilMs);
      this.#noticedUntilMs = nowMs;
    }
    const { dueList } = this.#deps;
    // Mostly nothing fell due, and this is already what falls due next: asked first, as it costs a tenth of the rest.
    let nextMs = dueList.nextDueAfter(Math.min(this.#noticedUntilMs, nowMs));
    if (nextMs !== undefined && nextMs <= nowMs) {
      // First attempts are due when they are scheduled, and looked after then; they need no timer.
      const retriesOnly = this.#noticedUntilMs > this.#firstsUntilMs;
      for (const webhook of dueList.webhooksDue(this.#noticedUntilMs, nowMs, retriesOnly))
        this.fetch(webhook, 0, retriesOnly);
      nextMs = dueList.nextDueAfter(nowMs);
    }
    this.#noticedUntilMs = nowMs;
    this.#timer?.cancel();
    const firstMs = dueList.nextFirstAfter(nowMs);
    if (firstMs !== undefined) this.#firstsUntilMs = Math.max(this.#firstsUntilMs, firstMs);
    if (nextMs === undefined) return;
    const delayMs = Math.min(Math.max(nextMs - nowMs, 0), TIMER_MAX_MS);
    this.#timer = this.#deps.clock.setTimer(delayMs, () => this.#notice());
  }

  #isLow(webhook: string): boolean {
    const portion = this.#portions.get(webhook) ?? PORTION_MIN;
    return this.#deps.queuedIn(webhook) < portion * REFILL_SHARE;
  }

  #fetchSome(): void {
    for (const [webhook, visibleAt] of this.#waiting) {
      if (this.#deps.queued() >= QUEUED_MAX || !this.#running) return;
      if (this.#fetching.has(webhook) || !this.#isLow(webhook)) continue;
      this.#fetching.add(webhook);
      this.#deps.run(this.#fetchOne(webhook, visibleAt));
    }
  }

  async #fetchOne(webhook: string, visibleAt: Position): Promise<void> {
    try {
      // What comes from here on asks again; what was before is shown below.
      this.#waiting.delete(webhook);
      this.#firsts.delete(webhook);
      await this.#deps.reached(visibleAt);
      const prepared = await this.#deps.prepare(webhook);
      if (isLeft(prepared)) {
        this.#waiting.set(webhook, visibleAt);
        this.#firsts.add(webhook);
        return await this.#deps.pause();
      }
      if (prepared.right !== undefined) await this.#takePortion(webhook, prepared.right);
    } finally {
      this.#fetching.delete(webhook);
      this.#deps.onFetched();
      if (this.#waiting.size > 0) this.#fetchSome();
    }
  }

  async #takePortion(webhook: string, take: (rows: ReadonlyArray<DueRow>) => Promise<void>): Promise<void> {
    const { dueList, clock, isHeld } = this.#deps;
    const portion = Math.min((this.#portions.get(webhook) ?? PORTION_MIN / 2) * 2, PORTION_MAX);
    // Those in memory stand first in the due list as long as the read models show them as waiting.
    let limit = portion + this.#deps.queuedIn(webhook);
    for (;;) {
      const due = dueList.dueOf(webhook, clock.nowMs(), limit);
      const fresh = due.filter(({ guid }) => !isHeld(guid));
      const more = due.length === limit;
      if (more && fresh.length < portion) {
        limit *= 2;
        continue;
      }
      await take(fresh);
      if (more) {
        this.#portions.set(webhook, portion);
        this.#waiting.set(webhook, this.#waiting.get(webhook) ?? 0);
        // First attempts come first: after a retry there is none.
        if (due.at(-1)?.retry === false) this.#firsts.add(webhook);
      } else {
        this.#portions.delete(webhook);
      }
      return;
    }
  }
}
