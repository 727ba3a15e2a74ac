import { expect, it } from 'vitest';
import { killRun } from './kill-run.ts';

const KILLS = 30;

it('keeps every promise across kills at random moments', async () => {
  const tally = await killRun({ seed: 20_260_101, kills: KILLS });
  expect(tally.kills).toBe(KILLS);
  // The run was worth something: there was work under way when it was killed.
  expect(tally.acked).toBeGreaterThan(KILLS);
  expect(tally.interrupted).toBeGreaterThan(0);
  expect(tally.requests).toBeGreaterThan(tally.acked);
}, 300_000);
