import { describe, expect, it } from 'vitest';
import { endpointOf, FairQueue, type QueueLimits, type Slot } from '../../src/delivery/fair-queue.ts';

const LIMITS: QueueLimits = { inFlightMax: 6, doubtfulMax: 3, perEndpointMin: 2, perEndpointMax: 4 };

const queueOf = (limits: Partial<QueueLimits> = {}): FairQueue<string> =>
  new FairQueue({ ...LIMITS, ...limits });

/** Takes all that may start now. */
const takeAll = (queue: FairQueue<string>) => {
  const taken = [];
  for (let next = queue.take(); next !== undefined; next = queue.take()) taken.push(next);
  return taken;
};

const items = (taken: ReadonlyArray<{ readonly item: string }>) => taken.map(({ item }) => item);

/** One quick success after the other, until the endpoint may hold as many slots as it can get. */
const prove = (queue: FairQueue<string>, endpoint: string): void => {
  for (let successes = 0; successes < LIMITS.perEndpointMax; successes += 1) {
    const slot = queue.reserve('proving', endpoint);
    if (slot === undefined) throw new Error('no slot to prove an endpoint with');
    queue.release(slot, true);
  }
};

describe('a queue', () => {
  it('gives nothing when it is empty', () => {
    expect(queueOf().take()).toBeUndefined();
  });

  it('keeps the order within a lane', () => {
    const queue = queueOf();
    prove(queue, 'e');
    for (const item of ['1', '2', '3']) queue.push('lane', 'e', 'first', item);
    expect(items(takeAll(queue))).toEqual(['1', '2', '3']);
  });

  it('lets lanes take turns', () => {
    const queue = queueOf();
    for (const endpoint of ['e', 'f']) prove(queue, endpoint);
    for (const item of ['a1', 'a2', 'a3']) queue.push('a', 'e', 'first', item);
    for (const item of ['b1', 'b2']) queue.push('b', 'f', 'first', item);
    expect(items(takeAll(queue))).toEqual(['a1', 'b1', 'a2', 'b2', 'a3']);
  });

  it('takes first attempts before retries, within a lane and across lanes', () => {
    const queue = queueOf();
    for (const endpoint of ['e', 'f']) prove(queue, endpoint);
    queue.push('a', 'e', 'retry', 'a retry');
    queue.push('b', 'f', 'retry', 'b retry');
    queue.push('b', 'f', 'first', 'b first');
    queue.push('a', 'e', 'first', 'a first');
    expect(items(takeAll(queue))).toEqual(['b first', 'a first', 'b retry', 'a retry']);
  });

  it('counts what waits and what is in flight', () => {
    const queue = queueOf();
    for (const item of ['1', '2', '3']) queue.push('lane', 'e', 'first', item);
    const [taken] = takeAll(queue);
    expect([queue.queued, queue.queuedIn('lane'), queue.inFlight]).toEqual([1, 1, 2]);
    if (taken !== undefined) queue.release(taken.slot, undefined);
    expect([queue.queued, queue.queuedIn('other'), queue.inFlight]).toEqual([1, 0, 1]);
  });
});

