import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type AttemptKind,
  FairQueue,
  type QueueLimits,
  type Slot,
  type Trust,
} from '../../src/delivery/fair-queue.ts';

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
  | { readonly do: 'move'; readonly lane: string; readonly endpoint: string }
  | { readonly do: 'release'; readonly which: number; readonly success: boolean | 'slow' | undefined };

const limits: fc.Arbitrary<QueueLimits> = fc
  .tuple(fc.integer({ min: 1, max: 8 }), fc.nat(4), fc.nat(4), fc.integer({ min: 1, max: 3 }), fc.nat(3))
  .map(([doubtfulMax, forUnknown, forProven, perEndpointMin, grow]) => ({
    inFlightMax: doubtfulMax + forUnknown + forProven,
    unprovenMax: doubtfulMax + forUnknown,
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
    { weight: 1, arbitrary: fc.record({ do: fc.constant('move' as const), ...place }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('release' as const),
        which: fc.nat(100),
        success: fc.constantFrom(true, 'slow' as const, false, undefined),
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
  /** Lanes that the queue may not have found moved yet: it does when the endpoint they waited for has room. */
  readonly moved = new Set<string>();
  readonly caps = new Map<string, number>();
  readonly trusts = new Map<string, Trust>();
  readonly taken: number[] = [];
  pushed = 0;

  constructor(limits_: QueueLimits) {
    this.limits = limits_;
    this.queue = new FairQueue(limits_, (lane) => this.endpointOfLane.get(lane));
  }

  at(endpoint: string): number {
    return this.inFlight.filter(({ slot }) => slot.endpoint === endpoint).length;
  }

  cap(endpoint: string): number {
    return this.caps.get(endpoint) ?? this.limits.perEndpointMin;
  }

  trust(endpoint: string, kind: AttemptKind): Trust {
    return kind === 'retry' ? 'doubtful' : (this.trusts.get(endpoint) ?? 'unknown');
  }

  held(...trusts: ReadonlyArray<Trust>): number {
    return this.inFlight.filter(({ slot }) => trusts.includes(slot.trust)).length;
  }

  mayStart(endpoint: string, kind: AttemptKind): boolean {
    const trust = this.trust(endpoint, kind);
    return (
      this.inFlight.length < this.limits.inFlightMax &&
      this.at(endpoint) < this.cap(endpoint) &&
      (trust === 'proven' || this.held('unknown', 'doubtful') < this.limits.unprovenMax) &&
      (trust !== 'doubtful' || this.held('doubtful') < this.limits.doubtfulMax)
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
        this.moved.delete(step.lane);
        return this.queue.push(step.lane, step.endpoint, step.kind, item);
      }
      case 'take':
        this.take();
        return;
      case 'reserve':
        return this.reserve(step.lane, step.endpoint);
      case 'move':
        // Its webhook got another address; the queue is not told.
        this.endpointOfLane.set(step.lane, step.endpoint);
        this.moved.add(step.lane);
        return;
      case 'release':
        return this.release(step.which, step.success);
    }
  }

  take(): boolean {
    const startable = this.startable();
    const taken = this.queue.take();
    const certain = startable.filter((item) => !this.moved.has(item.lane));
    if (taken === undefined) {
      expect(certain).toEqual([]);
      return false;
    }
    const { item, slot, lane } = taken;
    expect(startable).toContain(item);
    expect(lane).toBe(item.lane);
    // A retry goes only when no first attempt could.
    if (item.kind === 'retry') expect(certain.every(({ kind }) => kind === 'retry')).toBe(true);
    this.moved.delete(lane);
    const endpoint = this.endpointOfLane.get(lane) ?? '';
    expect(slot).toEqual({ endpoint, trust: this.trust(endpoint, item.kind) });
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

  release(which: number, success: boolean | 'slow' | undefined): void {
    const [released] = this.inFlight.splice(which % Math.max(this.inFlight.length, 1), 1);
    if (released === undefined) return;
    const { endpoint } = released.slot;
    this.queue.release(released.slot, success);
    if (success === undefined) return;
    const grown = Math.min(this.cap(endpoint) + 1, this.limits.perEndpointMax);
    this.caps.set(endpoint, success === true ? grown : this.limits.perEndpointMin);
    this.trusts.set(endpoint, success === true ? 'proven' : success === 'slow' ? 'unknown' : 'doubtful');
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
      fc.uniqueArray(fc.tuple(fc.constantFrom(...LANES), fc.constantFrom(...ENDPOINTS)), {
        minLength: 2,
        selector: ([lane]) => lane,
      }),
      fc.integer({ min: 1, max: 4 }),
      (lanes, each) => {
        const queue = new FairQueue<string>({
          inFlightMax: 100,
          unprovenMax: 100,
          doubtfulMax: 100,
          perEndpointMin: 100,
          perEndpointMax: 100,
        });
        for (const [lane, endpoint] of lanes)
          for (let n = 0; n < each; n += 1) queue.push(lane, endpoint, 'first', lane);
        const order = Array.from({ length: lanes.length * each }, () => queue.take()?.lane);
        order.forEach((lane, at) => {
          const again = order.indexOf(lane, at + 1);
          const later = new Set(again === -1 ? [] : order.slice(again + 1));
          const between = new Set(order.slice(at + 1, again));
          for (const other of later) if (other !== lane) expect(between).toContain(other);
        });
        for (const [lane] of lanes) expect(order.filter((one) => one === lane)).toHaveLength(each);
      },
    ),
  );
});

it.each(['never tried', 'known to fail'])(
  'keeps slots for endpoints that answer, however many dead ones ask that were %s',
  (before) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 10 }), (dead, each) => {
        const queue = new FairQueue<string>({
          inFlightMax: 8,
          unprovenMax: 6,
          doubtfulMax: 4,
          perEndpointMin: 2,
          perEndpointMax: 4,
        });
        const learn = (endpoint: string, success: boolean): void =>
          queue.release(queue.reserve('learning', endpoint) as Slot, success);
        for (let n = 0; n < 4; n += 1) learn('good', true);
        for (let n = 0; n < dead; n += 1) {
          if (before === 'known to fail') learn(`dead ${n}`, false);
          for (let m = 0; m < each; m += 1) queue.push(`dead ${n}`, `dead ${n}`, 'first', 'dead');
        }
        while (queue.take() !== undefined);
        const left = before === 'known to fail' ? 4 : 2;
        for (let n = 0; n < left; n += 1) queue.push('good', 'good', 'first', 'good');
        expect(Array.from({ length: left }, () => queue.take()?.item)).toEqual(Array(left).fill('good'));
      }),
    );
  },
);
