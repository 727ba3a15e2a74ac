import { StringDecoder } from 'node:string_decoder';
import type { Dispatcher } from 'undici';
import type { SendOutcome } from '../ports/http-sender.ts';
import { type Connection, ConnectionAware } from './undici-connector.ts';
import { failureInWords } from './undici-failure.ts';

export const EXCERPT_BYTES_MAX = 16 * 1024;
export const ANSWER_BYTES_MAX = 1024 * 1024;
/** 1xx answers before the real one; servers that mean well send one or two. */
const INTERIM_ANSWERS_MAX = 16;
const RETRY_AFTER_LENGTH_MAX = 256;
const TIMER_MS_MAX = 2 ** 31 - 1;

interface Answer {
  readonly statusCode: number;
  readonly retryAfter: string | null;
}

/**
 * One POST on its way. It is settled once: by the end of the answer, an error, the deadline or an interruption,
 * whichever comes first. Once a status line has arrived the outcome is `answered`, however the body ends, because the
 * status alone decides; what is left of the connection is then closed.
 */
export class Attempt extends ConnectionAware implements Dispatcher.DispatchHandler {
  readonly outcome: Promise<SendOutcome>;
  readonly signal: AbortSignal;
  readonly #settle: (outcome: SendOutcome) => void;
  readonly #maySend: () => boolean;
  readonly #onSettled: () => void;
  readonly #timeoutMs: number;
  readonly #timer: NodeJS.Timeout;
  #settled = false;
  #connection: Connection | null = null;
  #controller: Dispatcher.DispatchController | null = null;
  #answer: Answer | null = null;
  #interimAnswers = 0;
  #bytes = 0;
  #excerptBytes = 0;
  #excerpt: Array<Buffer> = [];

  constructor(timeoutMs: number, signal: AbortSignal, maySend: () => boolean, onSettled: () => void) {
    super();
    const { promise, resolve } = Promise.withResolvers<SendOutcome>();
    this.outcome = promise;
    this.signal = signal;
    this.#settle = resolve;
    this.#maySend = maySend;
    this.#onSettled = onSettled;
    this.#timeoutMs = timeoutMs;
    this.#timer = setTimeout(expire, Math.min(Math.max(timeoutMs, 0), TIMER_MS_MAX), this);
  }

  dispatchedOver(connection: Connection): void {
    this.#connection = connection;
  }

  /** The deadline has passed. */
  expire(): void {
    const phase = this.#controller === null ? ' before there was a connection' : '';
    this.fail(`timed out after ${this.#timeoutMs} ms${phase}`);
  }

  /** Cut off by the shutdown. What has been answered by then stays answered. */
  interrupt(): void {
    if (this.#answer !== null) return this.fail('interrupted');
    this.#finish({ kind: 'interrupted', address: this.#address() });
    this.#controller?.abort(new Error('interrupted'));
  }

  /** Ends the attempt and the connection. `words` are for the partner's log; they do not count after a status line. */
  fail(words: string): void {
    if (this.#settled) return;
    this.#conclude(words);
    this.#controller?.abort(new Error(words));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (!this.#maySend()) this.interrupt();
    // Thrown here, the request is dropped before its first byte and the connection stays whole.
    if (this.#settled) throw new Error('the attempt is over');
    this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (statusCode >= 200) {
      this.#answer = { statusCode, retryAfter: retryAfterOf(headers) };
      return;
    }
    this.#interimAnswers += 1;
    if (this.#interimAnswers > INTERIM_ANSWERS_MAX) {
      this.fail(`more than ${INTERIM_ANSWERS_MAX} interim (1xx) answers and no final one`);
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    const room = EXCERPT_BYTES_MAX - this.#excerptBytes;
    if (room > 0) {
      const kept = chunk.subarray(0, room);
      this.#excerpt.push(kept);
      this.#excerptBytes += kept.length;
    }
    if (this.#bytes > ANSWER_BYTES_MAX) this.fail(`an answer of more than ${ANSWER_BYTES_MAX} bytes`);
  }

  onResponseEnd(): void {
    this.#conclude('no answer');
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: unknown): void {
    if (this.#settled) return;
    const { words, address } = failureInWords(error);
    this.#conclude(words, address);
  }

  #conclude(words: string, address: string | null = null): void {
    if (this.#answer === null) {
      this.#finish({
        kind: 'not_answered',
        error: words,
        address: address ?? this.#address(),
      });
      return;
    }
    const { statusCode, retryAfter } = this.#answer;
    const responseExcerpt = excerptText(this.#excerpt, this.#bytes > this.#excerptBytes);
    this.#finish({ kind: 'answered', statusCode, retryAfter, responseExcerpt, address: this.#address() });
  }

  #finish(outcome: SendOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#excerpt = [];
    this.#onSettled();
    this.#settle(outcome);
  }

  #address(): string | null {
    return this.#connection === null ? null : this.#connection.address;
  }
}

const expire = (attempt: Attempt): void => attempt.expire();

const retryAfterOf = (headers: Record<string, string | string[] | undefined>): string | null => {
  const header = headers['retry-after'];
  const first = Array.isArray(header) ? header[0] : header;
  return first?.slice(0, RETRY_AFTER_LENGTH_MAX) ?? null;
};

/** As UTF-8, with U+FFFD for what is not, and for NUL, which some stores cannot hold. Never over the limit as UTF-8. */
const excerptText = (chunks: ReadonlyArray<Buffer>, cut: boolean): string | null => {
  const [first] = chunks;
  if (first === undefined) return null;
  const bytes = chunks.length === 1 ? first : Buffer.concat(chunks);
  // A character that the cut went through is left out, not shown as damaged.
  const text = (cut ? new StringDecoder('utf8').write(bytes) : bytes.toString('utf8')).replaceAll(
    '\0',
    '\uFFFD',
  );
  if (text.length * 3 <= EXCERPT_BYTES_MAX) return text;
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(EXCERPT_BYTES_MAX)).read);
};
