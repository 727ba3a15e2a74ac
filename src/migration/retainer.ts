import { type Either, isLeft, left } from 'fp-ts/lib/Either.js';
import { settledBefore } from '../domain/retention.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import type { Position } from '../eventstore/event-store.ts';
import { applyRetention, type Retained, type RetentionDeps } from './apply-retention.ts';

export interface RetainerDeps extends Pick<RetentionDeps, 'store' | 'accounts' | 'isSealing'> {
  /** All that are known now. */
  readonly companies: () => ReadonlyArray<string>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** 0: never. */
  readonly everyMs: number;
  /** Between two pieces of work. Tests have no time. */
  readonly breathMs?: number;
}

/** Starting is busy enough, and by then the history is sealed. */
const FIRST_LOOK_MS = 5 * 60_000;
/** Between two pieces of work of some milliseconds: nearly all of the time stays with deliveries. */
const BREATH_MS = 100;

/** Removes what companies do not keep any longer, from time to time, in the background. Never in the way: what it cannot do now it does later. */
export class Retainer {
  readonly #deps: RetainerDeps;
  #timer: Timer | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #stopped = false;
  /** Where the next run begins, if it knows no other policies. */
  #from: { readonly policies: string; readonly next: Position } | undefined;

  constructor(deps: RetainerDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { everyMs } = this.#deps;
    if (everyMs > 0) this.#wait(Math.min(everyMs, FIRST_LOOK_MS));
  }

  /** The store must still be open. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #wait(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = this.#deps.clock.setTimer(delayMs, () => {
      this.#running = this.run().then(() => this.#wait(this.#deps.everyMs));
    });
  }

  /** One look at everything. */
  async run(): Promise<Either<string, Retained>> {
    const { clock, random, log, accounts, companies } = this.#deps;
    const known = companies();
    const policies = await this.#policies(known);
    const from = this.#from?.policies === policies ? this.#from.next : 0;
    const retained = await applyRetention(
      {
        ...this.#deps,
        accounts,
        companies: known,
        nowMs: clock.nowMs(),
        newId: () => random.uuid(),
        apply: true,
        breathe: () => this.#breathe(),
      },
      from,
    ).catch((error: unknown) => left(error instanceof Error ? error.message : String(error)));
    if (isLeft(retained)) {
      log.warn({ reason: retained.left }, 'retention was not applied');
      return retained;
    }
    const { companies: done, broken, unsealed, next, isStopped } = retained.right;
    if (!isStopped) this.#from = { policies, next };
    for (const { company, settledBeforeMs, streams, events, bytes } of done) {
      const settledBefore = new Date(settledBeforeMs).toISOString();
      log.info({ company, settledBefore, streams, events, bytes }, 'removed by retention');
    }
    if (unsealed > 0) log.info({ invocations: unsealed }, 'retention waits until they are sealed');
    for (const reason of broken)
      log.warn({ reason }, 'retention leaves what does not hang together: see callboard audit verify');
    return retained;
  }

  /** What is in force, so that another policy is seen to be one. */
  async #policies(companies: ReadonlyArray<string>): Promise<string> {
    const { accounts, clock } = this.#deps;
    const all: string[] = [];
    for (const company of companies) {
      const account = await accounts.get(company);
      const policy = isLeft(account) ? undefined : account.right?.retention;
      if (policy !== undefined && policy !== null) {
        const isInForce = settledBefore(policy, clock.nowMs()) !== undefined;
        all.push(`${company} ${policy.invocationsMonths ?? ''} ${isInForce ? policy.setAtMs : ''}`);
      }
    }
    return all.sort().join('\n');
  }

  #breathe(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#deps.clock.setTimer(this.#deps.breathMs ?? BREATH_MS, () => resolve(!this.#stopped));
    });
  }
}
