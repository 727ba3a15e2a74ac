import { isLeft } from 'fp-ts/lib/Either.js';
import { job as aggregate } from '../commands/aggregates.ts';
import type { WebhookSnapshot } from '../commands/webhooks.ts';
import type { Cause, DomainEvent } from '../domain/events.ts';
import { streamOf } from '../domain/ids.ts';
import {
  type JobCommand,
  type JobCounts,
  type JobCreated,
  type JobFacts,
  type JobState,
  withSkipped,
} from '../domain/job.ts';
import { partitionOf } from '../domain/partitions.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Position } from '../eventstore/event-store.ts';
import { load, type Loaded, transact } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import {
  backfillWork,
  type JobItem,
  type JobWork,
  type JobWorkDeps,
  type Outcome,
  retryFailedWork,
  webhookOfJob,
} from './job-work.ts';
import { NotStored } from './not-stored.ts';
import type { Territory } from './territory.ts';

export interface JobRunnerDeps extends Omit<JobWorkDeps, 'wait' | 'clock'> {
  readonly clock: Clock;
  readonly random: Random;
  readonly territory: Territory;
  /** Resolves when the read models show everything that is in the store now. */
  readonly settled: () => Promise<void>;
  /** Something that cannot happen did. */
  readonly onDefect: (error: unknown) => void;
}

/** So much is done, or looked at, between two notes of progress: what a crash makes it look at again at most. */
const DONE_PER_NOTE = 250;
const LOOKED_AT_PER_NOTE = 20_000;
/** Batches in a second: small ones, so that what is sent does not come in bursts. */
const BATCHES_PER_SECOND = 10;
/** Between two pages of which nothing was done: others get their turn. */
const REST_MS = 2;
const STORE_RETRY_MS = 500;
const ACTOR = 'engine:jobs';

/**
 * Runs the jobs of this process's partitions, each at its own rate. Nothing that it knows is needed: what a job did
 * stands in the streams of the invocations, each at most once by its id and revision, so that a job that is come to twice,
 * after a crash or on two nodes at once, does nothing twice.
 */
export class JobRunner {
  readonly #deps: JobRunnerDeps;
  readonly #running = new Map<string, Promise<void>>();
  /** Jobs of which something was written since they were looked at. */
  readonly #touched = new Set<string>();
  readonly #wakers = new Set<() => void>();
  #started = false;
  #stopped = false;

  constructor(deps: JobRunnerDeps) {
    this.#deps = deps;
  }

  /** The read models must show the whole log. */
  start(): void {
    this.#started = true;
    this.lookAgain();
  }

  /** The read models show these newest events, too. */
  projected(events: ReadonlyArray<Decoded>): void {
    let any = false;
    for (const { stream, event } of events) {
      if (!STEERING.has(event.type)) continue;
      this.#touched.add(stream.slice(JOB.length));
      any = true;
    }
    if (any) this.lookAgain();
  }

