import { afterAll, beforeAll } from 'vitest';
import { describeDurability, describeEventStore } from '../contract/event-store.ts';
import { Double } from './double/server.ts';
import { openAt } from './stores.ts';

/** A real server where one is named: its streams have fresh names, whatever else it holds. */
const REAL = process.env['ESDB_URL'];

const describeAt = (name: string, url: () => string): void => {
  describeEventStore(name, async () => ({ store: await openAt(url()) }));
  describeDurability(name, async () => {
    const store = await openAt(url());
    return {
      store,
      reopen: async () => {
        await store.close();
        return openAt(url());
      },
    };
  });
};

const double = new Double();
beforeAll(() => double.start());
afterAll(() => double.stop());
describeAt('EventStoreDB, double', () => double.url);

if (REAL !== undefined) describeAt('EventStoreDB, real', () => REAL);
