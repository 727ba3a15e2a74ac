import { Signer } from '../../src/domain/signature.ts';
import type { HttpSender, SendOutcome, SendRequest } from '../../src/ports/http-sender.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** One request as its receiver saw it. */
export interface Seen {
  readonly id: string;
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly atMs: number;
  /** 1, 2, 3 … of this invocation, as the receiver counts. */
  readonly count: number;
}

/** What a receiver does with a request: an answer after a while, or none until the attempt is cut off. */
export type Reaction = { readonly afterMs: number; readonly outcome: SendOutcome } | 'hangs';

export const answers = (
  statusCode: number,
  more: { readonly retryAfter?: string; readonly afterMs?: number } = {},
): Reaction => ({
  afterMs: more.afterMs ?? 5,
  outcome: {
    kind: 'answered',
    statusCode,
    retryAfter: more.retryAfter ?? null,
    responseExcerpt: null,
    address: '192.0.2.1',
  },
});

export const refuses = (error = 'connection refused'): Reaction => ({
  afterMs: 1,
  outcome: { kind: 'not_answered', error, address: null },
});

/** Receivers under a virtual clock. Each URL reacts as told; what is not told answers 200. */
export class ScriptedSender implements HttpSender {
  readonly seen: Seen[] = [];
  inFlight = 0;
  inFlightMax = 0;
  readonly #clock: VirtualClock;
  readonly #signer = new Signer();
  readonly #reactions = new Map<string, (seen: Seen) => Reaction>();

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** Reactions to the requests at this URL: one after the other and the last one for good, or as decided. */
  at(url: string, ...reactions: ReadonlyArray<Reaction> | readonly [(seen: Seen) => Reaction]): void {
    const [first] = reactions;
    if (typeof first === 'function') {
      this.#reactions.set(url, first);
      return;
    }
    const left = [...(reactions as ReadonlyArray<Reaction>)];
    this.#reactions.set(url, () => (left.length > 1 ? left.shift() : left[0]) ?? answers(200));
  }

  of(id: string): ReadonlyArray<Seen> {
    return this.seen.filter((one) => one.id === id);
  }

  send(request: SendRequest, signal: AbortSignal): Promise<SendOutcome> {
    const { url, body } = request;
    const headers = this.#signer.signed(request);
    const id = headers['webhook-id'] ?? '';
    const seen = { id, url, body, headers, atMs: this.#clock.nowMs(), count: this.of(id).length + 1 };
    this.seen.push(seen);
    const reaction = this.#reactions.get(url)?.(seen) ?? answers(200);
    this.inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight);
    return new Promise((resolve) => {
      let ended = false;
      const end = (outcome: SendOutcome): void => {
        if (ended) return;
        ended = true;
        timer.cancel();
        this.inFlight -= 1;
        resolve(outcome);
      };
      const timedOut: SendOutcome = {
        kind: 'not_answered',
        error: `timed out after ${request.timeoutMs} ms`,
        address: null,
      };
      const timer =
        reaction === 'hangs'
          ? this.#clock.setTimer(request.timeoutMs, () => end(timedOut))
          : this.#clock.setTimer(reaction.afterMs, () => end(reaction.outcome));
      const interrupt = (): void => end({ kind: 'interrupted', address: null });
      if (signal.aborted) interrupt();
      else signal.addEventListener('abort', interrupt, { once: true });
    });
  }

  async close(): Promise<void> {}
}
