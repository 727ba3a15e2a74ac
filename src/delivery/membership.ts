import { isLeft } from 'fp-ts/lib/Either.js';
import type { Cause, DomainEvent } from '../domain/events.ts';
import {
  type ClusterEvent,
  type ClusterState,
  doneByAll,
  evolveCluster,
  initialCluster,
  isAwaited,
  type NodeReport,
  ownersOf,
  partitionsOf,
  waitsForOthers,
} from '../domain/cluster.ts';
import { streamOf } from '../domain/ids.ts';
import { differencesTo } from '../domain/node-settings.ts';
import { emptyHead, seal } from '../eventstore/codec.ts';
import type { Decoded, Head } from '../eventstore/decoded.ts';
import type { EventStore, Position } from '../eventstore/event-store.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import { decodeAll } from '../projections/projector.ts';
import type { Territory } from './territory.ts';

/** What a node does with what it gets and loses. */
export interface Tenant {
  /** Everything up to there is done of what its partitions ask for, those being taken over included. */
  handledUpTo(): Position;
  /** The same for all partitions, as far as the log itself tells, which it does while there were no nodes. */
  handledBefore(): Position;
  readUpTo(): Position;
  inFlight(): number;
  /** These are its partitions from now on; what the log asks for may be undone from that position on, but not before. */
  assigned(partitions: ReadonlySet<number>, undoneFrom: Position): void;
  /** Nodes that have attempts in flight, as far as is known here. */
  busyNodes(): ReadonlyArray<string>;
  /** The node is gone for good: its attempts at endpoints of our partitions are interrupted. */
  takeOverAttempts(node: string): void;
  /** Attempts may start again. */
  resumed(): void;
}

export interface MembershipDeps {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly identity: Pick<NodeReport, 'name' | 'url' | 'version' | 'settings'>;
  /** How long this node may be silent before others take over its work. Milliseconds. */
  readonly leaseMs: number;
  /** The lease holds until then on the monotonic clock: nothing may be sent later. */
  readonly onLease: (untilMs: number) => void;
  /** Others have taken over: what was begun until now may not be sent, not even under a lease that is had again. */
  readonly onFenced: () => void;
  /** It must not go on: another process has its name. */
  readonly onDefect: (error: unknown) => void;
}

/** Of a lease: how often the others are looked at, how often it is renewed, what clocks may differ in a lease's time. */
const TICKS_PER_LEASE = 6;
const RENEWALS_PER_LEASE = 3;
const PAGE = 500;
/** So many of the newest events tell of everybody who may be alive: of one with a lease of 60 s beside 20 with 1 s. */
const NEWEST_MAX = 5_000;
const TRIES_MAX = 5;
const ACTOR = 'engine:cluster';

/**
 * This process among the nodes that share a store: keeps its lease, says how far it has come, declares silent ones
 * expired, and knows which partitions are its own. Everything is decided on one stream at its exact revision.
 */
export class Membership implements Territory {
  readonly #deps: MembershipDeps;
  readonly #joinedAtMs: number;
  node: string;
  #tenant: Tenant | undefined;
  #state: ClusterState = initialCluster;
  #head: Head = emptyHead(streamOf.cluster);
  #mine: ReadonlySet<number> = new Set();
  /** What `#mine` was reckoned from. */
  #owners = '';
  /** What it inherited and has not handed on to its tenant yet is undone from there on. */
  #undoneFrom: Position = Number.POSITIVE_INFINITY;
  #leaseUntilMs = Number.NEGATIVE_INFINITY;
  #wasHeld = false;
  #renewedMs = Number.NEGATIVE_INFINITY;
  /** When each node was last heard of, and since when the stream has been readable without a gap. */
  readonly #heard = new Map<string, { readonly seen: number; readonly atMs: number }>();
  #readableSinceMs: number | undefined;
  /** Whose settings were looked at. */
  readonly #compared = new Set<string>();
  #leaving = false;
  /** It was one of the nodes when they were last looked at. */
  #isMember = false;
  /** How far it had come when it began to leave: what it lets go of then is not done by it any more. */
  #leftAt: Position | undefined;
  #ended = false;
  #timer: Timer | undefined;
  #ticking: Promise<void> = Promise.resolve();

