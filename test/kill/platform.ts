import { Pool } from 'undici';
import { sleep } from './receiver.ts';
import type { Seeded } from './seeded.ts';
import { asError, promised } from './violation.ts';
import type { Change, Planned, Workload } from './workload.ts';

interface Receipt {
  readonly id: string;
  readonly change: string;
  readonly status: 'accepted' | 'duplicate';
}

export interface PlatformOptions {
  /** Whether a batch is stored as a whole, also when its answer was lost. */
  readonly atomicBatches: boolean;
  /** Of each server; 6 if absent. */
  readonly senders?: number;
  /** Between two requests of one sender. */
  readonly pauseMs?: number;
  /** Hears of each change that was answered with 202, with the position that came with the answer. */
  readonly onStored?: (change: string, position: number, url: string) => void;
}

/** One server that changes are reported to. */
interface Way {
  readonly url: string;
  readonly pool: Pool;
  budget: number;
}

const SENDERS = 6;
/** What was told to come again does so after a moment. */
const AGAIN_MS = 20;
/** A server that gives no answer for so long has broken its promise to give one. */
const ANSWER_MS = 30_000;

/**
 * The ticketing platform: reports changes as long as there is a server, and sends again what was not answered, as
 * often as it takes. An answer of 202 is what it relies on.
 */
export class Platform {
  /** Guids of all that was answered with 202, with what was reported. */
  readonly acked = new Map<string, Change>();
  reported = 0;
  resent = 0;
  readonly #workload: Workload;
  readonly #seeded: Seeded;
  readonly #token: string;
  readonly #unanswered: Planned[] = [];
  /** Sent at least once without an answer: may be there already. */
  readonly #maybeStored = new Set<string>();
  readonly #options: PlatformOptions;
  readonly #ways = new Set<Way>();
  #violation: Error | undefined;

  constructor(workload: Workload, seeded: Seeded, token: string, options: PlatformOptions) {
    this.#workload = workload;
    this.#seeded = seeded;
    this.#token = token;
    this.#options = options;
  }

  get unanswered(): number {
    return this.#unanswered.length;
  }

  /** Reports up to so many requests to this server, until `ended`; resolves when none is open any more. */
  async drive(url: string, requests: number, ended: Promise<unknown>): Promise<void> {
    const way = wayTo(url, requests);
    void ended.then(() => way.pool.destroy());
    this.#ways.add(way);
    await this.#sendAll(way);
    this.#ways.delete(way);
  }

  /** From now on nothing new is reported; `drive` resolves when what is open is answered. */
  stop(): void {
    for (const way of this.#ways) way.budget = 0;
  }

  /** What was not answered is sent until it is. */
  async finish(url: string): Promise<void> {
    const way = wayTo(url, 0);
    await this.#sendAll(way);
    await way.pool.close();
    promised(this.#unanswered.length === 0, () => `${this.#unanswered.length} requests were never answered`);
  }

  async report(url: string, planned: Planned): Promise<void> {
    this.#unanswered.push(planned);
    await this.finish(url);
  }

  async #sendAll(way: Way): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.senders ?? SENDERS }, () => this.#send(way)));
    if (this.#violation !== undefined) throw this.#violation;
  }

  async #send(way: Way): Promise<void> {
    const { pool } = way;
    const { pauseMs = 0 } = this.#options;
    while (this.#violation === undefined) {
      const planned = this.#next(way);
      if (planned === undefined) return;
      const answered = await this.#post(way, planned).catch((error: unknown) => {
        this.#violation ??= asError(error);
        return false;
      });
      if (!answered) {
        this.#unanswered.push(planned);
        for (const { id } of planned.changes) this.#maybeStored.add(id);
        if (pool.destroyed || pool.closed) return;
      }
      const waitMs = answered ? pauseMs : Math.max(pauseMs, AGAIN_MS);
      if (waitMs > 0) await sleep(waitMs);
    }
  }

  #next(way: Way): Planned | undefined {
    const again = this.#unanswered.shift();
    if (again !== undefined) {
      this.resent += 1;
      return again;
    }
    if (way.budget <= 0) return undefined;
    way.budget -= 1;
    // A platform repeats itself, too, when nothing was wrong.
    const known = this.#seeded.chance(0.1) ? this.#anyAcked() : undefined;
    if (known !== undefined) return { single: true, changes: [known] };
    const planned = this.#workload.next();
    this.reported += planned.changes.length;
    return planned;
  }

  #anyAcked(): Change | undefined {
    const skip = this.#seeded.between(0, Math.max(0, Math.min(this.acked.size, 50) - 1));
    return [...this.acked.values()].at(-1 - skip);
  }

  /** False: no answer, or one that says to come again. */
  async #post({ url, pool }: Way, { changes, single }: Planned): Promise<boolean> {
    let position: number;
    let status: number;
    let text: string;
    try {
      const answer = await pool.request({
        method: 'POST',
        path: '/changes',
        headers: {
          authorization: `Bearer ${this.#token}`,
          'content-type': `application/cloudevents${single ? '' : '-batch'}+json`,
        },
        body: JSON.stringify(single ? changes[0] : changes),
        headersTimeout: ANSWER_MS,
        bodyTimeout: ANSWER_MS,
      });
      status = answer.statusCode;
      position = Number(answer.headers['callboard-position']);
      text = await answer.body.text();
    } catch {
      return false;
    }
    if (status === 503) return false;
    promised(status === 202, () => `POST /changes answered ${status}: ${text}`);
    const receipts = (JSON.parse(text) as { readonly changes: ReadonlyArray<Receipt> }).changes;
    this.#takeReceipts(changes, receipts);
    for (const { change } of receipts) this.#options.onStored?.(change, position, url);
    return true;
  }

  #takeReceipts(changes: ReadonlyArray<Change>, receipts: ReadonlyArray<Receipt>): void {
    promised(
      receipts.length === changes.length,
      () => `${receipts.length} receipts for ${changes.length} changes`,
    );
    const isWhole = new Set(receipts.map(({ status }) => status)).size === 1;
    const mayBePartial = !this.#options.atomicBatches && changes.some(({ id }) => this.#maybeStored.has(id));
    promised(isWhole || mayBePartial, () => `a batch was stored in part: ${JSON.stringify(receipts)}`);
    for (const [index, change] of changes.entries()) {
      const receipt = receipts[index];
      promised(receipt?.id === change.id, () => `receipt ${index} is of ${receipt?.id}, not of ${change.id}`);
      const known = this.acked.has(receipt.change);
      if (receipt.status === 'accepted') {
        promised(!known, () => `${change.id} was accepted twice`);
      } else {
        promised(
          known || this.#maybeStored.has(change.id),
          () => `${change.id} was called a duplicate when it was sent for the first time`,
        );
      }
      this.acked.set(receipt.change, change);
    }
  }
}

const wayTo = (url: string, budget: number): Way => ({
  url,
  pool: new Pool(url, { connections: SENDERS, pipelining: 1 }),
  budget,
});
