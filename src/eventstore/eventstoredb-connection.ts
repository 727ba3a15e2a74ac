import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { DatabaseClient, Driver } from './eventstoredb-client.ts';
import { describe, isUntrusted, NoAnswer, verdictOf, type Verdict } from './eventstoredb-failure.ts';
import { guardStrays } from './eventstoredb-guard.ts';

/** One client from its first answer to the first sign that it is broken. */
export interface Session {
  readonly client: DatabaseClient;
  /** Aborted when the session is over: what still waits for this client waits in vain. */
  readonly over: AbortSignal;
  /** Called then. A set, because an AbortSignal looks through all its listeners for each one that comes or goes. */
  readonly whenOver: Set<() => void>;
}

export interface ConnectionDeps {
  readonly driver: Pick<Driver, 'ErrorType'>;
  readonly connect: () => DatabaseClient;
  readonly clock: Clock;
  readonly log: Log;
}

const PROBE_MS = 5_000;
const END_MS = 1_000;
const BACKOFF_MIN_MS = 50;
const BACKOFF_MAX_MS = 2_000;
/** ServerFeatures, which batch appends need, came with it. */
const VERSION_MIN = [21, 10] as const;

/**
 * The client, renewed whenever it is broken: a client of this version may stay dead after its connection is back, keeps a
 * failed feature probe for ever, and forgets appends. The old one is ended first: two of them share their bookkeeping.
 */
export class Connection {
  readonly #deps: ConnectionDeps;
  readonly #unguard: () => void;
  #session: (Session & { readonly end: AbortController }) | undefined;
  #away: string | undefined = 'not connected yet';
  #awaySinceMs: number;
  #refusal: string | undefined;
  #closing = false;
  #closed = false;
  #waiting = new Set<() => void>();
  #connecting: Promise<void> = Promise.resolve();

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
    this.#awaySinceMs = deps.clock.monotonicMs();
    this.#unguard = guardStrays((error) => {
      const reason = describe(error);
      deps.log.warn({ reason }, 'EventStoreDB: the client let go of an error');
      // Its append path is dead after such an error, whatever its connection looks like.
      if (error instanceof TypeError && this.#session !== undefined) this.broken(this.#session, reason);
    });
    this.#connecting = this.#connect();
  }

  /** Why there is no connection now, or undefined. */
  get away(): string | undefined {
    return this.#away;
  }

  /** Why the last try failed, if trying again without a change by the operator is of no use. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** The session, once there is one; undefined after `waitMs`, and at once while closing. */
  async session(waitMs: number): Promise<Session | undefined> {
    if (this.#session !== undefined || this.#closing || waitMs <= 0) return this.#session;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        timer.cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = this.#deps.clock.setTimer(waitMs, wake);
      this.#waiting.add(wake);
    });
    return this.#session;
  }

  /** The same, but a connection that has been gone for longer than that already is not waited for. */
  sessionSoon(waitMs: number): Promise<Session | undefined> {
    return this.session(waitMs - (this.#deps.clock.monotonicMs() - this.#awaySinceMs));
  }

  /** From now on nobody waits for a connection that is not there. */
  stopWaiting(): void {
    this.#closing = true;
    for (const wake of this.#waiting) wake();
  }

  verdict(error: unknown): Verdict {
    return verdictOf(this.#deps.driver.ErrorType, error);
  }

  /** The client of this session is of no more use; the next one is looked for. Said twice it changes nothing. */
  broken(session: Session, reason: string): void {
    if (this.#session !== session || this.#closed) return;
    const { client } = this.#session;
    endSession(this.#session, reason);
    this.#session = undefined;
    this.#away = reason;
    this.#awaySinceMs = this.#deps.clock.monotonicMs();
    this.#deps.log.warn({ reason }, 'EventStoreDB is away, connecting again');
    this.#connecting = this.#end(client).then(() => this.#connect());
  }

  /** What the promise gives, or a rejection when the session ends or nothing came in time. */
  within<A>(session: Ending, boundMs: number, what: string, promise: Promise<A>): Promise<A> {
    return new Promise<A>((resolve, reject) => {
      const settle = (finish: () => void): void => {
        timer.cancel();
        session.whenOver.delete(onOver);
        finish();
      };
      const fail = (message: string): void => settle(() => reject(new NoAnswer(message)));
      const onOver = (): void => fail(`${what}: the connection broke`);
      const timer = this.#deps.clock.setTimer(boundMs, () => fail(`${what}: no answer in ${boundMs} ms`));
      session.whenOver.add(onOver);
      if (session.over.aborted) onOver();
      promise.then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(error instanceof Error ? error : new Error(String(error)))),
      );
    });
  }

  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.clock.setTimer(delayMs, resolve);
    });
  }

  async close(): Promise<void> {
    this.stopWaiting();
    this.#closed = true;
    const session = this.#session;
    this.#session = undefined;
    this.#away = 'the store is closed';
    if (session !== undefined) {
      endSession(session, 'the store is closed');
      await this.#end(session.client);
    }
    await this.#connecting;
    this.#unguard();
  }

  async #connect(): Promise<void> {
    const { clock, log } = this.#deps;
    for (let tries = 0; !this.#closed; tries += 1) {
      const startedMs = clock.monotonicMs();
      const outcome = await this.#tryOnce();
      if (typeof outcome !== 'string') {
        if (this.#closed) return this.#end(outcome);
        const end = new AbortController();
        this.#session = { client: outcome, over: end.signal, whenOver: new Set(), end };
        this.#away = undefined;
        this.#refusal = undefined;
        log.info(
          { tries: tries + 1, tookMs: Math.round(clock.monotonicMs() - startedMs) },
          'EventStoreDB connected',
        );
        for (const wake of this.#waiting) wake();
        return;
      }
      this.#away = outcome;
      log.warn({ reason: outcome }, 'EventStoreDB: no connection, trying again');
      await this.pause(Math.min(BACKOFF_MIN_MS * 2 ** Math.min(tries, 10), BACKOFF_MAX_MS));
    }
  }

  /** A client that has answered, or why there is none. */
  async #tryOnce(): Promise<DatabaseClient | string> {
    let client: DatabaseClient | undefined;
    try {
      client = this.#deps.connect();
      const version = await this.within(never(), PROBE_MS, 'the first questions', client.probe());
      if (isTooOld(version)) {
        this.#refusal = `EventStoreDB ${version} is too old: 21.10 or newer is needed`;
      } else return client;
    } catch (error) {
      const verdict = this.verdict(error);
      const message = describe(error);
      this.#refusal = verdict.kind === 'refused' || isUntrusted(message) ? message : undefined;
      if (client !== undefined) await this.#end(client);
      return message;
    }
    await this.#end(client);
    return this.#refusal;
  }

  /** Bounded: nothing of a broken client can be relied on. */
  async #end(client: DatabaseClient): Promise<void> {
    await this.within(never(), END_MS, 'ending the client', client.end()).catch(() => undefined);
  }
}

type Ending = Pick<Session, 'over' | 'whenOver'>;

const endSession = (session: Ending & { readonly end: AbortController }, reason: string): void => {
  session.end.abort(new NoAnswer(reason));
  for (const tell of session.whenOver) tell();
};

/** For what belongs to no session. */
const never = (): Ending => ({ over: new AbortController().signal, whenOver: new Set() });

const isTooOld = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [majorMin, minorMin] = VERSION_MIN;
  // Versions of a build of its own may start with anything; the feature probe has answered.
  if (version === 'unknown') return true;
  return major < majorMin || (major === majorMin && minor < minorMin);
};
