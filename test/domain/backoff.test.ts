import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BACKOFF_MAX_MS, backoffMs, retryAfterMs } from '../../src/domain/backoff.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

/** base × 2^(n−1) without overflow, at most a day. */
const plannedMs = (baseMs: number, failures: number): number => {
  let wait = baseMs;
  for (let n = 1; n < failures && wait < DAY_MS; n += 1) wait *= 2;
  return Math.min(wait, DAY_MS);
};

describe('backoffMs', () => {
  const base = fc.oneof(
    fc.integer({ min: 10, max: 3_600_000 }),
    fc.constantFrom(10, 11, 15, 30_000, 3_600_000),
  );
  const failures = fc.oneof(fc.integer({ min: 1, max: 31 }), fc.integer({ min: 1, max: 1_000_000 }));

  it('is never less than the doubled wait and never more than a tenth above it, in whole milliseconds', () => {
    fc.assert(
      fc.property(base, failures, fc.string(), (baseMs, n, seed) => {
        const wait = backoffMs(baseMs, n, seed);
        expect(wait).toBeGreaterThanOrEqual(plannedMs(baseMs, n));
        expect(wait * 10).toBeLessThanOrEqual(plannedMs(baseMs, n) * 11);
        expect(Number.isSafeInteger(wait)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it('doubles from 30 s: 30 s, 60 s, 2 min, 4 min … up to a day', () => {
    const seeds = Array.from({ length: 400 }, (_, seed) => `${seed}`);
    const least = (n: number): number => Math.min(...seeds.map((seed) => backoffMs(30_000, n, seed)));
    const most = (n: number): number => Math.max(...seeds.map((seed) => backoffMs(30_000, n, seed)));
    for (const [n, wait] of [30_000, 60_000, 120_000, 240_000, 480_000].entries()) {
      expect(least(n + 1)).toBeGreaterThanOrEqual(wait);
      expect(least(n + 1)).toBeLessThan(wait * 1.01);
      expect(most(n + 1)).toBeLessThanOrEqual(wait * 1.1);
      expect(most(n + 1)).toBeGreaterThan(wait * 1.09);
    }
    expect(least(12)).toBeGreaterThanOrEqual(30_000 * 2 ** 11);
    expect(least(12)).toBeLessThan(30_000 * 2 ** 11 * 1.01);
    expect(least(13)).toBeGreaterThanOrEqual(DAY_MS);
    expect(most(13)).toBeLessThanOrEqual(DAY_MS * 1.1);
  });

  it('the same question has the same answer', () => {
    fc.assert(
      fc.property(base, failures, fc.string(), (baseMs, n, seed) => {
        expect(backoffMs(baseMs, n, seed)).toBe(backoffMs(baseMs, n, seed));
      }),
    );
  });

  it('different seeds spread out evenly over the tenth', () => {
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let seed = 0; seed < 2_000; seed += 1) {
      const jitter = backoffMs(1_000_000, 1, `${seed}`) - 1_000_000;
      const tenth = Math.min(Math.floor(jitter / 10_000), 9);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    expect(Math.min(...tenths)).toBeGreaterThan(120);
  });

  it.each([
    [30_000, 1_000_000_000],
    [30_000, Number.MAX_SAFE_INTEGER],
    [10, 2_000],
    [Number.MAX_SAFE_INTEGER, 1],
    [Number.MAX_VALUE, 31],
  ])('a base of %d after %d failures waits a day', (baseMs, n) => {
    const wait = backoffMs(baseMs, n, 'seed');
    expect(wait).toBeGreaterThanOrEqual(DAY_MS);
    expect(wait).toBeLessThanOrEqual(DAY_MS * 1.1);
  });

  it('the cap is a day', () => {
    expect(BACKOFF_MAX_MS).toBe(DAY_MS);
  });
});

describe('retryAfterMs', () => {
  it.each([
    ['seconds', '120', NOW_MS + 120_000],
    ['zero', '0', NOW_MS],
    ['leading zeros', '0060', NOW_MS + 60_000],
    ['space around it', ' 60\t', NOW_MS + 60_000],
    ['a day', '86400', NOW_MS + DAY_MS],
    ['more than a day', '86401', NOW_MS + DAY_MS],
    ['1e9 written out', '1000000000', NOW_MS + DAY_MS],
    ['more digits than a number holds', '9'.repeat(400), NOW_MS + DAY_MS],
    ['a date', 'Fri, 02 Jan 2026 03:05:00 GMT', NOW_MS + 55_000],
    ['a date more than a day off', 'Sun, 04 Jan 2026 00:00:00 GMT', NOW_MS + DAY_MS],
    ['a date in the past', 'Fri, 02 Jan 2026 03:04:00 GMT', NOW_MS - 5_000],
  ])('%s', (_what, header, atMs) => {
    expect(retryAfterMs(429, header, NOW_MS)).toBe(atMs);
    expect(retryAfterMs(503, header, NOW_MS)).toBe(atMs);
  });

  it.each([
    ['empty', ''],
    ['blank', '  '],
    ['negative', '-120'],
    ['signed', '+120'],
    ['an exponent', '1e9'],
    ['a fraction', '1.5'],
    ['hexadecimal', '0x10'],
    ['with a unit', '120s'],
    ['two values', '120, 240'],
    ['other digits', '١٢'],
    ['words', 'soon'],
    ['infinity', 'Infinity'],
    ['an ISO date', '2026-01-02T03:05:00Z'],
    ['a date without a zone', 'Fri, 02 Jan 2026 03:05:00'],
    ['a date in another zone', 'Fri, 02 Jan 2026 03:05:00 +0100'],
    ['a date of no month', 'Fri, 02 Foo 2026 03:05:00 GMT'],
    ['a date of no day', 'Fri, 42 Jan 2026 03:05:00 GMT'],
  ])('%s is ignored', (_what, header) => {
    expect(retryAfterMs(503, header, NOW_MS)).toBeNull();
  });

  it('is ignored when there is none', () => {
    expect(retryAfterMs(429, null, NOW_MS)).toBeNull();
  });

  it.each([200, 301, 400, 404, 410, 428, 430, 500, 502, 504])('is ignored on %d', (status) => {
    expect(retryAfterMs(status, '120', NOW_MS)).toBeNull();
  });

  it('is never more than a day off nor anything but a number, whatever the header', () => {
    const header = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(...'0123456789.-+eE ') }),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    );
    fc.assert(
      fc.property(header, (text) => {
        const atMs = retryAfterMs(503, text, NOW_MS);
        expect(atMs === null || (Number.isFinite(atMs) && atMs <= NOW_MS + DAY_MS)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
