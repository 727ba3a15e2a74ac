import { afterEach, describe, expect, it } from 'vitest';
import { auditWorld } from '../support/engine-audit.ts';
import { CAUSE, TIMEOUT_MS, World } from '../support/engine-world.ts';
import { answers, type Seen } from '../support/scripted-sender.ts';

const HOUR_MS = 60 * 60 * 1000;
const DEAD = 'https://dead.example/';
const GOOD = 'https://good.example/';

let world: World;
afterEach(() => auditWorld(world));

const many = (count: number) =>
  Array.from({ length: count }, (_, n) => world.change('event.update', String(n)));

describe('one dead endpoint', () => {
  it('never holds more than its cap, and the others are told at once', async () => {
    world = await World.started();
    let deadInFlight = 0;
    let deadInFlightMax = 0;
    world.sender.at(DEAD, () => {
      deadInFlight += 1;
      deadInFlightMax = Math.max(deadInFlightMax, deadInFlight);
      world.clock.setTimer(15_000, () => (deadInFlight -= 1));
      return 'hangs';
    });
    const dead = await world.webhook({ url: DEAD, retries: 1 });
    const good = await world.webhook({ url: GOOD });
    await world.report(...many(100));
    await world.clock.advance(1_000);
    expect(await world.situations(good)).toEqual(Array.from({ length: 100 }, () => 'delivered'));
    await world.clock.advance(HOUR_MS);
    expect(deadInFlightMax).toBe(world.limits.perEndpointMin);
    expect(await world.situations(dead)).toEqual(Array.from({ length: 100 }, () => 'exhausted'));
  });

  it('holds no more than its cap either when a webhook is moved there while its attempt is looked into', async () => {
    world = await World.started({ limits: { perEndpointMin: 1 } });
    world.sender.at(DEAD, 'hangs');
    await world.webhook({ url: DEAD, on: 'shop.update', retries: 0 });
    const moving = await world.webhook({ url: GOOD, coalesce: true });
    await world.report(world.change('shop.update'));
    await world.clock.advance(100);
    const { head } = world.store;
    world.store.head = () => async () => {
      const answer = await head()();
      await world.process.webhooks.update(moving, { url: DEAD }, CAUSE);
      return answer;
    };
    await world.report(world.change());
    await world.clock.advance(1_000);
    expect(world.sender.seen.map(({ url }) => url)).toEqual([DEAD]);
    await world.clock.advance(TIMEOUT_MS);
    expect(world.sender.seen.map(({ url }) => url)).toEqual([DEAD, DEAD]);
  });

  it('many of them together leave room for those that answer', async () => {
    world = await World.started();
    for (let n = 0; n < 20; n += 1) {
      world.sender.at(`${DEAD}${n}`, 'hangs');
      await world.webhook({ url: `${DEAD}${n}`, retries: 0 });
    }
    const good = await world.webhook({ url: GOOD, on: 'shop.update' });
    await world.report(world.change('shop.update'));
    await world.clock.advance(100);
    await world.report(...many(5));
    await world.clock.advance(100);
    expect(world.sender.inFlight).toBe(world.limits.unprovenMax);
    await world.clock.advance(2 * TIMEOUT_MS);
    expect(world.sender.inFlight).toBe(world.limits.doubtfulMax);
    await world.report(...many(10).map((_, n) => world.change('shop.update', String(n))));
    await world.clock.advance(1_000);
    expect(await world.situations(good)).toEqual(Array.from({ length: 11 }, () => 'delivered'));
  });
});

describe('a new endpoint that takes its time', () => {
  it('is not kept waiting by many dead ones', async () => {
    world = await World.started();
    for (let n = 0; n < 20; n += 1) {
      world.sender.at(`${DEAD}${n}`, 'hangs');
      await world.webhook({ url: `${DEAD}${n}`, retries: 0 });
    }
    await world.report(...many(15));
    await world.clock.advance(2 * TIMEOUT_MS + 100);
    world.sender.at(GOOD, answers(200, { afterMs: 1_100 }));
    const good = await world.webhook({ url: GOOD, on: 'shop.update' });
    await world.report(...many(20).map((_, n) => world.change('shop.update', String(n))));
    await world.clock.advance(TIMEOUT_MS);
    expect(world.sender.inFlight).toBe(world.limits.doubtfulMax);
    expect(await world.situations(good)).toEqual(Array.from({ length: 20 }, () => 'delivered'));
    await world.clock.advance(HOUR_MS);
  });
});

