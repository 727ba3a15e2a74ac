import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditWorld } from '../support/engine-audit.ts';
import { World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';

const URL_A = 'https://receiver.example/hook';
const HOUR_MS = 60 * 60 * 1000;

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => auditWorld(world));

const drained = async (boundMs: number): Promise<{ done: boolean }> => {
  const state = { done: false };
  void world.process.engine.drain(boundMs).then(() => (state.done = true));
  await world.clock.advance(0);
  return state;
};

describe('draining', () => {
  it('starts nothing new, and ends when what runs is recorded', async () => {
    world.sender.at(URL_A, answers(200, { afterMs: 3_000 }));
    await world.webhook();
    for (let n = 0; n < 6; n += 1) await world.report(world.change());
    await world.clock.advance(100);
    expect(world.sender.inFlight).toBe(4);
    const draining = await drained(10_000);
    await world.clock.advance(2_000);
    expect(draining.done).toBe(false);
    await world.clock.advance(1_000);
    expect(draining.done).toBe(true);
    expect(await world.situations()).toEqual([
      ...Array.from({ length: 4 }, () => 'delivered'),
      'waiting',
      'waiting',
    ]);
    expect(world.sender.seen).toHaveLength(4);
    expect(world.process.engine.inFlight).toBe(0);
  });

  it('interrupts what is still running after the bound and records that', async () => {
    world.sender.at(URL_A, 'hangs', answers(200));
    await world.webhook({ retries: 1 });
    await world.report(world.change());
    await world.clock.advance(100);
    const draining = await drained(2_000);
    await world.clock.advance(1_999);
    expect(draining.done).toBe(false);
    await world.clock.advance(1);
    expect(draining.done).toBe(true);
    const [invocation] = await world.invocations();
    expect(invocation?.situation).toBe('waiting');
    expect(invocation?.facts.attempts).toMatchObject([{ ended: { outcome: 'interrupted' } }]);
    await world.restart();
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(['delivered']);
  });

  it('waits for first attempts whose append is under way', async () => {
    world.sender.at(URL_A, answers(200, { afterMs: 1_000 }));
    await world.webhook({ retries: 0 });
    let answer = (): void => undefined;
    world.store.appendFault = (batch) => {
      if (batch[0]?.events.some(({ type }) => type === 'AttemptStarted') === true) {
        world.store.beforeAnswer = () => new Promise((resolve) => (answer = resolve));
      }
      return undefined;
    };
    await world.report(world.change());
    await world.clock.advance(0);
    world.store.beforeAnswer = async () => {};
    const draining = await drained(10_000);
    expect(draining.done).toBe(false);
    answer();
    await world.clock.advance(500);
    expect([draining.done, world.sender.inFlight]).toEqual([false, 1]);
    await world.clock.advance(500);
    expect(draining.done).toBe(true);
    expect(await world.situations()).toEqual(['delivered']);
  });

  it('leaves no timer behind', async () => {
    world.sender.at(URL_A, answers(500));
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(100);
    const draining = await drained(2_000);
    expect(draining.done).toBe(true);
    expect(world.clock.timers).toBe(0);
  });

  it('leaves to the next start what is reported meanwhile', async () => {
    world.sender.at(URL_A, answers(200, { afterMs: 3_000 }));
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(100);
    const draining = await drained(10_000);
    await world.report(world.change());
    await world.clock.advance(5_000);
    expect(draining.done).toBe(true);
    expect(world.sender.seen).toHaveLength(1);
    await world.restart(world.process.readModels);
    await world.clock.advance(5_000);
    expect(await world.situations()).toEqual(['delivered', 'delivered']);
  });

  it('ends at once when the store is away, and the next start records what was running', async () => {
    world.sender.at(URL_A, answers(200, { afterMs: 500 }));
    await world.webhook({ retries: 0 });
    await world.report(world.change());
    await world.clock.advance(100);
    world.store.appendFault = () => 'unavailable';
    const draining = await drained(10_000);
    await world.clock.advance(2_000);
    expect(draining.done).toBe(true);
    world.store.appendFault = () => undefined;
    await world.restart();
    expect(await world.invocations()).toMatchObject([
      { situation: 'exhausted', facts: { attempts: [{ ended: { outcome: 'interrupted' } }] } },
    ]);
  });

  it('a second time changes nothing', async () => {
    world.sender.at(URL_A, answers(200, { afterMs: 3_000 }));
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(100);
    const [first, second] = [await drained(10_000), await drained(10_000)];
    await world.clock.advance(3_000);
    expect([first.done, second.done]).toEqual([true, true]);
    expect(await world.situations()).toEqual(['delivered']);
  });
});
