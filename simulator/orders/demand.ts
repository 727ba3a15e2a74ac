import type { Dice } from '../dice.ts';
import type { Shape } from './shape.ts';

/**
 * When the orders of one event come: an on-sale spike that decays, steady sales by day and little by night, and a rush
 * before the start. A curve is a table of shares over time; orders are drawn from it in the order of time, one by one,
 * without ever holding all of them.
 */

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The spike is told in minutes, what follows in half hours. */
const FINE_MS = MINUTE_MS;
const COARSE_MS = 30 * MINUTE_MS;
const HALVINGS = 8;

/** Busiest at eight in the evening, quietest at four in the morning eight hours later. UTC stands for local time. */
const BUSIEST_HOUR = 20;
export const dayFactor = (atMs: number, night: number): number => {
  const hour = (atMs % DAY_MS) / HOUR_MS;
  const sinceBusiest = (hour - BUSIEST_HOUR + 24) % 24;
  // Down in 8 hours, up again in 16.
  const phase = sinceBusiest < 8 ? sinceBusiest / 16 : 0.5 + (sinceBusiest - 8) / 32;
  return night + ((1 - night) * (1 + Math.cos(2 * Math.PI * phase))) / 2;
};

/** Shares of all orders that have come by a time, on a table of times. */
export interface Curve {
  readonly fromMs: ReadonlyArray<number> | Float64Array;
  /** By the end of each step; the last is 1. */
  readonly upTo: Float64Array;
  readonly endMs: number;
}

export const salesCurve = (shape: Shape, onSaleMs: number, startMs: number): Curve => {
  const fineUntilMs = Math.min(startMs, onSaleMs + HALVINGS * shape.spikeHalfLifeMinutes * MINUTE_MS);
  const from: number[] = [];
  for (let atMs = onSaleMs; atMs < startMs;) {
    from.push(atMs);
    atMs += atMs < fineUntilMs && from.length < FINE_STEPS_MAX ? FINE_MS : COARSE_MS;
  }
  const rushFromMs = Math.max(onSaleMs, startMs - shape.rushDays * DAY_MS);
  const weights = {
    spike: new Float64Array(from.length),
    steady: new Float64Array(from.length),
    rush: new Float64Array(from.length),
  };
  const sums = { spike: 0, steady: 0, rush: 0 };
  for (let step = 0; step < from.length; step += 1) {
    const atMs = from[step] ?? 0;
    const lengthMs = (from[step + 1] ?? startMs) - atMs;
    const middleMs = atMs + lengthMs / 2;
    const byDay = dayFactor(middleMs, shape.night) * lengthMs;
    const halvings = (middleMs - onSaleMs) / (shape.spikeHalfLifeMinutes * MINUTE_MS);
    sums.spike += weights.spike[step] = 2 ** -halvings * lengthMs;
    sums.steady += weights.steady[step] = byDay;
    const intoRush = (middleMs - rushFromMs) / (startMs - rushFromMs);
    sums.rush += weights.rush[step] = intoRush > 0 ? intoRush * byDay : 0;
  }
  const upTo = new Float64Array(from.length);
  let sum = 0;
  for (let step = 0; step < from.length; step += 1) {
    sum += shape.spike * part(weights.spike[step], sums.spike);
    sum += shape.rush * part(weights.rush[step], sums.rush);
    sum += (1 - shape.spike - shape.rush) * part(weights.steady[step], sums.steady);
    upTo[step] = sum;
  }
  return { fromMs: Float64Array.from(from), upTo, endMs: startMs };
};

const FINE_STEPS_MAX = 2_000;

const part = (weight: number | undefined, sum: number): number => (sum > 0 ? (weight ?? 0) / sum : 0);

/** The times of `count` orders, ascending. */
export class SaleTimes {
  readonly #curve: Curve;
  readonly #dice: Dice;
  #left: number;
  #share = 0;
  #step = 0;

  constructor(curve: Curve, count: number, dice: Dice) {
    this.#curve = curve;
    this.#left = count;
    this.#dice = dice;
  }

  /** Undefined once all have come. */
  next(): number | undefined {
    if (this.#left === 0) return undefined;
    const { fromMs, upTo, endMs } = this.#curve;
    // The smallest of n numbers drawn evenly from what is left, then of n - 1, …: sorted, one at a time.
    this.#share = 1 - (1 - this.#share) * (1 - this.#dice.next()) ** (1 / this.#left);
    this.#left -= 1;
    const last = upTo.length - 1;
    const wanted = this.#share * (upTo[last] ?? 1);
    while (this.#step < last && (upTo[this.#step] ?? 1) < wanted) this.#step += 1;
    const before = this.#step === 0 ? 0 : (upTo[this.#step - 1] ?? 0);
    const width = (upTo[this.#step] ?? 1) - before;
    const start = fromMs[this.#step] ?? endMs;
    const end = fromMs[this.#step + 1] ?? endMs;
    const into = width > 0 ? Math.min(1, Math.max(0, (wanted - before) / width)) : 0;
    return Math.min(endMs - 1, Math.floor(start + into * (end - start)));
  }
}
