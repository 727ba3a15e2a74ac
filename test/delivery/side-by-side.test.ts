import { afterEach, expect, it } from 'vitest';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { World } from '../support/engine-world.ts';
import { opaqueStore } from '../support/opaque-store.ts';

let world: World;
afterEach(() => auditWorld(world));

it('a change is told although the invocations of later ones were stored before its own, and then the process died', async () => {
  world = await World.started({ store: opaqueStore(openMemoryStore()) });
  const webhook = await world.webhook();
  await world.clock.advance(1_000);
  await world.process.engine.drain(0);
  const changes = await world.report(
    ...['1', '2', '3'].map((identifier) => world.change('event.update', identifier)),
  );
  let sent = 0;
  world.store.beforeAppend = async ([one]) => {
    if (one?.stream.startsWith('invocation-') !== true) return;
    sent += 1;
    // The first of a batch whose appends are all under way at once never arrives.
    if (sent === 1) await new Promise(() => undefined);
  };
  await world.restart();
  expect(sent).toBe(3);
  expect(await world.invocations(webhook)).toHaveLength(2);
  world.store.beforeAppend = async () => {};
  await world.restart();
  await world.clock.advance(1_000);
  const told = (await world.invocations(webhook)).map(({ facts }) => facts.scheduled.change);
  expect(told.toSorted()).toEqual(changes.toSorted());
});
