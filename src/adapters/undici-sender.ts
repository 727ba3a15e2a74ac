import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { Agent, type Client, Pool } from 'undici';
import { Lru } from '../domain/lru.ts';
import { Signer } from '../domain/signature.ts';
import type { HttpSender, SendOutcome, SendRequest } from '../ports/http-sender.ts';
import {
  type AllowTargets,
  isAllowedAddress,
  NO_TARGETS,
  type Resolver,
  urlPolicy,
} from './address-guard.ts';
import { systemResolver } from './system-resolver.ts';
import { Attempt } from './undici-attempt.ts';
import { DialledClient, guardedConnector } from './undici-connector.ts';
import { UnderWay } from './under-way.ts';

export interface UndiciSenderOptions {
  readonly allow?: AllowTargets;
  readonly resolve?: Resolver;
  /**
   * Connections to one origin (scheme, host and port); further requests wait, and their deadline runs. Without it none
   * waits: how many attempts run at once is decided before, by path, and those of one path must not delay another's.
   */
  readonly connectionsPerOriginMax?: number;
  readonly connectTimeoutMs?: number;
}

export interface UndiciSender extends HttpSender {
  /** `maySend` is asked just before the first byte of the request; where it says no, the attempt ends as interrupted. */
  send(request: SendRequest, signal: AbortSignal, maySend?: () => boolean): Promise<SendOutcome>;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** Shorter than the 5 s after which common servers close an idle connection; a server's own hint is honoured. */
const KEEP_ALIVE_MS = 4_000;
const KEEP_ALIVE_MAX_MS = 30_000;
/** How long before the end of the server's hint a connection is given up. */
const KEEP_ALIVE_MARGIN_MS = 1_000;
const HEADER_BYTES_MAX = 16 * 1024;
const TARGETS_CACHED_MAX = 5_000;

interface Target {
  readonly origin: string;
  readonly path: string;
}

/**
 * Sends over HTTP/1.1 with undici. Every URL passes the same policy as when it was saved, every connection the address
 * guard; redirects are not followed, proxies of the environment not used, answers not decompressed. A request is
 * written to a socket at most once: a kept-alive connection that the receiver closes in that moment is a failure.
 */
export const undiciSender = (options: UndiciSenderOptions = {}): UndiciSender => {
  const allow = options.allow ?? NO_TARGETS;
  const policy = urlPolicy(allow);
  const connector = guardedConnector({
    isAllowedAddress: isAllowedAddress(allow),
    resolve: options.resolve ?? systemResolver(),
    connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
  });
  const agent = new Agent({
    factory: (origin, poolOptions) =>
      new Pool(origin, {
        ...poolOptions,
        factory: (to, clientOptions: Client.Options) => new DialledClient(to, clientOptions, connector),
      }),
    allowH2: false,
    pipelining: 1,
    connections: options.connectionsPerOriginMax ?? null,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MAX_MS,
    keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
    // The attempt's own deadline covers both; a timeout between bytes would not stop a receiver that drips.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const targets = new Lru<string, Either<string, Target>>(TARGETS_CACHED_MAX);
  const signer = new Signer();
  const inFlight = new UnderWay<Attempt>();
  const watched = new WeakSet<AbortSignal>();
  let closed = false;

  const targetOf = (url: string): Either<string, Target> => {
    const known = targets.get(url);
    if (known !== undefined) return known;
    const checked = policy(url);
    const target = isLeft(checked)
      ? left(`refused: ${checked.left.message}`)
      : right({ origin: checked.right.origin, path: checked.right.pathname + checked.right.search });
    targets.set(url, target);
    return target;
  };

  /** One listener per signal, not per request: thousands of requests share the signal of the shutdown. */
  const watch = (signal: AbortSignal): void => {
    if (watched.has(signal)) return;
    watched.add(signal);
    const interruptAll = (): void => {
      for (const [, attempt] of inFlight.entries()) if (attempt.signal === signal) attempt.interrupt();
    };
    signal.addEventListener('abort', interruptAll, { once: true });
  };

  return {
    send(request, signal, maySend = ALWAYS): Promise<SendOutcome> {
      if (signal.aborted || closed) return Promise.resolve({ kind: 'interrupted', address: null });
      const { url, body, timeoutMs } = request;
      const target = targetOf(url);
      if (isLeft(target)) return Promise.resolve(notSent(target.left));
      const fields = headerFields(signer.signed(request));
      if (isLeft(fields)) return Promise.resolve(notSent(fields.left));
      watch(signal);
      const attempt = new Attempt(timeoutMs, signal, maySend, () => inFlight.take(number));
      const number = inFlight.add(attempt);
      const { origin, path } = target.right;
      agent.dispatch({ origin, path, method: 'POST', headers: fields.right, body }, attempt);
      return attempt.outcome;
    },

    async close() {
      if (closed) return;
      closed = true;
      for (const [, attempt] of inFlight.entries()) attempt.interrupt();
      await agent.destroy();
    },
  };
};

const ALWAYS = (): boolean => true;

const notSent = (error: string): SendOutcome => ({
  kind: 'not_answered',
  error,
  address: null,
});

/** What belongs to the connection, not to the webhook: set here, or by the HTTP client, or never. */
const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Names and values in turn. Of a name given twice in different letter case the later one goes out. */
const headerFields = (headers: Readonly<Record<string, string>>): Either<string, string[]> => {
  const fields: string[] = [];
  const keys: string[] = [];
  for (const name in headers) {
    const key = name.toLowerCase();
    if (RESERVED_HEADERS.has(key)) return left(`not sent: the header ${key} cannot be set by a webhook`);
    if (key === 'accept-encoding') continue;
    // There are few: a table of them costs more than to look at each.
    const known = keys.indexOf(key);
    const place = known === -1 ? keys.push(key) - 1 : known;
    fields[2 * place] = name;
    fields[2 * place + 1] = headers[name] ?? '';
  }
  fields.push('accept-encoding', 'identity');
  return right(fields);
};
