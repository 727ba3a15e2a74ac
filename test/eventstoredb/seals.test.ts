import type { EventStore } from '../../src/eventstore/event-store.ts';
import { sealsContract } from '../contract/seals.ts';
import { portOf } from '../support/test-store.ts';
import { Double } from './double/server.ts';
import { openAt } from './stores.ts';

sealsContract('EventStoreDB', async (): Promise<EventStore> => {
  const double = await new Double().start();
  const store = await openAt(double.url);
  return {
    ...portOf(store),
    close: async () => {
      await store.close();
      double.stop();
    },
  };
});
