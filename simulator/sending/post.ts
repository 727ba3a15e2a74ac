import { setTimeout as sleep } from 'node:timers/promises';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { Report } from '../orders/cloud-event.ts';

/** Reports changes to a running server, as a platform does: what was not answered is sent again, with the same ids. */

export interface PostTo {
  /** Of the server; `/changes` is added unless it is there. */
  readonly url: string;
  readonly token: string;
  /** How long the server may be away or busy without taking anything. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Told of each request that has to be sent again, and why. */
  readonly onTrouble: (why: string) => void;
}

export interface Posted {
  readonly accepted: number;
  readonly duplicates: number;
  /** Answered 409: by a strict account, as they contradict what is known; or as their id was used for something else. */
  readonly refused: number;
}

export type PostFailure =
  | { readonly _tag: 'TokenRefused'; readonly message: string }
  | { readonly _tag: 'NotReached'; readonly message: string }
  | { readonly _tag: 'NotTaken'; readonly message: string }
  | { readonly _tag: 'Interrupted'; readonly message: string };

const ANSWER_TIMEOUT_MS = 30_000;
/** Somebody who has mistyped an address should not have to wait for long. */
const FIRST_PATIENCE_MS = 4_000;
const FIRST_WAIT_MS = 100;
const WAIT_MAX_MS = 5_000;
/** Too many requests, or a server or its store that is not there at the moment. */
const TRY_AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const ANSWER_SHOWN_MAX = 400;

export const changesUrl = (url: string): string => {
  const base = url.replace(/\/+$/, '');
  return base.endsWith('/changes') ? base : `${base}/changes`;
};

export class Poster {
  /** Requests that had to be sent again. */
  sentAgain = 0;
  /** Why the first report that a strict account refused was refused. */
  firstRefusal: string | undefined;
  readonly #to: PostTo;
  #everTaken = false;

  constructor(to: PostTo) {
    this.#to = to;
  }

  async post(reports: ReadonlyArray<Report>): Promise<Either<PostFailure, Posted>> {
    const answer = await this.#answer(reports);
    if (answer._tag === 'Left') return answer;
    const { status, text } = answer.right;
    if (status === 202) {
      this.#everTaken = true;
      return right(countsIn(text));
    }
    if (status === 401 || status === 403) {
      const why = status === 401 ? 'is not valid there' : 'may not report changes of these companies';
      return left({ _tag: 'TokenRefused', message: `the token ${why}: ${inShort(status, text)}` });
    }
    // A batch is all or nothing: in halves, what can be taken is.
    const isTooMuch = status === 413 || status === 409;
    if (isTooMuch && reports.length > 1) return this.#inHalves(reports);
    if (status === 409) {
      this.firstRefusal ??= inShort(status, text);
      return right({ accepted: 0, duplicates: 0, refused: 1 });
    }
    const isOurs = (status >= 300 && status < 400) || status === 404 || status === 405;
    const message = isOurs
      ? `there is no Callboard at ${this.#to.url}: ${inShort(status, text)}`
      : `the server does not take a report: ${inShort(status, text)}`;
    return left({ _tag: 'NotTaken', message });
  }

  async #inHalves(reports: ReadonlyArray<Report>): Promise<Either<PostFailure, Posted>> {
    const middle = Math.ceil(reports.length / 2);
    const first = await this.post(reports.slice(0, middle));
    if (first._tag === 'Left') return first;
    const second = await this.post(reports.slice(middle));
    if (second._tag === 'Left') return second;
    return right({
      accepted: first.right.accepted + second.right.accepted,
      duplicates: first.right.duplicates + second.right.duplicates,
      refused: first.right.refused + second.right.refused,
    });
  }

  /** The first answer that means something. */
  async #answer(reports: ReadonlyArray<Report>): Promise<Either<PostFailure, Answer>> {
    const { url, token, patienceMs, signal, onTrouble } = this.#to;
    const [only] = reports;
    const isSingle = reports.length === 1 && only !== undefined;
    const request = {
      method: 'POST',
      redirect: 'manual',
      headers: {
        'Content-Type': isSingle ? 'application/cloudevents+json' : 'application/cloudevents-batch+json',
        Authorization: `Bearer ${token}`,
      },
      body: isSingle ? only.text : `[${reports.map(({ text }) => text).join(',')}]`,
    } as const;
    const startedMs = performance.now();
    for (let tries = 0; ; tries += 1) {
      const answer = await ask(changesUrl(url), request, signal);
      if (signal.aborted) return left({ _tag: 'Interrupted', message: 'interrupted' });
      if (answer.status !== undefined && !TRY_AGAIN.has(answer.status)) return right(answer as Answer);
      const why = answer.status === undefined ? answer.text : inShort(answer.status, answer.text);
      const waitMs = Math.max(answer.retryAfterMs, Math.min(WAIT_MAX_MS, FIRST_WAIT_MS * 2 ** tries));
      const mayWaitMs = this.#everTaken ? patienceMs : Math.min(patienceMs, FIRST_PATIENCE_MS);
      if (performance.now() - startedMs + waitMs > mayWaitMs) {
        return left({ _tag: 'NotReached', message: `${url} takes no reports: ${why}` });
      }
      this.sentAgain += 1;
      onTrouble(why);
      try {
        await sleep(waitMs, undefined, { signal });
      } catch (_interrupted) {
        return left({ _tag: 'Interrupted', message: 'interrupted' });
      }
    }
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

interface AnswerOrNone {
  /** Undefined: there was none. */
  readonly status: number | undefined;
  readonly text: string;
  readonly retryAfterMs: number;
}

const ask = async (url: string, request: RequestInit, signal: AbortSignal): Promise<AnswerOrNone> => {
  try {
    const withDeadline = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    const answer = await fetch(url, { ...request, signal: withDeadline });
    const text = await answer.text();
    return { status: answer.status, text, retryAfterMs: retryAfterMs(answer.headers.get('retry-after')) };
  } catch (error) {
    return { status: undefined, text: reasonOf(error), retryAfterMs: 0 };
  }
};

/** fetch says only that it failed; the reason stands in its cause. */
const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  const { code } = cause as NodeJS.ErrnoException;
  return cause.message === '' ? (code ?? cause.name) : cause.message;
};

const retryAfterMs = (header: string | null): number => {
  if (header === null) return 0;
  const seconds = Number(header);
  const waitMs = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - Date.now();
  return waitMs > 0 ? waitMs : 0;
};

const countsIn = (text: string): Posted => {
  const { changes } = JSON.parse(text) as { readonly changes: ReadonlyArray<{ readonly status: string }> };
  const duplicates = changes.filter(({ status }) => status === 'duplicate').length;
  return { accepted: changes.length - duplicates, duplicates, refused: 0 };
};

const inShort = (status: number, text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  const shown = line.length > ANSWER_SHOWN_MAX ? `${line.slice(0, ANSWER_SHOWN_MAX)}…` : line;
  return shown === '' ? `HTTP ${status}` : `HTTP ${status} ${shown}`;
};
