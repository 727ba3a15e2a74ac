import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { assertBatch, assertLimit, bytesOf, passes } from '../../../src/eventstore/batch.ts';
import type {
  Appended,
  AppendFailure,
  EventStore,
  ReadFailure,
  RecordedEvent,
  StreamAppend,
  SubscribeOptions,
  Subscription,
} from '../../../src/eventstore/event-store.ts';
import type { Disk } from './disk.ts';
import type { SimulatedStore } from './embedded.ts';
import { pointsBefore, pointsBehind, type StoreHost } from './store-host.ts';

const APPEND_BYTES_MAX = 1024 * 1024 - 4 * 1024;
/** How long its client goes on before it says that it does not know. */
const UNKNOWN_MS = [4_000, 12_000] as const;
const UNAVAILABLE_MS = [0, 2_000] as const;
/** A request may land so long after its client gave up. */
const LATE_MS_MAX = 60_000;

type Result = Either<AppendFailure, Appended>;
type Fate = 'answered' | 'request_lost' | 'answer_lost' | 'late';

/**
 * A database that processes share over a network, with the promises of the EventStoreDB adapter and no more: a batch is
 * written stream by stream, positions have gaps, events of one stream do not tell theirs, an outcome may stay unknown and
 * the append land later, even after its process has ended. Appends of a process to one stream never overtake each other.
 */
export const remoteStore = (
  id: string,
  disk: Disk,
  unknownRate: () => number,
  host: StoreHost,
): SimulatedStore => {
  const turns = new Map<string, Promise<unknown>>();
  const running = new Set<SharedSubscription>();
  const { scheduler, chance, faults } = host;

  const isCutOff = (): boolean => scheduler.nowMs < host.cutOffUntilMs();
  const isDown = (): boolean => scheduler.nowMs < faults.awayUntilMs;
  const isAway = (): boolean => isDown() || isCutOff();
  const latencyMs = (): number =>
    scheduler.nowMs < faults.slowUntilMs ? chance.delayMs(1, faults.slowMostMs) : chance.delayMs(0, 6);

  const fate = (): Fate =>
    chance.chance(unknownRate()) ? chance.pick(['request_lost', 'answer_lost', 'late'] as const) : 'answered';

  const send = (part: StreamAppend): Promise<Result> =>
    new Promise((resolve) => {
      const answer = (delayMs: number, result: Result, stored: ReadonlyArray<RecordedEvent> = []): void => {
        host.deliver(delayMs, () => {
          host.told(stored);
          resolve(result);
        });
      };
      const unknown = left({ _tag: 'OutcomeUnknown', message: 'no answer in time' } as const);
      const drawn = fate();
      if (drawn !== 'answered') {
        host.mark(drawn);
        host.trace(`append ${part.stream}@${part.expectedRevision} ${drawn}`);
        answer(chance.between(...UNKNOWN_MS), unknown);
      } else if (isAway()) {
        host.mark('store_away');
        if (host.point('C20')) return;
        const failure = { _tag: 'StoreUnavailable', message: 'not connected' } as const;
        return answer(chance.between(...UNAVAILABLE_MS), left(failure));
      }
      if (drawn === 'request_lost') return;
      if (pointsBefore([part]).some((point) => host.point(point))) return;
      // On its way: nothing that happens to the process stops it.
      scheduler.after(drawn === 'late' ? chance.delayMs(1, LATE_MS_MAX) : latencyMs(), () => {
        // Cut off since it left: either the request or its answer is what gets lost.
        const lost = isDown() || (isCutOff() && chance.chance(0.5));
        if (lost) {
          if (drawn === 'answered') answer(chance.between(...UNKNOWN_MS), unknown);
          return;
        }
        if (!host.alive() && part.events.some(({ type }) => type === 'AttemptStarted'))
          host.mark('start_of_the_dead');
        const [written] = disk.commit([[part]]);
        if (written === undefined) throw new Error('one answer for each request');
        host.trace(
          `landed ${part.stream}@${part.expectedRevision} ${isLeft(written) ? written.left._tag : disk.head}`,
        );
        if (drawn !== 'answered') return;
        if (isCutOff()) {
          host.mark('cut_off_answer');
          return answer(chance.between(...UNKNOWN_MS), unknown);
        }
        if (!isLeft(written) && pointsBehind([part]).some((point) => host.point(point))) return;
        if (isLeft(written)) {
          host.mark(written.left._tag);
          return answer(latencyMs(), written);
        }
        const [appended] = written.right.appended;
        if (appended === undefined) throw new Error('one answer for each stream');
        answer(latencyMs(), right(appended), written.right.stored);
      });
    });

  const inTurn = (part: StreamAppend): Promise<Result> => {
    const before = turns.get(part.stream);
    const mine = before === undefined ? send(part) : before.then(() => send(part));
    turns.set(part.stream, mine);
    void mine.then(() => {
      if (turns.get(part.stream) === mine) turns.delete(part.stream);
    });
    return mine;
  };

  const append: EventStore['append'] = (batch) => async () => {
    assertBatch(batch);
    for (const part of batch) {
      const bytes = bytesOf([part], APPEND_BYTES_MAX);
      if (bytes > APPEND_BYTES_MAX)
        return left({ _tag: 'AppendTooLarge', bytes, bytesMax: APPEND_BYTES_MAX });
    }
    host.submitted(batch);
    const appended: Appended[] = [];
    for (const part of batch) {
      const result = await inTurn(part);
      if (isLeft(result)) {
        if (appended.length === 0 || result.left._tag !== 'StoreUnavailable') return result;
        host.mark('stored_in_part');
        return left({ ...result.left, _tag: 'OutcomeUnknown' });
      }
      appended.push(result.right);
    }
    return right(appended);
  };

  const read =
    <A>(question: () => A) =>
    (): Promise<Either<ReadFailure, A>> =>
      new Promise((resolve) => {
        const failure = left({ _tag: 'StoreUnavailable', message: 'not connected' } as const);
        host.deliver(latencyMs(), () => {
          if (isAway() || scheduler.nowMs < faults.readsFailUntilMs) {
            host.mark('read_error');
            return host.deliver(chance.between(...UNAVAILABLE_MS), () => resolve(failure));
          }
          const answer = right(question());
          host.deliver(latencyMs(), () => resolve(answer));
        });
      });

  const subscribe = (options: SubscribeOptions): Subscription => {
    const subscription = new SharedSubscription(disk, host, options);
    running.add(subscription);
    return subscription;
  };

  return {
    id,
    atomicBatches: false,
    positions: 'opaque',
    appendBytesMax: APPEND_BYTES_MAX,
    append,
    readStream: (stream, options) => {
      assertLimit(options.limit);
      // 24.6 does not tell where in the log an event of a stream stands.
      return read(() => disk.readStream(stream, options).map((event) => ({ ...event, position: 0 })));
    },
    readAll: (options) => {
      assertLimit(options.limit);
      return read(() => disk.readAll(options));
    },
    head: () => read(() => disk.head),
    subscribe,
    crash: () => undefined,
    close: async () => {
      await Promise.all([...running].map((subscription) => subscription.stop()));
    },
  };
};

