import { afterAll, beforeAll, expect, it } from 'vitest';
import { databaseStore } from '../kill/database-store.ts';
import { killRun } from '../kill/kill-run.ts';
import { SharedStore } from '../nodes/shared-store.ts';

const KILLS = 10;

let store: SharedStore;
beforeAll(async () => {
  store = await SharedStore.open();
});
afterAll(() => store.close());

it('keeps every promise across kills at random moments, on EventStoreDB', async () => {
  const tally = await killRun({ seed: 20_260_102, kills: KILLS, openStore: databaseStore(store.reached) });
  expect(tally.kills).toBe(KILLS);
  expect(tally.acked).toBeGreaterThan(KILLS);
  expect(tally.requests).toBeGreaterThan(tally.acked);
}, 400_000);
