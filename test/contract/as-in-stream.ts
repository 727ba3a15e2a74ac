import type { EventStore, RecordedEvent } from '../../src/eventstore/event-store.ts';

/** As read from one stream, where a store with opaque positions need not tell them. */
export const asInStream = (
  { positions }: EventStore,
  events: ReadonlyArray<RecordedEvent>,
): ReadonlyArray<RecordedEvent> =>
  positions === 'dense' ? events : events.map((event) => ({ ...event, position: 0 }));
