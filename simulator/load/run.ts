import { setTimeout as sleep } from 'node:timers/promises';
import { Dice } from '../dice.ts';
import { lifeOf } from '../orders/life.ts';
import { PRESETS } from '../orders/presets.ts';
import { reportOf } from '../orders/reports.ts';
import { type Show, showOf, type World, worldOf } from '../orders/world.ts';
import { type Behaviour, BEHAVIOUR_NAMES, type Shares } from './behaviour.ts';
import {
  type Bar,
  barsOf,
  type Latency,
  latencyOf,
  Measure,
  type Metric,
  METRICS,
  type Second,
} from './measure.ts';
import { LoadRefused, PlatformApi, type ServerAccess } from './platform-api.ts';
import type { Receivers } from './receivers.ts';

/**
 * One run at one rate. The loop is open: order n is due at n / rate, whatever became of those before it, and every
 * latency counts from that moment; a server that stalls is not asked less, and what waits meanwhile counts in full.
 */

export interface RunSettings {
  /** Orders sold a second. Each is told to one webhook, by propagation to its event. */
  readonly rate: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly shares: Shares;
  /** Another seed is another company. */
  readonly seed: number;
}

export interface Running {
  readonly access: ServerAccess;
  readonly receivers: Receivers;
  readonly signal: AbortSignal;
  /** Told some times a second; `share` is from 0 to 1. */
  readonly onProgress: (share: number, measure: Measure) => void;
  /** Called once the measured part begins; what it does happens under load. */
  readonly during?: (() => Promise<void>) | undefined;
}

export interface RunResult {
  readonly settings: RunSettings;
  readonly changes: number;
  readonly accepted: number;
  /** Never taken by a receiver that works. */
  readonly lost: number;
  readonly doubled: number;
  readonly unanswered: number;
  readonly acceptedPerSecond: number;
  readonly latencies: Readonly<Record<Metric, Latency>>;
  /** Counts of the accepted → first byte histogram. */
  readonly histogram: ReadonlyArray<Bar>;
  readonly seconds: ReadonlyArray<Readonly<Second>>;
}

const DRAIN_MS = 60_000;
const POST_AGAIN_MS = 100;
const TICK_MS = 1;
/** Beyond that the machine that drives is the one that suffers. */
const UNDER_WAY_MAX = 50_000;
const HOOKS_MIN = 10;

interface Hook {
  readonly show: Show;
  readonly behaviour: Behaviour;
}

export const run = async (settings: RunSettings, running: Running): Promise<RunResult> => {
  const { access, receivers, signal, onProgress, during } = running;
  const { rate, seconds, warmUpSeconds, seed } = settings;
  const shape = { ...PRESETS['festival-on-sale'].shape, companies: 1 };
  const world = worldOf({ seed, shape, startMs: Date.UTC(2026, 0, 5) });
  const api = new PlatformApi(access);
  const hooks = hooksOf(world, settings.shares);
  const guids: string[] = [];
  try {
    for (const [at, { show, behaviour }] of hooks.entries()) {
      const url = `http://127.0.0.1:${receivers.ports[behaviour]}/${behaviour}-${at}`;
      guids.push(
        await api.createWebhook({
          company: show.company.id,
          name: `load ${behaviour} ${at}`,
          url,
          event: show.id,
        }),
      );
    }
    const startMs = nowMs();
    const measure = new Measure(startMs, warmUpSeconds * 1_000);
    receivers.onArrival = ([order, atMs, accepted]) => measure.arrive(order, atMs, accepted === 1);
    const driver = new Driver({ world, hooks, api, measure, startMs, rate, signal });
    const all = Math.round(rate * (warmUpSeconds + seconds));
    const other =
      during === undefined ? undefined : sleep(warmUpSeconds * 1_000, undefined, { signal }).then(during);
    other?.catch(() => undefined);
    for (let lastNotedMs = 0; driver.sent < all;) {
      driver.sendDue(all);
      if (nowMs() - lastNotedMs > 250) {
        lastNotedMs = nowMs();
        measure.noteBacklog(lastNotedMs);
        onProgress(driver.sent / all, measure);
      }
      await sleep(TICK_MS, undefined, { signal });
    }
    const acceptedPerSecond = (measure.accepted * 1_000) / (nowMs() - startMs);
    await other;
    await drain(measure, driver, () => onProgress(1, measure), signal);
    return resultOf(settings, measure, acceptedPerSecond);
  } finally {
    receivers.onArrival = () => undefined;
    await Promise.allSettled(guids.map((guid) => api.deleteWebhook(guid)));
    await api.close();
  }
};

