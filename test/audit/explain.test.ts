import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Explanation, explain } from '../../src/audit/explain.ts';
import { BUILT_IN_RULES, type Rules } from '../../src/domain/rules.ts';
import type { OpenTicketSelection } from '../../src/domain/webhook.ts';
import type { ResourceChange } from '../../src/domain/resource-change.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import { CAUSE, World } from '../support/engine-world.ts';

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => world.kill());

const listening = (selection: Partial<OpenTicketSelection>): Promise<string> =>
  world.webhook({
    selection: {
      dialect: 'openticket',
      resource: 'event',
      trigger: 'paid',
      identifier: '',
      triggeredByChildResources: true,
      ...selection,
    },
  });

const explained = async (
  change: string,
  rules: Rules = BUILT_IN_RULES,
): Promise<ReadonlyMap<string, Explanation>> => {
  await world.clock.advance(1_000);
  const found = (await world.log()).find(({ id }) => id === change);
  if (found === undefined) throw new Error('the change is not in the log');
  const all = await explain(
    { store: world.store, readModels: world.process.readModels, rules },
    found as Decoded<ResourceChange>,
    0,
    1_000,
  );
  if (isLeft(all)) throw new Error(all.left.message);
  return new Map(all.right.map((one) => [one.webhook, one]));
};

const event = { resource: 'event', identifier: 'e1' } as const;
const ticket = { resource: 'ticket', identifier: 't1' } as const;
const order = { resource: 'order', identifier: 'o1' } as const;

/** An order of a ticket type that belongs to an event. */
const paidOrder = async (): Promise<string> => {
  await world.report(world.change('ticket.update', 't1', { declared: [event] }));
  const [change = ''] = await world.report(world.change('order.paid', 'o1', { declared: [ticket] }));
  return change;
};

describe('a webhook that a backfill told', () => {
  it('was told by the job, in whose name it was asked for', async () => {
    const [change = ''] = await world.report(world.change('event.update', 'e1'));
    await world.clock.advance(1_000);
    const webhook = await world.webhook();
    const { guid } = await world.job({ kind: 'backfill', webhook });
    await world.clock.advance(1_000);
    const found = (await explained(change)).get(webhook);
    expect(found).toMatchObject({
      told: true,
      reason: { code: 'backfilled', job: guid, deed: { actor: 'partner' } },
      path: [{ resource: 'event', identifier: 'e1' }],
      invocation: { status: 'delivered' },
    });
    expect(found?.words).toContain(`the backfill ${guid}, asked for by partner`);
  });
});

describe('the reason why a webhook was told', () => {
  it('names the rule and the path of relations, or that it is what changed', async () => {
    const far = await listening({});
    const near = await listening({ resource: 'ticket', identifier: 't1' });
    const own = await listening({ resource: 'order', triggeredByChildResources: false });
    const all = await explained(await paidOrder());
    expect(all.get(far)).toMatchObject({
      told: true,
      reason: {
        code: 'propagated',
        rule: { origin: 'order', reaches: ['event', 'ticket', 'product'], source: 'prose' },
      },
      path: [order, ticket, event],
      invocation: { status: 'delivered' },
    });
    expect(all.get(near)).toMatchObject({
      told: true,
      reason: { code: 'propagated' },
      path: [order, ticket],
    });
    expect(all.get(own)).toMatchObject({ told: true, reason: { code: 'direct' }, path: [order] });
    expect(all.get(own)?.words).toBe(
      'it was told: it listens to exactly what changed, and to "paid"; it was delivered',
    );
  });

  it('is what the log says where the rules are others today', async () => {
    const webhook = await listening({});
    const change = await paidOrder();
    const all = await explained(change, { ...BUILT_IN_RULES, propagation: [] });
    expect(all.get(webhook)).toMatchObject({
      told: true,
      reason: { code: 'other_rules' },
      path: [order, ticket, event],
    });
  });
});