describe('an endpoint that always takes long', () => {
  it('does not share the slots of dead ones', async () => {
    world = await World.started();
    world.sender.at(GOOD, answers(200, { afterMs: 5_000 }));
    const slow = await world.webhook({ url: GOOD, on: 'shop.update' });
    for (let n = 0; n < 20; n += 1) {
      world.sender.at(`${DEAD}${n}`, 'hangs');
      await world.webhook({ url: `${DEAD}${n}`, retries: 0 });
    }
    await world.report(world.change('shop.update'), ...many(15));
    await world.clock.advance(2 * TIMEOUT_MS + 100);
    await world.report(...many(12).map((_, n) => world.change('shop.update', String(n))));
    await world.clock.advance(TIMEOUT_MS + 1_000);
    expect(await world.situations(slow)).toEqual(Array.from({ length: 13 }, () => 'delivered'));
    await world.clock.advance(HOUR_MS);
  });
});

describe('a webhook that gets another address', () => {
  it('leaves the slots of the old one, and teaches nothing about it', async () => {
    world = await World.started();
    world.sender.at(DEAD, 'hangs');
    const guid = await world.webhook({ url: DEAD, retries: 0 });
    await world.report(...many(10));
    await world.clock.advance(1_000);
    await world.process.webhooks.update(guid, { url: GOOD }, CAUSE);
    await world.clock.advance(TIMEOUT_MS);
    expect((await world.situations(guid)).toSorted()).toEqual([
      ...Array.from({ length: 6 }, () => 'delivered'),
      ...Array.from({ length: 4 }, () => 'exhausted'),
    ]);
    await world.webhook({ url: DEAD, on: 'shop.update', retries: 0 });
    const before = world.sender.inFlight;
    await world.report(...many(9).map((_, n) => world.change('shop.update', String(n))));
    await world.clock.advance(100);
    expect(world.sender.inFlight - before).toBe(world.limits.perEndpointMin);
    await world.clock.advance(HOUR_MS);
  });
});

describe('first attempts', () => {
  it('go before retries that are due at the same time', async () => {
    world = await World.started({ limits: { inFlightMax: 1, doubtfulMax: 1 } });
    const order: Seen[] = [];
    let failing = true;
    world.sender.at(GOOD, (seen) => {
      order.push(seen);
      return answers(failing ? 500 : 200, { afterMs: 100 });
    });
    await world.webhook({ url: GOOD });
    await world.report(...many(5));
    await world.clock.advance(600);
    expect(order).toHaveLength(5);
    failing = false;
    world.kill();
    await world.clock.advance(10_000);
    await world.start();
    await world.report(...many(5));
    await world.clock.advance(5_000);
    // Before anything else was reported the only slot was free for retries.
    const counts = order.slice(5).map(({ count }) => count);
    expect(counts.join('')).toMatch(/^2{0,2}1{5}2{3,5}$/);
    expect(counts).toHaveLength(10);
  });
});

describe('a backlog', () => {
  it('longer than what is read at once is delivered to its end, in order of its scheduling', async () => {
    world = await World.started({
      limits: { inFlightMax: 1, doubtfulMax: 1, perEndpointMin: 1, perEndpointMax: 1 },
    });
    await world.webhook({ url: GOOD });
    world.store.appendFault = (batch) =>
      batch.some(({ events }) => events.some(({ type }) => type === 'AttemptStarted'))
        ? 'unavailable'
        : undefined;
    await world.process.engine.drain(0);
    for (let n = 0; n < 5; n += 1) await world.report(...many(60));
    world.store.appendFault = () => undefined;
    await world.restart();
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(Array.from({ length: 300 }, () => 'delivered'));
    const scheduled = (await world.invocations()).map(({ facts }) => facts.scheduled.guid);
    expect(world.sender.seen.map(({ id }) => id)).toEqual(scheduled);
    expect(world.sender.inFlightMax).toBe(1);
  });
});
