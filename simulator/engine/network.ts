import { Signer } from '../../src/domain/signature.ts';
import type { HttpSender, SendOutcome, SendRequest } from '../../src/ports/http-sender.ts';
import type { Chance } from './chance.ts';
import type { CrashPoint } from './points.ts';
import type { Behaviour } from './plan/behaviour.ts';
import type { Scheduler } from './scheduler.ts';

/** What a receiver answered, whether or not that arrived. */
export interface Answer {
  readonly statusCode: number;
  readonly retryAfter: string | null;
}

/** One request on its way; the auditor follows it. */
export interface Journey {
  /** The receiver has read it. */
  seen(endpoint: string): void;
  /** This outcome is handed to the process. */
  ended(outcome: SendOutcome): void;
}

export interface NetworkHost {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  deliver(delayMs: number, run: () => void): void;
  /** Asked just before the first byte. */
  maySend(request: SendRequest): boolean;
  sent(request: SendRequest): Journey;
  point(point: CrashPoint): boolean;
  mark(name: string): void;
  trace(text: string): void;
  /** Wall clock of the receivers, which is right. */
  wallMs(): number;
}

export const EXCERPT_UNITS_MAX = 16 * 1024;

/** Receivers and the ways to them; outlives every process. */
export class Network {
  readonly #behaviours = new Map<string, Behaviour>();
  /** Of requests that meet a fault on their way. */
  faultRate: number;

  constructor(faultRate: number) {
    this.faultRate = faultRate;
  }

  behave(url: string, behaviour: Behaviour): void {
    this.#behaviours.set(url, behaviour);
  }

  heal(): void {
    this.#behaviours.clear();
    this.faultRate = 0;
  }

  behaviourOf(url: string): Behaviour {
    return this.#behaviours.get(url) ?? 'good';
  }

  /** What a process sends with. */
  senderFor(host: NetworkHost): HttpSender {
    const open = new Set<() => void>();
    const listening = new WeakSet<AbortSignal>();
    const signer = new Signer();
    return {
      send: (unsigned, signal) => {
        const request = { ...unsigned, headers: signer.signed(unsigned), secrets: [] };
        if (!listening.has(signal)) {
          listening.add(signal);
          signal.addEventListener('abort', () => {
            for (const interrupt of [...open]) interrupt();
          });
        }
        if (!host.maySend(request)) return Promise.resolve({ kind: 'interrupted', address: null });
        const journey = host.sent(request);
        return new Promise((resolve) => {
          let ended = false;
          const end = (outcome: SendOutcome): void => {
            if (ended) return;
            ended = true;
            open.delete(interrupt);
            journey.ended(outcome);
            resolve(outcome);
          };
          const interrupt = (): void => end({ kind: 'interrupted', address: null });
          open.add(interrupt);
          if (signal.aborted) return interrupt();
          this.#travel(host, request, journey, end);
        });
      },
      close: async () => undefined,
    };
  }

