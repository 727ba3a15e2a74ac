/** What waits to be attempted, in memory, and which slots are taken. Pure bookkeeping: no I/O, no clock. */

export interface QueueLimits {
  /** Attempts in flight at once. */
  readonly inFlightMax: number;
  /**
   * How many of those may be doubtful: retries, and attempts at endpoints whose last attempt failed, was slow, or which
   * were never tried. The rest is always free for endpoints that answer.
   */
  readonly doubtfulMax: number;
  /** Per endpoint in the beginning and after a failure or a slow answer. */
  readonly perEndpointMin: number;
  /** Per endpoint after as many quick successes. */
  readonly perEndpointMax: number;
}

export type AttemptKind = 'first' | 'retry';

/** A place among the attempts in flight. Given back once, by `release`. */
export interface Slot {
  readonly endpoint: string;
  readonly doubtful: boolean;
}

export interface Taken<T> {
  readonly lane: string;
  readonly item: T;
  readonly slot: Slot;
}

interface Endpoint {
  readonly key: string;
  inFlight: number;
  cap: number;
  /** Its last attempt succeeded quickly. */
  proven: boolean;
  /** Lanes that lead to it: it is not forgotten under them. */
  lanes: number;
  /** Lanes that wait until one of its slots is free. */
  readonly parked: Set<Lane<unknown>>;
}

interface Lane<T> {
  readonly key: string;
  endpoint: Endpoint;
  readonly first: Fifo<T>;
  readonly retry: Fifo<T>;
}

/**
 * One lane a webhook. Lanes take turns; within and across lanes first attempts go before retries; no endpoint holds
 * more than its cap, and endpoints that do not answer cannot hold all slots together.
 */
