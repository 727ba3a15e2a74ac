import type { EventStore } from '../../src/eventstore/event-store.ts';
import { sealsContract } from '../contract/seals.ts';
import { Double } from './double/server.ts';
import { openAt } from './stores.ts';

sealsContract('EventStoreDB', async (): Promise<EventStore> => {
  const double = await new Double().start();
  const store = await openAt(double.url);
  return {
    id: store.id,
    atomicBatches: store.atomicBatches,
    positions: store.positions,
    appendBytesMax: store.appendBytesMax,
    append: (batch) => store.append(batch),
    readStream: (stream, options) => store.readStream(stream, options),
    readAll: (options) => store.readAll(options),
    head: () => store.head(),
    subscribe: (options) => store.subscribe(options),
    close: async () => {
      await store.close();
      double.stop();
    },
  };
});
