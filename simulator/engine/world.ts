import { type InvocationBook, isSettled } from './auditor/books.ts';
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
/** Among several nodes: so many leases. */
const LEASES_PATIENCE = 3;
/** A run that is not quiet after so many hours of health never will be. */
const HEALTHY_HOURS_MAX = 24 * 400;
const IDLE_RESTARTS = 2;
/** The first nodes of a store are started one soon after the other. */
const JOIN_MS_MAX = 5 * 60 * 1000;
/** Nodes that have nothing to do for so long are stopped meanwhile: each minute of a lease costs time here. */
const REST_TURNS_MIN = 2;
const DEPART_DRAIN_MS = 10_000;
/** Of nodes that come now and then, besides the lasting ones. */
const GUESTS_MAX = 3;

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
  /** Those that are there from the first to the last; others come and go. */
  readonly #lasting: ReadonlyArray<Node>;
  readonly #users: Users;
  /** What is due for so long and was not done is not going to happen. */
  readonly #patienceMs: number;
  #seconds = 0;

  constructor(options: Options, bug: Bug | undefined, onLine?: (line: string) => void) {
    this.#sim = new Sim(options, bug, onLine);
    this.#users = new Users(this.#sim, () =>
      this.#nodes.filter(({ running }) => running?.draining === false),
    );
    const { nodes, leaseMs } = options.cluster ?? { nodes: 1, leaseMs: 0 };
    this.#patienceMs = nodes === 1 ? HOUR_MS : LEASES_PATIENCE * leaseMs;
    this.#nodes = Array.from({ length: nodes }, (_, index) =>
      this.#newNode(`n${index + 1}`, options.cluster?.drifts[index] ?? 0),
    );
    this.#lasting = [...this.#nodes];
  }

  async run(plan: ReadonlyArray<Step>): Promise<RunResult> {
    const sim = this.#sim;
    sim.trace(`seed ${sim.options.seed} ${JSON.stringify(sim.options)}`);
    const joining = sim.chance('joining');
    for (const node of this.#lasting) {
      if (node === this.#main) node.start();
      else sim.scheduler.after(joining.delayMs(0, JOIN_MS_MAX), () => node.start());
    }
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

  #newNode(name: string, drift: number): Node {
    const { cluster } = this.#sim.options;
    const limits = this.#sim.chance('limits');
    const inFlightMax = limits.pick([4, 16, 64]);
    const queue = {
      inFlightMax,
      unprovenMax: Math.ceil(inFlightMax * 0.75),
      doubtfulMax: Math.ceil(inFlightMax / 2),
      perEndpointMin: limits.pick([1, 4]),
      perEndpointMax: limits.pick([4, 16]),
    };
    const seat = cluster === undefined ? undefined : { leaseMs: cluster.leaseMs, drift };
    return new Node(this.#sim, name, queue, seat);
  }

  #at(index: number): Node {
    return this.#lasting[index % this.#lasting.length] ?? this.#main;
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
        return this.#at(step.node).crash(step.downMs);
      case 'crashAt':
        return this.#at(step.node).crashAt(step.point, step.nth, step.downMs);
      case 'crashLoop':
        return this.#at(step.node).crashLoop(step.times, step.upMs);
      case 'stop':
        return this.#at(step.node).stop(step.drainMs, step.downMs);
      case 'pause':
        return this.#at(step.node).pause(step.forMs);
      case 'jump':
        return this.#at(step.node).jump(step.byMs);
      case 'freezeClock':
        return this.#at(step.node).freezeClock(step.forMs);
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
      case 'together':
        return users.together(step.id, step.how, step.changes);
      case 'cutOff':
        return this.#at(step.node).cutOff(step.forMs);
      case 'standstill':
        return step.at === null
          ? this.#at(step.node).pause(step.forMs)
          : this.#at(step.node).pauseAt(step.at, step.forMs);
      case 'depart':
        sim.marks.add(`depart.${step.how}`);
        return step.how === 'killed'
          ? this.#at(step.node).crash(step.downMs)
          : this.#at(step.node).stop(DEPART_DRAIN_MS, step.downMs);
    }
  }

  /** Only a shared store can have two processes; the embedded one is locked. */
  #second(forMs: number): void {
    const sim = this.#sim;
    const lasting = this.#lasting.length;
    if (sim.options.store !== 'remote' || this.#nodes.length >= lasting + GUESTS_MAX) return;
    this.#seconds += 1;
    const node = this.#newNode(`n${this.#seconds + lasting}`, 0);
    this.#nodes.push(node);
    sim.marks.add('overlap');
    node.start();
    sim.scheduler.after(forMs, () => this.#retire(node));
  }

  /** What it has not done is taken over: at once where it leaves in good order, when its lease has expired otherwise. */
  #retire(node: Node): void {
    node.inService = false;
    if (this.#sim.chance(`retire ${node.name}`).chance(0.5)) node.crash(0);
    else node.stop(1_000, 0, () => undefined);
  }

  // Phases

  /** All faults end, receivers answer, and only the lasting nodes are left. */
  async #heal(): Promise<void> {
    const sim = this.#sim;
    sim.trace('heal');
    sim.isHealed = true;
    heal(sim.storeFaults);
    sim.network.heal();
    for (const node of this.#nodes) {
      node.heal();
      if (!this.#lasting.includes(node)) this.#retire(node);
    }
    await this.#pass(this.#patienceMs);
    for (const node of this.#lasting) node.start();
    await this.#pass(this.#patienceMs);
    if (sim.auditor.violation !== undefined) return;
    for (const { name, isReady } of this.#lasting)
      if (!isReady) sim.auditor.complain('L4', `${name} is not ready long after the last fault`);
    this.#checkMembers();
  }

  /** Long after the last fault the nodes that run are those that share the work. */
  #checkMembers(): void {
    const { auditor, options } = this.#sim;
    if (options.cluster === undefined) return;
    const { members } = auditor.cluster;
    const running = this.#lasting.flatMap((node) => node.running?.id ?? []);
    const working = members
      .filter(({ leaving }) => !leaving)
      .map(({ node }) => auditor.cluster.processOf(node));
    if (working.length !== members.length || !sameIds(running, working))
      auditor.complain('L5', `processes ${running.join()} run, and the nodes are ${working.join()}`);
  }

  async #live(): Promise<void> {
    const sim = this.#sim;
    for (let hours = 0; sim.auditor.violation === undefined; hours += 1) {
      if (this.#isQuiet()) return;
      if (hours > HEALTHY_HOURS_MAX) return sim.auditor.complain('L1', 'not quiet after all these hours');
      await this.#pass(this.#patienceMs);
      this.#checkOverdue();
      await this.#rest();
    }
  }

  /** Where nothing is due for long all nodes of a shared store leave until then. */
  async #rest(): Promise<void> {
    const { auditor, options } = this.#sim;
    if (options.cluster === undefined || auditor.violation !== undefined || this.#users.waiting > 0) return;
    const open = auditor.deliveries.inOrder.filter(({ status }) => !isSettled(status));
    if (open.length === 0 || open.some(({ status }) => status !== 'waiting')) return;
    const forMs = Math.min(...notBlocked(open).map(({ dueMs }) => dueMs)) - this.#slowestWallMs();
    if (forMs < REST_TURNS_MIN * this.#patienceMs) return;
    this.#sim.marks.add('rest');
    for (const node of this.#lasting) node.stop(1_000, forMs - this.#patienceMs);
    await this.#pass(forMs - this.#patienceMs / 2);
  }

  #slowestWallMs(): number {
    return Math.min(...this.#lasting.map((node) => node.wallMs()));
  }

  #isQuiet(): boolean {
    const { auditor } = this.#sim;
    return (
      this.#users.waiting === 0 &&
      auditor.deliveries.inOrder.every(({ status }) => isSettled(status)) &&
      [...auditor.changes.values()].every(({ awaited }) => awaited.size === 0)
    );
  }

  /** What could have happened long ago and has not. */
  #checkOverdue(): void {
    const { auditor, scheduler } = this.#sim;
    const long = scheduler.nowMs - this.#patienceMs;
    const wallMs = this.#slowestWallMs();
    if (this.#users.waiting > 0)
      return auditor.complain('L4', `${this.#users.waiting} reports are not answered`);
    for (const { guid, awaited } of auditor.changes.values()) {
      for (const webhook of awaited.keys())
        auditor.complain('S3', `change ${guid} was never told to webhook ${webhook}`);
    }
    const open = auditor.deliveries.inOrder.filter(({ status }) => !isSettled(status));
    const mayGo = new Set(notBlocked(open));
    for (const invocation of open) {
      const { guid, status, changedTrueMs, dueMs } = invocation;
      if (changedTrueMs > long) continue;
      if (status === 'in_flight') auditor.complain('L2', `${guid} is in flight for too long`);
      else if (dueMs + this.#patienceMs < wallMs && mayGo.has(invocation))
        auditor.complain('L1', `${guid} is due for too long`);
    }
  }

  async #audit(): Promise<void> {
    for (const node of this.#lasting) {
      await this.#settle(node);
      this.#auditModels(node);
    }
  }

  #auditModels({ leftover: { models } }: Node): void {
    const { auditor } = this.#sim;
    const behind = auditor.workHead - models.checkpoint('log');
    if (behind > 0) return auditor.complain('L3', `the read models end ${behind} before the log`);
    for (const company of this.#users.companies) {
      const difference = rowsDiffer(models, auditor.deliveries, company);
      if (difference !== undefined) auditor.complain('S13', difference);
    }
    for (const { guid, ordering } of auditor.deliveries.inOrder) {
      if (models.invocation(guid) === undefined)
        auditor.complain('S13', `${guid} (${ordering}) is not in the read models`);
    }
    for (const guid of auditor.webhooks.keys()) {
      if (models.dueOf(guid, Number.MAX_SAFE_INTEGER, 1).length > 0)
        auditor.complain('S13', `something is due for webhook ${guid}, and everything is settled`);
    }
    if (models.inFlight(0, 1).length > 0)
      auditor.complain('S13', 'something is in flight, and everything is settled');
  }

  async #settle(node: Node): Promise<void> {
    await this.#pass(10_000);
    let done = false;
    void node.running?.engine.settled().then(() => (done = true));
    await this.#pass(60_000, () => done);
    if (!done) this.#sim.auditor.complain('L3', 'the read models do not reach the end of the log');
  }

  /** With nothing left to do a restart changes nothing, be it a stop or a crash. */
  async #restartIdly(): Promise<void> {
    const { auditor, scheduler, options } = this.#sim;
    const before = auditor.workHead;
    for (let restart = 0; restart < IDLE_RESTARTS; restart += 1) {
      for (const node of this.#lasting) {
        if (restart % 2 === 0) node.stop(1_000, 0);
        else node.crash(0);
      }
      await this.#pass((options.cluster === undefined ? 2 : 1) * this.#patienceMs);
      if (auditor.violation !== undefined) return;
      if (!this.#lasting.every(({ isReady }) => isReady))
        return auditor.complain('L4', 'not ready long after a restart without a fault');
      if (auditor.workHead !== before)
        return auditor.complain('S15', `a restart without a fault appended up to ${auditor.workHead}`);
      this.#checkMembers();
    }
    if (options.cluster !== undefined) {
      // Leases are kept as long as there is somebody.
      for (const node of this.#lasting) node.stop(1_000, 0, () => undefined);
      await this.#pass(Math.max(this.#patienceMs, HOUR_MS));
    }
    const nextMs = scheduler.nextMs();
    if (nextMs !== undefined)
      auditor.complain('L2', `a timer is left over, due in ${nextMs - scheduler.nowMs} ms`);
    this.#sim.trace('done');
  }
}

/** Of those that are not settled, in the order of the log: without those that have to wait for an earlier one. */
const notBlocked = (open: ReadonlyArray<InvocationBook>): ReadonlyArray<InvocationBook> => {
  const waitedFor = new Set<string>();
  return open.filter(({ webhook, originKey, ordering }) => {
    const key = `${webhook.guid} ${originKey}`;
    if (ordering !== 'per_resource') return true;
    if (waitedFor.has(key)) return false;
    waitedFor.add(key);
    return true;
  });
};

const sameIds = (
  some: ReadonlyArray<number | undefined>,
  others: ReadonlyArray<number | undefined>,
): boolean => some.length === others.length && some.every((id) => others.includes(id));
