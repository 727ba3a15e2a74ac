import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type {
  Appended,
  AppendFailure,
  EventStore,
  ReadFailure,
  StreamAppend,
} from '../../src/eventstore/event-store.ts';

export type AppendFault =
  /** Refused, nothing stored. */
  | 'unavailable'
  /** No answer: stored, or not. */
  | 'unknown_stored'
  | 'unknown_not_stored';

export interface FaultyStore extends EventStore {
  /** Asked before every append: a fault, or undefined to let it through. */
  appendFault: (batch: ReadonlyArray<StreamAppend>) => AppendFault | undefined;
  /** Passes before an append is sent. */
  beforeAppend: (batch: ReadonlyArray<StreamAppend>) => Promise<void>;
  /** Each stream of a batch is an append of its own: what is before one that fails stays stored. */
  splitBatches: boolean;
  /** Reads and head fail while it is set. */
  readsFail: boolean;
  /** Passes before the reading of a stream is answered, with what was there when it was asked for. */
  afterRead: (stream: string) => Promise<void>;
  /** Passes before an append is answered; what it stored is seen by subscribers at once. */
  beforeAnswer: () => Promise<void>;
}

type AppendAnswer = Promise<Either<AppendFailure, ReadonlyArray<Appended>>>;

const unavailable = { _tag: 'StoreUnavailable', message: 'the test took the store away' } as const;
const unknown: AppendFailure = { _tag: 'OutcomeUnknown', message: 'the test cut the answer off' };

/** A store that fails as told. Subscriptions go on: what they need was stored. */
export const faulty = (store: EventStore): FaultyStore => {
  const whileAway = <A>(read: () => Promise<A>) =>
    self.readsFail ? Promise.resolve(left<ReadFailure>(unavailable)) : read();
  const appendAll = async (batch: ReadonlyArray<StreamAppend>): AppendAnswer => {
    await self.beforeAppend(batch);
    return store.append(batch)();
  };
  const appendEach = async (batch: ReadonlyArray<StreamAppend>): AppendAnswer => {
    const appended: Appended[] = [];
    for (const one of batch) {
      const stored = await appendAll([one]);
      if (stored._tag === 'Left') return stored;
      appended.push(...stored.right);
    }
    return right(appended);
  };
  const self: FaultyStore = {
    ...store,
    appendFault: () => undefined,
    beforeAppend: async () => {},
    splitBatches: false,
    readsFail: false,
    afterRead: async () => {},
    beforeAnswer: async () => {},
    append: (batch) => async () => {
      const fault = self.appendFault(batch);
      if (fault === 'unavailable') return left(unavailable);
      if (fault === 'unknown_not_stored') return left(unknown);
      const stored = await (self.splitBatches ? appendEach(batch) : appendAll(batch));
      await self.beforeAnswer();
      return fault === 'unknown_stored' && stored._tag === 'Right' ? left(unknown) : stored;
    },
    readStream: (stream, options) => () =>
      whileAway(async () => {
        const read = await store.readStream(stream, options)();
        await self.afterRead(stream);
        return read;
      }),
    readAll: (options) => () => whileAway(store.readAll(options)),
    head: () => () => whileAway(store.head()),
  };
  return self;
};
