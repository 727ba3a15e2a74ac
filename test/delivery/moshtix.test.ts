import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { DEFAULT_TEMPLATE } from '../../src/domain/moshtix-request.ts';
import type { CustomRequest, SystemEvent, WebhookSettings } from '../../src/domain/webhook.ts';
import { PRINTED_ORDER } from '../domain/order-samples.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { CAUSE, World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => auditWorld(world));

const moshtix = (
  systemEvents: ReadonlyArray<SystemEvent>,
  request: Partial<CustomRequest> = {},
  more: Partial<WebhookSettings> = {},
) =>
  world.webhook({
    selection: {
      dialect: 'moshtix',
      id: 1,
      clientId: 6080,
      systemEvents: systemEvents.map((systemEvent, index) => ({ id: index + 2, systemEvent })),
    },
    request: { headers: [], body: DEFAULT_TEMPLATE, ...request },
    ...more,
  });

interface Body {
  readonly eventType: string;
  readonly contextId: Json;
  readonly data: JsonObject;
}

const bodies = async (): Promise<ReadonlyArray<Body>> => {
  await world.clock.advance(1_000);
  return world.sender.seen.map(({ body }) => JSON.parse(body) as Body);
};

interface PrintedOrder extends JsonObject {
  readonly customer: JsonObject;
  readonly tickets: { readonly items: ReadonlyArray<{ readonly id: number; readonly valid: boolean }> };
}

const SOLD = JSON.parse(PRINTED_ORDER) as PrintedOrder;
const TICKET = 29734124;