const nowMs = (): number => performance.timeOrigin + performance.now();

/** Webhooks in proportion to the shares, one event each, mixed evenly. */
const hooksOf = (world: World, shares: Shares): ReadonlyArray<Hook> => {
  const hooks: Hook[] = [];
  const count = hookCount(shares);
  const owed: Record<Behaviour, number> = { good: 0, slow: 0, failing: 0, dead: 0 };
  for (let number = 0; number < count; number += 1) {
    for (const name of BEHAVIOUR_NAMES) owed[name] += shares[name] / 100;
    const behaviour = BEHAVIOUR_NAMES.reduce((most, name) => (owed[name] > owed[most] ? name : most));
    owed[behaviour] -= 1;
    hooks.push({ show: { ...showOf(world, number), calledOffMs: undefined }, behaviour });
  }
  return hooks;
};

/** So many that each share is a whole number of them. */
const hookCount = (shares: Shares): number => {
  const divisor = Object.values(shares).reduce(commonDivisor, 100);
  const count = 100 / divisor;
  return count * Math.ceil(HOOKS_MIN / count);
};

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));

interface Driven {
  readonly world: World;
  readonly hooks: ReadonlyArray<Hook>;
  readonly api: PlatformApi;
  readonly measure: Measure;
  readonly startMs: number;
  readonly rate: number;
  readonly signal: AbortSignal;
}

class Driver {
  sent = 0;
  underWay = 0;
  refused: LoadRefused | undefined;
  readonly #driven: Driven;
  readonly #dice = new Dice();

  constructor(driven: Driven) {
    this.#driven = driven;
  }

  sendDue(all: number): void {
    const { startMs, rate } = this.#driven;
    if (this.refused !== undefined) throw this.refused;
    const due = Math.min(all, Math.floor(((nowMs() - startMs) / 1_000) * rate));
    if (due - this.sent + this.underWay > UNDER_WAY_MAX)
      throw new LoadRefused(
        `the server does not keep up with ${rate} a second: ${this.underWay} changes are under way`,
        false,
      );
    while (this.sent < due) {
      this.#send(startMs + (this.sent * 1_000) / rate);
      this.sent += 1;
    }
  }

  #send(intendedMs: number): void {
    const { world, hooks, measure } = this.#driven;
    const number = this.sent + 1;
    const { show, behaviour } = hooks[this.sent % hooks.length] as Hook;
    const life = lifeOf(world, show, number, Math.floor(intendedMs), this.#dice);
    const { subject, text } = reportOf(world, life, 0);
    measure.intend(subject, behaviour, intendedMs);
    this.underWay += 1;
    void this.#post(subject, text).finally(() => (this.underWay -= 1));
  }

  /** The same report until it is taken, as a platform does. */
  async #post(order: string, text: string): Promise<void> {
    const { api, measure, signal } = this.#driven;
    while (!signal.aborted && this.refused === undefined) {
      const status = await api.postChange(text);
      if (status === 202) return measure.accept(order, nowMs());
      measure.unanswered += 1;
      if (status === 401 || status === 403) {
        this.refused ??= new LoadRefused(`the token may not report changes: HTTP ${status}`, true);
      } else if (status !== undefined && status < 500 && status !== 429) {
        this.refused ??= new LoadRefused(`the server does not take a report: HTTP ${status}`, false);
      }
      await sleep(POST_AGAIN_MS);
    }
  }
}

const drain = async (
  measure: Measure,
  driver: Driver,
  tell: () => void,
  signal: AbortSignal,
): Promise<void> => {
  const deadlineMs = nowMs() + DRAIN_MS;
  while ((measure.undelivered > 0 || driver.underWay > 0) && nowMs() < deadlineMs) {
    if (driver.refused !== undefined) throw driver.refused;
    measure.noteBacklog(nowMs());
    tell();
    await sleep(100, undefined, { signal });
  }
};

const resultOf = (settings: RunSettings, measure: Measure, acceptedPerSecond: number): RunResult => {
  const { histograms, seconds } = measure;
  return {
    settings,
    changes: measure.changes,
    accepted: measure.accepted,
    lost: measure.undelivered,
    doubled: measure.doubled,
    unanswered: measure.unanswered,
    acceptedPerSecond,
    latencies: Object.fromEntries(
      METRICS.map((metric) => [metric, latencyOf(histograms[metric])]),
    ) as RunResult['latencies'],
    histogram: barsOf(histograms.acceptedToFirstByte),
    seconds,
  };
};
