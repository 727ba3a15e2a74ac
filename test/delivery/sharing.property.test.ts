import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PARTITIONS } from '../../src/domain/partitions.ts';
import type { AppendFault } from '../support/faulty-store.ts';
import { LEASE_MS, SharedWork, WEBHOOKS, Worker } from '../support/shared-work.ts';

const FOLDERS = 4;
const SLICE_MS = 250;

type Step =
  | { readonly do: 'grow'; readonly by: number }
  | { readonly do: 'move'; readonly webhook: number; readonly partition: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'up'; readonly n: number; readonly delayMs: number }
  | { readonly do: 'kill' | 'stop' | 'pause' | 'resume'; readonly n: number }
  | { readonly do: 'fail'; readonly fault: AppendFault; readonly times: number }
  | { readonly do: 'reads'; readonly fail: boolean }
  | { readonly do: 'slow'; readonly ms: number };

const n = fc.nat(FOLDERS - 1);
const doing = <const D extends Step['do']>(what: D): fc.Arbitrary<D> => fc.constant(what);
const weighted: ReadonlyArray<readonly [number, fc.Arbitrary<Step>]> = [
  [5, fc.record({ do: doing('grow'), by: fc.integer({ min: 1, max: 6 }) })],
  [3, fc.record({ do: doing('move'), webhook: fc.nat(WEBHOOKS - 1), partition: fc.nat(PARTITIONS - 1) })],
  [8, fc.record({ do: doing('pass'), ms: fc.constantFrom(0, 1, 100, 700, 1_100, 4_000, 9_000) })],
  [4, fc.record({ do: doing('up'), n, delayMs: fc.constantFrom(0, 1, 20, 400, 2_500) })],
  [2, fc.record({ do: doing('kill'), n })],
  [2, fc.record({ do: doing('stop'), n })],
  [2, fc.record({ do: doing('pause'), n })],
  [2, fc.record({ do: doing('resume'), n })],
  [
    2,
    fc.record({
      do: doing('fail'),
      fault: fc.constantFrom<AppendFault>('unavailable', 'unknown_stored', 'unknown_not_stored'),
      times: fc.integer({ min: 1, max: 20 }),
    }),
  ],
  [1, fc.record({ do: doing('reads'), fail: fc.boolean() })],
  [1, fc.record({ do: doing('slow'), ms: fc.constantFrom(0, 5, 300, 2_500, 5_500) })],
];
const step = fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })));

class Sharing {
  readonly work = new SharedWork();
  readonly #workers = new Map<number, Worker>();
  readonly #stopping = new Set<Worker>();

  async run(todo: Step): Promise<void> {
    const { work } = this;
    const worker = 'n' in todo ? this.#workers.get(todo.n) : undefined;
    switch (todo.do) {
      case 'grow':
        return work.grow(todo.by);
      case 'move':
        return work.move(todo.webhook, todo.partition);
      case 'pass':
        return this.pass(todo.ms);
      case 'up':
        if (worker === undefined) {
          this.#workers.set(todo.n, new Worker(work, `folder-${todo.n}`, todo.delayMs));
        }
        return;
      case 'kill':
        return this.#end(todo.n, worker);
      case 'stop':
        if (worker === undefined || worker.mortal.paused || this.#stopping.has(worker)) return;
        this.#stopping.add(worker);
        void worker.stop().then(() => this.#end(todo.n, worker));
        return;
      case 'pause':
        return worker?.mortal.pause();
      case 'resume':
        return worker?.mortal.resume();
      case 'fail': {
        let left = todo.times;
        work.store.appendFault = () => ((left -= 1) >= 0 ? todo.fault : undefined);
        return;
      }
      case 'reads':
        work.store.readsFail = todo.fail;
        return;
      case 'slow':
        work.store.beforeAnswer = () => new Promise((resolve) => void work.clock.setTimer(todo.ms, resolve));
        return;
    }
  }

  /** No partition is ever held by two; and whoever gets or has it back is told to look at what is due. */
  async pass(ms: number): Promise<void> {
    const slices = Math.max(1, Math.ceil(ms / SLICE_MS));
    for (let slice = 0; slice < slices; slice += 1) {
      const before = this.#whoHolds();
      const looked = new Map([...this.#workers.values()].map((worker) => [worker, worker.looks]));
      await this.work.clock.advance(ms / slices);
      const held = [...this.#workers.values()].flatMap((worker) => worker.held());
      expect(new Set(held).size, 'a partition is held by one at most').toBe(held.length);
      for (const [worker, count] of this.#whoHolds()) {
        if (count > (before.get(worker) ?? 0)) expect(worker.looks).toBeGreaterThan(looked.get(worker) ?? -1);
      }
      expect(this.work.broken).toEqual([]);
    }
  }

  async heal(): Promise<void> {
    const { work } = this;
    work.store.appendFault = () => undefined;
    work.store.readsFail = false;
    work.store.beforeAnswer = async () => {};
    for (const worker of this.#workers.values()) worker.mortal.resume();
    await this.pass(LEASE_MS);
    if (this.#workers.size === 0) await this.run({ do: 'up', n: 0, delayMs: 1 });
    await this.pass(5 * LEASE_MS);
    await work.clock.advance(2 * 60 * 60_000 * Number(this.#isBehind()));
    expect(work.done).toEqual(work.done.map(() => work.head));
    const held = [...this.#workers.values()].flatMap((worker) => worker.held());
    expect(held).toHaveLength(PARTITIONS);
  }

  #isBehind(): boolean {
    return this.work.done.some((done) => done < this.work.head);
  }

  #whoHolds(): ReadonlyMap<Worker, number> {
    return new Map([...this.#workers.values()].map((worker) => [worker, worker.held().length]));
  }

  #end(folder: number, worker: Worker | undefined): void {
    worker?.mortal.die();
    if (this.#workers.get(folder) === worker) this.#workers.delete(folder);
  }
}

/** Found by chance: what a node inherits after it has begun to leave must not be passed on as done. */
const INHERITED_WHILE_LEAVING: Step[] = [
  { do: 'pass', ms: 0 },
  { do: 'move', webhook: 0, partition: 0 },
  { do: 'up', n: 2, delayMs: 0 },
  { do: 'slow', ms: 5_500 },
  { do: 'pass', ms: 0 },
  { do: 'stop', n: 2 },
  { do: 'fail', fault: 'unavailable', times: 1 },
  { do: 'up', n: 0, delayMs: 0 },
  { do: 'pass', ms: 0 },
  { do: 'pause', n: 1 },
  { do: 'stop', n: 0 },
];

// The same runs every time; longer hunts draw others: CHAOS_RUNS=2000 CHAOS_SEED=7 npm test -- sharing
it('whatever nodes do: every webhook is told all, in order, and no partition is held twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const sharing = new Sharing();
      for (const todo of [{ do: 'up', n: 0, delayMs: 1 } as const, ...steps]) await sharing.run(todo);
      await sharing.heal();
    }),
    {
      seed: Number(process.env['CHAOS_SEED'] ?? 1),
      numRuns: Number(process.env['CHAOS_RUNS'] ?? 40),
      examples: [[INHERITED_WHILE_LEAVING]],
    },
  );
}, 3_600_000);
