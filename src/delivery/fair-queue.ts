/** What waits to be attempted, in memory, and which slots are taken. Pure bookkeeping: no I/O, no clock. */

export interface QueueLimits {
  /** Attempts in flight at once. */
  readonly inFlightMax: number;
  /** How many of those may be unproven, that is doubtful or unknown; the rest is always free for proven endpoints. */
  readonly unprovenMax: number;
  /** How many of those may be doubtful; the rest is always free for endpoints that are not known to fail. */
  readonly doubtfulMax: number;
  /** Per endpoint in the beginning and after a failure or a slow answer. */
  readonly perEndpointMin: number;
  /** Per endpoint after as many quick successes. */
  readonly perEndpointMax: number;
}

export type AttemptKind = 'first' | 'retry';

/**
 * Of an endpoint: proven when its last attempt was a quick success, doubtful when it failed, else unknown. A first
 * attempt is trusted like its endpoint; every retry is doubtful.
 */
export type Trust = 'proven' | 'unknown' | 'doubtful';

/** A place among the attempts in flight. Given back once, by `release`. */
export interface Slot {
  readonly endpoint: string;
  readonly trust: Trust;
}

export interface Taken<T> {
  readonly lane: string;
  readonly item: T;
  readonly slot: Slot;
}

interface Endpoint<T> {
  readonly key: string;
  inFlight: number;
  cap: number;
  trust: Trust;
  /** Lanes that lead to it: it is not forgotten under them. */
  lanes: number;
  readonly lines: Readonly<Record<AttemptKind, Line<T>>>;
}

/** The lanes of one endpoint that go on with an attempt of one kind. */
interface Line<T> {
  readonly kind: AttemptKind;
  readonly lanes: Set<Lane<T>>;
  /** Where it stands in turn; undefined: it is empty, or its endpoint is at its cap. */
  turn: Turn<T> | undefined;
}

interface Turn<T> {
  readonly line: Line<T>;
  readonly among: Set<Turn<T>>;
  /** The lowest number goes next. */
  readonly number: number;
  /**
   * Attempts until the turn is over, 0 before it begins: one for each lane that waits then, so that lanes get the same
   * however many share an endpoint.
   */
  left: number;
}

interface Lane<T> {
  readonly key: string;
  endpoint: Endpoint<T>;
  readonly first: Fifo<T>;
  readonly retry: Fifo<T>;
}

const KINDS = ['first', 'retry'] as const satisfies ReadonlyArray<AttemptKind>;
const TRUSTS = ['proven', 'unknown', 'doubtful'] as const satisfies ReadonlyArray<Trust>;

/**
 * One lane a webhook. Lanes take turns; within and across lanes first attempts go before retries; no endpoint holds
 * more than its cap, and endpoints that do not answer cannot hold all slots together. Lanes wait with their endpoint,
 * and endpoints with those of the same trust, so that every operation costs the same however many wait.
 */