  constructor(deps: MembershipDeps) {
    this.#deps = deps;
    this.node = deps.random.uuid();
    this.#joinedAtMs = deps.clock.nowMs();
  }

  get isHeld(): boolean {
    return !this.#leaving && this.#deps.clock.monotonicMs() < this.#leaseUntilMs;
  }

  mayAttempt(partition: number): boolean {
    return this.#mine.has(partition) && this.isHeld;
  }

  get state(): ClusterState {
    return this.#state;
  }

  /** Everything up to there is done for all partitions. */
  get doneByAll(): Position {
    return Math.min(doneByAll(this.#state), this.#undoneFrom);
  }

  /** Resolves when it is one of the nodes; goes on trying while the store is away. */
  async join(tenant: Tenant): Promise<void> {
    this.#tenant = tenant;
    while (!this.#ended && !this.#state.members.has(this.node)) {
      await this.#inTurn(() => this.#tick());
      if (!this.#state.members.has(this.node)) await this.#pause();
    }
    this.#schedule();
  }

  /** From now on nothing new is started here, and others take over; what is in flight stays this node's. */
  async beginLeaving(): Promise<void> {
    this.#leftAt = this.#handledUpTo();
    this.#leaving = true;
    if (this.#tenant !== undefined) await this.#inTurn(() => this.#tick());
  }

  /** Nothing is in flight any more. */
  async leave(): Promise<void> {
    this.#ended = true;
    this.#timer?.cancel();
    await this.#ticking;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      // Read anew it is none of them any more.
      if (!this.#state.members.has(this.node)) return;
      const left = { type: 'NodeLeft', node: this.node, atMs: this.#deps.clock.nowMs() } as const;
      if ((await this.#append(left)) !== 'overtaken' || !(await this.#read())) return;
    }
  }

  #schedule(): void {
    if (this.#ended) return;
    this.#timer = this.#deps.clock.setTimer(this.#deps.leaseMs / TICKS_PER_LEASE, () => {
      this.#inTurn(() => this.#tick())
        .then(() => this.#schedule())
        .catch(this.#deps.onDefect);
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#ticking.then(work);
    this.#ticking = done.catch(() => undefined);
    return done;
  }

  async #tick(): Promise<void> {
    // Asked before the others are read: a node that is new to us by its attempts alone has joined before these.
    const busy = this.#tenant?.busyNodes() ?? [];
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      if (!(await this.#read())) {
        this.#readableSinceMs = undefined;
        return;
      }
      this.#settleIn();
      const next = this.#nextEvent();
      if (next === undefined || (await this.#append(next)) === 'stored') break;
    }
    this.#settleIn();
    this.#compare();
    for (const node of busy) if (!this.#state.members.has(node)) this.#tenant?.takeOverAttempts(node);
  }

  /** What is to be said now, if anything. */
  #nextEvent(): ClusterEvent | undefined {
    const { clock, leaseMs } = this.#deps;
    const atMs = clock.nowMs();
    const nowMs = clock.monotonicMs();
    const me = this.#state.members.get(this.node);
    if (me === undefined) {
      if (this.#leaving || this.#ended) return undefined;
      const handledUpTo = this.#tenant?.handledBefore() ?? 0;
      return { type: 'NodeJoined', ...this.#report(), handledUpTo, atMs };
    }
    const silent = this.#silentNode(nowMs);
    if (silent !== undefined) return { type: 'NodeExpired', node: silent, by: this.node, atMs };
    const isDue = nowMs - this.#renewedMs >= leaseMs / RENEWALS_PER_LEASE;
    if (!isDue && !isAwaited(this.#state, this.node) && me.leaving === this.#leaving) return undefined;
    return { type: 'NodeRenewed', ...this.#report(), atMs };
  }

  #report(): NodeReport {
    const tenant = this.#tenant;
    return {
      node: this.node,
      ...this.#deps.identity,
      joinedAtMs: this.#joinedAtMs,
      handledUpTo: this.#leftAt ?? this.#handledUpTo(),
      readUpTo: tenant?.readUpTo() ?? 0,
      inFlight: tenant?.inFlight() ?? 0,
      leaving: this.#leaving,
      leaseMs: this.#deps.leaseMs,
    };
  }

  #handledUpTo(): Position {
    return Math.min(this.#tenant?.handledUpTo() ?? 0, this.#undoneFrom);
  }

  /** One that was not heard of for its own lease and a little, in which it could have been. */
  #silentNode(nowMs: number): string | undefined {
    for (const { node, seen, leaseMs = this.#deps.leaseMs } of this.#state.members.values()) {
      const patienceMs = leaseMs + leaseMs / TICKS_PER_LEASE;
      const heard = this.#heard.get(node);
      if (heard === undefined || heard.seen !== seen) this.#heard.set(node, { seen, atMs: nowMs });
      else if (
        node !== this.node &&
        nowMs - Math.max(heard.atMs, this.#readableSinceMs ?? nowMs) > patienceMs
      ) {
        return node;
      }
    }
    for (const node of this.#heard.keys()) if (!this.#state.members.has(node)) this.#heard.delete(node);
    return undefined;
  }

  /** Brings what it holds in line with what was agreed. */
  #settleIn(): void {
    const tenant = this.#tenant;
    const me = this.#state.members.get(this.node);
    if (tenant === undefined) return;
    if (me === undefined) {
      this.#fenced(tenant);
      return;
    }
    this.#isMember = true;
    if (me.handledUpTo < tenant.handledUpTo()) {
      this.#undoneFrom = Math.min(this.#undoneFrom, me.handledUpTo);
    }
    if (this.#leftAt !== undefined) {
      // What it had inherited and not seen yet is passed on as undone.
      this.#leftAt = Math.min(this.#leftAt, me.handledUpTo);
    }
    if (!waitsForOthers(this.#state, this.node)) {
      const owners = ownersOf(this.#state, this.#leaving ? this.node : undefined).join();
      if (owners !== this.#owners) {
        this.#owners = owners;
        this.#mine = new Set(this.#leaving ? [] : partitionsOf(this.#state).get(this.node));
        tenant.assigned(this.#mine, this.doneByAll);
        this.#deps.log.info({ node: this.node, partitions: this.#mine.size }, 'partitions assigned');
      }
      this.#undoneFrom = Number.POSITIVE_INFINITY;
    }
    const isHeld = this.isHeld;
    if (isHeld && !this.#wasHeld) tenant.resumed();
    this.#wasHeld = isHeld;
  }

  /** Others go on without it: whatever it held is theirs. It comes back as a new node. */
  #fenced(tenant: Tenant): void {
    if (!this.#isMember) return;
    this.#isMember = false;
    const heir = [...this.#state.members.values()].find(({ name }) => name === this.#deps.identity.name);
    if (heir !== undefined) {
      this.#deps.onDefect(
        new Error(`another process has joined with the data folder of this one (node ${heir.node})`),
      );
      this.#ended = true;
    }
    this.#deps.log.warn({ node: this.node }, 'the lease has expired: others have taken over');
    this.#hold(Number.NEGATIVE_INFINITY);
    this.#deps.onFenced();
    this.#mine = new Set();
    this.#owners = '';
    this.#undoneFrom = Number.POSITIVE_INFINITY;
    tenant.assigned(this.#mine, Number.POSITIVE_INFINITY);
    this.node = this.#deps.random.uuid();
  }

  #hold(untilMs: number): void {
    // It had run out: what was due meanwhile was passed over, however short that was.
    if (!this.isHeld) this.#wasHeld = false;
    this.#leaseUntilMs = untilMs;
    this.#deps.onLease(untilMs);
  }

  /** Whoever was given something else than this node is named, once. */
  #compare(): void {
    const { identity, log } = this.#deps;
    const { members } = this.#state;
    for (const node of this.#compared) if (!members.has(node)) this.#compared.delete(node);
    for (const [node, member] of members) {
      if (node === this.node || this.#compared.has(node)) continue;
      this.#compared.add(node);
      const different = differencesTo(identity, member);
      if (different.length === 0) continue;
      const inWords = different.map(({ name, here, there }) => `${name} (here '${here}', there '${there}')`);
      log.warn(
        { node, url: member.url, different },
        `another node is set up differently, make it equal: ${inWords.join(', ')}`,
      );
    }
  }

  /** Everything that was said since. False: the store is away. */
  async #read(): Promise<boolean> {
    if (this.#state.revision < 0) return this.#readNewest();
    for (;;) {
      const options = { fromRevision: this.#state.revision + 1, limit: PAGE };
      const page = await this.#deps.store.readStream(streamOf.cluster, options)();
      if (isLeft(page)) return false;
      this.#readableSinceMs ??= this.#deps.clock.monotonicMs();
      const events = decodeAll(page.right);
      if (events.some(({ revision }, n) => revision !== options.fromRevision + n)) return this.#readAnew();
      for (const decoded of events) this.#take(decoded);
      if (events.length < PAGE) return true;
    }
  }

  /** Whoever is alive has said something lately; what is older may not even be there any more. */
  async #readNewest(): Promise<boolean> {
    const newest: Decoded[] = [];
    for (;;) {
      const oldest = newest.at(-1)?.revision;
      if (oldest === 0 || newest.length >= NEWEST_MAX) break;
      const from = oldest === undefined ? {} : { fromRevision: oldest - 1 };
      const options = { direction: 'backwards', limit: PAGE, ...from } as const;
      const page = await this.#deps.store.readStream(streamOf.cluster, options)();
      if (isLeft(page)) return false;
      newest.push(...decodeAll(page.right));
      if (page.right.length < PAGE) break;
    }
    this.#readableSinceMs ??= this.#deps.clock.monotonicMs();
    for (const decoded of newest.toReversed()) this.#take(decoded);
    return true;
  }

  /**
   * It was away for longer than the stream is kept: that it has expired may be among what is gone. What is left holds
   * nothing of its own, which would stand right behind what it knew; so it counts as expired, and joins under the same
   * name, which replaces it should the others still count on it.
   */
  #readAnew(): Promise<boolean> {
    this.#deps.log.warn(
      { node: this.node, revision: this.#state.revision },
      'some of what nodes said is gone unread: joining anew',
    );
    this.#state = initialCluster;
    this.#head = emptyHead(streamOf.cluster);
    this.#heard.clear();
    return this.#readNewest();
  }

  #take({ event, revision, metadata }: Decoded): void {
    if (revision <= this.#state.revision) return;
    this.#state = evolveCluster(this.#state, event as ClusterEvent, revision);
    this.#head = { revision, hash: metadata.hash };
  }

  async #append(event: ClusterEvent): Promise<'stored' | 'overtaken' | 'away'> {
    const { store, clock, random } = this.#deps;
    const cause: Cause = {
      correlationId: this.node,
      causationId: this.node,
      actor: ACTOR,
      companyId: '',
    };
    const one = { id: random.uuid(), event: event as DomainEvent };
    const { append, head } = seal(streamOf.cluster, this.#head, [one], cause);
    const sentMs = clock.monotonicMs();
    const appended = await store.append([append])();
    if (isLeft(appended)) {
      return appended.left._tag === 'WrongExpectedRevision' ? 'overtaken' : 'away';
    }
    this.#state = evolveCluster(this.#state, event, head.revision);
    this.#head = head;
    if (event.type === 'NodeJoined' || event.type === 'NodeRenewed') {
      this.#renewedMs = sentMs;
      this.#hold(sentMs + this.#deps.leaseMs);
    }
    return 'stored';
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.clock.setTimer(this.#deps.leaseMs / TICKS_PER_LEASE, resolve);
    });
  }
}
