import { isRight } from 'fp-ts/lib/Either.js';
import type { EventStore, Position } from './event-store.ts';

/** A store that remembers how far this process has written. */
export interface NotingStore {
  readonly store: EventStore;
  /** Position of the newest event that an append of this process is known to have stored; 0 before the first. */
  readonly newest: () => Position;
}

/** Whoever was answered a write finds it in what any node shows once that has reached this position. */
export const noteWrites = (store: EventStore): NotingStore => {
  let newest: Position = 0;
  const noting: EventStore = {
    ...store,
    append: (batch) => async () => {
      const appended = await store.append(batch)();
      if (isRight(appended)) for (const { position } of appended.right) newest = Math.max(newest, position);
      return appended;
    },
  };
  return { store: noting, newest: () => newest };
};
