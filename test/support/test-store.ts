import type { EventStore } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { Double } from '../eventstoredb/double/server.ts';
import { openAt } from '../eventstoredb/stores.ts';

/** `npm run test:esdb` switches the tests that need any store to EventStoreDB's double. */
export const TEST_STORE: 'memory' | 'double' =
  process.env['CALLBOARD_TEST_STORE'] === 'double' ? 'double' : 'memory';

/** An empty store; closing it ends all that belongs to it. */
export const openTestStore = async (): Promise<EventStore> => {
  if (TEST_STORE === 'memory') return openMemoryStore();
  const double = await new Double().start();
  const store = await openAt(double.url);
  return {
    ...portOf(store),
    close: async () => {
      await store.close();
      double.stop();
    },
  };
};

/** The port alone: what an adapter tells besides may be computed, and is not copied. */
export const portOf = (store: EventStore): EventStore => ({
  id: store.id,
  atomicBatches: store.atomicBatches,
  positions: store.positions,
  appendBytesMax: store.appendBytesMax,
  append: (batch) => store.append(batch),
  readStream: (stream, options) => store.readStream(stream, options),
  readAll: (options) => store.readAll(options),
  head: () => store.head(),
  subscribe: (options) => store.subscribe(options),
  close: () => store.close(),
});
