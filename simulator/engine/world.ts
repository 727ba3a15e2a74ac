import { isSettled } from './auditor/books.ts';
import { rowsDiffer } from './auditor/projections.ts';
import type { Bug } from './bugs/bug.ts';
import { Node } from './node.ts';
import type { Options } from './plan/options.ts';
import type { Step } from './plan/steps.ts';
import { Sim } from './sim.ts';
import { heal } from './store/store-faults.ts';
import { Users, urlOf } from './users.ts';
import type { Violation } from './violation.ts';

const HOUR_MS = 60 * 60 * 1000;
/** What is due for so long and was not done is not going to happen. */
const OVERDUE_MS = HOUR_MS;
/** A run that is not quiet after so many hours of health never will be. */
const HEALTHY_HOURS_MAX = 24 * 75;
const IDLE_RESTARTS = 2;

export interface RunResult {
  readonly options: Options;
  readonly violation: Violation | undefined;
  readonly hash: string;
  readonly marks: ReadonlyMap<string, number>;
  readonly attempts: number;
  readonly events: number;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly lastLines: ReadonlyArray<string>;
}

/** One run: faults, heal, liveness, audit, idle restarts. */
export class World {
  readonly #sim: Sim;
  readonly #nodes: Node[];
  readonly #users: Users;
  #seconds = 0;

