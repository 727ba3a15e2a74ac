import { isRight } from 'fp-ts/lib/Either.js';
import { expect } from 'vitest';
import { retryAllFailed, retryInvocation } from '../../src/commands/invocations.ts';
import type { ReportedChange } from '../../src/commands/reported-change.ts';
import { PARTITIONS } from '../../src/domain/partitions.ts';
import type { WebhookSettings } from '../../src/domain/webhook.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';
import { auditWorld } from './engine-audit.ts';
import { BASE_MS, CAUSE, type Process, World } from './engine-world.ts';
import { type AppendFault, faulty, type FaultyStore } from './faulty-store.ts';
import { auditHearing } from './hearing-audit.ts';
import { opaqueStore } from './opaque-store.ts';
import { answers, type Reaction, refuses } from './scripted-sender.ts';

export const LEASE_MS = 12_000;
const SLICE_MS = 400;
const SLICES_MAX = 25;
const REST_MS = 5 * 60_000;

export const RECEIVERS = {
  good: () => answers(200),
  failing: () => answers(500),
  dead: () => 'hangs',
  refusing: () => refuses(),
  busy: () => answers(503, { retryAfter: '20' }),
  gone: () => answers(410),
  slow: () => answers(200, { afterMs: 3_000 }),
} satisfies Record<string, () => Reaction>;

export const CHAOS_WEBHOOKS: ReadonlyArray<Partial<WebhookSettings>> = [
  {},
  { ordering: 'per_resource' },
  { coalesce: true },
  { retries: 0, ordering: 'per_resource' },
];
/** Endpoints of different partitions; webhooks move among them. */
export const ENDPOINTS = 6;
export const NODES = 4;

const urlOf = (n: number): string => `https://r${n}.example/`;

export type ClusterStep =
  | {
      readonly do: 'report';
      readonly node: number;
      readonly identifiers: ReadonlyArray<number>;
      readonly also?: number;
    }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'up' | 'kill' | 'stop' | 'pause' | 'resume'; readonly node: number }
  | { readonly do: 'fail'; readonly fault: AppendFault; readonly times: number }
  | { readonly do: 'reads'; readonly fail: boolean }
  | { readonly do: 'slow'; readonly ms: number }
  | { readonly do: 'receiver'; readonly n: number; readonly as: keyof typeof RECEIVERS }
  | { readonly do: 'switch'; readonly node: number; readonly n: number; readonly on: boolean }
  | { readonly do: 'move'; readonly node: number; readonly n: number; readonly to: number }
  | { readonly do: 'retry'; readonly node: number; readonly which: number }
  | { readonly do: 'retryAll'; readonly node: number; readonly n: number };

/** A data folder, and the process that has it, if one does. */
interface Folder {
  readonly name: string;
  process: Process | undefined;
  stopping: boolean;
  kept: ReadModels | undefined;
}

/** Up to four nodes on one store and what is done to them. What a user asks for may take long: nobody waits for it. */
export class ClusterChaos {
  readonly world: World;
  readonly #inner: FaultyStore;
  readonly #folders: ReadonlyArray<Folder>;
  readonly #webhooks: string[] = [];