describe('ORDER_SAVED', () => {
  it('sends the printed payload byte for byte', async () => {
    await moshtix(['ORDER_SAVED']);
    await world.report(world.change('order.sold', '37228036', { data: SOLD }));
    await world.clock.advance(1_000);
    expect(world.sender.seen.map(({ body }) => body)).toEqual([
      `{ "eventType": "order-saved-prepare-full-message", "contextId": 37228036, "data": ${JSON.stringify(SOLD)}}`,
    ]);
  });

  it('sends the full order after each step of its life, and nothing of a scan or a plain trigger', async () => {
    await moshtix(['ORDER_SAVED']);
    const steps: ReadonlyArray<readonly [string, Json]> = [
      ['order.sold', SOLD],
      ['order.scanned', { tickets: { items: [{ id: TICKET }] } }],
      ['order.update', { note: 'plain' }],
      ['order.refunded', { tickets: { items: [{ id: TICKET, valid: false }] } }],
      ['order.cancelled', {}],
    ];
    for (const [type, data] of steps) {
      await world.report(world.change(type, '37228036', { data }));
      await world.clock.advance(1_000);
    }
    const seen = await bodies();
    expect(seen.map(({ eventType }) => eventType)).toEqual(
      Array.from({ length: 3 }, () => 'order-saved-prepare-full-message'),
    );
    expect(seen.map(({ data }) => data['customer'])).toEqual([SOLD.customer, SOLD.customer, SOLD.customer]);
    expect(seen.map(({ data }) => (data as PrintedOrder).tickets.items[0]?.valid)).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('reaches webhooks of both dialects, each in its own form, once', async () => {
    await moshtix(['ORDER_SAVED', 'EVENT_SAVED'], {}, { url: 'https://moshtix.example/' });
    await world.webhook({ on: 'order.paid', url: 'https://openticket.example/' });
    await world.report(world.change('order.sold', '7', { data: { ...SOLD, id: 7 } }));
    await world.clock.advance(1_000);
    expect(world.sender.seen.map(({ url }) => url).sort()).toEqual([
      'https://moshtix.example/',
      'https://openticket.example/',
    ]);
    const scheduled = (await world.invocations()).map(({ facts }) => facts.scheduled.systemEvent);
    expect(scheduled.sort()).toEqual(['ORDER_SAVED', undefined]);
  });
});

describe('EVENT_SAVED', () => {
  it('makes no attempt without its record when the store cannot be read in the middle of a fan-out', async () => {
    world = await World.started({ limits: { inFlightMax: 1, unprovenMax: 1, doubtfulMax: 1 } });
    // The first is admitted with its attempt; then the body of the second has to be read.
    await world.webhook();
    await moshtix(['EVENT_SAVED']);
    await world.report(world.change('event.update', '7'));
    await world.clock.advance(1_000);
    world.store.beforeAnswer = async () => {
      world.store.readsFail = true;
      world.store.beforeAnswer = async () => {};
    };
    await world.report(world.change('event.update', '7'));
    await world.clock.advance(1_200);
    world.store.readsFail = false;
    await world.clock.advance(60_000);
    expect(await world.situations()).toEqual(Array.from({ length: 4 }, () => 'delivered'));
  });

  const reportTicket = (id: string, data: Json, type = 'ticket.create') =>
    world.report(world.change(type, id, { data, declared: [{ resource: 'event', identifier: '132218' }] }));

  it('sends the event and its ticket types as last reported, whichever of them changed', async () => {
    await moshtix(['EVENT_SAVED']);
    await world.report(world.change('event.create', '132218', { data: { name: 'Gig' } }));
    await reportTicket('360875', { name: 'free' });
    await reportTicket('360876', { name: 'late' });
    await reportTicket('360875', { name: 'early' }, 'ticket.update');
    await reportTicket('360876', null, 'ticket.delete');
    await world.report(world.change('event.update', '132218', { data: { name: 'Gig 2' } }));
    const seen = await bodies();
    expect(new Set(seen.map(({ eventType }) => eventType))).toEqual(
      new Set(['event-saved-prepare-full-message']),
    );
    expect(seen.map(({ contextId }) => contextId)).toEqual(Array.from({ length: 6 }, () => 132218));
    const names = seen.map(({ data }) => [
      data['name'],
      ...(data['ticketTypes'] as { items: ReadonlyArray<JsonObject> }).items.map(({ name }) => name),
    ]);
    expect(names).toEqual([
      ['Gig'],
      ['Gig', 'free'],
      ['Gig', 'free', 'late'],
      ['Gig', 'early', 'late'],
      ['Gig', 'early'],
      ['Gig 2', 'early'],
    ]);
  });

  it('is decided at the position of the change, however late it is fanned out', async () => {
    await moshtix(['EVENT_SAVED']);
    await world.report(world.change('event.create', '132218', { data: { name: 'first' } }));
    await world.clock.advance(1_000);
    world.store.appendFault = (batch) =>
      batch[0]?.stream.startsWith('invocation-') ? 'unavailable' : undefined;
    await reportTicket('1', { name: 'one' });
    await world.report(world.change('event.update', '132218', { data: { name: 'second' } }));
    await reportTicket('2', { name: 'two' });
    world.store.appendFault = () => undefined;
    const seen = (await bodies()).map(({ data }) => data['name']);
    expect(seen).toEqual(['first', 'first', 'second', 'second']);
  });

  it('has no orders in it', async () => {
    await moshtix(['EVENT_SAVED']);
    await world.report(world.change('order.sold', '37228036', { data: SOLD }));
    expect(await bodies()).toEqual([]);
  });

  it('hears nothing while disabled, and nothing of what it no longer names', async () => {
    const webhook = await moshtix(['EVENT_SAVED']);
    await world.process.webhooks.update(webhook, {}, CAUSE, false);
    await world.report(world.change('event.update', '1', { data: {} }));
    await world.process.webhooks.update(webhook, {}, CAUSE, true);
    await world.process.webhooks.update(
      webhook,
      { selection: { systemEvents: [{ id: 9, systemEvent: 'ORDER_SAVED' }] } },
      CAUSE,
    );
    await world.report(world.change('event.update', '1', { data: {} }));
    expect(await bodies()).toEqual([]);
  });
});

describe('an attempt', () => {
  it('sends the same body and ids again, with the headers of today', async () => {
    const webhook = await moshtix(['EVENT_SAVED'], { headers: [{ id: 3, name: 'X-Key', value: 'old' }] });
    world.sender.at('https://receiver.example/hook', answers(500), answers(200));
    await world.report(world.change('event.update', '1', { data: { name: 'a' } }));
    await world.clock.advance(1_000);
    await world.process.webhooks.update(
      webhook,
      { request: { headers: [{ id: 3, name: 'X-Key', value: 'new' }], body: '"constant"' } },
      CAUSE,
    );
    await world.clock.advance(60_000);
    const [first, second] = world.sender.seen;
    expect(second?.body).toBe(first?.body);
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect([first?.headers['X-Key'], second?.headers['X-Key']]).toEqual(['old', 'new']);
    expect(first?.headers['Content-Type']).toBe('application/json');
    expect(first?.headers).not.toHaveProperty('OpenTicket-Trigger');
  });

  it('as a test says so in the body and the log', async () => {
    const webhook = await moshtix(['ORDER_SAVED']);
    const tested = await world.test(webhook);
    expect(tested).toMatchObject({ _tag: 'Right', right: { facts: { scheduled: { test: true } } } });
    expect(await bodies()).toEqual([
      { eventType: 'order-saved-prepare-full-message', contextId: 0, data: { test: true } },
    ]);
  });
});

describe('a body that would be too large', () => {
  const XML = { headers: [{ id: 9, name: 'Content-Type', value: 'text/xml' }] };
  const quotes = (count: number) => ({ name: "'".repeat(count) });

  it('is not sent, is in the log as cancelled, and holds nobody else up', async () => {
    const greedy = await moshtix(['EVENT_SAVED'], { ...XML, body: '@data '.repeat(16) });
    const modest = await moshtix(['EVENT_SAVED']);
    await world.report(world.change('event.update', '1', { data: quotes(400_000) }));
    expect((await bodies()).map(({ data }) => data['name'])).toEqual(["'".repeat(400_000)]);
    expect(await world.situations(greedy)).toEqual(['cancelled']);
    expect(await world.situations(modest)).toEqual(['delivered']);
    const [invocation] = await world.invocations(greedy);
    expect(invocation).toMatchObject({ reason: 'body_too_large', facts: { scheduled: { body: '' } } });
    expect(await world.retry(invocation?.facts.scheduled.guid ?? '')).toMatchObject({
      left: { _tag: 'InvocationHasNoBody' },
    });
  });

  it('because of many ticket types is told of in the log for each change, after a restart too', async () => {
    const webhook = await moshtix(['EVENT_SAVED']);
    const declared = [{ resource: 'event', identifier: '1' }] as const;
    for (let n = 1; n <= 7; n += 1) {
      await world.report(
        world.change('ticket.create', String(n), { data: quotes(900_000), declared: [...declared] }),
      );
    }
    await world.clock.advance(1_000);
    await world.restart();
    await world.report(world.change('event.update', '1', { data: quotes(1) }));
    await world.clock.advance(1_000);
    const situations = await world.situations(webhook);
    expect(situations.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => 'delivered'));
    expect(situations.slice(5)).toEqual(Array.from({ length: 3 }, () => 'cancelled'));
    expect(world.defects).toEqual([]);
  });
});

it('writes the times of an event as Moshtix does', async () => {
  await moshtix(['EVENT_SAVED']);
  const data = { startDate: '2023-12-31T22:30:00Z', endDate: '2024-01-01T01:30:00+02:00' };
  await world.report(world.change('event.create', '1', { data }));
  const [seen] = await bodies();
  expect(seen?.data).toMatchObject({
    startDate: '2023-12-31T22:30:00.000Z',
    endDate: '2023-12-31T23:30:00.000Z',
  });
});
