import { afterAll, beforeAll } from 'vitest';
import { describeDurability, describeEventStore } from '../contract/event-store.ts';
import { Double } from './double/server.ts';
import { realServer } from './real.ts';
import { openAt } from './stores.ts';

const describeAt = (name: string, open: () => ReturnType<typeof openAt>): void => {
  describeEventStore(name, async () => ({ store: await open() }));
  describeDurability(name, async () => {
    const store = await open();
    return {
      store,
      reopen: async () => {
        await store.close();
        return open();
      },
    };
  });
};

const double = new Double();
beforeAll(() => double.start());
afterAll(() => double.stop());
describeAt('EventStoreDB, double', () => openAt(double.url));

const real = realServer();
if (real !== undefined) describeAt('EventStoreDB, real', () => openAt(real.url, { login: real.login }));
