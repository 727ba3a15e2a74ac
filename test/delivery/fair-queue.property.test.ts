import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type AttemptKind, FairQueue, type QueueLimits, type Slot } from '../../src/delivery/fair-queue.ts';

interface Item {
  readonly n: number;
  readonly lane: string;
  readonly kind: AttemptKind;
}

interface InFlight {
  readonly slot: Slot;
  readonly kind: AttemptKind | 'reserved';
}

const LANES = ['a', 'b', 'c', 'd', 'e'];
const ENDPOINTS = ['x', 'y', 'z'];

type Step =
  | { readonly do: 'push'; readonly lane: string; readonly endpoint: string; readonly kind: AttemptKind }
  | { readonly do: 'take' }
  | { readonly do: 'reserve'; readonly lane: string; readonly endpoint: string }
  | { readonly do: 'release'; readonly which: number; readonly quickSuccess: boolean | undefined };

const limits: fc.Arbitrary<QueueLimits> = fc
  .tuple(fc.integer({ min: 1, max: 8 }), fc.nat(4), fc.integer({ min: 1, max: 3 }), fc.nat(3))
  .map(([doubtfulMax, more, perEndpointMin, grow]) => ({
    inFlightMax: doubtfulMax + more,
    doubtfulMax,
    perEndpointMin,
    perEndpointMax: perEndpointMin + grow,
  }));

const place = { lane: fc.constantFrom(...LANES), endpoint: fc.constantFrom(...ENDPOINTS) };
const steps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('push' as const),
        ...place,
        kind: fc.constantFrom<AttemptKind>('first', 'retry'),
      }),
    },
    { weight: 3, arbitrary: fc.constant({ do: 'take' as const }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reserve' as const), ...place }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('release' as const),
        which: fc.nat(100),
        quickSuccess: fc.constantFrom(true, false, undefined),
      }),
    },
  ),
  { maxLength: 120 },
);

/** What the queue has to keep to, told in the plainest way: endpoints as they were last seen to behave. */
class Model {
  readonly queue: FairQueue<Item>;
  readonly limits: QueueLimits;
  readonly waiting: Item[] = [];
  readonly inFlight: InFlight[] = [];
  readonly endpointOfLane = new Map<string, string>();
  readonly caps = new Map<string, number>();
  readonly proven = new Set<string>();
  readonly taken: number[] = [];
  pushed = 0;

  constructor(limits_: QueueLimits) {
    this.limits = limits_;
    this.queue = new FairQueue(limits_);
  }

  at(endpoint: string): number {
    return this.inFlight.filter(({ slot }) => slot.endpoint === endpoint).length;
  }

  cap(endpoint: string): number {
    return this.caps.get(endpoint) ?? this.limits.perEndpointMin;
  }

  mayStart(endpoint: string, kind: AttemptKind): boolean {
    const doubtful = kind === 'retry' || !this.proven.has(endpoint);
    return (
      this.inFlight.length < this.limits.inFlightMax &&
      this.at(endpoint) < this.cap(endpoint) &&
      (!doubtful || this.inFlight.filter(({ slot }) => slot.doubtful).length < this.limits.doubtfulMax)
    );
  }

  /** Of each lane the item that goes next: the oldest first attempt, else the oldest retry. */
  startable(): ReadonlyArray<Item> {
    return LANES.flatMap((lane) => {
      const of = this.waiting.filter((item) => item.lane === lane);
      const next = of.find(({ kind }) => kind === 'first') ?? of[0];
      return next !== undefined && this.mayStart(this.endpointOfLane.get(lane) ?? '', next.kind)
        ? [next]
        : [];
    });
  }

  run(step: Step): void {
    switch (step.do) {
      case 'push': {
        const item = { n: (this.pushed += 1), lane: step.lane, kind: step.kind };
        this.waiting.push(item);
        this.endpointOfLane.set(step.lane, step.endpoint);
        return this.queue.push(step.lane, step.endpoint, step.kind, item);
      }
      case 'take':
        this.take();
        return;
      case 'reserve':
        return this.reserve(step.lane, step.endpoint);
      case 'release':
        return this.release(step.which, step.quickSuccess);
    }
  }

