import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Cause } from '../domain/events.ts';
import { streamOf } from '../domain/ids.ts';
import type { Rules } from '../domain/rules.ts';
import {
  evolveWebhook,
  type WebhookChanges,
  type WebhookCommand,
  type WebhookEvent,
  type WebhookRejection,
  type WebhookSettings,
  type WebhookState,
} from '../domain/webhook.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import {
  type Aggregate,
  load,
  type Loaded,
  type StoreFailure,
  transact,
  type TransactDeps,
} from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { Accounts } from './accounts.ts';
import { webhookUnder } from './aggregates.ts';
import { Followed } from './followed.ts';

/** Makes and encrypts signing secrets; the domain only ever sees them sealed. */
export interface WebhookSecrets {
  /** A fresh secret, sealed. */
  newSealedSecret(): string;
  newNonce(): string;
}

export interface WebhookDeps extends TransactDeps {
  readonly clock: Clock;
  readonly rules: Rules;
  readonly secrets: WebhookSecrets;
  readonly accounts: Pick<Accounts, 'open'>;
}

/** A webhook that exists, deleted ones included. */
export type KnownWebhook = Exclude<WebhookState, { situation: 'unknown' }>;

export interface WebhookSnapshot {
  readonly webhook: KnownWebhook;
  readonly revision: number;
}

export type WebhookFailure = WebhookRejection | StoreFailure;

/** What is to change about a webhook; what is absent stays. */
export interface WebhookRevision {
  readonly changes: WebhookChanges;
  readonly enabled?: boolean;
}

/** Webhooks held in memory: about 2 KiB each. */
const CACHED_MAX = 20_000;

/** All reading and writing of webhooks. Keeps the newest state of those in use, so that attempts need no read. */
export class Webhooks {
  readonly #deps: WebhookDeps;
  readonly #aggregate: ReturnType<typeof webhookUnder>;
  readonly #known = new Followed<WebhookState>(CACHED_MAX, streamOf.webhook);

  constructor(deps: WebhookDeps) {
    this.#deps = deps;
    this.#aggregate = webhookUnder(deps.rules);
  }

  async create(
    companyId: string,
    settings: WebhookSettings,
    cause: Cause,
    enabled = true,
  ): Promise<Either<WebhookFailure, WebhookSnapshot>> {
    const { random, clock, secrets } = this.#deps;
    const guid = random.uuid();
    const command: WebhookCommand = {
      type: 'CreateWebhook',
      guid,
      companyId,
      nonce: secrets.newNonce(),
      sealedSecret: secrets.newSealedSecret(),
      settings,
      ...(!enabled && { enabled }),
      atMs: clock.nowMs(),
    };
    // What is refused opens no account.
    const possible = this.#aggregate.decide(this.#aggregate.initial, command);
    if (isLeft(possible)) return possible;
    const opened = await this.#deps.accounts.open(companyId, cause);
    return isLeft(opened) ? opened : this.#execute(guid, command, cause);
  }

