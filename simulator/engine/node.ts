import { isResourceStream } from '../../src/domain/ids.ts';
import type { QueueLimits } from '../../src/delivery/fair-queue.ts';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Log } from '../../src/ports/log.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';
import { Leftover } from './leftover.ts';
import type { CrashPoint } from './points.ts';
import { assemble, type Ports, type Product } from './process.ts';
import type { Sim } from './sim.ts';
import { embeddedStore, type SimulatedStore } from './store/embedded.ts';
import { remoteStore } from './store/remote.ts';
import type { StoreHost } from './store/store-host.ts';

export const TIMEOUT_MS = 15_000;
export const DEFAULT_RETRY_BASE_MS = 30_000;
/** A Monday morning. */
export const START_MS = Date.UTC(2026, 2, 2, 8, 0, 0);
const SUPERVISOR_MS = 1_000;

interface Running extends Product {
  /** Counts the processes of a run, from 1. */
  readonly id: number;
  readonly store: SimulatedStore;
  readonly readModels: ReadModels;
  draining: boolean;
  openRequests: number;
  /** By endpoint. */
  readonly openAt: Map<string, number>;
}

/** Of a machine that uses a shared store. */
export interface Seat {
  readonly leaseMs: number;
  /** By so much its monotonic clock is faster than time. */
  readonly drift: number;
}

interface Armed {
  readonly point: CrashPoint;
  left: number;
  readonly downMs: number;
  /** It stands still for so long, instead of ending. */
  readonly pauseMs?: number;
}

/** A machine: a clock, read models on its disk, and one process of the product after the other. */
export class Node {
  readonly name: string;
  readonly leftover: Leftover;
  readonly #sim: Sim;
  readonly #limits: QueueLimits;
  readonly #changeUnitsMax: number;
  readonly #seat: Seat | undefined;
  #running: Running | undefined;
  /** Processes that have ended, and in which virtual event. */
  readonly #ended = new Map<number, number>();
  #offsetMs = 0;
  #frozenAtMs: number | undefined;
  #pausedUntilMs = 0;
  #pausedSinceMs = 0;
  #stoodStillMs = 0;
  #cutOffUntilMs = 0;
  #frozen: Array<() => void> = [];
  #armed: Armed[] = [];
  #loop = { left: 0, upMs: 0 };
  /** False: nobody starts a process here any more. */
  inService = true;
  #starting = false;

  constructor(sim: Sim, name: string, limits: QueueLimits, seat?: Seat) {
    this.#sim = sim;
    this.name = name;
    this.#limits = limits;
    // Half of all nodes hold no more than a few changes, or none.
    this.#changeUnitsMax = sim.chance(`window ${name}`).pick([0, 3_000, 1_000_000, 1_000_000]);
    this.#seat = seat;
    this.leftover = new Leftover(sim.disk, sim.chance(`leftover ${name}`));
  }

  get running(): Running | undefined {
    return this.#running;
  }

  get isReady(): boolean {
    return this.#running?.engine.ready === true;
  }

  // What happens to it

  start(): void {
    if (this.#running !== undefined || !this.inService) return;
    const sim = this.#sim;
    this.#starting = false;
    const id = sim.nextProcess();
    sim.auditor.begins(id);
    sim.trace(`${this.name} process ${id} starts`);
    const host = this.#storeHost(id);
    const clock = this.#clock(id);
    const sendingClock = { monotonicMs: () => clock.monotonicMs() };
    let leaseUntilMs = Number.NEGATIVE_INFINITY;
    const { store: kind } = sim.options;
    const store =
      kind === 'remote'
        ? remoteStore('remote', sim.disk, () => sim.unknownRate, host)
        : embeddedStore(kind, sim.disk, host);
    const readModels = this.#guardedModels(id);
    const ports: Ports = {
      store: this.#guardedStore(id, store),
      intakeStore: this.#guardedStore(id, store),
      readModels,
      sender: sim.network.senderFor({
        scheduler: sim.scheduler,
        chance: sim.networkChance,
        deliver: (delayMs, run) => void host.deliver(delayMs, run),
        maySend: (request) => {
          const may = this.#seat === undefined || sendingClock.monotonicMs() < leaseUntilMs;
          if (!may) sim.auditor.heldBack(request);
          return may;
        },
        sent: (request) => this.#sent(id, request),
        point: (point) => host.point(point),
        mark: (name) => host.mark(name),
        trace: (text) => host.trace(text),
        wallMs: () => START_MS + sim.scheduler.nowMs,
      }),
      clock,
      random: sim.ids,
      log: this.#log(id),
      ...(this.#seat !== undefined && {
        sharing: {
          name: this.name,
          leaseMs: this.#seat.leaseMs,
          onLease: (untilMs: number) => (leaseUntilMs = untilMs),
        },
      }),
    };
    const settings = {
      box: sim.box,
      limits: this.#limits,
      changeUnitsMax: this.#changeUnitsMax,
      timeoutMs: TIMEOUT_MS,
      defaultRetryBaseMs: DEFAULT_RETRY_BASE_MS,
      onDefect: (error: unknown) => this.#defect(id, error),
    };
    const planted = sim.bug?.plant({
      ports,
      settings,
      sim,
      process: id,
      leftover: this.leftover,
      isReady: () => this.isReady,
      stoodStillMs: () => this.#stoodStillMs,
      sendingClock,
    }) ?? {
      ports,
      settings,
    };
    const product = assemble(planted.ports, planted.settings);
    this.#running = {
      ...product,
      id,
      store,
      readModels: planted.ports.readModels,
      draining: false,
      openRequests: 0,
      openAt: new Map(),
    };
    product.engine.start().catch((error: unknown) => this.#defect(id, error));
    if (this.#loop.left > 0) {
      this.#loop.left -= 1;
      sim.scheduler.after(this.#loop.upMs, () => {
        if (this.#running?.id === id && !this.isReady) sim.marks.add('crash_in_recovery');
        this.crash(0);
      });
    }
  }

