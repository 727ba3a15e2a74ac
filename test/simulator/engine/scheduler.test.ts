import { describe, expect, it } from 'vitest';
import { Chance } from '../../../simulator/engine/chance.ts';
import { guarded } from '../../../simulator/engine/guard.ts';
import { Scheduler } from '../../../simulator/engine/scheduler.ts';
import { Trace } from '../../../simulator/engine/trace.ts';

const orderOf = (seed: number, delays: ReadonlyArray<number>): ReadonlyArray<number> => {
  const scheduler = new Scheduler(new Chance(seed, 'scheduler'));
  const seen: number[] = [];
  for (const [index, delayMs] of delays.entries()) scheduler.after(delayMs, () => seen.push(index));
  while (scheduler.step(1_000_000));
  return seen;
};

describe('virtual time', () => {
  it('runs what is due in the order of its due times', () => {
    const delays = Array.from({ length: 500 }, (_, index) => (index * 7_919) % 1_009);
    const sorted = orderOf(1, delays).map((index) => delays[index]);
    expect(sorted).toEqual([...sorted].sort((a, b) => (a ?? 0) - (b ?? 0)));
  });

  it('runs what is due at the same time in an order that the seed chooses', () => {
    const same = Array.from({ length: 20 }, () => 5);
    expect(orderOf(1, same)).toEqual(orderOf(1, same));
    expect(orderOf(1, same)).not.toEqual(orderOf(2, same));
    expect([...orderOf(1, same)].sort((a, b) => a - b)).toEqual(same.map((_, index) => index));
  });

  it('stands still between events, and never runs what was cancelled', () => {
    const scheduler = new Scheduler(new Chance(1, 'scheduler'));
    const seen: string[] = [];
    const cancelled = scheduler.after(10, () => seen.push('cancelled'));
    scheduler.after(20, () => seen.push('kept'));
    cancelled.cancel();
    cancelled.cancel();
    expect(scheduler.nextMs()).toBe(20);
    expect(scheduler.step(15)).toBe(false);
    expect(scheduler.nowMs).toBe(15);
    expect(scheduler.step(100)).toBe(true);
    expect([seen, scheduler.nowMs]).toEqual([['kept'], 20]);
  });
});

describe('chance', () => {
  it('is a matter of seed and purpose alone', () => {
    const draw = (seed: number, purpose: string) => {
      const chance = new Chance(seed, purpose);
      return [chance.u32(), chance.uuid(), chance.between(1, 6)];
    };
    expect(draw(1, 'network')).toEqual(draw(1, 'network'));
    expect(draw(1, 'network')).not.toEqual(draw(2, 'network'));
    expect(draw(1, 'network')).not.toEqual(draw(1, 'store'));
  });
});

describe('a trace', () => {
  it('keeps the newest 50 lines, and tells two orders apart', () => {
    const [one, other] = [new Trace(), new Trace()];
    for (let n = 0; n < 60; n += 1) one.line(n, `line ${n}`);
    for (let n = 60; n > 0; n -= 1) other.line(n, `line ${n}`);
    expect(one.last()).toHaveLength(50);
    expect([one.last()[0], one.last().at(-1)]).toEqual(['10 line 10', '59 line 59']);
    expect(one.digest()).not.toBe(other.digest());
  });
});

describe('a guarded run', () => {
  it('ends when it asks for real time or real chance, and leaves both as they were', async () => {
    await expect(guarded(async () => Date.now())).rejects.toThrow('asks the real world: now');
    await expect(guarded(async () => Math.random())).rejects.toThrow('asks the real world: random');
    expect(Date.now()).toBeGreaterThan(0);
    expect(Math.random()).toBeLessThan(1);
  });
});
