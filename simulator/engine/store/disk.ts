import { type Either, isLeft } from 'fp-ts/lib/Either.js';
import type {
  AppendFailure,
  EventData,
  Page,
  Position,
  ReadAllOptions,
  ReadStreamOptions,
  RecordedEvent,
  StreamAppend,
} from '../../../src/eventstore/event-store.ts';
import { memoryLog, type Written } from '../../../src/eventstore/memory-log.ts';

/** What outlives every process. */
export interface Disk {
  readonly head: Position;
  /** One transaction; each request succeeds or fails by itself. */
  commit(requests: ReadonlyArray<ReadonlyArray<StreamAppend>>): ReadonlyArray<Either<AppendFailure, Written>>;
  readStream(stream: string, options: ReadStreamOptions): ReadonlyArray<RecordedEvent>;
  readAll(options: ReadAllOptions): Page;
  /** The power goes off: what comes after it is read from what is left. `requests` were being committed. */
  crash(requests: ReadonlyArray<ReadonlyArray<StreamAppend>>): void;
  close(): void;
}

export interface MemoryDiskOptions {
  /** The position after one. */
  readonly following?: (position: Position) => Position;
  /** Events are read back from their text, as from a real disk. */
  readonly plain: boolean;
  /** Whether what was being committed at a crash is there afterwards. */
  readonly survives: () => boolean;
  readonly onStored: (events: ReadonlyArray<RecordedEvent>) => void;
}

export const memoryDisk = ({ following, plain, survives, onStored }: MemoryDiskOptions): Disk => {
  const log = memoryLog(following);
  const commit: Disk['commit'] = (requests) =>
    requests.map((batch) => {
      const written = log.append(plain ? batch.map(withPlainEvents) : batch);
      if (!isLeft(written) && written.right.stored.length > 0) onStored(written.right.stored);
      return written;
    });
  return {
    get head() {
      return log.head;
    },
    commit,
    readStream: (stream, options) => log.readStream(stream, options),
    readAll: (options) => log.readAll(options),
    crash: (requests) => {
      if (requests.length > 0 && survives()) commit(requests);
    },
    close: () => undefined,
  };
};

const withPlainEvents = (part: StreamAppend): StreamAppend => ({
  ...part,
  events: part.events.map(plainEvent),
});

const plainEvent = ({ id, type, data, metadata }: EventData): EventData => ({ id, type, data, metadata });
