import { describe, expect, it } from 'vitest';
import { measuredSender } from '../../src/adapters/measured-sender.ts';
import { openMetrics } from '../../src/adapters/prometheus.ts';
import type { SendOutcome, SendRequest } from '../../src/ports/http-sender.ts';
import type { Readings } from '../../src/ports/metrics.ts';

const READINGS: Readings = {
  ready: true,
  changes: 7,
  scheduled: 9,
  places: { waiting: 1, in_flight: 2, delivered: 3, exhausted: 1, cancelled: 1, superseded: 0 },
  difference: 1,
  lateMs: 1_500,
  lag: 4,
  inFlight: 2,
  nodes: 3,
  partitions: 85,
};

/** The samples by name and labels. */
const samples = (text: string): ReadonlyMap<string, number> =>
  new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const end = line.lastIndexOf(' ');
        return [line.slice(0, end), Number(line.slice(end + 1))];
      }),
  );

describe('metrics', () => {
  it('print what is read at the moment of asking', async () => {
    let now = READINGS;
    const metrics = openMetrics('1.2.3', () => Promise.resolve(now));
    const first = samples((await metrics.print()).text);
    expect(Object.fromEntries(first)).toMatchObject({
      'callboard_info{version="1.2.3"}': 1,
      callboard_ready: 1,
      callboard_changes_accepted_total: 7,
      callboard_invocations_scheduled_total: 9,
      'callboard_invocations{status="in_flight"}': 2,
      callboard_conservation_difference: 1,
      callboard_backlog_late_seconds: 1.5,
      callboard_projection_lag_positions: 4,
      callboard_nodes: 3,
      callboard_partitions_owned: 85,
    });
    expect(first.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(first.get('process_cpu_seconds_total')).toBeGreaterThan(0);

    now = { ...READINGS, ready: false, changes: 8, difference: 0, lag: undefined };
    const second = samples((await metrics.print()).text);
    expect(Object.fromEntries(second)).toMatchObject({
      callboard_ready: 0,
      callboard_changes_accepted_total: 8,
      callboard_conservation_difference: 0,
    });
    // Unknown is not none.
    expect(second.has('callboard_projection_lag_positions')).toBe(false);
  });

  it('have every name explained, and no timer of their own', async () => {
    const metrics = openMetrics('1.2.3', () => Promise.resolve(READINGS));
    const { text } = await metrics.print();
    const explained = new Set([...text.matchAll(/^# HELP (\w+) \S/gm)].map(([, name]) => name));
    for (const name of samples(text).keys()) {
      const family = name.replace(/\{.*/, '').replace(/_(bucket|sum|count)$/, '');
      expect([family, explained.has(family)]).toEqual([family, true]);
    }
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Immediate')).toEqual([]);
  });
});

describe('a measured sender', () => {
  it('counts attempts by how they ended, and how long they took', async () => {
    const answered = (statusCode: number): SendOutcome => ({
      kind: 'answered',
      statusCode,
      retryAfter: null,
      responseExcerpt: null,
      address: null,
    });
    const outcomes: SendOutcome[] = [
      answered(204),
      answered(299),
      answered(301),
      answered(500),
      { kind: 'not_answered', error: 'connection refused', address: null },
      { kind: 'interrupted', address: null },
    ];
    let nowMs = 0;
    let closed = false;
    const metrics = openMetrics('1.2.3', () => Promise.resolve(READINGS));
    const sender = measuredSender(
      {
        send: () => {
          nowMs += 200;
          const next = outcomes.shift();
          return next === undefined ? Promise.reject(new Error('no more')) : Promise.resolve(next);
        },
        close: () => {
          closed = true;
          return Promise.resolve();
        },
      },
      { monotonicMs: () => nowMs },
      metrics,
    );
    const given = [...outcomes];
    for (const outcome of given) {
      expect(await sender.send({} as SendRequest, new AbortController().signal)).toBe(outcome);
    }
    expect(Object.fromEntries(samples((await metrics.print()).text))).toMatchObject({
      'callboard_attempts_total{outcome="succeeded"}': 2,
      'callboard_attempts_total{outcome="failed"}': 3,
      'callboard_attempts_total{outcome="interrupted"}': 1,
      callboard_attempt_duration_seconds_count: 6,
      'callboard_attempt_duration_seconds_bucket{le="0.1"}': 0,
      'callboard_attempt_duration_seconds_bucket{le="0.25"}': 6,
    });
    await sender.close();
    expect(closed).toBe(true);
  });
});
