import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/adapters/system-clock.ts';

describe('systemClock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('tells the time', () => {
    const clock = systemClock();
    const before = clock.monotonicMs();
    expect(clock.nowMs()).toBe(1_700_000_000_000);
    vi.advanceTimersByTime(1500);
    expect(clock.nowMs()).toBe(1_700_000_001_500);
    expect(clock.monotonicMs() - before).toBe(1500);
  });

  it('calls back once, when the time has come', () => {
    const callback = vi.fn();
    const timer = systemClock().setTimer(100, callback);
    vi.advanceTimersByTime(99);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    vi.advanceTimersByTime(1000);
    expect(callback).toHaveBeenCalledTimes(1);
    timer.cancel();
  });

  it('never calls back early, though the platform may', () => {
    const callback = vi.fn();
    vi.spyOn(performance, 'now').mockReturnValueOnce(0).mockReturnValueOnce(99.6).mockReturnValue(100.6);
    systemClock().setTimer(100, callback);
    vi.advanceTimersByTime(100);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
    vi.restoreAllMocks();
  });

  it.each([0, 50])('does not call back when cancelled, after %i ms or twice', (afterMs) => {
    const callback = vi.fn();
    const timer = systemClock().setTimer(100, callback);
    vi.advanceTimersByTime(afterMs);
    timer.cancel();
    timer.cancel();
    vi.advanceTimersByTime(1000);
    expect(callback).not.toHaveBeenCalled();
  });

  it('holds delays that the platform cannot', () => {
    const callback = vi.fn();
    systemClock().setTimer(Number.MAX_SAFE_INTEGER, callback);
    systemClock().setTimer(Number.POSITIVE_INFINITY, callback);
    vi.advanceTimersByTime(2 ** 31 - 2);
    expect(callback).not.toHaveBeenCalled();
  });

  it('takes a delay in the past as none', () => {
    const callback = vi.fn();
    systemClock().setTimer(-5, callback);
    expect(callback).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
  });
});
