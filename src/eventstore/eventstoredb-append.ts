import { type Either, isLeft, type Left, left, right } from 'fp-ts/lib/Either.js';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { bytesOf } from './batch.ts';
import type { Connection, Session } from './eventstoredb-connection.ts';
import { type ClientEvent, positionOf, toClientEvent } from './eventstoredb-events.ts';
import { type Appended, type AppendFailure, NO_STREAM, type StreamAppend } from './event-store.ts';

const COUNTED_OTHERWISE_BYTES = 4 * 1024;
/** The server's 1 MiB for all events of an append, less what it may count of them in another way. */
export const APPEND_BYTES_MAX = 1024 * 1024 - COUNTED_OTHERWISE_BYTES;

/** Appends and bytes that the client holds at once: what a dying connection leaves it with is bounded. */
const IN_FLIGHT_MAX = 256;
const IN_FLIGHT_BYTES_MAX = 8 * 1024 * 1024;

export interface AppendTimes {
  /** No answer for so long: its outcome is unknown and the client is not to be trusted. Above the server's own 2 to 3 s. */
  readonly answerMs: number;
  /** How long an append may wait for a connection before it is said to be unavailable. */
  readonly connectionMs: number;
  /** How long an identical append is repeated before its outcome is said to be unknown. */
  readonly repeatMs: number;
}

export const APPEND_TIMES: AppendTimes = { answerMs: 4_000, connectionMs: 2_000, repeatMs: 12_000 };

/** Sent as a point in time: a clock that is behind the server's by more than that would make every append fail. */
const DEADLINE_MS = 60_000;
const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 1_000;

type Result = Either<AppendFailure, Appended>;

/** Appends to one stream after the other; those to the same stream never overtake each other. */
export class Appender {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #times: AppendTimes;
  readonly #slots = new Slots(IN_FLIGHT_MAX, IN_FLIGHT_BYTES_MAX);
  /** The newest append of each stream that has one under way; never rejects. */
  readonly #streams = new Map<string, Promise<unknown>>();
  readonly #running = new Set<Promise<unknown>>();
  readonly #log: Log;
  #bytesMax = APPEND_BYTES_MAX;

  constructor(connection: Connection, clock: Clock, times: AppendTimes, log: Log) {
    this.#connection = connection;
    this.#clock = clock;
    this.#times = times;
    this.#log = log;
  }

  /** What one append may hold: less than usual once the server has said that it is set up to take less. */
  get bytesMax(): number {
    return this.#bytesMax;
  }

  get inFlight(): number {
    return this.#slots.taken;
  }

  /** In the given order; with the first failure it ends, and what is before it stays stored. */
  async append(batch: ReadonlyArray<StreamAppend>): Promise<Either<AppendFailure, ReadonlyArray<Appended>>> {
    const parts = batch.map((part) => ({
      part,
      events: part.events.map(toClientEvent),
      bytes: bytesOf([part], this.#bytesMax),
    }));
    const bytesMax = this.#bytesMax;
    const tooLarge = parts.find(({ bytes }) => bytes > bytesMax);
    if (tooLarge !== undefined) return left({ _tag: 'AppendTooLarge', bytes: tooLarge.bytes, bytesMax });
    const appended: Appended[] = [];
    for (const { part, events, bytes, ends } of joined(parts)) {
      const result = await this.#inTurn(part.stream, () => this.#appendOne(part, events, bytes));
      if (isLeft(result)) return appended.length === 0 ? result : partly(result);
      const { position } = result.right;
      for (const revision of ends) appended.push({ revision, position });
    }
    return right(appended);
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /**
   * The server drops an append without an answer when its twin is being written at that moment, and a later one must not be
   * judged before an earlier one is certain.
   */
  #inTurn(stream: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#streams.get(stream);
    const running = before === undefined ? work() : before.then(work);
    const settled = running
      .catch(() => undefined)
      .finally(() => {
        this.#running.delete(settled);
        if (this.#streams.get(stream) === settled) this.#streams.delete(stream);
      });
    this.#streams.set(stream, settled);
    this.#running.add(settled);
    return running;
  }

  async #appendOne(part: StreamAppend, events: ClientEvent[], bytes: number): Promise<Result> {
    const connection = this.#connection;
    const startedMs = this.#clock.monotonicMs();
    let mayBeStored = false;
    let message = connection.away ?? '';
    for (let tries = 0; ; tries += 1) {
      const leftMs = this.#times.repeatMs - (this.#clock.monotonicMs() - startedMs);
      const session = mayBeStored
        ? leftMs > 0
          ? await connection.session(leftMs)
          : undefined
        : await connection.sessionSoon(this.#times.connectionMs);
      if (session === undefined) {
        message = connection.away ?? message;
        return left({ _tag: mayBeStored ? 'OutcomeUnknown' : 'StoreUnavailable', message });
      }
      const verdict = await this.#slots.hold(bytes, () => this.#send(session, part, events));
      if ('revision' in verdict) return right(verdict);
      switch (verdict.kind) {
        case 'conflict': {
          // Had an earlier try of ours been stored, its ids would have been recognised.
          const { stream, expectedRevision: expected } = part;
          return left({ _tag: 'WrongExpectedRevision', stream, expected, actual: verdict.actual });
        }
        case 'too_large':
          this.#takesLess(bytes, verdict.bytesMax);
          return left({ _tag: 'AppendTooLarge', bytes, bytesMax: verdict.bytesMax });
        case 'no_such_stream':
        case 'refused':
          message = verdict.kind === 'refused' ? verdict.message : 'the stream is not there';
          return left({ _tag: mayBeStored ? 'OutcomeUnknown' : 'StoreUnavailable', message });
        case 'broken':
          connection.broken(session, verdict.message);
          break;
        case 'later':
      }
      mayBeStored = true;
      message = verdict.message;
      await connection.pause(Math.min(PAUSE_MIN_MS * 2 ** tries, PAUSE_MAX_MS));
    }
  }

  /** From now on such an append is refused before it is sent, and so is a batch over several streams as a whole. */
  #takesLess(bytes: number, serverMax: number): void {
    const limit = Math.min(this.#bytesMax, bytes - 1, Math.max(serverMax - COUNTED_OTHERWISE_BYTES, 0));
    if (limit === this.#bytesMax) return;
    this.#bytesMax = limit;
    this.#log.error(
      { serverMax },
      'EventStoreDB: its MaxAppendSize is below 1 MiB: larger changes and bodies are refused. Raise it, then start Callboard again',
    );
  }

  async #send(session: Session, { stream, expectedRevision }: StreamAppend, events: ClientEvent[]) {
    try {
      const sent = session.client.appendToStream(stream, events, {
        expectedRevision: expectedRevision === NO_STREAM ? 'no_stream' : BigInt(expectedRevision),
        deadline: DEADLINE_MS,
      });
      const { success, nextExpectedRevision, position } = await this.#connection.within(
        session,
        this.#times.answerMs,
        'an append',
        sent,
      );
      if (!success) return { kind: 'broken', message: 'an append failed without a reason' } as const;
      return { revision: Number(nextExpectedRevision), position: positionOf(position) } satisfies Appended;
    } catch (error) {
      return this.#connection.verdict(error);
    }
  }
}