  /** As `kill -9` or a power cut. */
  crash(downMs: number): void {
    const running = this.#running;
    if (running === undefined) return;
    const sim = this.#sim;
    this.#end(running);
    this.#frozen = [];
    this.#goesOn();
    running.store.crash();
    sim.marks.add('crash');
    sim.trace(`${this.name} process ${running.id} crashes, down for ${downMs} ms`);
    this.#starting = true;
    sim.scheduler.after(downMs, () => {
      if (this.#running !== undefined || !this.#starting) return;
      sim.marks.add(`read_models_${this.leftover.crash()}`);
      this.start();
    });
  }

  crashAt(point: CrashPoint, nth: number, downMs: number): void {
    this.#armed.push({ point, left: nth, downMs });
  }

  /** Stands still the next time it is there. */
  pauseAt(point: CrashPoint, forMs: number): void {
    this.#armed.push({ point, left: 1, downMs: 0, pauseMs: forMs });
  }

  crashLoop(times: number, upMs: number): void {
    this.#loop = { left: times, upMs };
    this.crash(0);
  }

  /** As SIGTERM; `after` runs once it has ended. */
  stop(drainMs: number, downMs: number, after: () => void = () => this.start()): void {
    const running = this.#running;
    if (running === undefined || running.draining) return;
    const sim = this.#sim;
    running.draining = true;
    sim.trace(`${this.name} process ${running.id} stops within ${drainMs} ms`);
    sim.marks.add('stop');
    this.deliver(running.id, Math.floor(drainMs / 2), () => void this.#point(running.id, 'C17'));
    void running.engine.drain(drainMs).then(() => {
      if (!this.#isAlive(running.id)) return;
      this.#end(running);
      this.leftover.note();
      this.leftover.closed();
      void running.store.close();
      sim.trace(`${this.name} process ${running.id} has stopped`);
      sim.scheduler.after(downMs, after);
    });
  }

  pause(forMs: number): void {
    const sim = this.#sim;
    const untilMs = sim.scheduler.nowMs + forMs;
    if (untilMs <= this.#pausedUntilMs) return;
    if (this.#pausedUntilMs <= sim.scheduler.nowMs) this.#pausedSinceMs = sim.scheduler.nowMs;
    this.#pausedUntilMs = untilMs;
    sim.marks.add('pause');
    sim.scheduler.at(untilMs, () => {
      if (this.#pausedUntilMs === 0 || sim.scheduler.nowMs < this.#pausedUntilMs) return;
      this.#goesOn();
      const frozen = this.#frozen;
      this.#frozen = [];
      for (const [index, run] of frozen.entries()) sim.scheduler.at(sim.scheduler.nowMs, run, index);
    });
  }

  #goesOn(): void {
    if (this.#pausedUntilMs > 0) this.#stoodStillMs += this.#sim.scheduler.nowMs - this.#pausedSinceMs;
    this.#pausedUntilMs = 0;
  }

  /** It does not reach the shared store. */
  cutOff(forMs: number): void {
    this.#cutOffUntilMs = Math.max(this.#cutOffUntilMs, this.#sim.scheduler.nowMs + forMs);
    this.#sim.marks.add('cut_off');
  }

  jump(byMs: number): void {
    this.#offsetMs += byMs;
    this.#sim.marks.add(byMs < 0 ? 'clock_back' : 'clock_forward');
  }

  freezeClock(forMs: number): void {
    this.#frozenAtMs ??= this.wallMs();
    this.#sim.scheduler.after(forMs, () => (this.#frozenAtMs = undefined));
    this.#sim.marks.add('clock_frozen');
  }

  /** No fault of this machine goes on. */
  heal(): void {
    this.#frozenAtMs = undefined;
    this.#armed = [];
    this.#loop = { left: 0, upMs: 0 };
    this.#cutOffUntilMs = 0;
  }

  wallMs(): number {
    return this.#frozenAtMs ?? START_MS + this.#sim.scheduler.nowMs + this.#offsetMs;
  }

  // What a process holds of the world

  /** Runs in the process, as a request from outside. */
  deliver(process: number, delayMs: number, run: () => void): void {
    this.#storeHost(process).deliver(delayMs, run);
  }

  #isAlive(id: number): boolean {
    return !this.#ended.has(id);
  }

  #end({ id }: Running): void {
    this.#ended.set(id, this.#sim.steps);
    this.#running = undefined;
  }

  /** Whoever acts for a process that has ended is a ghost; false: ignore it. */
  #mayAct(id: number, what: string): boolean {
    const endedIn = this.#ended.get(id);
    if (endedIn === undefined) return true;
    // What still runs in the virtual event in which it ended is not held against it.
    if (this.#sim.steps > endedIn)
      this.#sim.auditor.complain('D2', `process ${id} has ended, and asks to ${what}`);
    return false;
  }

  #storeHost(id: number): StoreHost {
    const sim = this.#sim;
    const { scheduler, marks } = sim;
    const host: StoreHost = {
      scheduler,
      chance: sim.storeChance,
      faults: sim.storeFaults,
      alive: () => this.#isAlive(id),
      cutOffUntilMs: () => this.#cutOffUntilMs,
      deliver: (delayMs, run) => {
        const fire = (): void => {
          if (!this.#isAlive(id)) return;
          if (scheduler.nowMs < this.#pausedUntilMs) this.#frozen.push(fire);
          else run();
        };
        return scheduler.after(delayMs, fire);
      },
      submitted: (batch) => sim.auditor.submitted(id, batch),
      told: (events) => sim.auditor.told(id, events),
      point: (point) => this.#point(id, point),
      fatal: (message) => {
        sim.trace(`${this.name} process ${id}: ${message}`);
        marks.add('fatal');
        scheduler.after(0, () => {
          if (this.#isAlive(id)) this.crash(SUPERVISOR_MS);
        });
      },
      onNews: (listener) => {
        const heard = (): void => {
          if (this.#isAlive(id)) listener();
        };
        sim.news.add(heard);
        return () => sim.news.delete(heard);
      },
      trace: (text) => sim.trace(`p${id} ${text}`),
      mark: (name) => marks.add(name),
    };
    return host;
  }

  #point(id: number, point: CrashPoint): boolean {
    const { marks } = this.#sim;
    marks.add(`point.${point}`);
    if (!this.#isAlive(id)) return false;
    for (const armed of this.#armed) {
      if (armed.point !== point) continue;
      armed.left -= 1;
      if (armed.left > 0) continue;
      this.#armed = this.#armed.filter((one) => one !== armed);
      if (armed.pauseMs !== undefined) {
        marks.add(`stood_still.${point}`);
        this.pause(armed.pauseMs);
        continue;
      }
      marks.add(`died.${point}`);
      this.crash(armed.downMs);
      return true;
    }
    return false;
  }

  #guardedStore(id: number, store: EventStore): EventStore {
    const never = <A>(): Promise<A> => new Promise(() => undefined);
    const task =
      <A>(what: string, work: () => Promise<A>): (() => Promise<A>) =>
      () =>
        this.#mayAct(id, what) ? work() : never();
    return {
      ...store,
      append: (batch) =>
        task('append', () => {
          const isReady = this.#running?.engine.ready === true;
          return !isReady && this.#point(id, 'C16') ? never() : store.append(batch)();
        }),
      readStream: (stream, options) => task('read', store.readStream(stream, options)),
      readAll: (options) => {
        if (options.filter?.streamPrefixes.every(isResourceStream) === true)
          this.#sim.marks.add('changes_read_again');
        return task('read', store.readAll(options));
      },
      head: () => task('read', store.head()),
      subscribe: (options) => {
        let cursor = options.after;
        return store.subscribe({
          ...options,
          onEvents: (events, upTo) => {
            if (!this.#isAlive(id)) return never();
            this.#sim.handed(cursor, events, upTo, options.filter?.streamPrefixes);
            cursor = upTo;
            return options.onEvents(events, upTo);
          },
          onCaughtUp: () => {
            if (this.#isAlive(id)) options.onCaughtUp?.();
          },
          onFailure: (error) => {
            if (this.#isAlive(id)) options.onFailure(error);
          },
        });
      },
    };
  }

  /** What a process that has ended would still write is not written. */
  #guardedModels(id: number): ReadModels {
    const { models } = this.leftover;
    return {
      ...models,
      apply: (group, events, upTo) => {
        if (!this.#mayAct(id, 'write read models')) return;
        models.apply(group, events, upTo);
        this.leftover.note();
        if (group === 'routing') this.#point(id, 'C11');
        else this.#sim.projected(this.leftover);
      },
      recordFannedOut: (position) => {
        if (!this.#mayAct(id, 'write read models')) return;
        models.recordFannedOut(position);
        this.leftover.note();
      },
    };
  }

  #clock(id: number): Clock {
    const sim = this.#sim;
    const host = this.#storeHost(id);
    const lateMs = sim.options.faults.includes('late_timers') ? sim.options.lateTimersMs : 0;
    const pace = sim.options.faults.includes('drift') ? 1 + (this.#seat?.drift ?? 0) : 1;
    return {
      nowMs: () => this.wallMs(),
      monotonicMs: () => sim.scheduler.nowMs * pace,
      setTimer: (delayMs, callback) => {
        if (!this.#mayAct(id, 'set a timer')) return { cancel: () => undefined };
        const extraMs = lateMs > 0 && !sim.isHealed ? sim.clockChance.delayMs(0, lateMs) : 0;
        let cancelled = false;
        const scheduled = host.deliver(Math.max(delayMs, 0) / pace + extraMs, () => {
          if (!cancelled) callback();
        });
        return {
          cancel: () => {
            cancelled = true;
            scheduled.cancel();
          },
        };
      },
    };
  }

  #log(id: number): Log {
    const sim = this.#sim;
    const write = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
      if (!this.#isAlive(id)) return;
      const text = `${message} ${JSON.stringify(fields)}`;
      if (text.includes('whsec_')) sim.auditor.complain('S18', `logged: ${text}`);
      // Every event is this version's: one that cannot be read is a defect of ours.
      if (this.#running?.engine.stoppedAt !== undefined) sim.auditor.complain('D1', text);
      sim.trace(`p${id} ${level} ${message}`);
    };
    return { debug: () => undefined, info: write('info'), warn: write('warn'), error: write('error') };
  }

  #sent(id: number, request: Parameters<Sim['auditor']['sent']>[1]) {
    const sim = this.#sim;
    const running = this.#running;
    if (!this.#mayAct(id, 'send') || running === undefined) return sim.noJourney;
    const journey = sim.auditor.sent(id, request);
    const { openAt } = running;
    const openHere = (openAt.get(request.url) ?? 0) + 1;
    openAt.set(request.url, openHere);
    if (openHere > this.#limits.perEndpointMax)
      sim.auditor.complain(
        'S17',
        `${openHere} requests in flight at ${request.url}, at most ${this.#limits.perEndpointMax}`,
      );
    running.openRequests += 1;
    if (running.openRequests > this.#limits.inFlightMax)
      sim.auditor.complain(
        'S17',
        `${running.openRequests} requests in flight, at most ${this.#limits.inFlightMax}`,
      );
    return {
      ...journey,
      ended: (outcome: Parameters<typeof journey.ended>[0]) => {
        running.openRequests -= 1;
        openAt.set(request.url, (openAt.get(request.url) ?? 1) - 1);
        sim.trace(
          `p${id} outcome ${request.headers['webhook-id'] ?? ''} ${outcome.kind === 'answered' ? outcome.statusCode : outcome.kind}`,
        );
        journey.ended(outcome);
      },
    };
  }

  /** A failed subscription ends the process and another one starts, as in production; all else is a defect of ours. */
  #defect(id: number, error: unknown): void {
    const sim = this.#sim;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (error instanceof Error && error.name === 'SubscriptionReadError') {
      sim.marks.add('subscription_failed');
      sim.scheduler.after(0, () => {
        if (this.#isAlive(id)) this.crash(SUPERVISOR_MS);
      });
      return;
    }
    sim.auditor.complain('D1', text);
  }
}