  take(): boolean {
    const startable = this.startable();
    const taken = this.queue.take();
    if (taken === undefined) {
      expect(startable).toEqual([]);
      return false;
    }
    const { item, slot, lane } = taken;
    expect(startable).toContain(item);
    expect(lane).toBe(item.lane);
    // A retry goes only when no first attempt could.
    if (item.kind === 'retry') expect(startable.every(({ kind }) => kind === 'retry')).toBe(true);
    const endpoint = this.endpointOfLane.get(lane);
    expect(slot).toEqual({ endpoint, doubtful: item.kind === 'retry' || !this.proven.has(endpoint ?? '') });
    this.waiting.splice(this.waiting.indexOf(item), 1);
    this.taken.push(item.n);
    this.inFlight.push({ slot, kind: item.kind });
    return true;
  }

  reserve(lane: string, endpoint: string): void {
    const may = this.mayStart(endpoint, 'first') && this.waiting.every((item) => item.lane !== lane);
    const slot = this.queue.reserve(lane, endpoint);
    if (slot === undefined) return;
    expect(may).toBe(true);
    this.inFlight.push({ slot, kind: 'reserved' });
  }

  release(which: number, quickSuccess: boolean | undefined): void {
    const [released] = this.inFlight.splice(which % Math.max(this.inFlight.length, 1), 1);
    if (released === undefined) return;
    const { endpoint } = released.slot;
    this.queue.release(released.slot, quickSuccess);
    if (quickSuccess === true) {
      this.caps.set(endpoint, Math.min(this.cap(endpoint) + 1, this.limits.perEndpointMax));
      this.proven.add(endpoint);
    } else if (quickSuccess === false) {
      this.caps.set(endpoint, this.limits.perEndpointMin);
      this.proven.delete(endpoint);
    }
  }

  check(): void {
    expect(this.queue.queued).toBe(this.waiting.length);
    expect(this.queue.inFlight).toBe(this.inFlight.length);
    for (const lane of LANES) {
      expect(this.queue.queuedIn(lane)).toBe(this.waiting.filter((item) => item.lane === lane).length);
    }
  }
}

it('never exceeds a cap, never leaves a free slot unused, and gives out every item exactly once', () => {
  fc.assert(
    fc.property(limits, steps, (drawn, todo) => {
      const model = new Model(drawn);
      for (const step of todo) {
        model.run(step);
        model.check();
      }
      // Whatever is left gets its turn once slots come back.
      while (model.waiting.length > 0) {
        while (model.take());
        expect(model.inFlight.length).toBeGreaterThan(0);
        model.release(0, undefined);
      }
      expect([...model.taken].sort((a, b) => a - b)).toEqual(
        Array.from({ length: model.pushed }, (_, i) => i + 1),
      );
    }),
    { numRuns: 400 },
  );
});

it('gives every lane its turn: between two items of one lane each other startable lane gets one', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.constantFrom(...LANES), { minLength: 2 }),
      fc.integer({ min: 1, max: 4 }),
      (lanes, each) => {
        const queue = new FairQueue<string>({
          inFlightMax: 100,
          doubtfulMax: 100,
          perEndpointMin: 100,
          perEndpointMax: 100,
        });
        for (const lane of lanes) for (let n = 0; n < each; n += 1) queue.push(lane, lane, 'first', lane);
        const order = Array.from({ length: lanes.length * each }, () => queue.take()?.lane);
        expect(order).toEqual(Array.from({ length: each }, () => lanes).flat());
      },
    ),
  );
});

it('keeps slots for endpoints that answer, however many dead ones ask', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 10 }), (dead, each) => {
      const queue = new FairQueue<string>({
        inFlightMax: 8,
        doubtfulMax: 4,
        perEndpointMin: 2,
        perEndpointMax: 4,
      });
      for (let n = 0; n < 4; n += 1) queue.release(queue.reserve('good', 'good') as Slot, true);
      for (let n = 0; n < dead; n += 1)
        for (let m = 0; m < each; m += 1) queue.push(`dead ${n}`, `dead ${n}`, 'first', 'dead');
      while (queue.take() !== undefined);
      for (let n = 0; n < 4; n += 1) queue.push('good', 'good', 'first', 'good');
      const taken = Array.from({ length: 4 }, () => queue.take()?.item);
      expect(taken).toEqual(['good', 'good', 'good', 'good']);
    }),
  );
});
