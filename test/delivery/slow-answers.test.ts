import { afterEach, describe, expect, it } from 'vitest';
import { auditWorld } from '../support/engine-audit.ts';
import { World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';

const URL_A = 'https://receiver.example/hook';
const HOUR_MS = 60 * 60 * 1000;

let world: World;
afterEach(() => auditWorld(world));

/** The log shows an append long before the one who made it hears that it is stored. */
const slowWorld = async (delayMs: number): Promise<World> => {
  world = await World.started();
  world.store.beforeAnswer = () => new Promise((resolve) => world.clock.setTimer(delayMs, resolve));
  return world;
};

/** What waits for the store's answer, too, under a clock that only goes on when told to. */
const passing = async <T>(work: Promise<T>): Promise<T> => {
  await world.clock.advance(5_000);
  return work;
};

describe.each([1, 20, 700])('appends that are answered %i ms after they can be read', (delayMs) => {
  it('lose no retry', async () => {
    await slowWorld(delayMs);
    world.sender.at(URL_A, (seen) => answers(seen.count < 3 ? 500 : 200));
    await passing(world.webhook());
    for (let n = 0; n < 3; n += 1) await passing(world.report(world.change()));
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(['delivered', 'delivered', 'delivered']);
    expect(world.sender.seen).toHaveLength(9);
  });

  it('leave nobody waiting for a turn that has come', async () => {
    await slowWorld(delayMs);
    await passing(world.webhook({ ordering: 'per_resource' }));
    await passing(world.report(world.change(), world.change(), world.change()));
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(['delivered', 'delivered', 'delivered']);
    expect(world.sender.seen).toHaveLength(3);
  });

  it('send each of many once', async () => {
    await slowWorld(delayMs);
    await passing(world.webhook());
    const many = Array.from({ length: 30 }, (_, n) => world.change('event.update', String(n)));
    await passing(world.report(...many));
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(many.map(() => 'delivered'));
    expect(world.sender.seen).toHaveLength(30);
  });

  it('supersede what they should', async () => {
    await slowWorld(delayMs);
    await passing(world.webhook({ coalesce: true }));
    await passing(world.report(world.change(), world.change(), world.change()));
    await world.clock.advance(HOUR_MS);
    expect((await world.situations()).at(-1)).toBe('delivered');
  });
});
