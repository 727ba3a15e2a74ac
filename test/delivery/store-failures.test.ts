import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StreamAppend } from '../../src/eventstore/event-store.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { CAUSE, World } from '../support/engine-world.ts';
import type { AppendFault } from '../support/faulty-store.ts';
import { answers } from '../support/scripted-sender.ts';

const URL_A = 'https://receiver.example/hook';
const HOUR_MS = 60 * 60 * 1000;

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => auditWorld(world));

const holds = (batch: ReadonlyArray<StreamAppend>, type: string): boolean =>
  batch.some(({ events }) => events.some((event) => event.type === type));

/** The next `times` appends with an event of this type fail so. */
const failing = (type: string, fault: AppendFault, times: number): void => {
  let left = times;
  world.store.appendFault = (batch) => (holds(batch, type) && (left -= 1) >= 0 ? fault : undefined);
};

const FAULTS = ['unavailable', 'unknown_stored', 'unknown_not_stored'] as const;
const TYPES = ['InvocationScheduled', 'AttemptStarted', 'AttemptFailed', 'InvocationDelivered'] as const;
const cases = FAULTS.flatMap((fault) => TYPES.map((type) => [fault, type] as const));

describe.each(cases)('a store that answers "%s" to %s for a while', (fault, type) => {
  it('loses nothing and doubles nothing', async () => {
    world.sender.at(URL_A, (seen) => answers(seen.count === 1 ? 500 : 200));
    await world.webhook();
    await world.webhook({ ordering: 'per_resource' });
    await world.webhook({ coalesce: true });
    failing(type, fault, 5);
    for (let n = 0; n < 4; n += 1) {
      await world.report(world.change('event.update', String(n)));
      await world.clock.advance(300);
    }
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(Array.from({ length: 12 }, () => 'delivered'));
    for (const { facts } of await world.invocations()) {
      expect(facts.attempts.map(({ ended }) => ended?.outcome)).toEqual(['failed', 'succeeded']);
      expect(world.sender.of(facts.scheduled.guid)).toHaveLength(2);
    }
    // Every slot was given back, and once.
    expect(world.process.engine.inFlight).toBe(0);
  });

  it('loses nothing when the process is killed meanwhile', async () => {
    world.sender.at(URL_A, (seen) => answers(seen.count === 1 ? 500 : 200));
    await world.webhook({ retries: 10 });
    failing(type, fault, 3);
    for (let n = 0; n < 4; n += 1) await world.report(world.change());
    await world.clock.advance(700);
    await world.restart();
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(Array.from({ length: 4 }, () => 'delivered'));
  });
});

describe('a store that takes no appends', () => {
  it('lets no attempt start, and everything goes on by itself when it is back', async () => {
    world.sender.at(URL_A, (seen) => answers(seen.count === 1 ? 500 : 200));
    await world.webhook({ retries: 1 });
    await world.report(world.change());
    await world.clock.advance(100);
    world.store.appendFault = () => 'unavailable';
    await world.clock.advance(HOUR_MS);
    expect(world.sender.seen).toHaveLength(1);
    world.store.appendFault = () => undefined;
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['delivered']);
  });

  it('keeps an outcome until it can be recorded', async () => {
    world.sender.at(URL_A, answers(200, { afterMs: 50 }));
    await world.webhook();
    await world.report(world.change());
    world.store.appendFault = () => 'unavailable';
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(['in_flight']);
    world.store.appendFault = () => undefined;
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['delivered']);
    expect(world.sender.seen).toHaveLength(1);
  });

  it('still gets its cancellations done later', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook({ retryBaseMs: HOUR_MS });
    await world.report(world.change());
    await world.clock.advance(100);
    await world.process.webhooks.disable(webhook, CAUSE);
    world.store.appendFault = () => 'unavailable';
    await world.clock.advance(10_000);
    expect(await world.situations()).toEqual(['waiting']);
    world.store.appendFault = () => undefined;
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['cancelled']);
  });

  it('still disables on 410 later', async () => {
    world.sender.at(URL_A, answers(410));
    const webhook = await world.webhook();
    world.store.appendFault = (batch) => (holds(batch, 'WebhookDisabled') ? 'unavailable' : undefined);
    await world.report(world.change());
    await world.clock.advance(10_000);
    expect(await world.situations()).toEqual(['in_flight']);
    world.store.appendFault = () => undefined;
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['exhausted']);
    expect(await world.process.webhooks.get(webhook)).toMatchObject({
      right: { webhook: { situation: 'disabled' } },
    });
  });
});

describe('a store that cannot be read', () => {
  it('delays what has to be read and loses none of it', async () => {
    world.sender.at(URL_A, (seen) => answers(seen.count < 3 ? 500 : 200));
    await world.webhook();
    await world.report(world.change(), world.change());
    await world.clock.advance(100);
    world.store.readsFail = true;
    await world.clock.advance(HOUR_MS);
    expect(world.sender.seen).toHaveLength(2);
    world.store.readsFail = false;
    await world.clock.advance(10_000);
    expect(await world.situations()).toEqual(['delivered', 'delivered']);
  });

  it('delays a start, which then finds everything', async () => {
    world.sender.at(URL_A, 'hangs', answers(200));
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(100);
    world.kill();
    world.store.readsFail = true;
    const { engine } = await world.start();
    await world.clock.advance(10_000);
    expect(engine.ready).toBe(false);
    world.store.readsFail = false;
    await world.clock.advance(10_000);
    expect(engine.ready).toBe(true);
    expect(await world.situations()).toEqual(['delivered']);
  });

  it('can be stopped while it starts', async () => {
    world.kill();
    world.store.readsFail = true;
    const { engine } = await world.start();
    const drained = engine.drain(1_000);
    await world.clock.advance(10_000);
    await drained;
    expect(world.clock.timers).toBe(0);
    world.store.readsFail = false;
  });
});

it('a store that takes no appends at the start delays the recovery, which then ends', async () => {
  world.sender.at(URL_A, 'hangs', answers(200));
  const webhook = await world.webhook();
  await world.report(world.change());
  await world.clock.advance(100);
  await world.report(world.change());
  world.kill();
  world.store.appendFault = () => 'unavailable';
  const { engine } = await world.start();
  await world.clock.advance(10_000);
  expect(engine.ready).toBe(false);
  world.store.appendFault = () => undefined;
  await world.clock.advance(10_000);
  expect(engine.ready).toBe(true);
  expect(await world.situations(webhook)).toEqual(['delivered', 'delivered']);
});
