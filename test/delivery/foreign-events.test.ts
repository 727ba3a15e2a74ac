import { expect, it } from 'vitest';
import { World } from '../support/engine-world.ts';

it('events of others at the end of the log hold nobody up', async () => {
  const world = await World.started();
  await world.webhook();
  await world.report(world.change());
  await world.clock.advance(1_000);
  const event = { id: world.random.uuid(), type: 'Foreign', data: '{}', metadata: '{}' };
  await world.store.append([{ stream: 'foreign-1', expectedRevision: -1, events: [event] }])();
  let caughtUp: boolean | undefined;
  void world.process.engine.caughtUp().then((shown) => (caughtUp = shown));
  await world.clock.advance(1_000);
  expect(caughtUp).toBe(true);
  await world.report(world.change());
  await world.clock.advance(1_000);
  expect(world.sender.seen).toHaveLength(2);
  expect(world.defects).toEqual([]);
});