export class FairQueue<T> {
  readonly #limits: QueueLimits;
  readonly #currentEndpoint: (laneKey: string) => string | undefined;
  readonly #lanes = new Map<string, Lane<T>>();
  readonly #endpoints = new Map<string, Endpoint<T>>();
  readonly #turns = {
    first: { proven: new Set<Turn<T>>(), unknown: new Set<Turn<T>>(), doubtful: new Set<Turn<T>>() },
    retry: { proven: new Set<Turn<T>>(), unknown: new Set<Turn<T>>(), doubtful: new Set<Turn<T>>() },
  };
  readonly #held: Record<Trust, number> = { proven: 0, unknown: 0, doubtful: 0 };
  #turnNumber = 0;
  #inFlight = 0;
  #queued = 0;

  /**
   * `currentEndpoint` tells where attempts of a lane go by now; undefined where that is not known. A lane moves there
   * before its next attempt is taken. Without it lanes lead to where the newest of their items was pushed to.
   */
  constructor(
    limits: QueueLimits,
    currentEndpoint: (laneKey: string) => string | undefined = () => undefined,
  ) {
    this.#limits = limits;
    this.#currentEndpoint = currentEndpoint;
  }

  get queued(): number {
    return this.#queued;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  queuedIn(laneKey: string): number {
    const lane = this.#lanes.get(laneKey);
    return lane === undefined ? 0 : lengthOf(lane);
  }

  push(laneKey: string, endpointKey: string, kind: AttemptKind, item: T): void {
    const lane = this.#lanes.get(laneKey) ?? this.#newLane(laneKey, endpointKey);
    if (lane.endpoint.key !== endpointKey) this.#move(lane, endpointKey);
    lane[kind].push(item);
    this.#queued += 1;
    join(lane);
    this.#lineUp(lane.endpoint);
  }

  /** The next attempt that may start now, with its slot taken; undefined when there is none. */
  take(): Taken<T> | undefined {
    while (this.#inFlight < this.#limits.inFlightMax) {
      const turn = this.#nextTurn('first') ?? this.#nextTurn('retry');
      const [lane] = turn?.line.lanes ?? [];
      if (turn === undefined || lane === undefined) return undefined;
      const endpointKey = this.#currentEndpoint(lane.key) ?? lane.endpoint.key;
      if (lane.endpoint.key === endpointKey) return this.#takeOf(lane, turn);
      this.#move(lane, endpointKey);
      join(lane);
      this.#lineUp(lane.endpoint);
    }
    return undefined;
  }

  /** A slot for a first attempt past the queue, when its lane is empty and everything it needs is free. */
  reserve(laneKey: string, endpointKey: string): Slot | undefined {
    if (this.#inFlight >= this.#limits.inFlightMax || this.queuedIn(laneKey) > 0) return undefined;
    const endpoint = this.#endpoint(endpointKey);
    if (endpoint.inFlight >= endpoint.cap || endpoint.lines.first.lanes.size > 0) return undefined;
    return this.#hasRoom(endpoint.trust) ? this.#occupy(endpoint, endpoint.trust) : undefined;
  }

  /** Whether its last attempt was a quick success. */
  isProven(endpointKey: string): boolean {
    return this.#endpoints.get(endpointKey)?.trust === 'proven';
  }

  /**
   * Gives a slot back. `success` tells about the endpoint: true a quick one, 'slow' a slow one, false none; undefined:
   * nothing was learnt.
   */
  release(slot: Slot, success: boolean | 'slow' | undefined): void {
    this.#inFlight -= 1;
    this.#held[slot.trust] -= 1;
    const endpoint = this.#endpoint(slot.endpoint);
    endpoint.inFlight -= 1;
    if (success === true) {
      endpoint.trust = 'proven';
      endpoint.cap = Math.min(endpoint.cap + 1, this.#limits.perEndpointMax);
    } else if (success !== undefined) {
      endpoint.trust = success === 'slow' ? 'unknown' : 'doubtful';
      endpoint.cap = this.#limits.perEndpointMin;
    }
    this.#lineUp(endpoint);
    this.#forget(endpoint);
  }

  /** Of those with room for it, the one whose turn came first. */
  #nextTurn(kind: AttemptKind): Turn<T> | undefined {
    let next: Turn<T> | undefined;
    for (const trust of TRUSTS) {
      if (!this.#hasRoom(trust)) continue;
      const [turn] = this.#turns[kind][trust];
      if (turn !== undefined && (next === undefined || turn.number < next.number)) next = turn;
    }
    return next;
  }

  #hasRoom(trust: Trust): boolean {
    if (trust === 'proven') return true;
    const { unknown, doubtful } = this.#held;
    if (unknown + doubtful >= this.#limits.unprovenMax) return false;
    return trust === 'unknown' || doubtful < this.#limits.doubtfulMax;
  }

  #takeOf(lane: Lane<T>, turn: Turn<T>): Taken<T> {
    const { endpoint } = lane;
    const { kind } = turn.line;
    if (turn.left === 0) turn.left = turn.line.lanes.size;
    const item = lane[kind].shift();
    this.#queued -= 1;
    // To the end of the line, or out of it.
    leave(lane);
    if (lengthOf(lane) > 0) {
      join(lane);
    } else {
      this.#lanes.delete(lane.key);
      endpoint.lanes -= 1;
    }
    turn.left -= 1;
    if (turn.left === 0) endTurn(turn.line);
    return { lane: lane.key, item, slot: this.#occupy(endpoint, trustOf(endpoint, kind)) };
  }

  #occupy(endpoint: Endpoint<T>, trust: Trust): Slot {
    this.#inFlight += 1;
    this.#held[trust] += 1;
    endpoint.inFlight += 1;
    this.#lineUp(endpoint);
    return { endpoint: endpoint.key, trust };
  }

  /** Lets the lines of an endpoint take turns, with those of the same trust, while it is not at its cap. */
  #lineUp(endpoint: Endpoint<T>): void {
    const atCap = endpoint.inFlight >= endpoint.cap;
    for (const kind of KINDS) {
      const line = endpoint.lines[kind];
      const waits = atCap || line.lanes.size === 0;
      const among = waits ? undefined : this.#turns[kind][trustOf(endpoint, kind)];
      if (line.turn?.among === among) continue;
      endTurn(line);
      if (among === undefined) continue;
      this.#turnNumber += 1;
      line.turn = { line, among, number: this.#turnNumber, left: 0 };
      among.add(line.turn);
    }
  }

  #newLane(key: string, endpointKey: string): Lane<T> {
    const endpoint = this.#endpoint(endpointKey);
    const lane = { key, endpoint, first: new Fifo<T>(), retry: new Fifo<T>() };
    endpoint.lanes += 1;
    this.#lanes.set(key, lane);
    return lane;
  }

  #move(lane: Lane<T>, endpointKey: string): void {
    const { endpoint } = lane;
    leave(lane);
    this.#lineUp(endpoint);
    endpoint.lanes -= 1;
    this.#forget(endpoint);
    lane.endpoint = this.#endpoint(endpointKey);
    lane.endpoint.lanes += 1;
  }

  #endpoint(key: string): Endpoint<T> {
    const known = this.#endpoints.get(key);
    if (known !== undefined) return known;
    const endpoint: Endpoint<T> = {
      key,
      inFlight: 0,
      cap: this.#limits.perEndpointMin,
      trust: 'unknown',
      lanes: 0,
      lines: { first: emptyLine('first'), retry: emptyLine('retry') },
    };
    this.#endpoints.set(key, endpoint);
    return endpoint;
  }

  /** What is known of idle endpoints is kept only for so many. */
  #forget(endpoint: Endpoint<T>): void {
    if (this.#endpoints.size <= ENDPOINTS_REMEMBERED_MAX) return;
    if (endpoint.inFlight === 0 && endpoint.lanes === 0) this.#endpoints.delete(endpoint.key);
  }
}

const trustOf = <T>(endpoint: Endpoint<T>, kind: AttemptKind): Trust =>
  kind === 'retry' ? 'doubtful' : endpoint.trust;

const lengthOf = <T>(lane: Lane<T>): number => lane.first.length + lane.retry.length;

const emptyLine = <T>(kind: AttemptKind): Line<T> => ({ kind, lanes: new Set(), turn: undefined });

/** Into the line of what it goes on with: a first attempt never waits behind retries. */
const join = <T>(lane: Lane<T>): void => {
  const { first, retry } = lane.endpoint.lines;
  if (lane.first.length > 0) retry.lanes.delete(lane);
  (lane.first.length > 0 ? first : retry).lanes.add(lane);
};

const leave = <T>(lane: Lane<T>): void => {
  for (const kind of KINDS) lane.endpoint.lines[kind].lanes.delete(lane);
};

const endTurn = <T>(line: Line<T>): void => {
  line.turn?.among.delete(line.turn);
  line.turn = undefined;
};

const ENDPOINTS_REMEMBERED_MAX = 50_000;

/** First in, first out, in amortised constant time. */
class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T {
    const item = this.#items[this.#head] as T;
    this.#items[this.#head] = undefined as T;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