  update(
    guid: string,
    changes: WebhookChanges,
    cause: Cause,
    enabled?: boolean,
  ): Promise<Either<WebhookFailure, WebhookSnapshot>> {
    const atMs = this.#deps.clock.nowMs();
    return this.#execute(
      guid,
      { type: 'UpdateWebhook', changes, ...(enabled !== undefined && { enabled }), atMs },
      cause,
    );
  }

  /**
   * A change that depends on the webhook as it is: `plan` is asked again whenever somebody else wrote first, so nothing
   * that they changed is lost. Its Left is answered as it is.
   */
  revise<R>(
    guid: string,
    plan: (webhook: KnownWebhook) => Either<R, WebhookRevision>,
    cause: Cause,
  ): Promise<Either<R | WebhookFailure, WebhookSnapshot>> {
    const { decide, ...aggregate } = this.#aggregate;
    const planned = {
      ...aggregate,
      decide: (
        state: WebhookState,
        atMs: number,
      ): Either<R | WebhookRejection, ReadonlyArray<WebhookEvent>> => {
        if (state.situation === 'unknown') return left({ _tag: 'WebhookUnknown' });
        const revision = plan(state);
        return isLeft(revision)
          ? revision
          : decide(state, { type: 'UpdateWebhook', ...revision.right, atMs });
      },
    };
    return this.#transact(guid, planned, this.#deps.clock.nowMs(), cause);
  }

  enable(guid: string, cause: Cause): Promise<Either<WebhookFailure, WebhookSnapshot>> {
    return this.#execute(guid, { type: 'EnableWebhook', atMs: this.#deps.clock.nowMs() }, cause);
  }

  disable(guid: string, cause: Cause): Promise<Either<WebhookFailure, WebhookSnapshot>> {
    const atMs = this.#deps.clock.nowMs();
    return this.#execute(guid, { type: 'DisableWebhook', reason: { kind: 'by_request' }, atMs }, cause);
  }

  /** The receiver answered 410 to this attempt. Each does so once, however often it is reported. */
  disableGone(
    guid: string,
    { invocation, attempt }: { readonly invocation: string; readonly attempt: number },
    cause: Cause,
  ): Promise<Either<WebhookFailure, WebhookSnapshot>> {
    const atMs = this.#deps.clock.nowMs();
    const reason = { kind: 'gone', invocation, attempt } as const;
    return this.#execute(guid, { type: 'DisableWebhook', reason, atMs }, cause);
  }

  rotateSecret(guid: string, cause: Cause): Promise<Either<WebhookFailure, WebhookSnapshot>> {
    const { clock, secrets } = this.#deps;
    return this.#execute(
      guid,
      { type: 'RotateSecret', sealedSecret: secrets.newSealedSecret(), atMs: clock.nowMs() },
      cause,
    );
  }

  delete(guid: string, cause: Cause): Promise<Either<WebhookFailure, WebhookSnapshot>> {
    return this.#execute(guid, { type: 'DeleteWebhook', atMs: this.#deps.clock.nowMs() }, cause);
  }

  /** The webhook as it is now, deleted ones included. */
  async get(guid: string): Promise<Either<WebhookFailure, WebhookSnapshot>> {
    const loaded = await this.#known.read(guid, (stream) => load(this.#deps.store, stream, this.#aggregate));
    return isLeft(loaded) ? loaded : snapshot(loaded.right);
  }

  /** The same from memory, or undefined when it is not there: then `get` reads it. */
  cached(guid: string): WebhookSnapshot | undefined {
    const loaded = this.#known.get(guid);
    const found = loaded === undefined ? undefined : snapshot(loaded);
    return found?._tag === 'Right' ? found.right : undefined;
  }

  /** Follows what others wrote. */
  observe({ stream, revision, event, metadata }: Decoded): void {
    this.#known.observe(stream.slice(WEBHOOK_PREFIX.length), revision, (state) => ({
      state: evolveWebhook(state, event as WebhookEvent),
      head: { revision, hash: metadata.hash },
    }));
  }

  #execute(
    guid: string,
    command: WebhookCommand,
    cause: Cause,
  ): Promise<Either<WebhookFailure, WebhookSnapshot>> {
    return this.#transact(guid, this.#aggregate, command, cause);
  }

  async #transact<C, R>(
    guid: string,
    aggregate: Aggregate<WebhookState, C, WebhookEvent, R>,
    command: C,
    cause: Cause,
  ): Promise<Either<R | WebhookFailure, WebhookSnapshot>> {
    const written = await this.#known.write(guid, (stream, known, onLoaded) =>
      transact(this.#deps, stream, aggregate, command, cause, known, onLoaded),
    );
    return isLeft(written) ? written : snapshot(written.right);
  }
}

const WEBHOOK_PREFIX = streamOf.webhook('');

const snapshot = (loaded: Loaded<WebhookState>): Either<WebhookRejection, WebhookSnapshot> =>
  loaded.state.situation === 'unknown'
    ? left({ _tag: 'WebhookUnknown' })
    : right({ webhook: loaded.state, revision: loaded.head.revision });
