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

const identifierIn = ({ body }: Seen): string => (JSON.parse(body) as { identifier: string }).identifier;

const disable = (webhook: string) => world.process.webhooks.disable(webhook, CAUSE);
const enable = (webhook: string) => world.process.webhooks.enable(webhook, CAUSE);

describe('disabling', () => {
  it('holds for an attempt that was being looked into, too', async () => {
    const memory = openMemoryStore();
    world = await World.started({
      store: {
        ...memory,
        // What follows from disabling comes a moment later.
        subscribe: (options) =>
          memory.subscribe({
            ...options,
            onEvents: async (events, upTo) => {
              if (events.some(({ event }) => event.type === 'WebhookDisabled'))
                await new Promise<void>((resolve) => world.clock.setTimer(100, resolve));
              return options.onEvents(events, upTo);
            },
          }),
      },
    });
    const webhook = await world.webhook({ coalesce: true });
    await world.report(world.change());
    const { head } = world.store;
    world.store.head = () => async () => {
      const answer = await head()();
      await world.process.webhooks.disable(webhook, CAUSE);
      return answer;
    };
    await world.clock.advance(10_000);
    expect(world.sender.seen).toEqual([]);
    expect(await world.situations()).toEqual(['cancelled']);
  });

  it('cancels what waits, and schedules nothing until it is enabled again', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook();
    await world.report(world.change(), world.change());
    await world.clock.advance(500);
    await disable(webhook);
    await world.clock.advance(500);
    await world.report(world.change());
    await world.clock.advance(HOUR_MS);
    expect(await world.invocations()).toMatchObject([
      { situation: 'cancelled', reason: 'webhook_disabled' },
      { situation: 'cancelled', reason: 'webhook_disabled' },
    ]);
    expect(world.sender.seen).toHaveLength(2);
    world.sender.at(URL_A, answers(200));
    await enable(webhook);
    await world.report(world.change());
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(['cancelled', 'cancelled', 'delivered']);
  });

  it('cancels more than a page of them', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook({ retryBaseMs: HOUR_MS });
    for (let n = 0; n < 3; n += 1) {
      await world.report(...Array.from({ length: 150 }, (_, i) => world.change('event.update', `${n}.${i}`)));
      await world.clock.advance(10_000);
    }
    await disable(webhook);
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(Array.from({ length: 450 }, () => 'cancelled'));
  });

  it('lets what is in flight finish', async () => {
    world.sender.at(URL_A, answers(200, { afterMs: 5_000 }));
    const webhook = await world.webhook();
    await world.report(world.change());
    await world.clock.advance(1_000);
    await disable(webhook);
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(['delivered']);
  });

  it('cancels what was in flight and failed', async () => {
    world.sender.at(URL_A, answers(500, { afterMs: 5_000 }));
    const webhook = await world.webhook({ retryBaseMs: HOUR_MS });
    await world.report(world.change());
    await world.clock.advance(1_000);
    await disable(webhook);
    await world.clock.advance(5_000);
    const [invocation] = await world.invocations();
    expect(invocation).toMatchObject({ situation: 'cancelled', reason: 'webhook_disabled' });
    expect(invocation?.facts.attempts).toMatchObject([{ ended: { outcome: 'failed' } }]);
  });

  it('cancels what was in flight and failed also when the webhook is no longer in memory', async () => {
    world.sender.at(URL_A, answers(500, { afterMs: 5_000 }));
    const webhook = await world.webhook({ retryBaseMs: HOUR_MS });
    await world.report(world.change());
    await world.clock.advance(1_000);
    world.process.webhooks.cached = () => undefined;
    await disable(webhook);
    await world.clock.advance(5_000);
    expect(await world.situations()).toEqual(['cancelled']);
  });

  it('cancels also what a change before it leads to only after it, even when enabled again at once', async () => {
    const busy = await World.started({ limits: { inFlightMax: 1, doubtfulMax: 1 } });
    world = busy;
    const webhook = await busy.webhook();
    await busy.webhook({ on: 'shop.update', url: 'https://hangs.example/' });
    busy.sender.at('https://hangs.example/', 'hangs');
    await busy.report(busy.change('shop.update', '1'));
    await busy.clock.advance(100);
    busy.store.appendFault = (batch) =>
      batch[0]?.stream.startsWith('invocation-') ? 'unavailable' : undefined;
    // The reading stands at this one until the store takes its invocation; all else follows in one go.
    await busy.report(busy.change('shop.update', '2'));
    await busy.report(busy.change());
    await busy.process.webhooks.disable(webhook, CAUSE);
    await busy.process.webhooks.enable(webhook, CAUSE);
    await busy.clock.advance(100);
    busy.store.appendFault = () => undefined;
    await busy.clock.advance(HOUR_MS);
    expect(await busy.situations(webhook)).toEqual(['cancelled']);
  });

  it('does not touch another webhook', async () => {
    world.sender.at(URL_A, answers(500));
    world.sender.at('https://other.example/', answers(500), answers(200));
    const webhook = await world.webhook();
    const other = await world.webhook({ url: 'https://other.example/' });
    await world.report(world.change());
    await world.clock.advance(500);
    await disable(webhook);
    await world.clock.advance(HOUR_MS);
    expect(await world.situations(webhook)).toEqual(['cancelled']);
    expect(await world.situations(other)).toEqual(['delivered']);
  });

  it('is not repeated after a restart on what was retried by hand since', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook({ retryBaseMs: HOUR_MS });
    await world.report(world.change());
    await world.clock.advance(500);
    await disable(webhook);
    await world.clock.advance(500);
    await enable(webhook);
    const [cancelled] = await world.invocations();
    await world.retry(cancelled?.facts.scheduled.guid ?? '');
    await world.clock.advance(500);
    expect(await world.situations()).toEqual(['waiting']);
    await world.restart();
    await world.clock.advance(500);
    expect(await world.situations()).toEqual(['waiting']);
  });
});

