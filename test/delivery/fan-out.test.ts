import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ResourceRef } from '../../src/domain/resources.ts';
import type { WebhookSettings } from '../../src/domain/webhook.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { CAUSE, World } from '../support/engine-world.ts';

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => auditWorld(world));

const on = (
  where: string,
  more: { readonly identifier?: string; readonly children?: boolean } & Partial<WebhookSettings> = {},
) => {
  const { identifier = '', children = true, ...rest } = more;
  const [resource = '', trigger = ''] = where.split('.');
  const selection = {
    dialect: 'openticket',
    resource,
    trigger,
    identifier,
    triggeredByChildResources: children,
  } as WebhookSettings['selection'];
  return world.webhook({ ...rest, selection });
};

const event = (identifier: string): ResourceRef => ({ resource: 'event', identifier });
const ticket = (identifier: string): ResourceRef => ({ resource: 'ticket', identifier });

/** Which of the webhooks were told of which change, by the identifiers of both. */
const told = async (): Promise<ReadonlyArray<string>> => {
  await world.clock.advance(1_000);
  const names = new Map<string, string>();
  for (const { event: created } of await world.log()) {
    if (created.type === 'WebhookCreated') names.set(created.guid, created.settings.name);
  }
  return (await world.invocations()).map(({ facts: { scheduled } }) => {
    const { origin, resource, identifier, webhook, trigger } = scheduled;
    return `${names.get(webhook)}: ${origin.resource} ${origin.identifier} ${trigger} as ${resource} ${identifier}`;
  });
};

describe('webhooks as they were just before the change', () => {
  it('hear of it when created before, and not when created after, however late it is fanned out', async () => {
    await on('event.update', { name: 'before' });
    world.store.appendFault = (batch) =>
      batch[0]?.stream.startsWith('invocation-') ? 'unavailable' : undefined;
    await world.report(world.change());
    await on('event.update', { name: 'after' });
    await world.clock.advance(1_000);
    world.store.appendFault = () => undefined;
    expect(await told()).toEqual(['before: event 7 update as event 7']);
  });

  it('are told by the selection they had, and by the address they have', async () => {
    const webhook = await on('event.update', { name: 'edited' });
    world.store.appendFault = (batch) =>
      batch[0]?.stream.startsWith('invocation-') ? 'unavailable' : undefined;
    await world.report(world.change());
    await world.process.webhooks.update(
      webhook,
      {
        url: 'https://new.example/',
        selection: {
          dialect: 'openticket',
          resource: 'shop',
          trigger: 'update',
          identifier: '',
          triggeredByChildResources: false,
        },
      },
      CAUSE,
    );
    await world.report(world.change());
    world.store.appendFault = () => undefined;
    expect(await told()).toEqual(['edited: event 7 update as event 7']);
    expect(world.sender.seen.map(({ url }) => url)).toEqual(['https://new.example/']);
  });

  it('disabled or deleted just after it get an invocation, which is cancelled', async () => {
    const disabled = await on('event.update', { name: 'disabled' });
    const deleted = await on('event.update', { name: 'deleted' });
    world.store.appendFault = (batch) =>
      batch[0]?.stream.startsWith('invocation-') ? 'unavailable' : undefined;
    await world.report(world.change());
    await world.process.webhooks.disable(disabled, CAUSE);
    await world.process.webhooks.delete(deleted, CAUSE);
    await world.report(world.change());
    world.store.appendFault = () => undefined;
    await world.clock.advance(1_000);
    expect(await world.invocations(disabled)).toMatchObject([
      { situation: 'cancelled', reason: 'webhook_disabled' },
    ]);
    expect(await world.invocations(deleted)).toMatchObject([
      { situation: 'cancelled', reason: 'webhook_deleted' },
    ]);
    expect(world.sender.seen).toEqual([]);
  });

  it('take over the settings they had then', async () => {
    const webhook = await on('event.update', { name: 'edited', retries: 1 });
    await world.report(world.change());
    await world.process.webhooks.update(webhook, { retries: 9, ordering: 'per_resource' }, CAUSE);
    await world.report(world.change());
    await world.clock.advance(1_000);
    expect((await world.invocations()).map(({ facts }) => facts.scheduled)).toMatchObject([
      { retries: 1, ordering: 'none' },
      { retries: 9, ordering: 'per_resource' },
    ]);
  });

  it('of another company hear nothing', async () => {
    await on('event.update');
    await world.report({ ...world.change(), companyId: '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a99' });
    expect(await told()).toEqual([]);
  });
});