describe('the reason why a webhook was not told', () => {
  it('is what of its selection does not fit', async () => {
    const expected = new Map([
      [
        await listening({ trigger: 'update' }),
        { code: 'trigger_differs', wanted: 'update', fired: ['paid'] },
      ],
      [await listening({ identifier: 'e2' }), { code: 'identifier_differs', reached: ['e1'] }],
      [
        await listening({ resource: 'order', identifier: 'o2' }),
        { code: 'identifier_differs', reached: ['o1'] },
      ],
      [await listening({ resource: 'product' }), { code: 'no_path', from: order }],
      [await listening({ resource: 'shop' }), { code: 'no_rule', from: order }],
    ]);
    const all = await explained(await paidOrder());
    for (const [webhook, reason] of expected) {
      expect(all.get(webhook)).toMatchObject({ told: false, reason, invocation: null });
    }
    const off = await listening({ trigger: 'update', triggeredByChildResources: false });
    const [change = ''] = await world.report(world.change('ticket.update', 't2', { declared: [event] }));
    expect((await explained(change)).get(off)).toMatchObject({
      told: false,
      reason: { code: 'child_resources_off', rule: { origin: 'ticket', trigger: 'update' } },
      path: [{ resource: 'ticket', identifier: 't2' }, event],
    });
  });

  it('is who disabled or deleted it and when, and whether it would have been told', async () => {
    const [disabled, deleted, elsewhere] = [
      await listening({}),
      await listening({}),
      await listening({ identifier: 'e2' }),
    ];
    await world.clock.advance(5_000);
    const atMs = world.clock.nowMs();
    await world.process.webhooks.disable(disabled, { ...CAUSE, actor: 'jo' });
    await world.process.webhooks.update(disabled, { name: 'later' }, { ...CAUSE, actor: 'kim' });
    await world.process.webhooks.delete(deleted, { ...CAUSE, actor: 'jo' });
    await world.process.webhooks.disable(elsewhere, { ...CAUSE, actor: 'jo' });
    const change = await paidOrder();
    await world.process.webhooks.enable(disabled, CAUSE);
    const all = await explained(change);
    const deed = { at: atMs, actor: 'jo', revision: 1 };
    expect(all.get(disabled)).toMatchObject({
      told: false,
      name: 'later',
      reason: { code: 'disabled', deed },
    });
    expect(all.get(disabled)?.words).toContain('disabled by jo at');
    expect(all.get(disabled)?.words).toContain('it would have been told');
    expect(all.get(deleted)).toMatchObject({ told: false, reason: { code: 'deleted', deed } });
    expect(all.get(elsewhere)?.words).toContain('besides, it listens to event "e2"');
  });

  it('is that it came later, or moved to where it listens now only later', async () => {
    const moved = await listening({ trigger: 'update' });
    const change = await paidOrder();
    await world.clock.advance(1_000);
    const later = await listening({});
    await world.process.webhooks.update(moved, { selection: { trigger: 'paid' } }, CAUSE);
    const all = await explained(change);
    expect(all.get(later)).toMatchObject({ told: false, reason: { code: 'created_later' } });
    expect(all.get(moved)).toMatchObject({
      told: false,
      reason: { code: 'trigger_differs', wanted: 'update' },
    });
  });

  it('is judged by the relations at the time of the change, not by those of today', async () => {
    const webhook = await listening({ identifier: 'e1' });
    const first = await paidOrder();
    await world.report(world.change('ticket.update', 't1', { declared: [{ ...event, identifier: 'e9' }] }));
    const [second = ''] = await world.report(world.change('order.paid', 'o1'));
    expect((await explained(first)).get(webhook)).toMatchObject({ told: true, path: [order, ticket, event] });
    expect((await explained(second)).get(webhook)).toMatchObject({
      told: false,
      reason: { code: 'identifier_differs', reached: ['e9'] },
    });
  });

  it('of a Moshtix webhook is what was saved', async () => {
    const moshtix = (systemEvent: 'ORDER_SAVED' | 'EVENT_SAVED', id: number): Promise<string> =>
      world.webhook({
        selection: { dialect: 'moshtix', id, clientId: 1, systemEvents: [{ id, systemEvent }] },
        request: {
          headers: [{ id: 3, name: 'Content-Type', value: 'application/json' }],
          body: '{"saved": @data}',
        },
      });
    const [orders, events] = [await moshtix('ORDER_SAVED', 1), await moshtix('EVENT_SAVED', 2)];
    await world.report(world.change('ticket.update', 't1', { declared: [event] }));
    const [saved = ''] = await world.report(world.change('event.update', 'e1'));
    const [nothing = ''] = await world.report(world.change('order.paid', 'o1', { declared: [ticket] }));
    const ofEvent = await explained(saved);
    expect(ofEvent.get(events)).toMatchObject({
      told: true,
      reason: { code: 'saved', systemEvent: 'EVENT_SAVED' },
    });
    expect(ofEvent.get(orders)).toMatchObject({
      told: false,
      reason: { code: 'system_event_differs', wanted: ['ORDER_SAVED'], saved: 'EVENT_SAVED' },
    });
    expect((await explained(nothing)).get(orders)).toMatchObject({
      told: false,
      reason: { code: 'saves_nothing' },
    });
  });
});