describe('deleting', () => {
  it('cancels what waits with that reason, for good', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook();
    await world.report(world.change());
    await world.clock.advance(500);
    await world.process.webhooks.delete(webhook, CAUSE);
    await world.report(world.change());
    await world.clock.advance(HOUR_MS);
    expect(await world.invocations()).toMatchObject([{ situation: 'cancelled', reason: 'webhook_deleted' }]);
    expect(world.sender.seen).toHaveLength(1);
    const [cancelled] = await world.invocations();
    expect(await world.retry(cancelled?.facts.scheduled.guid ?? '')).toMatchObject({
      left: { _tag: 'WebhookNotEnabled' },
    });
  });
});

describe('410', () => {
  it('exhausts the invocation, disables the webhook and cancels what else waits for it', async () => {
    world.sender.at(URL_A, (seen) => answers(identifierIn(seen) === 'gone' ? 410 : 500));
    const webhook = await world.webhook({ retries: 5 });
    await world.report(world.change('event.update', 'waits'));
    await world.clock.advance(100);
    await world.report(world.change('event.update', 'gone'));
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(['cancelled', 'exhausted']);
    const found = await world.process.webhooks.get(webhook);
    const [, gone] = await world.invocations();
    expect(found).toMatchObject({
      right: {
        webhook: { situation: 'disabled', reason: { kind: 'gone', invocation: gone?.facts.scheduled.guid } },
      },
    });
    expect((await world.log()).at(-1)?.event).not.toMatchObject({ type: 'WebhookDisabled' });
    await world.report(world.change());
    await world.clock.advance(HOUR_MS);
    expect(await world.invocations()).toHaveLength(2);
  });

  it('disables before its outcome is recorded: a kill in between leaves an interrupted attempt', async () => {
    world.sender.at(URL_A, answers(410));
    const webhook = await world.webhook({ retries: 5 });
    world.store.appendFault = (batch) =>
      batch[0]?.events[0]?.type === 'AttemptFailed' ? 'unavailable' : undefined;
    await world.report(world.change());
    await world.clock.advance(100);
    world.kill();
    world.store.appendFault = () => undefined;
    await world.start();
    await world.clock.advance(HOUR_MS);
    expect(await world.process.webhooks.get(webhook)).toMatchObject({
      right: { webhook: { situation: 'disabled' } },
    });
    const [invocation] = await world.invocations();
    expect(invocation?.situation).toBe('cancelled');
    expect(invocation?.facts.attempts).toMatchObject([{ ended: { outcome: 'interrupted' } }]);
  });
});
