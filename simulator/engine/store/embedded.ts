import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { assertBatch, assertLimit, bytesOf } from '../../../src/eventstore/batch.ts';
import type {
  Appended,
  AppendFailure,
  EventStore,
  ReadFailure,
  RecordedEvent,
  StreamAppend,
} from '../../../src/eventstore/event-store.ts';
import { liveFeed, subscriptionsTo } from '../../../src/eventstore/subscription.ts';
import type { Disk } from './disk.ts';
import { pointsBefore, pointsBehind, type StoreHost } from './store-host.ts';

const APPEND_BYTES_MAX = 16 * 1024 * 1024;
const COMMIT_MS = [0, 2] as const;

interface Pending {
  readonly batch: ReadonlyArray<StreamAppend>;
  readonly resolve: (result: Either<AppendFailure, ReadonlyArray<Appended>>) => void;
}

interface Answer extends Pending {
  readonly result: Either<AppendFailure, ReadonlyArray<Appended>>;
  readonly stored: ReadonlyArray<RecordedEvent>;
}

export interface SimulatedStore extends EventStore {
  /** The process ends here and now. */
  crash(): void;
}

/**
 * The embedded store as a process sees it: appends queue for one writer that commits them in groups, answers come in
 * order and later, and subscribers hear of what was stored just before its answer. What was being committed at a crash
 * may be on disk, all of it or nothing; what is on disk and was not answered stays there.
 */
export const embeddedStore = (id: string, disk: Disk, host: StoreHost): SimulatedStore => {
  const feed = liveFeed(disk.head);
  let queue: Pending[] = [];
  const answers: Answer[] = [];
  let committing = false;
  let broken: string | undefined;

  const failed = (pending: Pending, failure: AppendFailure): Answer => ({
    ...pending,
    result: left(failure),
    stored: [],
  });

  const startCommit = (): void => {
    committing = true;
    const { chance, scheduler, faults } = host;
    const slow = scheduler.nowMs < faults.slowUntilMs;
    const ms = slow ? chance.delayMs(1, faults.slowMostMs) : chance.between(...COMMIT_MS);
    host.deliver(ms, commit);
  };

  const commit = (): void => {
    committing = false;
    const group = queue;
    queue = [];
    const { faults, scheduler } = host;
    if (broken !== undefined) {
      const message = broken;
      return answer(group.map((pending) => failed(pending, { _tag: 'StoreUnavailable', message })));
    }
    if (faults.fsyncErrorNext) {
      faults.fsyncErrorNext = false;
      broken = 'fsync failed';
      host.mark('fsync_error');
      host.trace(`fsync error with ${group.length} appends`);
      disk.crash(group.map(({ batch }) => batch));
      if (host.point('C19')) return;
      answer(group.map((pending) => failed(pending, { _tag: 'OutcomeUnknown', message: 'fsync failed' })));
      return host.fatal('fsync failed');
    }
    if (scheduler.nowMs < faults.awayUntilMs) {
      host.mark('disk_full');
      if (host.point('C20')) return;
      return answer(
        group.map((pending) => failed(pending, { _tag: 'StoreUnavailable', message: 'the disk is full' })),
      );
    }
    if (group.length > 1) host.mark('group_commit');
    const written = disk.commit(group.map(({ batch }) => batch));
    host.trace(`commit ${group.length} to ${disk.head}`);
    const committed = group.map((pending, index): Answer => {
      const result = written[index];
      if (result === undefined) throw new Error('one answer for each request');
      if (isLeft(result)) {
        host.mark(result.left._tag);
        return failed(pending, result.left);
      }
      return { ...pending, result: right(result.right.appended), stored: result.right.stored };
    });
    for (const point of new Set(group.flatMap(({ batch }) => pointsBehind(batch))))
      if (host.point(point)) return;
    answer(committed);
  };

  const answer = (these: ReadonlyArray<Answer>): void => {
    answers.push(...these);
    if (queue.length > 0) startCommit();
    host.deliver(host.chance.between(0, 1), () => {
      const now = answers.splice(0, these.length);
      const stored = now.flatMap((one) => one.stored);
      host.told(stored);
      feed.publish(stored);
      for (const { resolve, result } of now) resolve(result);
    });
  };

  const append: EventStore['append'] = (batch) => async () => {
    assertBatch(batch);
    const bytes = bytesOf(batch, APPEND_BYTES_MAX);
    if (bytes > APPEND_BYTES_MAX) return left({ _tag: 'AppendTooLarge', bytes, bytesMax: APPEND_BYTES_MAX });
    if (broken !== undefined) return left({ _tag: 'StoreUnavailable', message: broken });
    host.submitted(batch);
    const points = pointsBefore(batch);
    return new Promise((resolve) => {
      queue.push({ batch, resolve });
      if (points.some((point) => host.point(point))) return;
      if (!committing) startCommit();
    });
  };

  const read =
    <A>(question: () => A) =>
    async (): Promise<Either<ReadFailure, A>> => {
      if (!host.alive()) return new Promise(() => undefined);
      if (host.scheduler.nowMs >= host.faults.readsFailUntilMs) return right(question());
      host.mark('read_error');
      return left({ _tag: 'StoreUnavailable', message: 'SQLite: disk I/O error' });
    };

  const readAll: EventStore['readAll'] = (options) => {
    assertLimit(options.limit);
    return read(() => disk.readAll(options));
  };
  const subscriptions = subscriptionsTo(readAll, feed);
  return {
    id,
    atomicBatches: true,
    positions: 'dense',
    appendBytesMax: APPEND_BYTES_MAX,
    append,
    readStream: (stream, options) => {
      assertLimit(options.limit);
      return read(() => disk.readStream(stream, options));
    },
    readAll,
    head: () => read(() => disk.head),
    subscribe: subscriptions.subscribe,
    crash: () => {
      disk.crash(committing ? queue.map(({ batch }) => batch) : []);
      queue = [];
    },
    close: () => subscriptions.stopAll(),
  };
};
