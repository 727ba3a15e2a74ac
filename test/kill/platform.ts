import { Pool } from 'undici';
import type { Seeded } from './seeded.ts';
import { asError, promised } from './violation.ts';
import type { Change, Planned, Workload } from './workload.ts';

interface Receipt {
  readonly id: string;
  readonly change: string;
  readonly status: 'accepted' | 'duplicate';
}

const SENDERS = 6;
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
  #pool: Pool | undefined;
  #budget = 0;
  #violation: Error | undefined;

  constructor(workload: Workload, seeded: Seeded, token: string) {
    this.#workload = workload;
    this.#seeded = seeded;
    this.#token = token;
  }

  get unanswered(): number {
    return this.#unanswered.length;
  }

  /** Reports up to so many requests to this server, until `ended`; resolves when none is open any more. */
  async drive(url: string, requests: number, ended: Promise<unknown>): Promise<void> {
    const pool = new Pool(url, { connections: SENDERS, pipelining: 1 });
    this.#pool = pool;
    this.#budget = requests;
    void ended.then(() => pool.destroy());
    await Promise.all(Array.from({ length: SENDERS }, () => this.#send(pool)));
    if (this.#violation !== undefined) throw this.#violation;
  }

  /** Reports no more than what is under way. */
  stop(): void {
    this.#budget = 0;
  }

  /** What was not answered is sent until it is. */
  async finish(url: string): Promise<void> {
    const pool = new Pool(url, { connections: SENDERS, pipelining: 1 });
    this.#pool = pool;
    this.#budget = 0;
    await Promise.all(Array.from({ length: SENDERS }, () => this.#send(pool)));
    await pool.close();
    if (this.#violation !== undefined) throw this.#violation;
    promised(this.#unanswered.length === 0, () => `${this.#unanswered.length} requests were never answered`);
  }

  async report(url: string, planned: Planned): Promise<void> {
    this.#unanswered.push(planned);
    await this.finish(url);
  }

  async #send(pool: Pool): Promise<void> {
    while (this.#pool === pool && this.#violation === undefined) {
      const planned = this.#next();
      if (planned === undefined) return;
      const answered = await this.#post(pool, planned).catch((error: unknown) => {
        this.#violation ??= asError(error);
        return false;
      });
      if (answered) continue;
      this.#unanswered.push(planned);
      for (const { id } of planned.changes) this.#maybeStored.add(id);
      if (pool.destroyed || pool.closed) return;
    }
  }

  #next(): Planned | undefined {
    const again = this.#unanswered.shift();
    if (again !== undefined) {
      this.resent += 1;
      return again;
    }
    if (this.#budget <= 0) return undefined;
    this.#budget -= 1;
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
  async #post(pool: Pool, { changes, single }: Planned): Promise<boolean> {
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
      text = await answer.body.text();
    } catch {
      return false;
    }
    if (status === 503) return false;
    promised(status === 202, () => `POST /changes answered ${status}: ${text}`);
    this.#takeReceipts(changes, (JSON.parse(text) as { readonly changes: ReadonlyArray<Receipt> }).changes);
    return true;
  }

  #takeReceipts(changes: ReadonlyArray<Change>, receipts: ReadonlyArray<Receipt>): void {
    promised(
      receipts.length === changes.length,
      () => `${receipts.length} receipts for ${changes.length} changes`,
    );
    const statuses = new Set(receipts.map(({ status }) => status));
    promised(statuses.size === 1, () => `a batch was stored in part: ${JSON.stringify(receipts)}`);
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
