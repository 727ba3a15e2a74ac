import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { join } from 'node:path';
import { parseAllowTargets, urlPolicy } from './adapters/address-guard.ts';
import { verifyToken } from './adapters/jwt.ts';
import { bindKey, isKeyBound } from './adapters/key-id.ts';
import { loadOrCreateMasterSecret } from './adapters/master-secret.ts';
import { measuredSender } from './adapters/measured-sender.ts';
import { movedFrom } from './adapters/move-mark.ts';
import { restoredFrom } from './adapters/restore-mark.ts';
import { pinoLog } from './adapters/pino-log.ts';
import { openMetrics } from './adapters/prometheus.ts';
import { newNonce, newWebhookSecret, openSecretBox, type SecretBox } from './adapters/secret-box.ts';
import { ERASURES_FILE, erasuresFile } from './adapters/erasures-file.ts';
import { systemClock } from './adapters/system-clock.ts';
import { systemRandom } from './adapters/system-random.ts';
import { loadSealKey } from './adapters/seal-key.ts';
import { startSenderThread } from './adapters/sender-thread.ts';
import { differenceOf } from './audit/conservation.ts';
import { Sealer } from './audit/sealer.ts';
import { getInvocation, retryAllFailed, retryInvocation, testWebhook } from './commands/invocations.ts';
import { askForJob, previewJob, steerJob } from './commands/jobs.ts';
import { Erasures } from './commands/erasures.ts';
import { ChangeClaims } from './commands/change-claims.ts';
import { ChangeIntake } from './commands/report-changes.ts';
import { Accounts } from './commands/accounts.ts';
import { Webhooks } from './commands/webhooks.ts';
import { type Config, readConfig } from './config.ts';
import { openCustomerKeys } from './customer-keys.ts';
import { RequestBuilder } from './delivery/attempt.ts';
import { DEFAULT_LIMITS, Engine } from './delivery/engine.ts';
import { describeStop, WHAT_TO_DO } from './delivery/stopped-reading.ts';
import { BUILT_IN_RULES, type Rules } from './domain/rules.ts';
import type { EventStore } from './eventstore/event-store.ts';
import { openEventStoreDb } from './eventstore/eventstoredb.ts';
import { openMemoryStore } from './eventstore/memory.ts';
import { lastRestoration } from './eventstore/restorations.ts';
import { openSqliteStore, type SqliteStore } from './eventstore/sqlite.ts';
import { withCustomerKeys } from './eventstore/with-customer-keys.ts';
import { noteWrites } from './eventstore/written.ts';
import { createApp, SERVER_OPTIONS } from './http/app.ts';
import type { Health } from './http/deps.ts';
import { Retainer } from './migration/retainer.ts';
import type { Clock } from './ports/clock.ts';
import type { Log } from './ports/log.ts';
import type { Random } from './ports/random.ts';
import type { Simulations } from './ports/simulations.ts';
import type { SealSigner } from './ports/sign-seal.ts';
import type { ReadModels } from './projections/read-models.ts';
import { openReadModels } from './projections/sqlite-read-models.ts';
import { parseRules } from './rules-file.ts';
import { nodeStatuses, openSharing } from './sharing.ts';
import { VERSION } from './version.ts';

/** Why the program does not start, in words that say what to do. */
export interface StartFailure {
  readonly message: string;
}

export interface RunningServer {
  readonly address: AddressInfo;
  readonly url: string;
  readonly log: Log;
  /** Resolves when the engine has caught up with its log and delivers, or has come to an event that it cannot read. */
  readonly ready: Promise<void>;
  /** Resolves with the exit code once the server has stopped, for whatever reason. */
  readonly ended: Promise<number>;
  /** Drains and stops. A second call changes nothing. */
  stop(): void;
}

/** How long running attempts may go on after SIGTERM. */
const DRAIN_MS = 10_000;
/** Longer than that no part of a stop may take. */
const STOP_MS = 20_000;

export const readEnvironment = (): Either<StartFailure, Config> => {
  const config = readConfig(process.env, process.cwd());
  if (isLeft(config)) {
    return left({ message: config.left.map(({ name, reason }) => `${name} ${reason}`).join('\n') });
  }
  const targets = parseAllowTargets(config.right.allowTargets);
  if (isLeft(targets)) return left({ message: `CALLBOARD_ALLOW_TARGETS: ${targets.left}` });
  return config;
};

/** The operator's rules, or the built-in ones. */
export const loadRules = (path: string | null): Either<StartFailure, Rules> => {
  if (path === null) return right(BUILT_IN_RULES);
  try {
    const rules = parseRules(readFileSync(path, 'utf8'));
    return isLeft(rules) ? left({ message: `CALLBOARD_RULES ${path}: ${rules.left.join('; ')}` }) : rules;
  } catch (error) {
    return left({ message: `CALLBOARD_RULES ${path} cannot be read: ${messageOf(error)}` });
  }
};

