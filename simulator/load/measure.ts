import { build, type Histogram, type JsHistogram } from 'hdr-histogram-js';
import type { Behaviour } from './behaviour.ts';

/** What a run measures: latencies in HDR histograms, and what happened in each second. */

/** Microseconds. Up to an hour, three digits. */
const HIGHEST_US = 3_600_000_000;
export const newHistogram = (): Histogram =>
  build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });

const record = (histogram: Histogram, ms: number): void =>
  histogram.recordValue(Math.min(HIGHEST_US, Math.max(1, Math.round(ms * 1_000))));

export interface Latency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export const latencyOf = (histogram: Histogram): Latency => {
  const at = (percentile: number): number =>
    histogram.totalCount === 0 ? 0 : histogram.getValueAtPercentile(percentile) / 1_000;
  return {
    count: histogram.totalCount,
    p50Ms: at(50),
    p90Ms: at(90),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: histogram.totalCount === 0 ? 0 : histogram.maxValue / 1_000,
  };
};

/** So many values above the bar before and up to this. */
export interface Bar {
  readonly upToMs: number;
  readonly count: number;
}

const FIRST_BAR_US = 100;
const BARS_PER_DOUBLING = 4;

/** On a logarithmic scale, without the empty ones. */
export const barsOf = (histogram: Histogram): ReadonlyArray<Bar> => {
  const counts = new Map<number, number>();
  // Without WebAssembly it is one.
  const values = (histogram as JsHistogram).recordedValuesIterator;
  values.reset();
  while (values.hasNext()) {
    const { valueIteratedTo, countAtValueIteratedTo } = values.next();
    const bar = Math.ceil(Math.log2(Math.max(1, valueIteratedTo / FIRST_BAR_US)) * BARS_PER_DOUBLING);
    counts.set(bar, (counts.get(bar) ?? 0) + countAtValueIteratedTo);
  }
  return [...counts].map(([bar, count]) => ({
    upToMs: (FIRST_BAR_US * 2 ** (bar / BARS_PER_DOUBLING)) / 1_000,
    count,
  }));
};

export interface Second {
  intended: number;
  accepted: number;
  arrived: number;
  /** Accepted changes that no receiver but dead ones has seen, at the end of the second. */
  backlog: number;
  worstMs: number;
}

interface Change {
  readonly behaviour: Behaviour;
  readonly intendedMs: number;
  acceptedMs: number | undefined;
  firstByteMs: number | undefined;
  /** Answered well by its receiver. */
  delivered: boolean;
}

export const METRICS = ['ingest', 'acceptedToFirstByte', 'endToEnd'] as const;
export type Metric = (typeof METRICS)[number];

export class Measure {
  readonly histograms: Readonly<Record<Metric, Histogram>> = {
    ingest: newHistogram(),
    acceptedToFirstByte: newHistogram(),
    endToEnd: newHistogram(),
  };
  readonly seconds: Second[] = [];
  /** Posts without a 202, each sent again later. */
  unanswered = 0;
  /** Requests beyond the first one accepted. */
  doubled = 0;
  readonly #changes = new Map<string, Change>();
  readonly #startMs: number;
  readonly #warmUpMs: number;
  #open = 0;
  #undelivered = 0;

  constructor(startMs: number, warmUpMs: number) {
    this.#startMs = startMs;
    this.#warmUpMs = warmUpMs;
  }

  intend(order: string, behaviour: Behaviour, intendedMs: number): void {
    this.#changes.set(order, {
      behaviour,
      intendedMs,
      acceptedMs: undefined,
      firstByteMs: undefined,
      delivered: false,
    });
    this.#second(intendedMs).intended += 1;
    this.#undelivered += behaviour === 'dead' ? 0 : 1;
  }

  accept(order: string, atMs: number): void {
    const change = this.#changes.get(order);
    if (change === undefined || change.acceptedMs !== undefined) return;
    change.acceptedMs = atMs;
    this.#second(atMs).accepted += 1;
    if (change.firstByteMs === undefined && change.behaviour !== 'dead') this.#open += 1;
    if (this.#counts(change)) record(this.histograms.ingest, atMs - change.intendedMs);
    this.#settle(change);
  }

  arrive(order: string, atMs: number, accepted: boolean): void {
    const change = this.#changes.get(order);
    if (change === undefined) return;
    if (change.delivered && accepted) this.doubled += 1;
    if (accepted && !change.delivered) {
      change.delivered = true;
      this.#undelivered -= 1;
    }
    if (change.firstByteMs !== undefined) return;
    change.firstByteMs = atMs;
    const second = this.#second(atMs);
    second.arrived += 1;
    second.worstMs = Math.max(second.worstMs, atMs - change.intendedMs);
    if (change.acceptedMs !== undefined && change.behaviour !== 'dead') this.#open -= 1;
    if (this.#counts(change)) record(this.histograms.endToEnd, atMs - change.intendedMs);
    this.#settle(change);
  }

  /** Once a second. */
  noteBacklog(atMs: number): void {
    this.#second(atMs).backlog = this.#open;
  }

  get backlog(): number {
    return this.#open;
  }

  /** Changes that their receivers have not taken yet, those for dead ones left out. */
  get undelivered(): number {
    return this.#undelivered;
  }

  get changes(): number {
    return this.#changes.size;
  }

  get accepted(): number {
    let accepted = 0;
    for (const { acceptedMs } of this.#changes.values()) if (acceptedMs !== undefined) accepted += 1;
    return accepted;
  }

  /** Only healthy receivers are measured: the others measure themselves. Warm-up is left out. */
  #counts({ behaviour, intendedMs }: Change): boolean {
    return behaviour === 'good' && intendedMs >= this.#startMs + this.#warmUpMs;
  }

  /** The first byte may be there before the answer to the post is read: that is no time at all. */
  #settle(change: Change): void {
    const { acceptedMs, firstByteMs } = change;
    if (acceptedMs === undefined || firstByteMs === undefined || !this.#counts(change)) return;
    record(this.histograms.acceptedToFirstByte, Math.max(0, firstByteMs - acceptedMs));
  }

  #second(atMs: number): Second {
    const at = Math.max(0, Math.floor((atMs - this.#startMs) / 1_000));
    while (this.seconds.length <= at) {
      this.seconds.push({ intended: 0, accepted: 0, arrived: 0, backlog: this.#open, worstMs: 0 });
    }
    return this.seconds[at] as Second;
  }
}