  /** Jobs may have come, or come to us. */
  lookAgain(): void {
    if (!this.#started || this.#stopped) return;
    for (const { guid, job } of this.#deps.readModels.openJobs()) {
      if (job.situation === 'paused' || this.#running.has(guid) || !this.#isOurs(guid)) continue;
      const run = this.#untilStored(guid)
        .catch((error: unknown) => this.#deps.onDefect(error))
        .finally(() => {
          this.#running.delete(guid);
          // It was resumed while it came to its end.
          if (this.#touched.has(guid)) this.lookAgain();
        });
      this.#running.set(guid, run);
    }
  }

  /** Resolves when nothing of them is under way. They go on with the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const wake of [...this.#wakers]) wake();
    await Promise.all(this.#running.values());
  }

  #isOurs(guid: string): boolean {
    const { territory } = this.#deps;
    return territory.node === undefined || territory.mayAttempt(partitionOf(guid));
  }

  async #untilStored(guid: string): Promise<void> {
    while (!this.#stopped) {
      try {
        return await this.#run(guid);
      } catch (error) {
        if (!(error instanceof NotStored)) throw error;
        this.#deps.log.warn({ job: guid, reason: error.message }, 'job: trying again');
        await this.#pause(STORE_RETRY_MS);
      }
    }
  }

  async #run(guid: string): Promise<void> {
    // What it did after its last note of progress, here or on another node, is counted from the invocations.
    await this.#deps.settled();
    this.#touched.delete(guid);
    const found = await load(this.#deps.store, streamOf.job(guid), aggregate);
    if (isLeft(found)) throw new NotStored('a job', found.left._tag);
    const run = new Run(this.#deps, guid, found.right, this.#deps.readModels.job(guid)?.done ?? 0);
    if (!(await run.begin())) return;
    const deps = { ...this.#deps, wait: () => this.#waitForStore() };
    const { created } = run.facts;
    const work = created.kind === 'backfill' ? backfillWork(deps, created) : retryFailedWork(deps, created);
    await this.#work(guid, run, work, deps);
  }

  async #work(guid: string, run: Run, work: JobWork, deps: JobWorkDeps): Promise<void> {
    const { created } = run.facts;
    const batchMax = Math.max(1, Math.floor(created.ratePerSecond / BATCHES_PER_SECOND));
    for (;;) {
      const webhook = await this.#mayGoOn(guid, run, deps);
      if (webhook === 'no') return;
      const page = await work(run.cursor, webhook);
      const lookedAtBefore = run.counts.lookedAt;
      for (let at = 0; at < page.items.length; at += batchMax) {
        if (at > 0 && (await this.#mayGoOn(guid, run, deps)) === 'no') return;
        const startedMs = this.#deps.clock.monotonicMs();
        const batch = page.items.slice(at, at + batchMax);
        const isOrdered = webhook?.webhook.facts.settings.ordering === 'per_resource';
        await run.take(batch, lookedAtBefore, isOrdered);
        await run.noteIfDue();
        const tookMs = this.#deps.clock.monotonicMs() - startedMs;
        await this.#pause((batch.length * 1_000) / created.ratePerSecond - tookMs);
      }
      run.lookedTo(page.next, lookedAtBefore + page.lookedAt);
      if (page.atEnd) return run.complete();
      await run.noteIfDue();
      if (page.items.length === 0) await this.#pause(REST_MS);
    }
  }

  /** The webhook that the job is of, if it is of one; or 'no', with everything noted that has to be. */
  async #mayGoOn(guid: string, run: Run, deps: JobWorkDeps): Promise<WebhookSnapshot | undefined | 'no'> {
    if (this.#stopped || !this.#isOurs(guid)) {
      await run.note();
      return 'no';
    }
    if (this.#touched.has(guid)) {
      this.#touched.delete(guid);
      if (!(await run.isStillWanted())) return 'no';
    }
    const webhook = await webhookOfJob(deps, run.facts.created);
    const situation = webhook?.webhook.situation ?? 'enabled';
    if (situation === 'enabled') return webhook;
    await run.giveUp(situation === 'deleted' ? 'webhook_deleted' : 'webhook_disabled');
    return 'no';
  }

  async #waitForStore(): Promise<boolean> {
    if (!this.#stopped) await this.#pause(STORE_RETRY_MS);
    return !this.#stopped;
  }

  #pause(delayMs: number): Promise<void> {
    if (delayMs <= 0 || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        this.#wakers.delete(wake);
        resolve();
      };
      const timer = this.#deps.clock.setTimer(delayMs, wake);
      this.#wakers.add(wake);
    });
  }
}

const JOB = streamOf.job('');

/** What a job is told by others than those who run it. */
const STEERING: ReadonlySet<DomainEvent['type']> = new Set([
  'JobCreated',
  'JobPaused',
  'JobResumed',
  'JobCancelled',
] as const);

/** One job while it runs here: how far it has come, and what of that is noted. */
class Run {
  readonly #deps: JobRunnerDeps;
  readonly #guid: string;
  #loaded: Loaded<JobState>;
  cursor: Position;
  counts: JobCounts;
  #noted: JobCounts;