/** The keys of this data folder; the master secret is made at the first start. */
export const openSecrets = (
  config: Pick<Config, 'secret' | 'store' | 'dataDir'>,
  random: Random,
): Either<StartFailure, SecretBox> => {
  if (config.secret !== null) return right(openSecretBox(config.secret, random));
  const inUse = config.store.kind === 'sqlite' && isKeyBound(config.store.path);
  const secret = loadOrCreateMasterSecret(config.dataDir, random, inUse);
  return isLeft(secret) ? left({ message: secret.left.message }) : right(openSecretBox(secret.right, random));
};

/** The key that seals are signed with, if the operator gave one. */
export const openSealKey = (path: string | null): Either<StartFailure, SealSigner | undefined> => {
  if (path === null) return right(undefined);
  const key = loadSealKey(path);
  return isLeft(key) ? left({ message: `CALLBOARD_SEAL_KEY: ${key.left}` }) : key;
};

/** The log, and why it cannot be reached at the moment, if so. */
interface OpenedStore {
  readonly store: EventStore;
  readonly away: () => string | undefined;
  /** The same store, where it can take out of itself what is not kept. */
  readonly removing?: SqliteStore;
}

const openStore = async (
  { store: where }: Config,
  { clock, random, log }: { readonly clock: Clock; readonly random: Random; readonly log: Log },
  keyId: string,
  onFatal: (error: unknown) => void,
): Promise<Either<StartFailure, OpenedStore>> => {
  const near = (store: EventStore): Either<never, OpenedStore> => right({ store, away: () => undefined });
  switch (where.kind) {
    case 'memory':
      return near(openMemoryStore());
    case 'sqlite': {
      const from = movedFrom(where.path);
      if (from !== undefined) {
        return left({
          message: `events are being copied into ${where.path} from ${from}: let 'callboard migrate' come to its end first`,
        });
      }
      const backup = restoredFrom(where.path);
      if (backup !== undefined) {
        return left({
          message: `${where.path} is being restored from ${backup}, which was cut short: give the same 'callboard restore' again`,
        });
      }
      const store = await openSqliteStore({ path: where.path, log, onFatal });
      return isLeft(store)
        ? left({ message: store.left.message })
        : right({ store: store.right, away: () => undefined, removing: store.right });
    }
    case 'esdb': {
      const { address, login } = where;
      const opened = await openEventStoreDb({ address, login, clock, random, log, keyId });
      if (isLeft(opened)) return left({ message: opened.left.message });
      const store = opened.right;
      return right({ store, away: () => store.away });
    }
  }
};

/** How long an erasure waits for what it cancels before it answers that this goes on. */
const ERASURE_PATIENCE_MS = 10_000;

