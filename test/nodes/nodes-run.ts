import { STREAM_PREFIXES } from '../../src/domain/ids.ts';
import type { Api, Invocation, StoredChange } from '../kill/api.ts';
import {
  checkChanges,
  checkCoalescing,
  checkFanOut,
  checkInvocation,
  checkNothingUnlogged,
  checkOrder,
  type MadeWebhook,
} from '../kill/checks.ts';
import { checkChains, checkNumbers, DatabaseLog } from '../kill/database-store.ts';
import { Platform } from '../kill/platform.ts';
import { Receiver, sleep } from '../kill/receiver.ts';
import { Seeded } from '../kill/seeded.ts';
import { asError, promised } from '../kill/violation.ts';
import { newCompanies, preparation, type Subscription, subscriptionsOf, Workload } from '../kill/workload.ts';
import { attemptsIn, checkNothingInterrupted, checkRequestsRan, takenOverAfterMs } from './attempts.ts';
import { checkPartitions, type Cluster } from './cluster.ts';
import { type FaultName, inject, type Stage } from './faults.ts';
import { type Listed, type Node, until } from './node.ts';
import type { Outage } from './outage.ts';
import type { SharedStore } from './shared-store.ts';

export interface NodesOptions {
  readonly store: SharedStore;
  readonly seed: number;
  /** In this order. */
  readonly faults: ReadonlyArray<FaultName>;
  readonly storeAwayMs: number;
  readonly onFault?: (name: FaultName, number: number) => void;
}

/** What a run saw, after every promise was checked. */
export interface NodesTally {
  readonly faults: Readonly<Partial<Record<FaultName, number>>>;
  readonly acked: number;
  readonly resent: number;
  readonly invocations: number;
  readonly attempts: number;
  readonly interrupted: number;
  readonly requests: number;
  /** Changes that were read at another node with `min_position`. */
  readonly readElsewhere: number;
  /** Times that `GET /nodes` was asked while things went wrong. */
  readonly nodesAsked: number;
  /** Milliseconds until other nodes worked on what a node had left. */
  readonly takenOver: Readonly<Record<Outage['kind'], TakenOver>>;
  readonly exitMs: ReadonlyArray<number>;
}

export interface TakenOver {
  /** Of each outage: the first attempt at an endpoint that had been its own. */
  readonly first: ReadonlyArray<number>;
  /** Of each endpoint, as soon as there was something to send to it. */
  readonly each: ReadonlyArray<number>;
}

const CLUSTER_STREAM = 'callboard-cluster';
/** Webhooks of one kind, so that every node has some: whose partition is whose is chance. */
const COPIES = 6;
const REQUESTS_MAX = 1_000_000;
const SETTLED_WITHIN_MS = 120_000;
const PAUSE_MS = 2_500;
const SENDERS = 4;
const WATCH_MS = 500;

/**
 * Several nodes under load while the given faults happen to them and to their store; then every promise that can be checked
 * from outside is; the nodes have ended then. Throws the first `Violation`.
 */
export const nodesRun = async (cluster: Cluster, options: NodesOptions): Promise<NodesTally> => {
  const receiver = new Receiver(new Seeded(options.seed, 'receivers'));
  await receiver.listen();
  const log = await DatabaseLog.from(options.store.reached);
  const run = new Run(options, cluster, receiver, log);
  try {
    return await run.all();
  } finally {
    await receiver.close();
  }
};

class Run {
  readonly #options: NodesOptions;
  readonly #cluster: Cluster;
  readonly #receiver: Receiver;
  readonly #log: DatabaseLog;
  readonly #companies = newCompanies();
  readonly #platform: Platform;
  readonly #driving: Promise<void>[] = [];
  readonly #outages: Outage[] = [];
  readonly #reading = new Set<Promise<void>>();
  #webhooks: ReadonlyArray<MadeWebhook> = [];
  #violation: Error | undefined;
  #loaded = true;
  #stored = 0;
  /** Position of the newest change that was answered. */
  #newest = 0;
  #readElsewhere = 0;
  #nodesAsked = 0;

  constructor(options: NodesOptions, cluster: Cluster, receiver: Receiver, log: DatabaseLog) {
    this.#options = options;
    this.#cluster = cluster;
    this.#receiver = receiver;
    this.#log = log;
    this.#platform = new Platform(
      new Workload(new Seeded(options.seed, 'changes'), this.#companies),
      new Seeded(options.seed, 'repeats'),
      cluster.token,
      {
        atomicBatches: false,
        senders: SENDERS,
        pauseMs: PAUSE_MS,
        onStored: (change, position, url) => this.#readLater(change, position, url),
      },
    );
  }

