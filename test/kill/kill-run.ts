import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Api } from './api.ts';
import {
  checkChanges,
  checkCoalescing,
  checkFanOut,
  checkInvocation,
  checkNothingUnlogged,
  checkOrder,
  type MadeWebhook,
} from './checks.ts';
import { Platform } from './platform.ts';
import { Receiver, sleep } from './receiver.ts';
import { Seeded } from './seeded.ts';
import { callboard, ServerProcess } from './server-process.ts';
import { embeddedStore, type OpenStore, type StoreUnderTest } from './store.ts';
import { promised } from './violation.ts';
import { newCompanies, preparation, subscriptionsOf, Workload } from './workload.ts';

/** What one run saw. */
export interface Tally {
  readonly kills: number;
  readonly changes: number;
  readonly acked: number;
  readonly resent: number;
  readonly invocations: number;
  readonly attempts: number;
  readonly interrupted: number;
  readonly requests: number;
}

export interface RunOptions {
  readonly seed: number;
  readonly kills: number;
  readonly onKill?: (kills: number) => void;
  /** The embedded one, unless another is given. */
  readonly openStore?: OpenStore;
}

/** Requests that a platform makes between two kills at most. */
const REQUESTS_MAX = 10;
const SETTLED_WITHIN_MS = 60_000;

/**
 * Kills the real server again and again at random moments, with a platform and receivers that outlive it, and then
 * checks every promise that can be checked from outside. Throws the first `Violation`.
 */
export const killRun = async (options: RunOptions): Promise<Tally> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'callboard-kill-'));
  const receiver = new Receiver(new Seeded(options.seed, 'receivers'));
  await receiver.listen();
  const store = await (options.openStore ?? embeddedStore)(dataDir);
  const run = new Run(dataDir, store, receiver, options);
  try {
    return await run.all();
  } finally {
    await run.discard();
    await store.close();
    await receiver.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
};

/** As `GET /nodes` tells it. */
interface Listed {
  readonly handled_up_to: number;
}

class Run {
  readonly #dataDir: string;
  readonly #store: StoreUnderTest;
  readonly #companies = newCompanies();
  readonly #receiver: Receiver;
  readonly #options: RunOptions;
  readonly #plan: Seeded;
  #server: ServerProcess | undefined;
  #webhooks: ReadonlyArray<MadeWebhook> = [];
  #token = '';
  /** Position of the newest change that was answered. */
  #newest = 0;

  constructor(dataDir: string, store: StoreUnderTest, receiver: Receiver, options: RunOptions) {
    this.#dataDir = dataDir;
    this.#store = store;
    this.#receiver = receiver;
    this.#options = options;
    this.#plan = new Seeded(options.seed, 'kills');
  }