  #travel(
    host: NetworkHost,
    request: SendRequest,
    journey: Journey,
    end: (outcome: SendOutcome) => void,
  ): void {
    const { chance, scheduler } = host;
    const { url, timeoutMs } = request;
    const behaviour = this.behaviourOf(url);
    const fault = chance.chance(this.faultRate) ? chance.pick(NETWORK_FAULTS) : undefined;
    const reaction = reactionOf(behaviour, chance, host.wallMs());
    const arriveMs = chance.delayMs(0, 20);
    if (fault !== undefined) host.mark(`network_${fault}`);
    const timedOut = {
      kind: 'not_answered',
      error: `timed out after ${timeoutMs} ms`,
      address: addressOf(url),
    } as const;
    const deadlineMs = scheduler.nowMs + timeoutMs;
    const finish = (delayMs: number, outcome: SendOutcome): void => {
      // One deadline over the whole attempt; a process that stands still notices late.
      const leftMs = deadlineMs - scheduler.nowMs;
      host.deliver(Math.min(delayMs, leftMs), () => end(delayMs >= leftMs ? timedOut : outcome));
    };
    if (fault === 'no_name' || fault === 'unreachable' || behaviour === 'refusing') {
      const error = fault === 'no_name' ? 'the name does not resolve' : 'connection refused';
      const address = fault === 'no_name' ? null : addressOf(url);
      return finish(chance.delayMs(0, fault === 'no_name' ? 6_000 : 30), {
        kind: 'not_answered',
        error,
        address,
      });
    }
    if (fault === 'reset_before') {
      return finish(arriveMs, { kind: 'not_answered', error: 'connection reset', address: addressOf(url) });
    }
    // The receiver is another machine: what is on its way arrives, whatever becomes of the process.
    scheduler.after(arriveMs, () => {
      journey.seen(url);
      host.trace(`seen ${request.headers['webhook-id'] ?? ''} at ${url}`);
      if (host.point('C7')) return;
      if (reaction === 'none' || fault === 'answer_lost') return finish(timeoutMs, timedOut);
      if (fault === 'reset_after') {
        return finish(reaction.afterMs, {
          kind: 'not_answered',
          error: 'connection reset while reading',
          address: addressOf(url),
        });
      }
      const { statusCode, retryAfter, excerpt, afterMs } = reaction;
      finish(afterMs, {
        kind: 'answered',
        statusCode,
        retryAfter,
        responseExcerpt: excerpt,
        address: addressOf(url),
      });
    });
  }
}

const NETWORK_FAULTS = ['no_name', 'unreachable', 'reset_before', 'reset_after', 'answer_lost'] as const;

/** Each endpoint has one address, of the documentation's range. */
export const addressOf = (url: string): string => {
  let sum = 0;
  for (const character of url) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return `192.0.2.${(sum % 254) + 1}`;
};

interface Reaction {
  readonly afterMs: number;
  readonly statusCode: number;
  readonly retryAfter: string | null;
  readonly excerpt: string | null;
}

const reactionOf = (behaviour: Behaviour, chance: Chance, wallMs: number): Reaction | 'none' => {
  const quick = chance.delayMs(0, 200);
  const answer = (statusCode: number, more: Partial<Reaction> = {}): Reaction => ({
    afterMs: quick,
    statusCode,
    retryAfter: null,
    excerpt: null,
    ...more,
  });
  switch (behaviour) {
    case 'good':
      return answer(chance.pick([200, 200, 200, 201, 204, 299]));
    case 'failing':
      return answer(chance.pick([400, 401, 404, 408, 418, 500, 502, 503, 504, 599]), { excerpt: 'no' });
    case 'flaky':
      return chance.chance(0.5) ? answer(200) : answer(500);
    case 'slow':
      return answer(200, { afterMs: chance.delayMs(1_000, 30_000) });
    case 'dead':
      return 'none';
    case 'refusing':
      return 'none';
    case 'busy':
      return answer(chance.pick([429, 503]), { retryAfter: retryAfterOf(chance, wallMs) });
    case 'gone':
      return answer(410);
    case 'redirecting':
      return answer(chance.pick([301, 302, 303, 307, 308]));
    case 'rambling':
      return answer(chance.pick([200, 500]), { excerpt: ramble(chance) });
    case 'cutting':
      return answer(200, { afterMs: 14_990 + chance.between(0, 20) });
  }
};

/** Seconds, dates, what has passed, and rubbish. */
const retryAfterOf = (chance: Chance, wallMs: number): string =>
  chance.pick([
    () => String(chance.between(0, 7_200)),
    () => new Date(wallMs + chance.between(-3_600, 86_400) * 1_000).toUTCString(),
    () => '1000000000',
    () => '-5',
    () => 'soon',
    () => '1.5',
    () => '',
  ])();

const ramble = (chance: Chance): string =>
  chance
    .pick(['<script>alert(1)</script>', '\u001b[31mred', '\u0000', '\ud800', '…', 'x'])
    .repeat(EXCERPT_UNITS_MAX)
    .slice(0, EXCERPT_UNITS_MAX);
