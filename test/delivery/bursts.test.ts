import { afterEach, describe, expect, it } from 'vitest';
import type { StreamAppend } from '../../src/eventstore/event-store.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';

const HOUR_MS = 60 * 60 * 1000;
const URL_A = 'https://a.example/hook';
const URL_B = 'https://b.example/hook';

let world: World;
afterEach(() => auditWorld(world));

const burst = (count: number, type = 'event.update') =>
  Array.from({ length: count }, (_, n) => world.change(type, String(n)));

const delivered = (count: number): ReadonlyArray<string> => Array.from({ length: count }, () => 'delivered');

const isFanOut = (batch: ReadonlyArray<StreamAppend>): boolean =>
  batch[0]?.events[0]?.type === 'InvocationScheduled';

describe('more changes than there are slots', () => {
  const quickWorld = async (): Promise<void> => {
    world = await World.started({ limits: { inFlightMax: 512, perEndpointMin: 64, perEndpointMax: 128 } });
    await world.webhook({ url: URL_A });
    await world.report(world.change());
    await world.clock.advance(1_000);
  };

  it('nearly all start their first attempt in the append that schedules them', async () => {
    await quickWorld();
    let scheduled = 0;
    let started = 0;
    world.store.appendFault = (batch) => {
      for (const { events } of isFanOut(batch) ? batch : []) {
        scheduled += 1;
        if (events[1]?.type === 'AttemptStarted') started += 1;
      }
      return undefined;
    };
    await world.report(...burst(1_000));
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(delivered(1_001));
    expect(scheduled).toBe(1_000);
    expect(started).toBeGreaterThan(900);
  });

  it('so do the first ones after a start, when nothing is known of the webhook yet', async () => {
    await quickWorld();
    await world.restart();
    let started = 0;
    world.store.appendFault = (batch) => {
      if (isFanOut(batch))
        started += batch.filter(({ events }) => events[1]?.type === 'AttemptStarted').length;
      return undefined;
    };
    await world.report(...burst(4));
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(delivered(5));
    expect(started).toBe(4);
  });

  it('those for an endpoint that keeps its slots delay no other by more than a moment', async () => {
    await quickWorld();
    world.sender.at(URL_A, answers(200, { afterMs: 3_000 }));
    await world.webhook({ url: URL_B, on: 'event.create' });
    const fromMs = world.clock.nowMs();
    await world.report(...burst(1_000), ...burst(1, 'event.create'));
    await world.clock.advance(HOUR_MS);
    const [other] = world.sender.seen.filter(({ url }) => url === URL_B);
    // 1,000 invocations are four appends.
    expect((other?.atMs ?? HOUR_MS) - fromMs).toBeLessThanOrEqual(5 * 50);
    expect(await world.situations()).toEqual(delivered(1_002));
  });
});

describe('a fan-out that the store does not take', () => {
  const stuckWorld = async (): Promise<void> => {
    world = await World.started();
    await world.webhook({ url: URL_A });
    world.store.appendFault = (batch) => (isFanOut(batch) ? 'unavailable' : undefined);
    await world.report(...burst(3));
    await world.clock.advance(100);
  };

  it('holds up nothing that is read meanwhile', async () => {
    await stuckWorld();
    await world.webhook({ url: URL_B });
    const [change = ''] = await world.report(world.change());
    await world.clock.advance(100);
    const { readModels, engine } = world.process;
    expect(await engine.caughtUp()).toBe(true);
    expect(readModels.change(change)).toBeDefined();
    world.store.appendFault = () => undefined;
    await world.clock.advance(10_000);
    // The second webhook is told of what came after it only.
    expect(await world.situations()).toEqual(delivered(5));
  });

  it('is finished by the next process, with everything that was read after it', async () => {
    await stuckWorld();
    await world.report(...burst(3));
    await world.webhook({ url: URL_B });
    await world.report(world.change());
    await world.clock.advance(100);
    const { readModels } = world.process;
    world.kill();
    world.store.appendFault = () => undefined;
    await world.start(readModels);
    await world.clock.advance(10_000);
    expect(await world.situations()).toEqual(delivered(8));
  });
});
