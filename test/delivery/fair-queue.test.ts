import { describe, expect, it, vi } from 'vitest';
import { FairQueue, type QueueLimits, type Slot } from '../../src/delivery/fair-queue.ts';
import { endpointOf } from '../../src/domain/partitions.ts';

const LIMITS: QueueLimits = {
  inFlightMax: 6,
  unprovenMax: 5,
  doubtfulMax: 3,
  perEndpointMin: 2,
  perEndpointMax: 4,
};

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

/** One attempt there that told so much. */
const learn = (queue: FairQueue<string>, endpoint: string, success: boolean | 'slow'): void => {
  const slot = queue.reserve('learning', endpoint);
  if (slot === undefined) throw new Error('no slot to learn about an endpoint with');
  queue.release(slot, success);
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
    const queue = queueOf({ inFlightMax: 2 });
    for (const lane of ['a', 'b', 'c']) queue.push(lane, lane, 'first', lane);
    expect(takeAll(queue)).toHaveLength(2);
  });

  it('grows an endpoint by one for every quick success and shrinks it back on a failure or a slow one', () => {
    const queue = queueOf({ inFlightMax: 20, unprovenMax: 20, doubtfulMax: 20 });
    const inFlightNow = (): number => {
      for (let n = 0; n < 10; n += 1) queue.push('lane', 'e', 'first', String(n));
      const taken = takeAll(queue);
      for (const { slot } of taken) queue.release(slot, undefined);
      while (queue.queued > 0) for (const { slot } of takeAll(queue)) queue.release(slot, undefined);
      return taken.length;
    };
    const counts = [inFlightNow()];
    for (const success of [true, true, true, false, true, 'slow'] as const) {
      learn(queue, 'e', success);
      counts.push(inFlightNow());
    }
    expect(counts).toEqual([2, 3, 4, 4, 2, 3, 2]);
  });

  it('keeps the rest for endpoints that answer when dead ones hold their share', () => {
    const queue = queueOf();
    prove(queue, 'good');
    for (const dead of ['d1', 'd2', 'd3', 'd4']) {
      learn(queue, dead, false);
      for (const n of [1, 2]) queue.push(dead, dead, 'first', `${dead}.${n}`);
    }
    for (const n of [1, 2, 3]) queue.push('good', 'good', 'first', `good.${n}`);
    const taken = items(takeAll(queue));
    expect(taken.filter((item) => item.startsWith('good'))).toEqual(['good.1', 'good.2', 'good.3']);
    expect(taken.filter((item) => item.startsWith('d'))).toHaveLength(3);
  });

  it('keeps a part of the rest for endpoints that are not known to fail', () => {
    const queue = queueOf();
    for (const dead of ['d1', 'd2', 'd3', 'd4']) {
      learn(queue, dead, false);
      queue.push(dead, dead, 'first', dead);
    }
    learn(queue, 'slow', true);
    learn(queue, 'slow', 'slow');
    queue.push('never tried', 'new', 'first', 'never tried');
    queue.push('slow', 'slow', 'first', 'slow');
    queue.push('also never tried', 'newer', 'first', 'has to wait');
    expect(items(takeAll(queue))).toEqual(['d1', 'd2', 'd3', 'never tried', 'slow']);
  });

  it('keeps that part from retries, too, even where the endpoint answers', () => {
    const queue = queueOf();
    prove(queue, 'e');
    for (const item of ['r1', 'r2', 'r3', 'r4']) queue.push('lane', 'e', 'retry', item);
    expect(takeAll(queue).map(({ slot }) => slot.trust)).toEqual(['doubtful', 'doubtful', 'doubtful']);
    for (const item of ['n1', 'n2']) queue.push('other', 'never tried', 'first', item);
    expect(takeAll(queue).map(({ slot }) => slot.trust)).toEqual(['unknown', 'unknown']);
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
    for (const dead of ['d1', 'd2', 'd3']) {
      learn(queue, dead, false);
      queue.push(dead, dead, 'first', dead);
    }
    queue.push('lane', 'e', 'first', 'answers again');
    expect(items(takeAll(queue))).toEqual(['d1', 'd2']);
    queue.release(slots[1] as Slot, true);
    expect(items(takeAll(queue))).toEqual(['answers again']);
  });

  it('lets two webhooks with one endpoint share its cap', () => {
    const queue = queueOf();
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
    const queue = queueOf();
    for (const item of ['1', '2', '3']) queue.push('lane', 'old', 'first', item);
    expect(items(takeAll(queue))).toEqual(['1', '2']);
    queue.push('lane', 'new', 'first', '4');
    const taken = takeAll(queue);
    expect(items(taken)).toEqual(['3', '4']);
    expect(taken.map(({ slot }) => slot.endpoint)).toEqual(['new', 'new']);
  });

  it('moves it also when nothing new comes, before its next attempt', () => {
    let address = 'old';
    const queue = new FairQueue<string>(LIMITS, (lane) => (lane === 'moving' ? address : undefined));
    for (const item of ['1', '2', '3']) queue.push('moving', 'old', 'first', item);
    queue.push('staying', 'old', 'first', 'other');
    const taken = takeAll(queue);
    expect(items(taken)).toEqual(['1', 'other']);
    address = 'new';
    for (const { slot } of taken) queue.release(slot, false);
    expect(takeAll(queue).map(({ item, slot }) => [item, slot])).toEqual([
      ['2', { endpoint: 'new', trust: 'unknown' }],
      ['3', { endpoint: 'new', trust: 'unknown' }],
    ]);
  });
});

describe('the work of one delivery', () => {
  it.each(['one endpoint', 'dead endpoints'])('does not grow with the lanes that wait for %s', (where) => {
    const workWith = (lanes: number): number => {
      const queue = queueOf();
      for (let n = 0; n < lanes; n += 1) {
        const endpoint = where === 'one endpoint' ? 'dead' : `dead ${n}`;
        if (n === 0 || where !== 'one endpoint') learn(queue, endpoint, false);
        queue.push(`lane ${n}`, endpoint, 'first', '1');
      }
      const [taken] = takeAll(queue);
      const changes = vi.spyOn(Set.prototype, 'add');
      if (taken !== undefined) queue.release(taken.slot, false);
      expect(takeAll(queue)).toHaveLength(1);
      const work = changes.mock.calls.length;
      changes.mockRestore();
      return work;
    };
    expect(workWith(1_000)).toBe(workWith(10));
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
    expect(queue.reserve('lane', 'e')).toEqual({ endpoint: 'e', trust: 'unknown' });
    prove(queue, 'f');
    expect(queue.reserve('lane', 'f')).toEqual({ endpoint: 'f', trust: 'proven' });
  });

  it('is refused where something waits for the same lane or endpoint, or a cap is reached', () => {
    const queue = queueOf();
    queue.push('lane', 'e', 'first', '1');
    expect(queue.reserve('lane', 'e')).toBeUndefined();

    const full = queueOf();
    for (const item of ['1', '2', '3']) full.push('lane', 'e', 'first', item);
    const taken = takeAll(full);
    expect(full.reserve('other', 'e')).toBeUndefined();
    for (const { slot } of taken) full.release(slot, undefined);

    const doubtful = queueOf({ doubtfulMax: 1 });
    for (const endpoint of ['e', 'f']) learn(doubtful, endpoint, false);
    expect(doubtful.reserve('a', 'e')).toBeDefined();
    expect(doubtful.reserve('b', 'f')).toBeUndefined();

    const unproven = queueOf({ unprovenMax: 1 });
    expect(unproven.reserve('a', 'e')).toBeDefined();
    expect(unproven.reserve('b', 'f')).toBeUndefined();

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
