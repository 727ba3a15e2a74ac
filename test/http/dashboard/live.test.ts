import { describe, expect, it } from 'vitest';
import { FOLLOWERS_MAX, LiveFeed } from '../../../src/http/dashboard/live.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const read = (stream: { read(): unknown } | undefined): string => String(stream?.read() ?? '');

describe('a live feed', () => {
  it('computes once an interval however many follow, and not at all while nobody does', async () => {
    const clock = new VirtualClock();
    let computed = 0;
    const feed = new LiveFeed(clock, 1_000, () => ({ number: String((computed += 1)) }));
    await clock.advance(10_000);
    expect(computed).toBe(0);

    const followers = Array.from({ length: 100 }, () => feed.follow());
    await clock.advance(0);
    expect(computed).toBe(1);
    expect(read(followers[0])).toBe('retry: 2000\n\ndata: {"number":"1"}\n\n');
    await clock.advance(5_000);
    expect(computed).toBe(6);
    expect(read(followers[99])).toMatch(/data: \{"number":"6"\}\n\n$/);
    // Who comes later sees at once what the others see.
    expect(read(feed.follow())).toContain('{"number":"6"}');

    for (const follower of followers) follower?.destroy();
    await clock.advance(0);
    expect(feed.followers).toBe(1);
  });

  it('has room for so many, and lets go of those who do not read or have stayed long', async () => {
    const clock = new VirtualClock();
    const feed = new LiveFeed(clock, 1_000, () => ({ text: 'x'.repeat(40_000) }));
    const followers = Array.from({ length: FOLLOWERS_MAX }, () => feed.follow());
    expect(feed.follow()).toBeUndefined();
    for (const follower of followers.slice(1)) follower?.destroy();
    await clock.advance(5_000);
    expect(feed.followers).toBe(0);

    const reader = feed.follow();
    reader?.resume();
    let isOver = false;
    reader?.on('end', () => (isOver = true));
    await clock.advance(11 * 60_000);
    expect(isOver).toBe(true);
    expect(clock.timers).toBe(0);
  });

  it('goes on after it could not compute, and has one loop whoever comes and goes meanwhile', async () => {
    const clock = new VirtualClock();
    let computed = 0;
    const feed = new LiveFeed(clock, 1_000, async () => {
      computed += 1;
      await new Promise<void>((resolve) => clock.setTimer(100, resolve));
      if (computed === 1) throw new Error('not now');
      return { number: String(computed) };
    });
    const first = feed.follow();
    await clock.advance(50);
    first?.destroy();
    await clock.advance(0);
    const second = feed.follow();
    await clock.advance(3_350);
    expect(computed).toBe(4);
    expect(read(second)).toMatch(/nothing new[\s\S]*\{"number":"4"\}/);
  });
});