/** Puts all parts together and starts them. Answers as soon as the port is bound; `ready` follows. */
export const startServer = async (
  config: Config,
  { simulations }: { readonly simulations?: Simulations } = {},
): Promise<Either<StartFailure, RunningServer>> => {
  const log = pinoLog(config.logLevel);
  const clock = systemClock();
  const random = systemRandom();
  const rules = loadRules(config.rulesPath);
  if (isLeft(rules)) return rules;
  try {
    mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    return left({ message: `CALLBOARD_DATA_DIR ${config.dataDir} cannot be made: ${messageOf(error)}` });
  }
  const secrets = openSecrets(config, random);
  if (isLeft(secrets)) return secrets;
  const box = secrets.right;
  const targets = parseAllowTargets(config.allowTargets);
  if (isLeft(targets)) return left({ message: `CALLBOARD_ALLOW_TARGETS: ${targets.left}` });

  const signer = openSealKey(config.sealKeyPath);
  if (isLeft(signer)) return signer;

  const stopping = new Stopping();
  const onDefect = (error: unknown): void => {
    log.error({ error: error instanceof Error ? error.stack : String(error) }, 'stopping: cannot go on');
    stopping.begin(1);
  };

  const opened = await openStore(config, { clock, random, log }, box.keyId, onDefect);
  if (isLeft(opened)) return opened;
  const { away, removing } = opened.right;
  const { store: noted, newest } = noteWrites(opened.right.store);
  if (config.store.kind === 'sqlite') {
    const bound = bindKey(config.store.path, box.keyId);
    if (isLeft(bound)) {
      await noted.close();
      return bound;
    }
  }
  const startedAtMs = clock.nowMs();
  const keyKeeping = openCustomerKeys(config.store, box, random, config.customerKeys);
  if (isLeft(keyKeeping)) {
    await opened.right.store.close();
    return left({ message: keyKeeping.left });
  }
  const keys = keyKeeping.right;
  if (config.store.kind === 'esdb') {
    log.info(
      {},
      'personal data is stored as it is reported and cannot be erased: that takes the embedded store',
    );
  }
  const store = keys === undefined ? noted : withCustomerKeys(noted, keys);
  let url = '';
  const sharing = openSharing(config, store, {
    clock,
    random,
    log,
    rules: rules.right,
    url: () => url,
    onDefect: (error) => engine.failed(error),
  });
  if (isLeft(sharing)) {
    await store.close();
    return sharing;
  }
  const { membership, lease } = sharing.right;
  const storeHead = await store.head()();
  if (isLeft(storeHead)) return left({ message: storeHead.left.message });
  const restored = await lastRestoration(store);
  if (isLeft(restored)) return left({ message: restored.left.message });
  const readModels = openReadModels({
    path: config.store.kind === 'memory' ? ':memory:' : join(config.dataDir, 'read-models.db'),
    eventStoreId: store.id,
    storeHead: storeHead.right,
    // In memory nothing is ever removed.
    beginningsMayBeGone: config.store.kind !== 'memory',
    log,
  });
  const accounts = new Accounts({
    store,
    random,
    clock,
    ...(restored.right !== undefined && { numbersFrom: restored.right.numbersFrom }),
  });
  const webhooks = new Webhooks({
    accounts,
    store,
    random,
    clock,
    rules: rules.right,
    secrets: {
      newSealedSecret: () => box.seal(newWebhookSecret(random)),
      newNonce: () => newNonce(random),
    },
  });
  const intake = new ChangeIntake({
    store,
    clock,
    changes: readModels,
    caughtUp: (): Promise<boolean> => engine.caughtUp(),
    openAccount: (companyId, cause) => accounts.open(companyId, cause),
    isStrict: (companyId) => accounts.isStrict(companyId),
    rules: rules.right,
    ...(membership !== undefined && { claims: new ChangeClaims({ store, clock, random }) }),
    ...(keys !== undefined && { keys }),
  });
  const noteErasure = erasuresFile(join(config.dataDir, ERASURES_FILE));
  const erasures =
    keys &&
    new Erasures({
      store,
      random,
      clock,
      keys,
      readModels,
      caughtUp: (): Promise<boolean> => engine.caughtUp(),
      followed: (position): Promise<boolean> => engine.handledAll(position, ERASURE_PATIENCE_MS),
      note: ({ key, companyId, atMs }) =>
        noteErasure({ key, company_id: companyId, erased_at: new Date(atMs).toISOString() }),
    });
  const sender = startSenderThread(
    { allowTargets: config.allowTargets, ...(lease !== undefined && { lease }) },
    onDefect,
  );
  const metrics = openMetrics(VERSION, async () => {
    const head = await store.head()();
    const places = readModels.counts();
    const scheduled = readModels.scheduledInAll();
    const nowMs = clock.nowMs();
    const nodes = nodeStatuses(sharing.right, engine, { url, startedAtMs, nowMs });
    return {
      ready: health().ready,
      changes: readModels.changesInAll(),
      scheduled,
      places,
      difference: differenceOf({ scheduled, ...places }),
      lateMs: Math.max(0, nowMs - (readModels.nextDueAfter(Number.NEGATIVE_INFINITY) ?? nowMs)),
      lag: isLeft(head) ? undefined : Math.max(0, head.right - engine.shownUpTo),
      inFlight: engine.inFlight,
      nodes: nodes.length,
      partitions: nodes.find(({ isThis }) => isThis)?.partitions.length ?? 0,
    };
  });
  const engine = new Engine({
    store,
    accounts,
    readModels,
    webhooks,
    intake,
    requests: new RequestBuilder({
      openSecret: (sealed) => box.open(sealed),
      version: VERSION,
      timeoutMs: config.attemptTimeoutMs,
    }),
    sender: measuredSender(sender, clock, metrics),
    rules: rules.right,
    defaultRetryBaseMs: config.retryBaseMs,
    limits: DEFAULT_LIMITS,
    clock,
    random,
    log,
    ...(membership !== undefined && { membership }),
    ...(erasures !== undefined && { erasures }),
    onDefect,
  });
  const sealer = new Sealer({
    store,
    clock,
    random,
    signer: signer.right,
    log,
    // What is kept in memory nobody can ask about later.
    everyMs: config.store.kind === 'memory' ? 0 : config.sealEveryMs,
  });
  const retainer =
    removing === undefined
      ? undefined
      : new Retainer({
          store: removing,
          accounts,
          companies: () => companiesIn(readModels),
          isSealing: config.sealEveryMs > 0,
          clock,
          random,
          log,
          everyMs: config.retentionEveryMs,
        });
  const invocationDeps = {
    store,
    random,
    clock,
    webhooks,
    dueList: readModels,
    defaultRetryBaseMs: config.retryBaseMs,
  };
  const health = (): Health => {
    const gone = away();
    const { stoppedAt } = engine;
    const reasons = [
      ...(gone === undefined ? [] : [`the event store is away: ${gone}`]),
      ...(stopping.begun ? ['the server is stopping'] : []),
    ];
    const answersReads = stoppedAt !== undefined && reasons.length === 0;
    if (stoppedAt !== undefined) reasons.push(`${describeStop(stoppedAt)}; ${WHAT_TO_DO}`);
    if (!engine.ready && reasons.length === 0) {
      reasons.push('the log is being read, deliveries have not started yet');
    }
    return { ready: engine.ready && reasons.length === 0, reasons, answersReads };
  };
  const jobDeps = { store, random, clock, webhooks, readModels, rules: rules.right };
  const app = createApp({
    version: VERSION,
    defaultRetryBaseMs: config.retryBaseMs,
    rules: rules.right,
    webhooks,
    accounts,
    intake,
    invocations: {
      get: (guid) => getInvocation(invocationDeps, guid),
      retry: (guid, cause) => retryInvocation(invocationDeps, guid, cause),
      retryAllFailed: (guid, cause) => retryAllFailed(invocationDeps, guid, cause),
      test: (guid, cause) => testWebhook(invocationDeps, guid, cause),
    },
    jobs: {
      preview: (request) => previewJob(jobDeps, request),
      ask: (request, cause) => askForJob(jobDeps, request, cause),
      steer: (guid, asked, cause) => steerJob(jobDeps, guid, asked, cause),
    },
    ...(erasures !== undefined && { erasures }),
    readModels,
    store,
    verifyToken: verifyToken(box.tokenKey(), clock),
    openSecret: (sealed) => box.open(sealed),
    cookies: { seal: (plain) => box.seal(plain), open: (sealed) => box.open(sealed) },
    publicUrl: config.publicUrl,
    ...(simulations !== undefined && { simulations }),
    checkUrl: urlPolicy(targets.right),
    settled: () => engine.settled(),
    shownUpTo: () => engine.shownUpTo,
    writtenUpTo: newest,
    nodes: () => nodeStatuses(sharing.right, engine, { url, startedAtMs, nowMs: clock.nowMs() }),
    development: config.development,
    removesByPolicy: retainer !== undefined,
    health,
    metrics,
    clock,
    random,
    log,
  });

  const answer = app.callback();
  const server = createServer(SERVER_OPTIONS, (request, response) => void answer(request, response));
  const bound = await listen(server, config.host, config.port);
  if (isLeft(bound)) {
    await sender.close();
    readModels.close();
    await store.close();
    await keys?.close();
    sharing.right.release();
    return bound;
  }
  const address = bound.right;
  url = `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
  log.info({ url, dataDir: config.dataDir, version: VERSION }, `listening on ${url}`);

  const ready = engine.start();
  ready.catch(onDefect);
  sealer.start();
  // Not before the read models know all companies.
  void ready.then(() => retainer?.start()).catch(() => undefined);
  const ended = stopping.asked.then(async (code) => {
    log.info({ inFlight: engine.inFlight }, 'stopping: no new attempts, running ones are finished');
    const overdue = clock.setTimer(STOP_MS, () => process.exit(code === 0 ? 1 : code));
    server.close();
    server.closeIdleConnections();
    await engine.drain(DRAIN_MS);
    await sender.close();
    await retainer?.stop();
    await sealer.stop();
    await store.close();
    await keys?.close();
    readModels.close();
    sharing.right.release();
    server.closeAllConnections();
    log.info({}, 'stopped');
    overdue.cancel();
    return code;
  });
  return right({ address, url, log, ready, ended, stop: () => stopping.begin(0) });
};

const COMPANIES_PAGE = 1_000;

const companiesIn = (readModels: Pick<ReadModels, 'companies'>): ReadonlyArray<string> => {
  const all: string[] = [];
  for (let after = 0; ;) {
    const page = readModels.companies(after, COMPANIES_PAGE);
    all.push(...page.map(({ guid }) => guid));
    after = page.at(-1)?.cursor ?? after;
    if (page.length < COMPANIES_PAGE) return all;
  }
};

/** A stop is asked for once, with the first exit code named. */
class Stopping {
  readonly asked: Promise<number>;
  begun = false;
  #resolve: (code: number) => void = () => undefined;

  constructor() {
    this.asked = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  begin(code: number): void {
    this.begun = true;
    this.#resolve(code);
  }
}

const listen = (server: Server, host: string, port: number): Promise<Either<StartFailure, AddressInfo>> =>
  new Promise((resolve) => {
    server.once('error', (error) => {
      resolve(left({ message: `HOST ${host}, PORT ${port}: ${messageOf(error)}` }));
    });
    server.listen(port, host, () => {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('a TCP server has a TCP address');
      resolve(right(address));
    });
  });

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