/** What is new is handed over so much later. */
const NEWS_MS = [1, 15] as const;

class SharedSubscription implements Subscription {
  readonly #disk: Disk;
  readonly #host: StoreHost;
  readonly #options: SubscribeOptions;
  /** The newest when it began: once everything up to there was handed over, it has caught up. */
  readonly #startHead: number;
  readonly #unlisten: () => void;
  #cursor: number;
  #caughtUp = false;
  #stopped = false;
  #busy = false;
  #running: Promise<void> = Promise.resolve();

  constructor(disk: Disk, host: StoreHost, options: SubscribeOptions) {
    this.#disk = disk;
    this.#host = host;
    this.#options = options;
    this.#cursor = options.after;
    this.#startHead = disk.head;
    this.#unlisten = host.onNews(() => this.#look());
    this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unlisten();
    await this.#running;
  }

  #look(): void {
    if (this.#stopped || this.#busy) return;
    if (this.#caughtUp && this.#cursor >= this.#disk.head) return;
    this.#busy = true;
    const { chance, faults, scheduler } = this.#host;
    const awayUntilMs = (): number => Math.max(faults.awayUntilMs, this.#host.cutOffUntilMs());
    const awayMs = Math.max(awayUntilMs() - scheduler.nowMs, 0);
    this.#host.deliver(awayMs + chance.between(...NEWS_MS), () => {
      if (this.#stopped) return;
      if (scheduler.nowMs < awayUntilMs()) {
        this.#busy = false;
        return this.#look();
      }
      this.#running = this.#handOver().then(() => {
        this.#busy = false;
        this.#look();
      }, this.#options.onFailure);
    });
  }

  async #handOver(): Promise<void> {
    const { filter, batchMax, onEvents, onCaughtUp } = this.#options;
    if (this.#cursor < this.#disk.head) {
      const limit = this.#host.chance.chance(0.5) ? batchMax : this.#host.chance.between(1, 20);
      const { events, next } = this.#disk.readAll({ after: this.#cursor, limit });
      const passing = events.filter(({ stream }) => passes(stream, filter?.streamPrefixes));
      this.#cursor = next;
      this.#host.told(passing);
      await onEvents(passing, next);
    }
    if (this.#caughtUp || this.#stopped || this.#cursor < this.#startHead) return;
    this.#caughtUp = true;
    onCaughtUp?.();
  }
}
