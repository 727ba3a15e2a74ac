import { describe, expect, it } from 'vitest';
import type { Row } from '../../bench/support/figure.ts';
import { interleaved } from '../../bench/support/interleave.ts';
import { median, percentile, ratios } from '../../bench/support/statistics.ts';
import { isReached, tableOf } from '../../bench/support/table.ts';

const row: Row = {
  figure: 'Deliveries',
  unit: 'per s',
  runs: [4_000, 5_000, 12_345],
  baseline: { name: 'bare', unit: 'per s', runs: [10_000, 20_000, 10_000] },
  goal: { of: 'ratio', atLeast: 0.5 },
};

describe('tableOf', () => {
  it('shows medians with the smallest and largest run, and the ratio run by run', () => {
    expect(tableOf([row])).toBe(
      '| Figure | Callboard | Bare baseline | Ratio | Goal |\n' +
        '| --- | --- | --- | --- | --- |\n' +
        '| Deliveries | 5,000 per s (4,000–12,345) | bare: 10,000 per s (10,000–20,000) | 0.40 (0.25–1.23) | ≥ 0.5: missed |\n',
    );
  });

  it('shows a single run without a spread, and nothing where there is no baseline or goal', () => {
    const single: Row = { figure: 'Start', unit: 's', runs: [2.345], baseline: null, goal: null };
    expect(tableOf([single])).toContain('| Start | 2.35 s |  |  |  |\n');
  });
});

describe('isReached', () => {
  it('takes the limit itself as reached', () => {
    expect(isReached(row, { of: 'ratio', atLeast: 0.4 })).toBe(true);
    expect(isReached(row, { of: 'ratio', atMost: 0.4 })).toBe(true);
    expect(isReached(row, { of: 'value', atMost: 5_000 })).toBe(true);
    expect(isReached(row, { of: 'value', atMost: 4_999 })).toBe(false);
    expect(isReached(row, { of: 'value', atLeast: 5_001 })).toBe(false);
  });
});

describe('statistics', () => {
  it('finds medians and percentiles between values', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(percentile([10, 20, 30, 40, 50], 0.9)).toBeCloseTo(46);
    expect(() => median([])).toThrow('no values');
  });

  it('refuses runs without a baseline', () => {
    expect(ratios([1, 4], [2, 2])).toEqual([0.5, 2]);
    expect(() => ratios([1, 2], [1])).toThrow('fewer runs');
  });
});

describe('interleaved', () => {
  it('measures the sides in turns', async () => {
    const order: string[] = [];
    const side = (name: string) => async (run: number) => {
      order.push(`${name}${run}`);
      return run;
    };
    const results = await interleaved(2, { bare: side('bare'), ours: side('ours') });
    expect(order).toEqual(['bare1', 'ours1', 'bare2', 'ours2']);
    expect(results).toEqual({ bare: [1, 2], ours: [1, 2] });
  });
});
