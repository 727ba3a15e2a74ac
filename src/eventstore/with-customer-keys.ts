import { map } from 'fp-ts/lib/TaskEither.js';
import { pipe } from 'fp-ts/lib/function.js';
import type { CustomerKeys } from '../ports/customer-keys.ts';
import { lockedBy } from './codec.ts';
import type { EventStore, RecordedEvent } from './event-store.ts';

/**
 * The same store; what is decoded of its events shows the personal data whose keys are at hand. Their text stays as it is
 * stored: chains and seals are about that.
 */
export const withCustomerKeys = <S extends Pick<EventStore, 'readStream' | 'readAll'>>(
  store: S,
  keys: Pick<CustomerKeys, 'keyOf'>,
): S => {
  const locked = lockedBy((id) => keys.keyOf(id));
  const all = (events: ReadonlyArray<RecordedEvent>): ReadonlyArray<RecordedEvent> => events.map(locked);
  const { subscribe } = store as unknown as Partial<Pick<EventStore, 'subscribe'>>;
  return {
    ...store,
    readStream: (...asked: Parameters<EventStore['readStream']>) =>
      pipe(store.readStream(...asked), map(all)),
    readAll: (...asked: Parameters<EventStore['readAll']>) =>
      pipe(
        store.readAll(...asked),
        map((page) => ({ ...page, events: all(page.events) })),
      ),
    ...(subscribe !== undefined && {
      subscribe: (options: Parameters<EventStore['subscribe']>[0]) =>
        subscribe({ ...options, onEvents: (events, upTo) => options.onEvents(all(events), upTo) }),
    }),
  };
};