  /** `opaque`: on a store without batches over several streams and without dense positions. */
  constructor(opaque: boolean, changeUnitsMax?: number) {
    this.#inner = faulty(openMemoryStore());
    this.world = new World({
      leaseMs: LEASE_MS,
      store: opaque ? opaqueStore(this.#inner) : this.#inner,
      changeUnitsMax,
    });
    this.#folders = Array.from({ length: NODES }, (_, n) => ({
      name: `folder-${n}`,
      process: undefined,
      stopping: false,
      kept: undefined,
    }));
  }

  async begin(nodes: number): Promise<void> {
    const { world } = this;
    for (let n = 0; n < nodes; n += 1) this.#start(n);
    await world.clock.advance(LEASE_MS);
    const process = this.#folders[0]?.process;
    if (process === undefined) throw new Error('the first was started');
    for (const [n, settings] of CHAOS_WEBHOOKS.entries()) {
      this.#webhooks.push(await world.webhook({ retries: 3, url: urlOf(n), ...settings }, process));
    }
    await world.clock.advance(SLICE_MS);
  }

  async run(todo: ClusterStep): Promise<void> {
    const { world } = this;
    const guid = 'n' in todo ? (this.#webhooks[todo.n] ?? '') : '';
    switch (todo.do) {
      case 'report': {
        const changes = todo.identifiers.map((identifier) =>
          world.change('event.update', String(identifier)),
        );
        this.#report(todo.node, changes);
        if (todo.also !== undefined) this.#report(todo.also, changes);
        return;
      }
      case 'pass':
        return this.#pass(todo.ms);
      case 'up':
        return this.#start(todo.node);
      case 'kill':
        return this.#end(todo.node);
      case 'stop':
        return this.#stop(todo.node);
      case 'pause':
        return this.#folders[todo.node]?.process?.mortal.pause();
      case 'resume':
        return this.#folders[todo.node]?.process?.mortal.resume();
      case 'fail': {
        let left = todo.times;
        this.#inner.appendFault = () => ((left -= 1) >= 0 ? todo.fault : undefined);
        return;
      }
      case 'reads':
        this.world.store.readsFail = todo.fail;
        return;
      case 'slow':
        this.#slowDown(todo.ms);
        return;
      case 'receiver':
        return world.sender.at(urlOf(todo.n), RECEIVERS[todo.as]);
      case 'switch': {
        const webhooks = this.#near(todo.node)?.webhooks;
        void (todo.on ? webhooks?.enable(guid, CAUSE) : webhooks?.disable(guid, CAUSE));
        return;
      }
      case 'move':
        void this.#near(todo.node)?.webhooks.update(guid, { url: urlOf(todo.to) }, CAUSE);
        return;
      case 'retry': {
        const guids = world.sender.seen.map(({ id }) => id);
        const process = this.#near(todo.node);
        if (guids.length === 0 || process === undefined) return;
        void retryInvocation(process.invocations, guids[todo.which % guids.length] ?? '', CAUSE);
        return;
      }
      case 'retryAll': {
        const process = this.#near(todo.node);
        if (process !== undefined) void retryAllFailed(process.invocations, guid, CAUSE);
        return;
      }
    }
  }

  /** Everything works again, and has time to come to its end. */
  async heal(): Promise<void> {
    const { world } = this;
    this.#inner.appendFault = () => undefined;
    world.store.readsFail = false;
    this.#slowDown(0);
    for (let n = 0; n < ENDPOINTS; n += 1) world.sender.at(urlOf(n), RECEIVERS.good);
    for (const { process } of this.#folders) process?.mortal.resume();
    await this.#pass(1_000);
    if (!this.#folders.some(({ process, stopping }) => process !== undefined && !stopping)) {
      await this.#pass(20_000);
      this.#start(0);
    }
    await world.clock.advance(REST_MS);
  }

  async check(): Promise<void> {
    const { world } = this;
    await auditWorld(world);
    await auditHearing(world);
    for (const { situation, facts } of await world.invocations()) {
      const { guid, webhook } = facts.scheduled;
      const told = `${guid} of webhook ${this.#webhooks.indexOf(webhook)} after ${facts.attempts.length} attempts`;
      expect(['delivered', 'exhausted', 'cancelled', 'superseded'], told).toContain(situation);
    }
    expect(this.#held().length, 'all partitions are held').toBe(PARTITIONS);
  }

  /** Nothing goes on but the renewing of leases. */
  async rests(): Promise<void> {
    const before = (await this.world.log()).filter(isWork).length;
    await this.world.clock.advance(2 * LEASE_MS);
    expect((await this.world.log()).filter(isWork).length).toBe(before);
  }

  /** Appends are answered late, and so is what was read of a webhook. */
  #slowDown(ms: number): void {
    const { clock, store } = this.world;
    const late = (): Promise<void> =>
      ms === 0 ? Promise.resolve() : new Promise((resolve) => clock.setTimer(ms, resolve));
    store.beforeAnswer = late;
    store.afterRead = (stream) => (stream.startsWith('webhook-') ? late() : Promise.resolve());
  }

  #start(n: number): void {
    const folder = this.#folders[n];
    if (folder === undefined || folder.process !== undefined) return;
    // They need not be configured alike: what two of them schedule differs in its bytes.
    this.world.retryBaseMs = BASE_MS + n;
    const process = this.world.build(this.world.store.readsFail ? undefined : folder.kept, folder.name);
    folder.process = process;
    folder.kept = process.readModels;
    folder.stopping = false;
    process.engine.start().catch((error: unknown) => this.world.defects.push(error));
  }

  #end(n: number): void {
    const folder = this.#folders[n];
    folder?.process?.mortal.die();
    if (folder !== undefined) folder.process = undefined;
  }

  #stop(n: number): void {
    const folder = this.#folders[n];
    const process = folder?.process;
    if (folder === undefined || process === undefined || folder.stopping || process.mortal.paused) return;
    folder.stopping = true;
    process.engine.drain(5_000).then(
      () => {
        process.mortal.die();
        if (folder.process === process) folder.process = undefined;
      },
      (error: unknown) => this.world.defects.push(error),
    );
  }

  /** This node, or the next that runs. */
  #near(node: number): Process | undefined {
    for (let n = 0; n < NODES; n += 1) {
      const process = this.#folders[(node + n) % NODES]?.process;
      if (process !== undefined && !process.mortal.paused) return process;
    }
    return undefined;
  }

  #report(node: number, changes: ReadonlyArray<ReportedChange>): void {
    const process = this.#near(node);
    if (process === undefined) return;
    void process.intake.report(changes, 'platform', this.world.random.uuid()).then((answer) => {
      if (isRight(answer)) for (const { change } of answer.right) this.#accepted.add(change);
    });
  }

  readonly #accepted = new Set<string>();

  async #pass(ms: number): Promise<void> {
    const slices = Math.min(Math.max(Math.ceil(ms / SLICE_MS), 1), SLICES_MAX);
    for (let slice = 0; slice < slices; slice += 1) {
      await this.world.clock.advance(ms / slices);
      const held = this.#held();
      expect(new Set(held).size, 'a partition is held by one node at most').toBe(held.length);
    }
  }

  #held(): ReadonlyArray<number> {
    return this.#folders.flatMap(({ process }) =>
      Array.from({ length: PARTITIONS }, (_, partition) => partition).filter((partition) =>
        process?.membership?.mayAttempt(partition),
      ),
    );
  }
}

const isWork = ({ stream }: { readonly stream: string }): boolean => !stream.startsWith('callboard-');