  constructor(options: Options, bug: Bug | undefined, onLine?: (line: string) => void) {
    this.#sim = new Sim(options, bug, onLine);
    this.#users = new Users(this.#sim, () =>
      this.#nodes.filter(({ running }) => running?.draining === false),
    );
    this.#nodes = [this.#newNode('n1')];
  }

  async run(plan: ReadonlyArray<Step>): Promise<RunResult> {
    const sim = this.#sim;
    sim.trace(`seed ${sim.options.seed} ${JSON.stringify(sim.options)}`);
    this.#main.start();
    for (const step of plan) sim.scheduler.at(step.atMs, () => this.#do(step));
    const phases = [
      () => this.#passUntil(sim.options.hours * HOUR_MS),
      () => this.#heal(),
      () => this.#live(),
      () => this.#audit(),
      () => this.#restartIdly(),
    ];
    for (const phase of phases) {
      await phase();
      if (sim.auditor.violation !== undefined) break;
    }
    for (const node of this.#nodes) node.leftover.close();
    sim.disk.close();
    return {
      options: sim.options,
      violation: sim.auditor.violation,
      lastLines: sim.lastLines,
      hash: sim.traceDigest(),
      marks: sim.marks.counts,
      attempts: sim.auditor.requestsSent,
      events: sim.auditor.deliveries.changes.length,
      steps: sim.steps,
      simulatedMs: sim.scheduler.nowMs,
    };
  }

  get #main(): Node {
    const [main] = this.#nodes;
    if (main === undefined) throw new Error('there is always one node');
    return main;
  }

  #newNode(name: string): Node {
    const limits = this.#sim.chance('limits');
    const inFlightMax = limits.pick([4, 16, 64]);
    return new Node(this.#sim, name, {
      inFlightMax,
      unprovenMax: Math.ceil(inFlightMax * 0.75),
      doubtfulMax: Math.ceil(inFlightMax / 2),
      perEndpointMin: limits.pick([1, 4]),
      perEndpointMax: limits.pick([4, 16]),
    });
  }

  // Time

  /** Runs what is due up to then; whatever follows from one event over promises is done before the next. */
  #passUntil(untilMs: number, isDone: () => boolean = () => false): Promise<void> {
    const sim = this.#sim;
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          sim.steps += 1;
          if (sim.auditor.violation !== undefined || isDone() || !sim.scheduler.step(untilMs)) resolve();
          else setImmediate(turn);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      setImmediate(turn);
    });
  }

  #pass(ms: number, isDone?: () => boolean): Promise<void> {
    return this.#passUntil(this.#sim.scheduler.nowMs + ms, isDone);
  }

  // Steps

  #do(step: Step): void {
    const sim = this.#sim;
    const users = this.#users;
    const { storeFaults, scheduler } = sim;
    if (sim.isHealed) return;
    sim.trace(`step ${step.id} ${step.do}`);
    sim.marks.add(`step.${step.do}`);
    const { nowMs } = scheduler;
    switch (step.do) {
      case 'report':
        return users.report(step.id, step.changes);
      case 'resend':
        return users.resend(step.which);
      case 'contradict':
        return users.contradict(step.which);
      case 'subscribe':
        return users.subscribe(step.webhook);
      case 'edit':
        return users.edit('edit', step.which, urlOf(step.endpoint), step.retries);
      case 'enable':
      case 'disable':
      case 'delete':
      case 'rotate':
      case 'test':
      case 'retryAll':
        return users.edit(step.do, step.which, '', 0);
      case 'retry':
        return users.retry(step.which);
      case 'list':
        return users.list(step.company);
      case 'receiver':
        sim.marks.add(`receiver.${step.behaviour}`);
        return sim.network.behave(urlOf(step.endpoint), step.behaviour);
      case 'crash':
        return this.#main.crash(step.downMs);
      case 'crashAt':
        return this.#main.crashAt(step.point, step.nth, step.downMs);
      case 'crashLoop':
        return this.#main.crashLoop(step.times, step.upMs);
      case 'stop':
        return this.#main.stop(step.drainMs, step.downMs);
      case 'pause':
        return this.#main.pause(step.forMs);
      case 'jump':
        return this.#main.jump(step.byMs);
      case 'freezeClock':
        return this.#main.freezeClock(step.forMs);
      case 'slowStore':
        storeFaults.slowUntilMs = Math.max(storeFaults.slowUntilMs, nowMs + step.forMs);
        storeFaults.slowMostMs = step.mostMs;
        return;
      case 'storeAway':
        storeFaults.awayUntilMs = Math.max(storeFaults.awayUntilMs, nowMs + step.forMs);
        return;
      case 'readsFail':
        storeFaults.readsFailUntilMs = Math.max(storeFaults.readsFailUntilMs, nowMs + step.forMs);
        return;
      case 'fsyncError':
        storeFaults.fsyncErrorNext = sim.options.store !== 'remote';
        return;
      case 'second':
        return this.#second(step.forMs);
    }
  }

  /** Only a shared store can have two processes; the embedded one is locked. */
  #second(forMs: number): void {
    const sim = this.#sim;
    if (sim.options.store !== 'remote' || this.#nodes.length >= 4) return;
    this.#seconds += 1;
    const node = this.#newNode(`n${this.#seconds + 1}`);
    this.#nodes.push(node);
    sim.marks.add('overlap');
    node.start();
    sim.scheduler.after(forMs, () => this.#retire(node));
  }

  /**
   * Nobody but a starting process records what one that crashed had in flight: somebody has to take over. With leases
   * another node will do so; until then the first one is started anew.
   */
  #retire(node: Node): void {
    node.inService = false;
    if (this.#sim.chance(`retire ${node.name}`).chance(0.5)) {
      node.crash(0);
      this.#main.stop(1_000, 0);
    } else node.stop(1_000, 0, () => undefined);
  }

  // Phases

  /** All faults end, receivers answer, and exactly one process is left. */
  async #heal(): Promise<void> {
    const sim = this.#sim;
    sim.trace('heal');
    sim.isHealed = true;
    heal(sim.storeFaults);
    sim.network.heal();
    for (const node of this.#nodes) {
      node.heal();
      if (node !== this.#main) this.#retire(node);
    }
    await this.#pass(HOUR_MS);
    this.#main.start();
    await this.#pass(HOUR_MS);
    if (sim.auditor.violation === undefined && !this.#main.isReady)
      sim.auditor.complain('L4', 'the process is not ready two hours after the last fault');
  }

  async #live(): Promise<void> {
    const sim = this.#sim;
    for (let hours = 0; sim.auditor.violation === undefined; hours += 1) {
      if (this.#isQuiet()) return;
      if (hours > HEALTHY_HOURS_MAX) return sim.auditor.complain('L1', 'not quiet after all these hours');
      await this.#pass(HOUR_MS);
      this.#checkOverdue();
    }
  }

  #isQuiet(): boolean {
    const { auditor } = this.#sim;
    return (
      this.#users.waiting === 0 &&
      auditor.deliveries.inOrder.every(({ status }) => isSettled(status)) &&
      [...auditor.changes.values()].every(({ awaited }) => awaited.size === 0)
    );
  }

  /** What could have happened an hour ago and has not. */
  #checkOverdue(): void {
    const { auditor, scheduler } = this.#sim;
    const long = scheduler.nowMs - OVERDUE_MS;
    const wallMs = this.#main.wallMs();
    if (this.#users.waiting > 0)
      return auditor.complain('L4', `${this.#users.waiting} reports are not answered`);
    for (const { guid, awaited } of auditor.changes.values()) {
      for (const webhook of awaited.keys())
        auditor.complain('S3', `change ${guid} was never told to webhook ${webhook}`);
    }
    const waitsFor = new Set<string>();
    for (const invocation of auditor.deliveries.inOrder) {
      const { guid, status, changedTrueMs, dueMs, ordering, webhook, originKey } = invocation;
      if (isSettled(status)) continue;
      const key = `${webhook.guid} ${originKey}`;
      const blocked = ordering === 'per_resource' && waitsFor.has(key);
      if (ordering === 'per_resource') waitsFor.add(key);
      if (changedTrueMs > long) continue;
      if (status === 'in_flight') auditor.complain('L2', `${guid} is in flight for more than an hour`);
      else if (dueMs + OVERDUE_MS < wallMs && !blocked)
        auditor.complain('L1', `${guid} is due for more than an hour`);
    }
  }

  async #audit(): Promise<void> {
    const { auditor } = this.#sim;
    await this.#settle();
    const { models } = this.#main.leftover;
    const behind = auditor.head - models.checkpoint('log');
    if (behind !== 0) return auditor.complain('L3', `the read models end ${behind} before the log`);
    for (const company of this.#users.companies) {
      const difference = rowsDiffer(models, auditor.deliveries, company);
      if (difference !== undefined) auditor.complain('S13', difference);
    }
    for (const { guid, webhook, ordering } of auditor.deliveries.inOrder) {
      if (models.invocation(guid) === undefined)
        auditor.complain('S13', `${guid} (${ordering}) is not in the read models`);
      if (models.dueOf(webhook.guid, Number.MAX_SAFE_INTEGER, 1).length > 0)
        auditor.complain('S13', `something is due for webhook ${webhook.guid}, and everything is settled`);
    }
    if (models.inFlight(0, 1).length > 0)
      auditor.complain('S13', 'something is in flight, and everything is settled');
  }

  async #settle(): Promise<void> {
    await this.#pass(10_000);
    let done = false;
    void this.#main.running?.engine.settled().then(() => (done = true));
    await this.#pass(60_000, () => done);
    if (!done) this.#sim.auditor.complain('L3', 'the read models do not reach the end of the log');
  }

  /** With nothing left to do a restart changes nothing, be it a stop or a crash. */
  async #restartIdly(): Promise<void> {
    const { auditor, scheduler } = this.#sim;
    const before = auditor.head;
    for (let restart = 0; restart < IDLE_RESTARTS; restart += 1) {
      if (restart % 2 === 0) this.#main.stop(1_000, 0);
      else this.#main.crash(0);
      await this.#pass(2 * HOUR_MS);
      if (auditor.violation !== undefined) return;
      if (!this.#main.isReady)
        return auditor.complain('L4', 'not ready two hours after a restart without a fault');
      if (auditor.head !== before)
        return auditor.complain('S15', `a restart without a fault appended up to ${auditor.head}`);
    }
    const nextMs = scheduler.nextMs();
    if (nextMs !== undefined)
      auditor.complain('L2', `a timer is left over, due in ${nextMs - scheduler.nowMs} ms`);
    this.#sim.trace('done');
  }
}