  async all(): Promise<Tally> {
    const { seed, kills, onKill } = this.#options;
    const token = await callboard(this.#dataDir, 'token', '--role', 'admin');
    promised(token.code === 0, () => `no token: ${token.stderr}`);
    this.#token = token.stdout.trim();
    const platform = new Platform(
      new Workload(new Seeded(seed, 'changes'), this.#companies),
      new Seeded(seed, 'repeats'),
      this.#token,
      {
        atomicBatches: this.#store.atomicBatches,
        onStored: (_change, position) => (this.#newest = Math.max(this.#newest, position)),
      },
    );

    await this.#prepare(platform);
    for (let killed = 1; killed <= kills; killed += 1) {
      await this.#cycle(platform);
      onKill?.(killed);
      if (this.#receiver.violation !== undefined) throw this.#receiver.violation;
    }
    return this.#finish(platform);
  }

  async discard(): Promise<void> {
    await this.#server?.discard();
  }

  #start(): ServerProcess {
    this.#server = new ServerProcess(this.#dataDir, this.#store.environment);
    return this.#server;
  }

  async #prepare(platform: Platform): Promise<void> {
    const server = this.#start();
    const url = await server.wait('listening', server.listening);
    await server.wait('ready', server.ready);
    const api = new Api(url, this.#token);
    const made: MadeWebhook[] = [];
    for (const subscription of subscriptionsOf(this.#companies)) {
      const { name, company, fields, settings } = subscription;
      const webhook = await api.call<{ guid: string; retries: number }>('POST', '/webhook', {
        ...fields,
        name,
        company_id: company,
        url: `${this.#receiver.url}/${name}`,
      });
      if (Object.keys(settings).length > 0)
        await api.call('PATCH', `/webhook/${webhook.guid}/settings`, settings);
      const { secret } = await api.call<{ secret: string }>('GET', `/webhook/${webhook.guid}/secret`);
      this.#receiver.expectSignature(`/${name}`, secret);
      made.push({ ...subscription, guid: webhook.guid, retries: webhook.retries });
    }
    this.#webhooks = made;
    await platform.report(url, { changes: preparation(this.#companies), single: false });
    await api.close();
    await server.kill();
  }

  /** One start and one kill: in the middle of the start, of the recovery, or of the work. */
  async #cycle(platform: Platform): Promise<void> {
    const plan = this.#plan;
    const [when, delayMs, requests] = [plan.next(), plan.next(), plan.between(1, REQUESTS_MAX)];
    const server = this.#start();
    if (when < 0.1) {
      await sleep(delayMs * 700);
      return server.kill();
    }
    const url = await server.wait('listening', server.listening);
    const driving = platform.drive(url, requests, server.exited);
    // Looked at after the kill; until then a violation must not end the process.
    driving.catch(() => undefined);
    if (when < 0.25) await sleep(delayMs * 40);
    else {
      await server.wait('ready', server.ready);
      await sleep(delayMs * this.#store.workMs);
    }
    await server.kill();
    await driving;
  }

  async #finish(platform: Platform): Promise<Tally> {
    const server = this.#start();
    const url = await server.wait('listening', server.listening);
    await server.wait('ready', server.ready);
    await platform.finish(url);
    const api = new Api(url, this.#token);
    await checkChanges(api, platform.acked);
    await this.#handled(api);
    await this.#settled(api);
    const tally = await this.#check(api, platform);
    await api.close();
    await server.stop();
    const attempts = await this.#checkLog();
    promised(
      attempts === tally.attempts,
      () => `${attempts} attempts in the store, ${tally.attempts} in the API`,
    );
    return tally;
  }

  /**
   * Waits until the server is the only one and says that it has scheduled what all these changes ask for: what is missing
   * then is lost. Where the store is shared others may have been here before, and are not known to be gone yet; a server
   * that is killed again and again never lives long enough to find out.
   */
  async #handled(api: Api): Promise<void> {
    const untilMs = Date.now() + SETTLED_WITHIN_MS;
    for (;;) {
      const { items } = await api.call<{ readonly items: ReadonlyArray<Listed> }>('GET', '/nodes');
      if (items.length === 1 && items.every(({ handled_up_to }) => handled_up_to >= this.#newest)) return;
      promised(Date.now() < untilMs, () => `not handled up to ${this.#newest}: ${JSON.stringify(items)}`);
      await sleep(50);
    }
  }

  /** Waits until nothing waits any more. */
  async #settled(api: Api): Promise<void> {
    const untilMs = Date.now() + SETTLED_WITHIN_MS;
    for (const { guid } of this.#webhooks) {
      for (;;) {
        // Waiting is asked for twice: an attempt may end, and its invocation wait again, between the two questions.
        const open =
          (await api.newest('waiting', guid)) ??
          (await api.newest('in_flight', guid)) ??
          (await api.newest('waiting', guid));
        if (open === undefined) break;
        promised(
          Date.now() < untilMs,
          () => `not settled after ${SETTLED_WITHIN_MS / 1000} s: ${JSON.stringify(open)}`,
        );
        await sleep(50);
      }
    }
  }

  async #check(api: Api, platform: Platform): Promise<Tally> {
    const { acked } = platform;
    const all = await api.invocations();
    const own = new Set(this.#webhooks.map(({ guid }) => guid));
    const invocations = this.#store.shared ? all.filter(({ webhook }) => own.has(webhook)) : all;
    checkFanOut(invocations, this.#webhooks, acked);
    checkNothingUnlogged(this.#receiver, invocations);
    const byGuid = new Map(this.#webhooks.map((webhook) => [webhook.guid, webhook]));
    for (const invocation of invocations) {
      const webhook = byGuid.get(invocation.webhook);
      promised(webhook !== undefined, () => `invocation ${invocation.guid} is of no known webhook`);
      const seen = this.#receiver.received.get(invocation.guid);
      checkInvocation(invocation, webhook, seen, acked.get(invocation.change));
    }
    const of = (name: string) => invocations.filter(({ webhook }) => byGuid.get(webhook)?.name === name);
    checkOrder(of('ordered'));
    checkCoalescing(of('coalescing'));
    if (this.#receiver.violation !== undefined) throw this.#receiver.violation;

    const attempts = invocations.flatMap((invocation) => invocation.attempts);
    return {
      kills: this.#options.kills,
      changes: platform.reported,
      acked: acked.size,
      resent: platform.resent,
      invocations: invocations.length,
      attempts: attempts.length,
      interrupted: attempts.filter(({ outcome }) => outcome === 'interrupted').length,
      requests: this.#receiver.requests,
    };
  }

  /** The store itself, and that a start without anything to do leaves it as it is. */
  async #checkLog(): Promise<number> {
    const before = await this.#store.count();
    const idle = this.#start();
    await idle.wait('ready', idle.ready);
    await sleep(200);
    await idle.stop();
    const after = await this.#store.count();
    promised(after === before, () => `a start with nothing to do appended ${after - before} events`);
    await this.#store.checkHistory();
    return this.#store.checkAttemptNumbers();
  }
}
