import { afterEach, beforeEach, expect, it } from 'vitest';
import { describeStop, WHAT_TO_DO } from '../../src/delivery/stopped-reading.ts';
import { streamOf } from '../../src/domain/ids.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { unreadableAfter } from '../support/unreadable.ts';
import { at, COMPANY, makeWebhook, NEW_WEBHOOK, openWorld, textAt, type World } from './harness.ts';

/** A server that has come to an event it cannot read: it tells, answers what it knows, and changes nothing. */

let world: World;
let webhook: string;
beforeEach(async () => {
  world = await openWorld();
  webhook = await makeWebhook(world);
  await world.api('GET', '/webhook');
  world.health = { ready: false, reasons: [REASON], answersReads: true };
});
afterEach(() => world.close());

const REASON = `${describeStop({
  stream: `order-${COMPANY}-5`,
  revision: 3,
  position: 17,
  type: 'OrderArchived',
  reason: "unknown event type 'OrderArchived'",
})}; ${WHAT_TO_DO}`;

const CHANGE = { specversion: '1.0', id: 'one', source: '/t', type: 'event.update', subject: '7', data: {} };

it('says in readyz where and why, and is alive', async () => {
  const got = await world.api('GET', '/readyz', { token: null });
  expect(got.status).toBe(503);
  expect(got.body).toEqual({
    status: 'not_ready',
    reasons: [
      `reading has stopped at stream 'order-${COMPANY}-5', revision 3, position 17, an event of type 'OrderArchived': unknown event type 'OrderArchived'; upgrade this server to a version that reads it, or look at the history with 'callboard audit verify', then start it again`,
    ],
  });
  expect((await world.api('GET', '/livez', { token: null })).status).toBe(200);
});

it('answers whatever only reads', async () => {
  for (const path of ['/webhook', `/webhook/${webhook}`, `/webhook/${webhook}/secret`, '/invocations'])
    expect([path, (await world.api('GET', path)).status]).toEqual([path, 200]);
  // Nobody reads without a token either.
  expect((await world.api('GET', '/webhook', { token: null })).status).toBe(401);
});

it('takes nothing, stores nothing, and says when to come again', async () => {
  const before = await world.head();
  const { admin, platform, partner } = world.tokens;
  for (const [method, path, token, json] of [
    ['POST', '/changes', platform, CHANGE],
    ['POST', '/webhook', partner, NEW_WEBHOOK],
    ['PATCH', `/webhook/${webhook}`, partner, { name: 'Another' }],
    ['PATCH', `/webhook/${webhook}/settings`, partner, { enabled: false }],
    ['DELETE', `/webhook/${webhook}`, partner, undefined],
    ['POST', `/webhook/${webhook}/secret/rotate`, partner, undefined],
    ['POST', `/webhook/${webhook}/test`, partner, undefined],
    ['POST', `/webhook/${webhook}/invocations/retry`, partner, undefined],
    ['PATCH', `/accounts/${COMPANY}`, admin, { strict: true }],
  ] as const) {
    const got = await world.api(method, path, { token, ...(json !== undefined && { json }) });
    expect([method, path, got.status, got.headers.get('retry-after')]).toEqual([method, path, 503, '60']);
    expect(at(got, 'type')).toBe('/docs/errors/store-not-available');
    expect(textAt(got, 'detail')).toContain('cannot read all of the store');
    // Whoever may not see the stream does not learn of it.
    expect(JSON.stringify(got.body)).not.toContain('OrderArchived');
  }
  expect(await world.head()).toBe(before);
});

it('does the same in GraphQL', async () => {
  const ask = (query: string) =>
    world.api('POST', '/graphql', { token: world.tokens.partner, json: { query } });
  const read = await ask('{ viewer { webhooks { totalCount } } }');
  expect(JSON.stringify(read.body)).not.toContain('store-not-available');
  const written = await ask('mutation { viewer { saveWebhook { guid } } }');
  expect((written.body as JsonObject)['errors']).toMatchObject([
    { extensions: { code: 'store-not-available' } },
  ]);
  expect(written.headers.get('retry-after')).toBe('60');
});

it('does not take an order for broken whose newest event it cannot read', async () => {
  world.health = { ready: true, reasons: [] };
  const sold = { ...CHANGE, type: 'order.sold', subject: '5', data: { id: 5, event: { id: 1 } } };
  const reported = await world.api('POST', '/changes', { token: world.tokens.platform, json: sold });
  expect(reported.status).toBe(202);
  const stream = streamOf.resource(COMPANY, 'order', '5');
  const id = 'a0000000-0000-4000-8000-000000000001';
  await world.store.append([await unreadableAfter(world.store, stream, 'an unknown type', id)])();
  world.health = { ready: false, reasons: [REASON], answersReads: true };
  const got = await world.api('GET', '/orders/5');
  expect([got.status, at(got, 'type')]).toEqual([503, '/docs/errors/store-not-available']);
});