  async all(): Promise<NodesTally> {
    const { nodes } = this.#cluster;
    const { faults, onFault, store, seed, storeAwayMs } = this.#options;
    await this.#prepare();
    for (const node of nodes) this.#drive(node);
    const watching = this.#watch();
    const stage: Stage = {
      cluster: this.#cluster,
      store,
      seeded: new Seeded(seed, 'faults'),
      urls: this.#webhooks.map(({ name }) => `${this.#receiver.url}/${name}`),
      outages: this.#outages,
      storeAwayMs,
      drive: (node) => this.#drive(node),
    };
    await sleep(PAUSE_MS);
    for (const [index, name] of faults.entries()) {
      onFault?.(name, index + 1);
      await inject(name, stage);
      const violation = this.#violation ?? this.#receiver.violation;
      if (violation !== undefined) throw violation;
    }
    this.#loaded = false;
    this.#platform.stop();
    await Promise.all(this.#driving);
    await watching;
    await Promise.all(this.#reading);
    return this.#finish();
  }

  #fail(error: unknown): void {
    this.#violation ??= asError(error);
  }

  #drive(node: Node): void {
    if (!this.#loaded) return;
    const driving = this.#platform.drive(node.url, REQUESTS_MAX, node.server.exited);
    this.#driving.push(driving.catch((error: unknown) => this.#fail(error)));
  }

  async #prepare(): Promise<void> {
    const { nodes } = this.#cluster;
    const subscriptions = subscriptionsOf(this.#companies);
    const [direct] = subscriptions;
    const copies: ReadonlyArray<Subscription> =
      direct === undefined
        ? []
        : Array.from({ length: COPIES }, (_, n) => ({ ...direct, name: `direct-${n}` }));
    const made: MadeWebhook[] = [];
    for (const [index, subscription] of [...subscriptions, ...copies].entries()) {
      const { name, company, fields, settings } = subscription;
      const { api } = nodes[index % nodes.length] as Node;
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
    const changes = preparation(this.#companies);
    await this.#platform.report((nodes[0] as Node).url, { changes, single: false });
  }

  /** What one node has stored is read at another, now and then. */
  #readLater(change: string, position: number, url: string): void {
    this.#stored += 1;
    if (position > this.#newest) this.#newest = position;
    if (this.#stored % 5 !== 0 || !this.#loaded) return;
    promised(Number.isSafeInteger(position) && position > 0, () => `an answer with position ${position}`);
    const others = this.#cluster.nodes.filter((node) => node.up && node.url !== url);
    const other = others[this.#stored % others.length];
    if (other === undefined) return;
    const reading = this.#readAt(other, change, position)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#reading.delete(reading));
    this.#reading.add(reading);
  }

  async #readAt(node: Node, change: string, position: number): Promise<void> {
    const path = `/changes/${change}?min_position=${position}`;
    const headers = { authorization: `Bearer ${this.#cluster.token}` };
    const signal = AbortSignal.timeout(15_000);
    const answer = await fetch(`${node.url}${path}`, { headers, signal }).catch(() => undefined);
    const text = await answer?.text().catch(() => undefined);
    // Killed, stopped or without a store meanwhile.
    if (answer === undefined || text === undefined || answer.status === 503) return;
    promised(answer.status === 200, () => `GET ${path} answered ${answer.status}: ${text}`);
    const stored = JSON.parse(text) as StoredChange;
    promised(stored.change === change, () => `GET ${path} answered ${text}`);
    this.#readElsewhere += 1;
  }

  /** Everybody can be asked who does what, at any time. */
  async #watch(): Promise<void> {
    while (this.#loaded && this.#violation === undefined) {
      for (const node of this.#cluster.nodes) {
        if (!node.up) continue;
        const listed = await node.nodes().catch((error: unknown) => {
          if (node.up && String(error).includes('answered 500')) this.#fail(error);
          return undefined;
        });
        if (listed === undefined) continue;
        try {
          checkPartitions(listed);
        } catch (error) {
          this.#fail(error);
        }
        this.#nodesAsked += 1;
      }
      await sleep(WATCH_MS);
    }
  }

  async #finish(): Promise<NodesTally> {
    const { nodes } = this.#cluster;
    const [first] = nodes as [Node, ...Node[]];
    if (this.#violation !== undefined) throw this.#violation;
    await this.#platform.finish(first.url);
    await this.#handled();
    await this.#settled(first.api);
    const invocations = await this.#check(first.api);
    for (const node of nodes.slice(1)) {
      const there = await node.api.invocations();
      const own = there.filter(({ webhook }) => this.#isOurs(webhook)).length;
      promised(
        own === invocations.length,
        () => `${node.settings.name} shows ${own} of ${invocations.length}`,
      );
    }
    for (const node of nodes) await node.stop();

    const events = await this.#log.events([...STREAM_PREFIXES, CLUSTER_STREAM]);
    checkChains(events);
    const numbers = checkNumbers(events);
    const attempts = attemptsIn(events);
    const shown = invocations.reduce((sum, one) => sum + one.attempts.length, 0);
    promised(numbers === shown, () => `${numbers} attempts in the store, ${shown} in the API`);
    checkRequestsRan(this.#receiver, attempts);
    const ended = this.#outages.filter(({ kind }) => kind === 'ended');
    for (const outage of ended) checkNothingInterrupted(outage, attempts);
    const takenOver = (kind: Outage['kind']): TakenOver => {
      const outages = this.#outages.filter((outage) => outage.kind === kind);
      const after = outages.map((outage) => takenOverAfterMs(outage, attempts));
      return {
        first: after.flatMap((each) => (each.length === 0 ? [] : [Math.min(...each)])),
        each: after.flat(),
      };
    };
    const counted: Partial<Record<FaultName, number>> = {};
    for (const name of this.#options.faults) counted[name] = (counted[name] ?? 0) + 1;
    return {
      faults: counted,
      acked: this.#platform.acked.size,
      resent: this.#platform.resent,
      invocations: invocations.length,
      attempts: attempts.length,
      interrupted: attempts.filter(({ outcome }) => outcome === 'interrupted').length,
      requests: this.#receiver.requests,
      readElsewhere: this.#readElsewhere,
      nodesAsked: this.#nodesAsked,
      takenOver: {
        killed: takenOver('killed'),
        stopped: takenOver('stopped'),
        'cut off': takenOver('cut off'),
        ended: takenOver('ended'),
      },
      exitMs: ended.flatMap(({ exitMs }) => exitMs ?? []),
    };
  }

  #isOurs(webhook: string): boolean {
    return this.#webhooks.some(({ guid }) => guid === webhook);
  }

  /** Every node says of itself that it has scheduled what all these changes ask for, and shows it: what is missing is lost. */
  async #handled(): Promise<void> {
    await this.#allSay('has handled everything', (self, all) => {
      // The others, too: one that was here before the run, and is not known to be gone yet, may still own what nobody does.
      const own = new Set(this.#cluster.nodes.map(({ url }) => url));
      const strangers = all.filter(({ url }) => !own.has(url));
      return strangers.length === 0 && self.handled_up_to >= this.#newest;
    });
    const head = await this.#log.head();
    await this.#allSay('shows everything', ({ read_up_to }) => read_up_to >= head);
  }

  async #allSay(what: string, isSo: (self: Listed, all: ReadonlyArray<Listed>) => boolean): Promise<void> {
    for (const node of this.#cluster.nodes) {
      const saysSo = async (): Promise<boolean> => {
        const all = await node.nodes();
        const self = all.find(({ this_node }) => this_node);
        return self !== undefined && isSo(self, all);
      };
      await until(`${node.settings.name} ${what}`, saysSo, SETTLED_WITHIN_MS);
    }
  }

  async #settled(api: Api): Promise<void> {
    await until(
      'everything is settled',
      async () => {
        for (const { guid } of this.#webhooks) {
          // Waiting is asked for twice: an attempt may end, and its invocation wait again, between the two questions.
          for (const status of ['waiting', 'in_flight', 'waiting']) {
            if ((await api.newest(status, guid)) !== undefined) return false;
          }
        }
        return true;
      },
      SETTLED_WITHIN_MS,
    );
  }

  async #check(api: Api): Promise<ReadonlyArray<Invocation>> {
    const { acked } = this.#platform;
    await checkChanges(api, acked);
    const invocations = (await api.invocations()).filter(({ webhook }) => this.#isOurs(webhook));
    checkFanOut(invocations, this.#webhooks, acked);
    checkNothingUnlogged(this.#receiver, invocations);
    const byGuid = new Map(this.#webhooks.map((webhook) => [webhook.guid, webhook]));
    for (const invocation of invocations) {
      const webhook = byGuid.get(invocation.webhook) as MadeWebhook;
      const seen = this.#receiver.received.get(invocation.guid);
      checkInvocation(invocation, webhook, seen, acked.get(invocation.change));
    }
    const of = (name: string) => invocations.filter(({ webhook }) => byGuid.get(webhook)?.name === name);
    checkOrder(of('ordered'));
    checkCoalescing(of('coalescing'));
    if (this.#receiver.violation !== undefined) throw this.#receiver.violation;
    return invocations;
  }
}
