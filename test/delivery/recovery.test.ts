import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditWorld } from '../support/engine-audit.ts';
import { BASE_MS, CAUSE, World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';

const URL_A = 'https://receiver.example/hook';
const HOUR_MS = 60 * 60 * 1000;

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => auditWorld(world));

const logLength = async (): Promise<number> => (await world.log()).length;

describe('after a kill', () => {
  it('an attempt that was running is recorded as interrupted, counts and is tried again after its wait', async () => {
    world.sender.at(URL_A, 'hangs', answers(200));
    await world.webhook({ retries: 1 });
    await world.report(world.change());
    await world.clock.advance(2_000);
    const restartedMs = world.clock.nowMs();
    await world.restart();
    const [interrupted] = await world.invocations();
    expect(interrupted?.situation).toBe('waiting');
    expect(interrupted?.facts.attempts[0]?.ended).toMatchObject({
      outcome: 'interrupted',
      result: { statusCode: null },
    });
    expect(interrupted?.facts.attempts[0]?.ended?.atMs).toBeGreaterThanOrEqual(restartedMs);
    await world.clock.advance(HOUR_MS);
    const [delivered] = await world.invocations();
    expect(delivered?.situation).toBe('delivered');
    const [first, second] = delivered?.facts.attempts ?? [];
    expect((second?.startedAtMs ?? 0) - (first?.ended?.atMs ?? 0)).toBeGreaterThanOrEqual(BASE_MS);
  });

  it('ends as exhausted when the interrupted attempt was the last of the budget', async () => {
    world.sender.at(URL_A, 'hangs');
    await world.webhook({ retries: 0 });
    await world.report(world.change());
    await world.clock.advance(2_000);
    await world.restart();
    await world.clock.advance(HOUR_MS);
    const [invocation] = await world.invocations();
    expect(invocation?.situation).toBe('exhausted');
    expect(invocation?.facts.attempts).toMatchObject([{ number: 1, ended: { outcome: 'interrupted' } }]);
    expect(world.sender.seen).toHaveLength(1);
  });

  it('never makes more than 1 + retries attempts, however often it is killed', async () => {
    world.sender.at(URL_A, 'hangs');
    await world.webhook({ retries: 2 });
    await world.report(world.change());
    for (let kills = 0; kills < 8; kills += 1) {
      await world.clock.advance(kills % 2 === 0 ? 500 : 10 * BASE_MS);
      await world.restart();
    }
    await world.clock.advance(HOUR_MS);
    const [invocation] = await world.invocations();
    expect(invocation?.situation).toBe('exhausted');
    expect(invocation?.facts.attempts).toHaveLength(3);
  });

  it('goes on waiting exactly as long as planned', async () => {
    world.sender.at(URL_A, answers(500), answers(200));
    await world.webhook({ retryBaseMs: 100_000 });
    await world.report(world.change());
    await world.clock.advance(1_000);
    const [waiting] = await world.invocations();
    const dueAtMs = waiting?.situation === 'waiting' ? waiting.dueAtMs : 0;
    for (let restarts = 0; restarts < 3; restarts += 1) {
      await world.restart();
      await world.clock.advance(10_000);
    }
    await world.clock.advance(HOUR_MS);
    const [delivered] = await world.invocations();
    expect(delivered?.facts.attempts[1]?.startedAtMs).toBe(dueAtMs);
  });

  it('tries at once what fell due while nothing ran', async () => {
    world.sender.at(URL_A, answers(500), answers(200));
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(500);
    world.kill();
    await world.clock.advance(10 * HOUR_MS);
    await world.start();
    expect(await world.situations()).toEqual(['delivered']);
  });

  it('fans out changes that were stored and not fanned out', async () => {
    await world.webhook();
    world.store.appendFault = (batch) =>
      batch[0]?.stream.startsWith('invocation-') ? 'unavailable' : undefined;
    await world.report(world.change(), world.change());
    await world.clock.advance(1_000);
    expect(await world.invocations()).toEqual([]);
    world.kill();
    world.store.appendFault = () => undefined;
    await world.start();
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['delivered', 'delivered']);
  });

  it('finishes a fan-out that was stored in part', async () => {
    for (let n = 0; n < 600; n += 1) await world.webhook({ url: `https://r${n}.example/` });
    let appends = 0;
    world.store.appendFault = (batch) =>
      batch[0]?.stream.startsWith('invocation-') === true && (appends += 1) > 1 ? 'unavailable' : undefined;
    await world.report(world.change());
    await world.clock.advance(100);
    expect(await world.invocations()).toHaveLength(256);
    world.kill();
    world.store.appendFault = () => undefined;
    await world.start();
    await world.clock.advance(HOUR_MS);
    const situations = await world.situations();
    expect(situations).toEqual(Array.from({ length: 600 }, () => 'delivered'));
  });

  it.each([
    ['disabled', 'webhook_disabled'],
    ['deleted', 'webhook_deleted'],
  ] as const)('cancels what was running for a webhook that was %s meanwhile', async (how, reason) => {
    world.sender.at(URL_A, 'hangs', answers(200));
    const webhook = await world.webhook();
    await world.report(world.change());
    await world.clock.advance(100);
    if (how === 'disabled') await world.process.webhooks.disable(webhook, CAUSE);
    else await world.process.webhooks.delete(webhook, CAUSE);
    await world.clock.advance(100);
    await world.restart();
    if (how === 'disabled') await world.process.webhooks.enable(webhook, CAUSE);
    await world.clock.advance(HOUR_MS);
    expect(await world.invocations()).toMatchObject([
      { situation: 'cancelled', reason, facts: { attempts: [{ ended: { outcome: 'interrupted' } }] } },
    ]);
    expect(world.sender.seen).toHaveLength(1);
  });

  it('finishes a cancellation that had not begun', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook({ retryBaseMs: HOUR_MS });
    await world.report(world.change(), world.change());
    await world.clock.advance(1_000);
    world.store.appendFault = (batch) =>
      batch[0]?.stream.startsWith('invocation-') ? 'unavailable' : undefined;
    await world.process.webhooks.disable(webhook, CAUSE);
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['waiting', 'waiting']);
    world.kill();
    world.store.appendFault = () => undefined;
    await world.start();
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['cancelled', 'cancelled']);
  });

  it('finishes a cancellation that was overtaken by the fan-out of later changes', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook({ retryBaseMs: HOUR_MS });
    await world.webhook({ on: 'shop.update', url: 'https://other.example/' });
    await world.report(world.change());
    await world.clock.advance(1_000);
    world.store.appendFault = (batch) =>
      batch[0]?.events[0]?.type === 'InvocationCancelled' ? 'unavailable' : undefined;
    await world.process.webhooks.disable(webhook, CAUSE);
    await world.process.webhooks.enable(webhook, CAUSE);
    await world.report(world.change('shop.update'));
    await world.clock.advance(1_000);
    await world.report(world.change('shop.update'));
    await world.clock.advance(1_000);
    expect(await world.situations(webhook)).toEqual(['waiting']);
    world.kill();
    world.store.appendFault = () => undefined;
    await world.start();
    await world.clock.advance(1_000);
    expect(await world.situations(webhook)).toEqual(['cancelled']);
  });
});