describe('caps', () => {
  it('holds no more than allowed in flight together', () => {
    const queue = queueOf({ inFlightMax: 2, doubtfulMax: 5 });
    for (const lane of ['a', 'b', 'c']) queue.push(lane, lane, 'first', lane);
    expect(takeAll(queue)).toHaveLength(2);
  });

  it('grows an endpoint by one for every quick success and shrinks it back on a failure', () => {
    const queue = queueOf({ inFlightMax: 20, doubtfulMax: 20 });
    const inFlightNow = (): number => {
      for (let n = 0; n < 10; n += 1) queue.push('lane', 'e', 'first', String(n));
      const taken = takeAll(queue);
      for (const { slot } of taken) queue.release(slot, undefined);
      while (queue.queued > 0) for (const { slot } of takeAll(queue)) queue.release(slot, undefined);
      return taken.length;
    };
    const learn = (quickSuccess: boolean): void => {
      const slot = queue.reserve('lane', 'e');
      if (slot !== undefined) queue.release(slot, quickSuccess);
    };
    const counts = [inFlightNow()];
    for (const quickSuccess of [true, true, true, false]) {
      learn(quickSuccess);
      counts.push(inFlightNow());
    }
    expect(counts).toEqual([2, 3, 4, 4, 2]);
  });

  it('keeps the rest for endpoints that answer when dead ones hold their share', () => {
    const queue = queueOf();
    prove(queue, 'good');
    for (const dead of ['d1', 'd2', 'd3', 'd4'])
      for (const n of [1, 2]) queue.push(dead, dead, 'first', `${dead}.${n}`);
    for (const n of [1, 2, 3]) queue.push('good', 'good', 'first', `good.${n}`);
    const taken = items(takeAll(queue));
    expect(taken.filter((item) => item.startsWith('good'))).toEqual(['good.1', 'good.2', 'good.3']);
    expect(taken.filter((item) => item.startsWith('d'))).toHaveLength(3);
  });

  it('counts a retry as doubtful even where the endpoint answers', () => {
    const queue = queueOf({ doubtfulMax: 1 });
    prove(queue, 'e');
    for (const item of ['r1', 'r2']) queue.push('lane', 'e', 'retry', item);
    expect(items(takeAll(queue))).toEqual(['r1']);
    queue.push('lane', 'e', 'first', 'f1');
    expect(items(takeAll(queue))).toEqual(['f1']);
  });

  it('lets an endpoint go on that answered again while dead ones hold all doubtful slots', () => {
    const queue = queueOf({ doubtfulMax: 2 });
    prove(queue, 'e');
    const slots = [queue.reserve('x', 'e'), queue.reserve('x', 'e')];
    queue.release(slots[0] as Slot, false);
    for (const dead of ['d1', 'd2']) queue.push(dead, dead, 'first', dead);
    queue.push('other', 'f', 'first', 'never tried');
    queue.push('lane', 'e', 'first', 'answers again');
    expect(items(takeAll(queue))).toEqual(['d1', 'd2']);
    queue.release(slots[1] as Slot, true);
    expect(items(takeAll(queue))).toEqual(['answers again']);
  });

  it('lets two webhooks with one endpoint share its cap', () => {
    const queue = queueOf({ doubtfulMax: 6 });
    for (const item of ['1', '2', '3']) {
      queue.push('a', 'e', 'first', `a${item}`);
      queue.push('b', 'e', 'first', `b${item}`);
    }
    const [one, two] = takeAll(queue);
    expect(items([one, two].flatMap((taken) => taken ?? []))).toEqual(['a1', 'b1']);
    if (one !== undefined) queue.release(one.slot, undefined);
    expect(items(takeAll(queue))).toEqual(['a2']);
  });

  it('moves a lane whose webhook got a new address, and what waits with it', () => {
    const queue = queueOf({ doubtfulMax: 6 });
    for (const item of ['1', '2', '3']) queue.push('lane', 'old', 'first', item);
    expect(items(takeAll(queue))).toEqual(['1', '2']);
    queue.push('lane', 'new', 'first', '4');
    const taken = takeAll(queue);
    expect(items(taken)).toEqual(['3', '4']);
    expect(taken.map(({ slot }) => slot.endpoint)).toEqual(['new', 'new']);
  });
});

describe('endpoints beyond those that can be remembered', () => {
  it('keep their cap while something waits for them', () => {
    const queue = queueOf({ perEndpointMin: 1, perEndpointMax: 1 });
    for (let n = 0; n < 50_001; n += 1)
      queue.release(queue.reserve('x', `seen once ${n}`) as Slot, undefined);
    for (const item of ['1', '2', '3', '4']) queue.push('lane', 'e', 'first', item);
    for (const expected of ['1', '2', '3', '4']) {
      const taken = takeAll(queue);
      expect(items(taken)).toEqual([expected]);
      queue.release((taken[0] as { readonly slot: Slot }).slot, undefined);
    }
  });
});

describe('a reservation', () => {
  it('passes the queue while everything it needs is free', () => {
    const queue = queueOf();
    expect(queue.reserve('lane', 'e')).toEqual({ endpoint: 'e', doubtful: true });
    prove(queue, 'f');
    expect(queue.reserve('lane', 'f')).toEqual({ endpoint: 'f', doubtful: false });
  });

  it('is refused where something waits for the same lane or endpoint, or a cap is reached', () => {
    const queue = queueOf();
    queue.push('lane', 'e', 'first', '1');
    expect(queue.reserve('lane', 'e')).toBeUndefined();

    const full = queueOf({ doubtfulMax: 6 });
    for (const item of ['1', '2', '3']) full.push('lane', 'e', 'first', item);
    const taken = takeAll(full);
    expect(full.reserve('other', 'e')).toBeUndefined();
    for (const { slot } of taken) full.release(slot, undefined);

    const doubtful = queueOf({ doubtfulMax: 1 });
    expect(doubtful.reserve('a', 'e')).toBeDefined();
    expect(doubtful.reserve('b', 'f')).toBeUndefined();

    const all = queueOf({ inFlightMax: 1 });
    expect(all.reserve('a', 'e')).toBeDefined();
    expect(all.reserve('b', 'f')).toBeUndefined();
  });
});

describe('the endpoint of an address', () => {
  it('is the address without its query', () => {
    expect(endpointOf('https://a.example/hook?token=1')).toBe('https://a.example/hook');
    expect(endpointOf('https://a.example/hook')).toBe('https://a.example/hook');
  });
});
