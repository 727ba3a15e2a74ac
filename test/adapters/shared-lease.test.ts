import { describe, expect, it } from 'vitest';
import { leaseHolds, sharedLease, termOf } from '../../src/adapters/shared-lease.ts';

const LONG_MS = 60_000;

describe('sharedLease', () => {
  it('holds for the time given, and not before it was given', async () => {
    const { memory, holdFor } = sharedLease();
    const term = termOf(memory)();
    const holds = leaseHolds(memory);
    expect(holds(term)).toBe(false);
    holdFor(LONG_MS);
    expect(holds(term)).toBe(true);
    holdFor(20);
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(holds(term)).toBe(false);
  });

  it('holds again for what was begun before, when nobody had taken over', () => {
    const { memory, holdFor } = sharedLease();
    const term = termOf(memory)();
    holdFor(-1);
    expect(leaseHolds(memory)(term)).toBe(false);
    holdFor(LONG_MS);
    expect(leaseHolds(memory)(term)).toBe(true);
  });

  it('once lost, holds again for what was begun since alone', () => {
    const { memory, holdFor, lose } = sharedLease();
    holdFor(LONG_MS);
    const before = termOf(memory)();
    lose();
    const since = termOf(memory)();
    expect([before, since].map(leaseHolds(memory))).toEqual([false, false]);
    holdFor(LONG_MS);
    expect([before, since].map(leaseHolds(memory))).toEqual([false, true]);
  });

  it('is not asked for where there is none', () => {
    expect(leaseHolds(undefined)(termOf(undefined)())).toBe(true);
  });
});
