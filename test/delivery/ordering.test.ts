import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { CAUSE, World } from '../support/engine-world.ts';
import { answers, type Seen } from '../support/scripted-sender.ts';

const URL_A = 'https://receiver.example/hook';
const HOUR_MS = 60 * 60 * 1000;

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => auditWorld(world));

const numberIn = ({ body }: Seen): number => (JSON.parse(body) as { data: { n: number } }).data.n;
const identifierIn = ({ body }: Seen): string => (JSON.parse(body) as { identifier: string }).identifier;
const change = (n: number, identifier = '7') => world.change('event.update', identifier, { data: { n } });

describe('ordering per resource', () => {
  it('sends a later one only when the earlier one is settled', async () => {
    world.sender.at(URL_A, (seen) => answers(numberIn(seen) === 1 && seen.count < 4 ? 500 : 200));
    await world.webhook({ ordering: 'per_resource', retries: 5 });
    await world.report(change(1));
    await world.report(change(2), change(3));
    await world.clock.advance(HOUR_MS);
    expect(world.sender.seen.map(numberIn)).toEqual([1, 1, 1, 1, 2, 3]);
    expect(await world.situations()).toEqual(['delivered', 'delivered', 'delivered']);
  });

  it('sends the next one soon, not only when the read models would be written anyway', async () => {
    await world.webhook({ ordering: 'per_resource' });
    for (let n = 0; n < 12; n += 1) await world.report(change(n));
    await world.clock.advance(1_000);
    const { seen } = world.sender;
    expect(seen.map(numberIn)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const gaps = seen.slice(1).map(({ atMs }, before) => atMs - (seen[before]?.atMs ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(20);
  });

  it('goes on after an exhausted one', async () => {
    world.sender.at(URL_A, (seen) => answers(numberIn(seen) === 1 ? 500 : 200));
    await world.webhook({ ordering: 'per_resource', retries: 1 });
    await world.report(change(1), change(2));
    await world.clock.advance(HOUR_MS);
    expect(world.sender.seen.map(numberIn)).toEqual([1, 1, 2]);
    expect(await world.situations()).toEqual(['exhausted', 'delivered']);
  });

  it('goes on when the read models show that the earlier one began, and later that it is settled', async () => {
    const memory = openMemoryStore();
    world = await World.started({
      store: {
        ...memory,
        subscribe: (options) =>
          memory.subscribe({
            ...options,
            onEvents: async (events, upTo) => {
              if (events.some(({ event }) => event.type === 'InvocationDelivered'))
                await new Promise<void>((resolve) => world.clock.setTimer(100, resolve));
              return options.onEvents(events, upTo);
            },
          }),
      },
    });
    world.sender.at(URL_A, answers(200, { afterMs: 20 }));
    await world.webhook({ ordering: 'per_resource' });
    await world.report(change(1), change(2), change(3));
    await world.clock.advance(10_000);
    expect(await world.situations()).toEqual(['delivered', 'delivered', 'delivered']);
  });

  it('holds per resource: others do not wait', async () => {
    world.sender.at(URL_A, (seen) => answers(identifierIn(seen) === 'slow' ? 500 : 200));
    await world.webhook({ ordering: 'per_resource', retryBaseMs: HOUR_MS });
    await world.report(change(1, 'slow'), change(2, 'slow'), change(3, 'quick'), change(4, 'quick'));
    await world.clock.advance(10_000);
    expect(world.sender.seen.map(numberIn)).toEqual([1, 3, 4]);
  });

  it('holds across a kill', async () => {
    world.sender.at(URL_A, (seen) => (seen.count === 1 && numberIn(seen) === 1 ? 'hangs' : answers(200)));
    await world.webhook({ ordering: 'per_resource' });
    await world.report(change(1), change(2));
    await world.clock.advance(1_000);
    await world.restart();
    await world.clock.advance(HOUR_MS);
    expect(world.sender.seen.map(numberIn)).toEqual([1, 1, 2]);
  });

  it('goes on after a cancelled one', async () => {
    world.sender.at(URL_A, (seen) => answers(numberIn(seen) === 1 ? 500 : 200));
    const webhook = await world.webhook({ ordering: 'per_resource', retryBaseMs: HOUR_MS });
    await world.report(change(1));
    await world.clock.advance(1_000);
    // The cancellation takes its time: by then the next one has been looked for and found waiting for its turn.
    world.store.appendFault = (batch) =>
      batch[0]?.events[0]?.type === 'InvocationCancelled' ? 'unavailable' : undefined;
    await world.process.webhooks.disable(webhook, CAUSE);
    await world.process.webhooks.enable(webhook, CAUSE);
    await world.report(change(2));
    await world.clock.advance(1_000);
    expect(world.sender.seen.map(numberIn)).toEqual([1]);
    world.store.appendFault = () => undefined;
    await world.clock.advance(HOUR_MS / 2);
    expect(await world.situations()).toEqual(['cancelled', 'delivered']);
  });

  it('makes a later one wait again for an earlier one retried by hand', async () => {
    world.sender.at(URL_A, (seen) =>
      answers(numberIn(seen) === 1 && seen.count < 3 ? 500 : 200, { afterMs: 100 }),
    );
    await world.webhook({ ordering: 'per_resource', retries: 0 });
    await world.report(change(1));
    await world.clock.advance(1_000);
    const [exhausted] = await world.invocations();
    expect(exhausted?.situation).toBe('exhausted');
    await world.retry(exhausted?.facts.scheduled.guid ?? '');
    await world.report(change(2));
    await world.clock.advance(HOUR_MS);
    expect(world.sender.seen.map(numberIn)).toEqual([1, 1, 2]);
  });
});

describe('coalescing', () => {
  it('lets a newer one supersede an older one that still waits', async () => {
    world.sender.at(URL_A, (seen) => answers(numberIn(seen) === 1 ? 500 : 200));
    await world.webhook({ coalesce: true, retryBaseMs: HOUR_MS });
    await world.report(change(1));
    await world.clock.advance(1_000);
    await world.report(change(2));
    await world.clock.advance(3 * HOUR_MS);
    expect(await world.situations()).toEqual(['superseded', 'delivered']);
    expect(world.sender.seen.map(numberIn)).toEqual([1, 2]);
    const [older, newer] = await world.invocations();
    const superseded = (await world.log()).find(({ event }) => event.type === 'InvocationSuperseded');
    expect(superseded?.stream).toBe(`invocation-${older?.facts.scheduled.guid}`);
    expect(superseded?.event).toMatchObject({ by: newer?.facts.scheduled.guid });
  });

  it('sends only the newest of many that came at once', async () => {
    await world.webhook({ coalesce: true });
    await world.report(...[1, 2, 3, 4, 5].map((n) => change(n)), change(6, 'other'));
    await world.clock.advance(HOUR_MS);
    expect(world.sender.seen.map(numberIn).sort()).toEqual([5, 6]);
    expect(await world.situations()).toEqual([
      ...Array.from({ length: 4 }, () => 'superseded'),
      'delivered',
      'delivered',
    ]);
  });

  it('leaves what is in flight alone, and supersedes it should it fail', async () => {
    world.sender.at(URL_A, (seen) => answers(numberIn(seen) === 1 ? 500 : 200, { afterMs: 5_000 }));
    await world.webhook({ coalesce: true });
    await world.report(change(1));
    await world.clock.advance(1_000);
    await world.report(change(2));
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(['superseded', 'delivered']);
    expect(world.sender.seen.map(numberIn)).toEqual([1, 2]);
  });

  it('sends an older one again when that is asked for by hand', async () => {
    world.sender.at(URL_A, (seen) => answers(numberIn(seen) === 1 && seen.count === 1 ? 500 : 200));
    await world.webhook({ coalesce: true, retries: 0 });
    await world.report(change(1));
    await world.clock.advance(1_000);
    await world.report(change(2));
    await world.clock.advance(1_000);
    const [older] = await world.invocations();
    await world.retry(older?.facts.scheduled.guid ?? '');
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['delivered', 'delivered']);
    expect(world.sender.seen.map(numberIn)).toEqual([1, 2, 1]);
    await world.restart();
    await world.clock.advance(HOUR_MS);
    expect(world.sender.seen).toHaveLength(3);
  });

  it('refuses a retry by hand of a superseded one', async () => {
    await world.webhook({ coalesce: true });
    await world.report(change(1), change(2));
    await world.clock.advance(1_000);
    const [older] = await world.invocations();
    expect(await world.retry(older?.facts.scheduled.guid ?? '')).toMatchObject({
      left: { _tag: 'InvocationSupersededBefore' },
    });
  });

  it('does the same together with ordering', async () => {
    world.sender.at(URL_A, (seen) => answers(numberIn(seen) === 1 ? 500 : 200));
    await world.webhook({ coalesce: true, ordering: 'per_resource', retryBaseMs: HOUR_MS });
    await world.report(change(1));
    await world.clock.advance(1_000);
    await world.report(change(2));
    await world.report(change(3));
    await world.clock.advance(HOUR_MS / 2);
    const situations = await world.situations();
    expect(situations[0]).toBe('superseded');
    expect(situations[2]).toBe('delivered');
    expect(world.sender.seen.map(numberIn).at(-1)).toBe(3);
  });
});