describe('relations, with those that the change itself carries', () => {
  beforeEach(async () => {
    await on('event.update', { name: 'any event' });
    await on('event.update', { name: 'event 1', identifier: '1' });
    await on('event.update', { name: 'direct only', children: false });
  });

  it('a change that brings its relations reaches over them', async () => {
    await world.report(world.change('ticket.update', 't', { declared: [event('1')] }));
    expect(await told()).toEqual([
      'any event: ticket t update as event 1',
      'event 1: ticket t update as event 1',
    ]);
  });

  it('a change that takes its relations away reaches nobody over them', async () => {
    await world.report(world.change('ticket.create', 't', { declared: [event('1')] }));
    await world.report(world.change('ticket.update', 't', { declared: [] }));
    expect(await told()).toEqual([]);
  });

  it('a change that moves its resource reaches the new place only', async () => {
    await world.report(world.change('ticket.create', 't', { declared: [event('1')] }));
    await world.report(world.change('ticket.update', 't', { declared: [event('2')] }));
    expect(await told()).toEqual(['any event: ticket t update as event 2']);
  });

  it('a change that says nothing of relations keeps them', async () => {
    await world.report(world.change('ticket.create', 't', { declared: [event('1')] }));
    await world.report(world.change('ticket.update', 't'));
    expect(await told()).toHaveLength(2);
  });

  it('are those at the position of the change, whatever came later before it was fanned out', async () => {
    await world.report(world.change('ticket.create', 't', { declared: [event('1')] }));
    await world.clock.advance(1_000);
    world.store.appendFault = (batch) =>
      batch[0]?.stream.startsWith('invocation-') ? 'unavailable' : undefined;
    await world.report(world.change('ticket.update', 't'));
    await world.report(world.change('ticket.relation', 't', { declared: [event('2')] }));
    await world.clock.advance(1_000);
    world.store.appendFault = () => undefined;
    expect(await told()).toEqual([
      'any event: ticket t update as event 1',
      'event 1: ticket t update as event 1',
    ]);
  });

  it('lead over several steps, and around in circles once', async () => {
    await world.report(
      world.change('product.update', 'p', { declared: [ticket('t')] }),
      world.change('ticket.update', 't', {
        declared: [event('1'), { resource: 'product', identifier: 'p' }],
      }),
    );
    await world.report(world.change('product.update', 'p'));
    expect(await told()).toEqual([
      'any event: ticket t update as event 1',
      'event 1: ticket t update as event 1',
      'any event: product p update as event 1',
      'event 1: product p update as event 1',
    ]);
  });

  it('several ways to one webhook make one invocation that lists all it matched', async () => {
    await world.report(world.change('ticket.update', 't', { declared: [event('2'), event('1')] }));
    await world.clock.advance(1_000);
    const [any] = await world.invocations();
    expect(any?.facts.scheduled.matched).toMatchObject([event('1'), event('2')]);
    expect(await world.invocations()).toHaveLength(2);
  });
});

describe('an order', () => {
  it('sold, paid to its event and ticket types: one invocation a webhook', async () => {
    await on('event.paid', { name: 'event' });
    await on('ticket.paid', { name: 'ticket' });
    await on('order.create', { name: 'order' });
    await on('order.paid', { name: 'paid' });
    await on('event.create', { name: 'created' });
    const data = {
      event: { id: 5 },
      tickets: { items: [{ ticketType: { id: 8 } }, { ticketType: { id: 8 } }] },
    };
    await world.report(world.change('order.sold', 'o', { data }));
    expect([...(await told())].sort()).toEqual([
      'created: order o create as event 5',
      'event: order o paid as event 5',
      'order: order o create as order o',
      'paid: order o paid as order o',
      'ticket: order o paid as ticket 8',
    ]);
  });
});

describe('reading the log again', () => {
  it.each([
    ['from its beginning', false],
    ['from where it was', true],
  ])('%s schedules nothing new', async (_, kept) => {
    await on('event.update', { name: 'a' });
    await on('event.update', { name: 'b', identifier: '1' });
    await world.report(
      world.change('ticket.update', 't', { declared: [event('1')] }),
      world.change('event.update', '1'),
    );
    await world.clock.advance(1_000);
    const before = await world.log();
    await world.restart(kept ? world.process.readModels : undefined);
    await world.clock.advance(1_000);
    expect(await world.log()).toEqual(before);
    expect(await world.invocations()).toHaveLength(4);
  });

  it('after a kill between an append and the checkpoint schedules nothing twice', async () => {
    await on('event.update', { name: 'a' });
    for (let n = 0; n < 5; n += 1) {
      // Stored, and the process ends before it knows.
      world.store.appendFault = (batch) =>
        batch[0]?.stream.startsWith('invocation-') ? 'unknown_stored' : undefined;
      await world.report(world.change());
      await world.clock.advance(0);
      world.kill();
      world.store.appendFault = () => undefined;
      await world.start();
    }
    await world.clock.advance(100_000);
    expect(await world.situations()).toEqual(Array.from({ length: 5 }, () => 'delivered'));
  });
});
