import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditWorld } from '../support/engine-audit.ts';
import { BASE_MS, World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';

const URL_A = 'https://receiver.example/hook';
const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => auditWorld(world));

describe('a clock set back', () => {
  it('makes no attempt early and loses none', async () => {
    world.sender.at(URL_A, answers(500), answers(200));
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(500);
    world.clock.jump(-HOUR_MS);
    await world.clock.advance(HOUR_MS);
    expect(world.sender.seen).toHaveLength(1);
    await world.clock.advance(2 * BASE_MS);
    expect(await world.situations()).toEqual(['delivered']);
  });

  it('delays nothing that is reported after it', async () => {
    await world.webhook();
    world.clock.jump(-30 * DAY_MS);
    await world.report(world.change());
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['delivered']);
  });

  it('while an attempt runs gives no negative duration, and the wait counts from its end', async () => {
    world.sender.at(URL_A, answers(500, { afterMs: 2_000 }), answers(200));
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(1_000);
    world.clock.jump(-HOUR_MS);
    await world.clock.advance(1_000 + 2 * BASE_MS);
    const [invocation] = await world.invocations();
    expect(invocation?.situation).toBe('delivered');
    expect(invocation?.facts.attempts[0]?.ended?.result.durationMs).toBe(2_000);
  });

  it('between a kill and the restart loses nothing', async () => {
    world.sender.at(URL_A, 'hangs', answers(200));
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(1_000);
    world.kill();
    world.clock.jump(-HOUR_MS);
    await world.start();
    await world.clock.advance(2 * BASE_MS);
    expect(await world.situations()).toEqual(['delivered']);
  });

  it('while first attempts wait in memory starts them when their time has come again', async () => {
    world.sender.at(URL_A, answers(200, { afterMs: 1_000 }));
    await world.webhook();
    for (let n = 0; n < 8; n += 1) await world.report(world.change());
    await world.clock.advance(10);
    world.clock.jump(-10 * 60_000);
    await world.clock.advance(9 * 60_000);
    await world.clock.advance(2 * 60_000);
    expect(await world.situations()).toEqual(Array.from({ length: 8 }, () => 'delivered'));
  });
});

describe('a clock set forward', () => {
  it('makes attempts no later than planned before', async () => {
    world.sender.at(URL_A, answers(500), answers(500), answers(200));
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(100);
    world.clock.jump(30 * DAY_MS);
    await world.clock.advance(2 * BASE_MS + 3 * BASE_MS);
    expect(await world.situations()).toEqual(['delivered']);
  });

  it('and back again loses nothing', async () => {
    world.sender.at(URL_A, answers(500), answers(500), answers(200));
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(100);
    world.clock.jump(DAY_MS);
    await world.clock.advance(1_500);
    world.clock.jump(-DAY_MS);
    await world.clock.advance(2 * DAY_MS);
    expect(await world.situations()).toEqual(['delivered']);
  });
});