export class FairQueue<T> {
  readonly #limits: QueueLimits;
  readonly #lanes = new Map<string, Lane<T>>();
  readonly #endpoints = new Map<string, Endpoint>();
  /** Lanes that could go next, in turn: with a first attempt waiting, and with retries only. */
  readonly #turns = { first: new Set<Lane<T>>(), retry: new Set<Lane<T>>() };
  /** Lanes that wait until a doubtful slot is free. */
  readonly #doubtfulParked = new Set<Lane<T>>();
  #inFlight = 0;
  #doubtful = 0;
  #queued = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get queued(): number {
    return this.#queued;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  queuedIn(laneKey: string): number {
    const lane = this.#lanes.get(laneKey);
    return lane === undefined ? 0 : lane.first.length + lane.retry.length;
  }

  push(laneKey: string, endpointKey: string, kind: AttemptKind, item: T): void {
    const lane = this.#lane(laneKey, endpointKey);
    lane[kind].push(item);
    this.#queued += 1;
    // It may have been parked for its retries alone: a first attempt never waits behind those.
    if (kind === 'first') this.#doubtfulParked.delete(lane);
    this.#line(lane);
  }

  /** The next attempt that may start now, with its slot taken; undefined when there is none. */
  take(): Taken<T> | undefined {
    if (this.#inFlight >= this.#limits.inFlightMax) return undefined;
    return this.#takeOf('first') ?? this.#takeOf('retry');
  }

  /** A slot for a first attempt past the queue, when its lane is empty and everything it needs is free. */
  reserve(laneKey: string, endpointKey: string): Slot | undefined {
    if (this.#inFlight >= this.#limits.inFlightMax || this.queuedIn(laneKey) > 0) return undefined;
    const endpoint = this.#endpoint(endpointKey);
    if (endpoint.inFlight >= endpoint.cap || endpoint.parked.size > 0) return undefined;
    const doubtful = !endpoint.proven;
    if (doubtful && this.#doubtful >= this.#limits.doubtfulMax) return undefined;
    return this.#occupy(endpoint, doubtful);
  }

  /** Gives a slot back. `quickSuccess` undefined: nothing was learnt about the endpoint. */
  release(slot: Slot, quickSuccess: boolean | undefined): void {
    this.#inFlight -= 1;
    if (slot.doubtful) this.#doubtful -= 1;
    const endpoint = this.#endpoint(slot.endpoint);
    endpoint.inFlight -= 1;
    const newlyProven = quickSuccess === true && !endpoint.proven;
    if (quickSuccess === true) {
      endpoint.proven = true;
      endpoint.cap = Math.min(endpoint.cap + 1, this.#limits.perEndpointMax);
    } else if (quickSuccess === false) {
      endpoint.proven = false;
      endpoint.cap = this.#limits.perEndpointMin;
    }
    if (endpoint.inFlight < endpoint.cap) this.#unpark(endpoint.parked as Set<Lane<T>>);
    if (this.#doubtful < this.#limits.doubtfulMax) this.#unpark(this.#doubtfulParked);
    else if (newlyProven) this.#unpark(this.#doubtfulParked, (lane) => lane.endpoint === endpoint);
    this.#forget(endpoint);
  }

  #takeOf(kind: AttemptKind): Taken<T> | undefined {
    for (const lane of this.#turns[kind]) {
      const { endpoint } = lane;
      const doubtful = kind === 'retry' || !endpoint.proven;
      if (endpoint.inFlight >= endpoint.cap) {
        this.#park(lane, endpoint.parked as Set<Lane<T>>);
        continue;
      }
      if (doubtful && this.#doubtful >= this.#limits.doubtfulMax) {
        this.#park(lane, this.#doubtfulParked);
        continue;
      }
      const item = lane[kind].shift();
      // To the end of the line, or out of it.
      this.#turns[kind].delete(lane);
      this.#queued -= 1;
      this.#line(lane);
      if (this.queuedIn(lane.key) === 0) {
        this.#lanes.delete(lane.key);
        endpoint.lanes -= 1;
      }
      return { lane: lane.key, item, slot: this.#occupy(endpoint, doubtful) };
    }
    return undefined;
  }

  #occupy(endpoint: Endpoint, doubtful: boolean): Slot {
    this.#inFlight += 1;
    endpoint.inFlight += 1;
    if (doubtful) this.#doubtful += 1;
    return { endpoint: endpoint.key, doubtful };
  }

  #line(lane: Lane<T>): void {
    if (lane.endpoint.parked.has(lane)) return;
    if (lane.first.length > 0) {
      this.#turns.retry.delete(lane);
      if (!this.#doubtfulParked.has(lane)) this.#turns.first.add(lane);
    } else if (lane.retry.length > 0 && !this.#doubtfulParked.has(lane)) {
      this.#turns.retry.add(lane);
    }
  }

  #park(lane: Lane<T>, parked: Set<Lane<T>>): void {
    this.#turns.first.delete(lane);
    this.#turns.retry.delete(lane);
    parked.add(lane);
  }

  #unpark(parked: Set<Lane<T>>, which: (lane: Lane<T>) => boolean = () => true): void {
    const lanes = [...parked].filter(which);
    for (const lane of lanes) parked.delete(lane);
    for (const lane of lanes) this.#line(lane);
  }

  #lane(laneKey: string, endpointKey: string): Lane<T> {
    const known = this.#lanes.get(laneKey);
    if (known === undefined) {
      const lane = {
        key: laneKey,
        endpoint: this.#endpoint(endpointKey),
        first: new Fifo<T>(),
        retry: new Fifo<T>(),
      };
      lane.endpoint.lanes += 1;
      this.#lanes.set(laneKey, lane);
      return lane;
    }
    if (known.endpoint.key !== endpointKey) {
      known.endpoint.parked.delete(known);
      known.endpoint.lanes -= 1;
      known.endpoint = this.#endpoint(endpointKey);
      known.endpoint.lanes += 1;
    }
    return known;
  }

  #endpoint(key: string): Endpoint {
    const known = this.#endpoints.get(key);
    if (known !== undefined) return known;
    const endpoint = {
      key,
      inFlight: 0,
      cap: this.#limits.perEndpointMin,
      proven: false,
      lanes: 0,
      parked: new Set<Lane<unknown>>(),
    };
    this.#endpoints.set(key, endpoint);
    return endpoint;
  }

  /** What is known of idle endpoints is kept only for so many. */
  #forget(endpoint: Endpoint): void {
    if (this.#endpoints.size <= ENDPOINTS_REMEMBERED_MAX) return;
    if (endpoint.inFlight === 0 && endpoint.lanes === 0) this.#endpoints.delete(endpoint.key);
  }
}

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

/** The endpoint of a URL: origin and path. Webhooks with the same endpoint share its cap. */
export const endpointOf = (url: string): string => {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
};
