import { isLeft, tryCatch } from 'fp-ts/lib/Either.js';
import type { Cause } from '../domain/events.ts';
import { Lru } from '../domain/lru.ts';
import {
  type AttemptResult,
  decideInvocation,
  evolveInvocation,
  type InvocationCommand,
  type InvocationEvent,
  type InvocationScheduled,
  type InvocationState,
} from '../domain/invocation.ts';
import { customHeaders } from '../domain/moshtix-request.ts';
import { requestHeaders } from '../domain/openticket-request.ts';
import { activeSecrets, type WebhookFacts } from '../domain/webhook.ts';
import { seal } from '../eventstore/codec.ts';
import type { StreamAppend } from '../eventstore/event-store.ts';
import type { Loaded } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { HttpSender, SendOutcome, SendRequest } from '../ports/http-sender.ts';
import type { Random } from '../ports/random.ts';

/** An invocation as the process manager holds it between two appends. */
export interface HeldInvocation extends Loaded<InvocationState> {
  readonly stream: string;
}

export const ATTEMPT_ACTOR = 'engine:delivery';

export const attemptCause = (scheduled: InvocationScheduled): Cause => ({
  correlationId: scheduled.change ?? scheduled.guid,
  causationId: scheduled.guid,
  actor: ATTEMPT_ACTOR,
  companyId: scheduled.companyId,
});

/** A decision ready to be appended, and what the invocation is after it. */
export interface Step {
  readonly append: StreamAppend;
  readonly after: HeldInvocation;
  readonly events: ReadonlyArray<InvocationEvent>;
}

/** Undefined: nothing to write, it was so already or is not possible any more. */
export const stepOf = (
  random: Random,
  held: HeldInvocation,
  command: InvocationCommand,
  cause: Cause,
): Step | undefined => {
  const decided = decideInvocation(held.state, command);
  if (isLeft(decided) || decided.right.length === 0) return undefined;
  // Random ids on purpose: should two nodes start the same attempt, the store must see two different events.
  const events = decided.right.map((event) => ({ id: random.uuid(), event }));
  const { append, head } = seal(held.stream, held.head, events, cause);
  const state = decided.right.reduce(evolveInvocation, held.state);
  return { append, after: { state, head, stream: held.stream }, events: decided.right };
};

/** Turns a webhook and an invocation into the request of one attempt. Keeps opened secrets in memory only. */
export class RequestBuilder {
  /** Throws for what is damaged. */
  readonly #openSecret: (sealed: string) => string;
  readonly #version: string;
  readonly #timeoutMs: number;
  readonly #secrets = new Lru<string, string>(SECRETS_MAX);

  constructor(options: {
    readonly openSecret: (sealed: string) => string;
    readonly version: string;
    readonly timeoutMs: number;
  }) {
    this.#openSecret = options.openSecret;
    this.#version = options.version;
    this.#timeoutMs = options.timeoutMs;
  }

  /** Undefined: the webhook's secret cannot be opened, so nothing can be signed. An older one is then left out. */
  build(
    facts: WebhookFacts,
    scheduled: InvocationScheduled,
    url: string,
    atMs: number,
  ): SendRequest | undefined {
    if (!this.canSign(facts)) return undefined;
    const timestampSeconds = Math.floor(atMs / 1000);
    const secrets = activeSecrets(facts, atMs).flatMap((sealed) => this.#secret(sealed) ?? []);
    const { request } = facts.settings;
    const common = { timestampSeconds, version: this.#version };
    const headers =
      request === undefined
        ? requestHeaders({ scheduled, nonce: facts.nonce, ...common })
        : customHeaders({ request, invocation: scheduled.guid, ...common });
    return { url, headers, body: scheduled.body, secrets, timeoutMs: this.#timeoutMs };
  }

  canSign(facts: WebhookFacts): boolean {
    return this.#secret(facts.sealedSecret) !== undefined;
  }

  #secret(sealed: string): string | undefined {
    const known = this.#secrets.get(sealed);
    if (known !== undefined) return known;
    const opened = tryCatch(
      () => this.#openSecret(sealed),
      () => undefined,
    );
    if (isLeft(opened)) return undefined;
    this.#secrets.set(sealed, opened.right);
    return opened.right;
  }
}

const SECRETS_MAX = 20_000;

export interface SentAttempt {
  readonly command: InvocationCommand;
  /** What the attempt says about its endpoint, 'slow' that it succeeded slowly; undefined when it says nothing. */
  readonly success: boolean | 'slow' | undefined;
}

/** About a quarter of an attempt's usual deadline; an endpoint that takes longer is not trusted with many slots. */
const QUICK_MS = 4_000;

/** Sends, and says in which words the outcome is to be recorded. */
export const sendAttempt = async (
  { sender, clock }: { readonly sender: HttpSender; readonly clock: Clock },
  number: number,
  request: SendRequest,
  signal: AbortSignal,
): Promise<SentAttempt> => {
  const startedMs = clock.monotonicMs();
  const outcome = await sender.send(request, signal);
  const durationMs = Math.max(0, Math.round(clock.monotonicMs() - startedMs));
  const atMs = clock.nowMs();
  if (outcome.kind === 'answered') {
    const { statusCode, retryAfter, responseExcerpt, address } = outcome;
    const result = { statusCode, error: null, durationMs, address, responseExcerpt };
    const succeeded = statusCode >= 200 && statusCode <= 299;
    const success = succeeded && durationMs > QUICK_MS ? 'slow' : succeeded;
    return { command: { type: 'RecordAnswer', number, result, retryAfter, atMs }, success };
  }
  const failed = outcome.kind === 'not_answered';
  return {
    command: {
      type: 'RecordFailure',
      number,
      outcome: failed ? 'failed' : 'interrupted',
      result: resultOf(outcome, durationMs),
      atMs,
    },
    success: failed ? false : undefined,
  };
};

const resultOf = (outcome: Exclude<SendOutcome, { kind: 'answered' }>, durationMs: number): AttemptResult =>
  outcome.kind === 'not_answered'
    ? {
        statusCode: null,
        error: outcome.error,
        durationMs,
        address: outcome.address,
        responseExcerpt: null,
      }
    : { ...UNKNOWN_OUTCOME, durationMs, address: outcome.address };

/** What is known of an attempt that a stop or a crash cut off. */
export const UNKNOWN_OUTCOME: AttemptResult = {
  statusCode: null,
  error: 'interrupted: the server stopped while the attempt was running',
  durationMs: 0,
  address: null,
  responseExcerpt: null,
};