interface Part {
  readonly part: StreamAppend;
  readonly events: ClientEvent[];
  readonly bytes: number;
}

/**
 * What follows in one stream goes there together, which is one answer to wait for instead of many. `ends` are the
 * revisions at which the parts end; all are said to stand where the last one does, as the server tells no more.
 */
const joined = (parts: ReadonlyArray<Part>): ReadonlyArray<Part & { readonly ends: number[] }> => {
  const groups: Array<Part & { readonly ends: number[] }> = [];
  for (const { part, events, bytes } of parts) {
    const last = groups.at(-1);
    const end = part.expectedRevision + events.length;
    const follows =
      last?.part.stream === part.stream &&
      last.ends.at(-1) === part.expectedRevision &&
      last.bytes + bytes <= APPEND_BYTES_MAX;
    if (last === undefined || !follows) {
      groups.push({ part, events: [...events], bytes, ends: [end] });
      continue;
    }
    last.events.push(...events);
    last.ends.push(end);
    groups[groups.length - 1] = { ...last, bytes: last.bytes + bytes };
  }
  return groups;
};

/** With a part of the batch stored it is not true any more that nothing is. The identical batch completes it. */
const partly = (result: Left<AppendFailure>): Either<AppendFailure, never> => {
  const failure = result.left;
  switch (failure._tag) {
    case 'StoreUnavailable':
      return left({ ...failure, _tag: 'OutcomeUnknown' });
    case 'AppendTooLarge':
      // Repeated, it is refused as a whole: by then the server's limit is known.
      return left({
        _tag: 'OutcomeUnknown',
        message: 'the server takes less at once than it was thought to',
      });
    case 'WrongExpectedRevision':
    case 'OutcomeUnknown':
      return result;
  }
};

/** A bound on how many run at once and on their bytes; whoever comes later waits, in order. */
class Slots {
  readonly #max: number;
  readonly #bytesMax: number;
  readonly #waiting: Array<{ readonly bytes: number; readonly start: () => void }> = [];
  #bytes = 0;
  taken = 0;

  constructor(max: number, bytesMax: number) {
    this.#max = max;
    this.#bytesMax = bytesMax;
  }

  async hold<A>(bytes: number, work: () => Promise<A>): Promise<A> {
    if (this.#waiting.length > 0 || !this.#fits(bytes)) {
      await new Promise<void>((start) => this.#waiting.push({ bytes, start }));
    } else this.#take(bytes);
    try {
      return await work();
    } finally {
      this.taken -= 1;
      this.#bytes -= bytes;
      this.#startWaiting();
    }
  }

  #startWaiting(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#take(next.bytes);
      next.start();
    }
  }

  #fits(bytes: number): boolean {
    return this.taken === 0 || (this.taken < this.#max && this.#bytes + bytes <= this.#bytesMax);
  }

  #take(bytes: number): void {
    this.taken += 1;
    this.#bytes += bytes;
  }
}
