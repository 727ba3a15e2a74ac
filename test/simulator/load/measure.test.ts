import { describe, expect, it } from 'vitest';
import { sharesIn } from '../../../simulator/load/behaviour.ts';
import { barsOf, latencyOf, Measure, newHistogram } from '../../../simulator/load/measure.ts';
import { bars, overTime } from '../../../simulator/load/plots.ts';

const START_MS = 1_000_000;

describe('a measure', () => {
  it('counts from when a change was due, after the warm-up, at good receivers only', () => {
    const measure = new Measure(START_MS, 2_000);
    const change = (order: string, behaviour: 'good' | 'slow', dueMs: number): void => {
      measure.intend(order, behaviour, START_MS + dueMs);
      measure.accept(order, START_MS + dueMs + 30);
      measure.arrive(order, START_MS + dueMs + 70, true);
    };
    change('warm-up', 'good', 1_999);
    change('slow', 'slow', 2_500);
    change('counted', 'good', 2_000);
    const { ingest, acceptedToFirstByte, endToEnd } = measure.histograms;
    for (const [histogram, expectedMs] of [
      [ingest, 30],
      [acceptedToFirstByte, 40],
      [endToEnd, 70],
    ] as const) {
      const { count, p50Ms, maxMs } = latencyOf(histogram);
      expect(count).toBe(1);
      expect(Math.abs(p50Ms - expectedMs)).toBeLessThan(0.1);
      expect(Math.abs(maxMs - expectedMs)).toBeLessThan(0.1);
    }
    expect(measure.seconds.map(({ intended, accepted, arrived }) => [intended, accepted, arrived])).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [2, 3, 3],
    ]);
  });

  it('takes a first byte before the answer for no time, and a stall in full', () => {
    const measure = new Measure(START_MS, 0);
    measure.intend('early', 'good', START_MS);
    measure.arrive('early', START_MS + 5, true);
    measure.accept('early', START_MS + 8);
    expect(latencyOf(measure.histograms.acceptedToFirstByte).maxMs).toBeLessThan(0.01);
    measure.intend('stalled', 'good', START_MS);
    measure.accept('stalled', START_MS + 9_000);
    expect(latencyOf(measure.histograms.ingest).maxMs).toBeGreaterThan(8_990);
  });

  it('knows what is lost, doubled and waiting; dead receivers owe nothing', () => {
    const measure = new Measure(START_MS, 0);
    for (const [order, behaviour] of [
      ['a', 'good'],
      ['b', 'failing'],
      ['c', 'dead'],
    ] as const) {
      measure.intend(order, behaviour, START_MS);
      measure.accept(order, START_MS);
    }
    expect([measure.undelivered, measure.backlog, measure.accepted]).toEqual([2, 2, 3]);
    measure.arrive('a', START_MS, true);
    measure.arrive('a', START_MS, true);
    measure.arrive('b', START_MS, false);
    measure.arrive('c', START_MS, false);
    measure.arrive('of another run', START_MS, true);
    expect([measure.undelivered, measure.backlog, measure.doubled]).toEqual([1, 0, 1]);
    measure.arrive('b', START_MS, true);
    expect([measure.undelivered, measure.doubled]).toEqual([0, 1]);
  });

  it('draws every recorded value', () => {
    const histogram = newHistogram();
    for (let us = 10; us < 1_000_000; us += 997) histogram.recordValue(us);
    const drawn = barsOf(histogram);
    expect(drawn.reduce((sum, { count }) => sum + count, 0)).toBe(histogram.totalCount);
    expect(drawn.map(({ upToMs }) => upToMs)).toEqual(
      drawn.map(({ upToMs }) => upToMs).toSorted((a, b) => a - b),
    );
    expect(barsOf(newHistogram())).toEqual([]);
  });
});

describe('shares', () => {
  it('fill up with good', () => {
    expect(sharesIn('dead=10')).toMatchObject({ right: { good: 90, slow: 0, failing: 0, dead: 10 } });
    expect(sharesIn('good=50,slow=20,failing=20,dead=10')).toMatchObject({ right: { good: 50, slow: 20 } });
  });

  it.each(['', 'good', 'bad=10', 'good=-1', 'good=1.5', 'dead=60,slow=60', 'good=1e3'])(
    'refuse %j',
    (text) => {
      expect(sharesIn(text)).toMatchObject({ _tag: 'Left' });
    },
  );
});

describe('plots', () => {
  it('are SVG without scripts, with what they are told escaped', () => {
    const svg =
      overTime('a < b', 'ms', [{ name: '"x" & <y>', colour: '#000', values: [1, 2, 3] }]) +
      bars('empty', 'ms', []) +
      overTime('nothing', 'ms', [{ name: 'n', colour: '#000', values: [] }]);
    expect(svg).toContain('&quot;x&quot; &amp; &lt;y&gt;');
    expect(svg).not.toMatch(/NaN|Infinity|<script|<y>/);
  });
});
