import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { AllStreamResolvedEvent, ResolvedEvent } from '@eventstore/db-client';
import type { Clock } from '../ports/clock.ts';
import { passes, unitsOf } from './batch.ts';
import type { Connection, Session } from './eventstoredb-connection.ts';
import { fromPosition, isSystem, positionOf, toRecorded } from './eventstoredb-events.ts';
import { NoAnswer } from './eventstoredb-failure.ts';
import type {
  Page,
  Position,
  ReadAllOptions,
  ReadFailure,
  ReadStreamOptions,
  RecordedEvent,
} from './event-store.ts';

export interface ReadTimes {
  /** A read that brings nothing for so long is given up. */
  readonly answerMs: number;
  /** How long a read waits for a connection, and how long it is tried again, before the store is unavailable. */
  readonly patienceMs: number;
}

export const READ_TIMES: ReadTimes = { answerMs: 5_000, patienceMs: 3_000 };

const PAUSE_MS = 100;
/** Events asked of the server at once when most may not pass a filter. */
const RAW_PAGE_MIN = 500;
/** With more text than this, in code units, a page ends early. */
const PAGE_UNITS_MAX = 16 * 1024 * 1024;

/** The part of the client's read streams that we use. */
interface Stream<E> {
  on(event: 'data', listener: (event: E) => void): Stream<E>;
  on(event: 'error', listener: (error: Error) => void): Stream<E>;
  on(event: 'end', listener: () => void): Stream<E>;
  pause(): unknown;
  cancel(): Promise<void>;
}

/** Every read asks the leader: what this process has written is there for it at once. */
export class Reader {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #times: ReadTimes;

  constructor(connection: Connection, clock: Clock, times: ReadTimes) {
    this.#connection = connection;
    this.#clock = clock;
    this.#times = times;
  }

  stream(
    stream: string,
    { direction = 'forwards', fromRevision, limit }: ReadStreamOptions,
  ): Promise<Either<ReadFailure, ReadonlyArray<RecordedEvent>>> {
    const backwards = direction === 'backwards';
    // Before the first event there is nothing.
    if (backwards && fromRevision !== undefined && fromRevision < 0) return Promise.resolve(right([]));
    const from =
      fromRevision === undefined ? (backwards ? 'end' : 'start') : BigInt(Math.max(fromRevision, 0));
    return this.#repeat(async (session) => {
      const events: RecordedEvent[] = [];
      await this.#consume<ResolvedEvent>(
        session,
        session.client.readStream(stream, {
          direction,
          fromRevision: from,
          maxCount: limit,
          requiresLeader: true,
        }),
        ({ event }) => {
          if (event !== undefined) events.push(toRecorded(event, positionOf(event.position)));
          return events.length < limit;
        },
      );
      return events;
    }, []);
  }

  /**
   * Filtered here, not by the server: the client reads pages without a filter only, and a filtered subscription tells how
   * far it has come only now and then. Costs bandwidth where the database holds much that is not ours.
   */
  all({ after, limit, filter }: ReadAllOptions): Promise<Either<ReadFailure, Page>> {
    return this.#repeat(async (session) => {
      const events: RecordedEvent[] = [];
      let next = after;
      let units = 0;
      const full = (): boolean => events.length >= limit || units >= PAGE_UNITS_MAX;
      for (;;) {
        const maxCount = Math.max(limit - events.length, filter === undefined ? 0 : RAW_PAGE_MIN) + 1;
        let received = 0;
        await this.#consume<AllStreamResolvedEvent>(
          session,
          session.client.readAll({ fromPosition: fromPosition(next), maxCount, requiresLeader: true }),
          ({ event }) => {
            received += 1;
            const position = positionOf(event?.position);
            // The server reads from a position on, with the event there; we come after it.
            if (event === undefined || position <= next) return true;
            next = position;
            if (!isSystem(event.streamId) && passes(event.streamId, filter?.streamPrefixes)) {
              const recorded = toRecorded(event, position);
              events.push(recorded);
              units += unitsOf(recorded.event);
            }
            return !full();
          },
        );
        if (full()) return { events, next, atEnd: false };
        if (received < maxCount) return { events, next, atEnd: true };
      }
    });
  }

  head(): Promise<Either<ReadFailure, Position>> {
    return this.#repeat(async (session) => {
      let head: Position = 0;
      await this.#consume<AllStreamResolvedEvent>(
        session,
        session.client.readAll({
          direction: 'backwards',
          fromPosition: 'end',
          maxCount: 1,
          requiresLeader: true,
        }),
        ({ event }) => {
          head = positionOf(event?.position);
          return true;
        },
      );
      return head;
    });
  }

  /** Reading changes nothing, so what failed is tried again, for a while. `missing`: the answer for no such stream. */
  async #repeat<A>(read: (session: Session) => Promise<A>, missing?: A): Promise<Either<ReadFailure, A>> {
    const connection = this.#connection;
    const startedMs = this.#clock.monotonicMs();
    let message = connection.away ?? '';
    for (;;) {
      const leftMs = this.#times.patienceMs - (this.#clock.monotonicMs() - startedMs);
      const session = leftMs > 0 ? await connection.sessionSoon(leftMs) : undefined;
      if (session === undefined)
        return left({ _tag: 'StoreUnavailable', message: connection.away ?? message });
      try {
        return right(await read(session));
      } catch (error) {
        const verdict = connection.verdict(error);
        if (verdict.kind === 'no_such_stream' && missing !== undefined) return right(missing);
        message = 'message' in verdict ? verdict.message : verdict.kind;
        if (verdict.kind === 'broken') connection.broken(session, message);
        else if (verdict.kind !== 'later') return left({ _tag: 'StoreUnavailable', message });
        await connection.pause(PAUSE_MS);
      }
    }
  }

  /** Hands over event by event until `take` says no or there are no more. */
  #consume<E>(session: Session, stream: Stream<E>, take: (event: E) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const { answerMs } = this.#times;
      let done = false;
      let heard = false;
      const settle = (finish: () => void, cancel: boolean): void => {
        if (done) return;
        done = true;
        timer.cancel();
        session.over.removeEventListener('abort', onOver);
        // A call that could not be made cannot be cancelled either, and has told so.
        if (cancel) stream.cancel().catch(() => undefined);
        finish();
      };
      const fail = (message: string): void => settle(() => reject(new NoAnswer(message)), true);
      const onOver = (): void => fail('a read: the connection broke');
      const watch = () =>
        this.#clock.setTimer(answerMs, () => {
          if (!heard) return fail(`a read: no answer in ${answerMs} ms`);
          heard = false;
          timer = watch();
        });
      let timer = watch();
      session.over.addEventListener('abort', onOver);
      stream
        .on('data', (event) => {
          heard = true;
          if (done) return;
          try {
            if (!take(event)) settle(resolve, true);
          } catch (error) {
            settle(() => reject(error instanceof Error ? error : new Error(String(error))), true);
          }
        })
        .on('error', (error) => settle(() => reject(error), false))
        .on('end', () => settle(resolve, false));
      if (session.over.aborted) onOver();
    });
  }
}