describe('a restart without faults', () => {
  it.each([
    ['with new read models', false],
    ['with the read models kept', true],
  ])('appends nothing, %s', async (_, kept) => {
    world.sender.at(URL_A, (seen) => answers(seen.count === 1 ? 500 : 200));
    await world.webhook();
    await world.webhook({ ordering: 'per_resource' });
    await world.webhook({ coalesce: true });
    for (let n = 0; n < 5; n += 1) await world.report(world.change(), world.change('event.update', '8'));
    await world.clock.advance(HOUR_MS);
    const before = await logLength();
    for (let restarts = 0; restarts < 3; restarts += 1) {
      await world.process.engine.drain(1_000);
      await world.restart(kept ? world.process.readModels : undefined);
      await world.clock.advance(HOUR_MS);
    }
    expect(await logLength()).toBe(before);
    expect(world.process.engine.ready).toBe(true);
  });
});

describe('two engines on one store', () => {
  it('never start the same attempt twice', async () => {
    const urls = Array.from({ length: 5 }, (_, n) => `https://r${n}.example/`);
    for (const url of urls) {
      world.sender.at(url, (seen) => answers(seen.count < 3 ? 500 : 200, { afterMs: 20 }));
      await world.webhook({ url, retries: 5 });
    }
    const first = world.process;
    const second = await world.start();
    for (let n = 0; n < 20; n += 1) {
      const { intake } = n % 2 === 0 ? first : second;
      await intake.report([world.change('event.update', String(n))], 'platform', world.random.uuid());
      await world.clock.advance(50);
    }
    await world.clock.advance(HOUR_MS);
    const situations = await world.situations();
    expect(situations).toEqual(Array.from({ length: 100 }, () => 'delivered'));
    for (const { facts } of await world.invocations()) {
      expect(world.sender.of(facts.scheduled.guid)).toHaveLength(facts.attempts.length);
    }
  });
});
