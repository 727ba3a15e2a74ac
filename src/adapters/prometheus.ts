import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Metrics, Readings } from '../ports/metrics.ts';

/** Upper bounds in seconds: from an endpoint nearby to the longest deadline that is usual. */
const DURATIONS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60];
const OUTCOMES = ['succeeded', 'failed', 'interrupted'] as const;

/**
 * What an operator's Prometheus reads. The library's own default metrics are not used: they measure with timers. Readings
 * are taken once for each answer.
 */
export const openMetrics = (version: string, read: () => Promise<Readings>): Metrics => {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
    new Gauge({ name: `callboard_${name}`, help, labelNames, registers });
  const counter = (name: string, help: string, ...labelNames: string[]): Counter =>
    new Counter({ name, help, labelNames, registers });

  gauge('info', 'The version that runs.', 'version').set({ version }, 1);
  const ready = gauge('ready', 'Whether the server takes work.');
  const changes = counter('callboard_changes_accepted_total', 'Changes in the store.');
  const scheduled = counter('callboard_invocations_scheduled_total', 'Invocations in the store.');
  const places = gauge('invocations', 'Invocations in the store by where they stand.', 'status');
  const difference = gauge(
    'conservation_difference',
    'Scheduled invocations that stand in no place, or in two: 0 when all adds up.',
  );
  const late = gauge('backlog_late_seconds', 'By how much the longest due attempt is late.');
  const lag = gauge('projection_lag_positions', 'By how many positions the read models are behind the log.');
  const inFlight = gauge('attempts_in_flight', 'Attempts of this node under way.');
  const nodes = gauge('nodes', 'Nodes that share the store.');
  const partitions = gauge('partitions_owned', 'Partitions of endpoints that are this node’s.');
  const attempts = counter('callboard_attempts_total', 'Attempts of this node since its start.', 'outcome');
  for (const outcome of OUTCOMES) attempts.inc({ outcome }, 0);
  const durations = new Histogram({
    name: 'callboard_attempt_duration_seconds',
    help: 'How long attempts of this node took, answered or not.',
    buckets: DURATIONS,
    registers,
  });
  const memory = new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes.',
    registers,
  });
  const cpu = counter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds.');

  const setTo = (target: Counter, value: number): void => {
    target.reset();
    target.inc(value);
  };

  return {
    attemptEnded: (outcome, durationMs) => {
      attempts.inc({ outcome });
      durations.observe(durationMs / 1000);
    },
    print: async () => {
      const now = await read();
      ready.set(Number(now.ready));
      setTo(changes, now.changes);
      setTo(scheduled, now.scheduled);
      for (const [status, count] of Object.entries(now.places)) places.set({ status }, count);
      difference.set(now.difference);
      late.set(now.lateMs / 1000);
      if (now.lag === undefined) lag.remove();
      else lag.set(now.lag);
      inFlight.set(now.inFlight);
      nodes.set(now.nodes);
      partitions.set(now.partitions);
      memory.set(process.memoryUsage.rss());
      const { user, system } = process.cpuUsage();
      setTo(cpu, (user + system) / 1e6);
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
};