  constructor(deps: JobRunnerDeps, guid: string, loaded: Loaded<JobState>, done: number) {
    const { state } = loaded;
    this.#deps = deps;
    this.#guid = guid;
    this.#loaded = loaded;
    this.cursor = state.situation === 'unknown' ? 0 : state.facts.cursor;
    const counts = state.situation === 'unknown' ? undefined : state.facts.counts;
    this.counts = { skipped: {}, lookedAt: 0, ...counts, done };
    this.#noted = this.counts;
  }

  get facts(): JobFacts {
    if (this.#loaded.state.situation === 'unknown') throw new Error(`job ${this.#guid} was never created`);
    return this.#loaded.state.facts;
  }

  /** False: it is not to run. */
  async begin(): Promise<boolean> {
    if (this.#loaded.state.situation === 'created')
      await this.#execute({ type: 'StartJob', atMs: this.#nowMs() });
    return this.#loaded.state.situation === 'running';
  }

  async take(
    batch: ReadonlyArray<JobItem>,
    lookedAtBefore: number,
    oneAfterTheOther: boolean,
  ): Promise<void> {
    const outcomes = oneAfterTheOther
      ? await inTurn(batch)
      : await Promise.all(batch.map((item) => item.do()));
    for (const outcome of outcomes) {
      if (outcome === 'done') this.counts = { ...this.counts, done: this.counts.done + 1 };
      else if (outcome !== 'again') this.counts = withSkipped(this.counts, outcome);
    }
    const last = batch.at(-1);
    if (last !== undefined) this.lookedTo(last.cursor, lookedAtBefore + last.lookedAt);
  }

  lookedTo(cursor: Position, lookedAt: number): void {
    this.cursor = cursor;
    this.counts = { ...this.counts, lookedAt };
  }

  async noteIfDue(): Promise<void> {
    const done = handled(this.counts) - handled(this.#noted);
    const lookedAt = this.counts.lookedAt - this.#noted.lookedAt;
    if (done >= DONE_PER_NOTE || lookedAt >= LOOKED_AT_PER_NOTE) await this.note();
  }

  async note(): Promise<void> {
    if (this.cursor <= this.facts.cursor) return;
    const { cursor, counts } = this;
    await this.#execute({ type: 'RecordProgress', cursor, counts, atMs: this.#nowMs() });
    this.#noted = counts;
  }

  /** Something was written to it: by us, or by whoever steers it. */
  async isStillWanted(): Promise<boolean> {
    const found = await load(this.#deps.store, streamOf.job(this.#guid), aggregate);
    if (isLeft(found)) throw new NotStored('a job', found.left._tag);
    this.#loaded = found.right;
    if (this.#loaded.state.situation === 'running') return true;
    await this.note();
    return false;
  }

  async giveUp(reason: 'webhook_deleted' | 'webhook_disabled'): Promise<void> {
    await this.note();
    const atMs = this.#nowMs();
    await this.#execute(
      reason === 'webhook_deleted' ? { type: 'CancelJob', reason, atMs } : { type: 'PauseJob', reason, atMs },
    );
  }

  complete(): Promise<void> {
    return this.#execute({ type: 'CompleteJob', counts: this.counts, atMs: this.#nowMs() });
  }

  /** What is refused makes no sense any more: it was paused or cancelled meanwhile, or is done elsewhere. */
  async #execute(command: JobCommand): Promise<void> {
    const written = await transact(
      this.#deps,
      streamOf.job(this.#guid),
      aggregate,
      command,
      this.#cause(this.facts.created),
      this.#loaded,
    );
    if (!isLeft(written)) this.#loaded = written.right;
    else if (written.left._tag !== 'JobIs') throw new NotStored('a job', written.left._tag);
  }

  #cause({ guid, companyId }: JobCreated): Cause {
    return { correlationId: guid, causationId: guid, actor: ACTOR, companyId };
  }

  #nowMs(): number {
    return this.#deps.clock.nowMs();
  }
}

const handled = ({ done, skipped }: JobCounts): number =>
  Object.values(skipped).reduce((sum, count) => sum + count, done);

const inTurn = async (batch: ReadonlyArray<JobItem>): Promise<ReadonlyArray<Outcome>> => {
  const outcomes: Outcome[] = [];
  for (const item of batch) outcomes.push(await item.do());
  return outcomes;
};
