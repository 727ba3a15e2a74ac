import { CloudEvent, HTTP } from 'cloudevents';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changeGuid } from '../../src/domain/ids.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { at, COMPANY, type Got, openWorld, OTHER_COMPANY, type Sent, type World } from './harness.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const EVENT = {
  specversion: '1.0',
  id: '4711',
  source: '/tickets',
  type: 'ticket.update',
  subject: 't-1',
  time: '2026-01-01T00:00:00Z',
  datacontenttype: 'application/json',
  data: { name: 'Early bird', relations: [{ resource: 'event', identifier: 'e-1' }] },
};

const report = (json: unknown, sent: Sent = {}): Promise<Got> =>
  world.api('POST', '/changes', {
    token: world.tokens.platform,
    headers: { 'content-type': 'application/cloudevents+json' },
    json,
    ...sent,
  });

const BATCH = { headers: { 'content-type': 'application/cloudevents-batch+json' } };

const receipts = (got: Got): ReadonlyArray<JsonObject> => {
  if (got.status !== 202) throw new Error(JSON.stringify(got.body));
  return at(got, 'changes') as ReadonlyArray<JsonObject>;
};
const statuses = (got: Got): ReadonlyArray<unknown> => receipts(got).map(({ status }) => status);

describe('POST /changes', () => {
  it('answers with a receipt', async () => {
    const got = await report(EVENT);
    expect(got.status).toBe(202);
    const change = changeGuid(COMPANY, '/tickets', '4711');
    expect(got.body).toEqual({ changes: [{ id: '4711', source: '/tickets', change, status: 'accepted' }] });
  });

  it('reads plain JSON as what it holds', async () => {
    const plain = { headers: { 'content-type': 'application/json; charset=utf-8' } };
    expect(statuses(await report(EVENT, plain))).toEqual(['accepted']);
    expect(statuses(await report([EVENT, { ...EVENT, id: '2' }], plain))).toEqual(['duplicate', 'accepted']);
  });

  it('reads attributes from headers, decoded as the HTTP binding says', async () => {
    const got = await report(EVENT.data, {
      headers: {
        'content-type': 'application/json',
        'ce-specversion': '1.0',
        'ce-id': 'caf%C3%A9 100%25',
        'ce-source': '"/quoted \\"tickets\\""',
        'ce-type': 'ticket.update',
        'ce-subject': '%F0%9F%8E%9F',
        'ce-time': '2026-01-01T01:00:00+01:00',
        'ce-companyid': COMPANY.toUpperCase(),
        'ce-traceparent': 'ignored',
      },
    });
    expect(receipts(got)).toMatchObject([
      { id: 'café 100%', source: '/quoted "tickets"', status: 'accepted' },
    ]);
    const change = await world.api(
      'GET',
      `/changes/${changeGuid(COMPANY, '/quoted "tickets"', 'café 100%')}`,
    );
    expect(change.body).toMatchObject({
      identifier: '🎟',
      occurred_at: '2026-01-01T00:00:00.000Z',
      data: EVENT.data,
    });
  });

  it('takes an event without data or time', async () => {
    const { data: _data, time: _time, datacontenttype: _type, ...bare } = EVENT;
    const change = changeGuid(COMPANY, '/tickets', '4711');
    await report(bare);
    expect((await world.api('GET', `/changes/${change}`)).body).toMatchObject({
      data: null,
      occurred_at: '2026-01-02T03:04:05.678Z',
    });
    const attributes = Object.entries({ ...bare, id: 'no body' }).map(([name, value]) => [
      `ce-${name}`,
      value,
    ]);
    const binary = await world.api('POST', '/changes', {
      token: world.tokens.platform,
      headers: Object.fromEntries(attributes) as Record<string, string>,
    });
    expect(statuses(binary)).toEqual(['accepted']);
  });

  it('understands the official SDK in all its modes', async () => {
    const sdk = (id: string) =>
      new CloudEvent({
        id,
        source: '/sdk',
        type: 'order.sold',
        subject: 'o-1',
        companyid: COMPANY,
        data: { event: { id: 'e-1' }, tickets: { items: [{ ticketType: { id: 't-1' } }] } },
      });
    const post = ({ headers, body }: { headers: object; body: unknown }): Promise<Got> =>
      world.api('POST', '/changes', {
        token: world.tokens.platform,
        headers: headers as Record<string, string>,
        body: body as string,
      });

    expect(statuses(await post(HTTP.structured(sdk('1'))))).toEqual(['accepted']);
    expect(statuses(await post(HTTP.binary(sdk('2'))))).toEqual(['accepted']);
    const batch = {
      headers: { 'content-type': 'application/cloudevents-batch+json' },
      body: JSON.stringify([sdk('3'), sdk('4')]),
    };
    expect(statuses(await post(batch))).toEqual(['accepted', 'accepted']);

    const change = await world.api('GET', `/changes/${changeGuid(COMPANY, '/sdk', '2')}`);
    expect(change.body).toMatchObject({
      type: 'order.sold',
      triggers: ['create', 'paid'],
      relations: [
        { resource: 'event', identifier: 'e-1' },
        { resource: 'ticket', identifier: 't-1' },
      ],
    });
  });

  it('takes every direct trigger and the life of an order', async () => {
    const types = [
      ...['event', 'ticket', 'product'].flatMap((resource) =>
        ['create', 'update', 'delete', 'relation', 'reorder'].map((trigger) => `${resource}.${trigger}`),
      ),
      ...['shop.create', 'shop.update', 'shop.paid', 'scanner.scan'],
      ...['create', 'update', 'delete', 'paid', 'scan'].map((trigger) => `order.${trigger}`),
      ...['sold', 'refunded', 'reissued', 'cancelled', 'scanned'].map((step) => `order.${step}`),
    ];
    const got = await report(
      types.map((type) => ({ ...EVENT, id: type, type, data: {} })),
      BATCH,
    );
    expect(statuses(got)).toEqual(types.map(() => 'accepted'));
  });

  it('takes cycles, and relations to what nobody has seen', async () => {
    const to = (identifier: string) => ({ relations: [{ resource: 'ticket', identifier }] });
    const got = await report(
      [
        { ...EVENT, id: 'a', subject: 'a', data: to('b') },
        { ...EVENT, id: 'b', subject: 'b', data: to('a') },
        { ...EVENT, id: 'c', subject: 'c', data: { relations: [] } },
      ],
      BATCH,
    );
    expect(statuses(got)).toEqual(['accepted', 'accepted', 'accepted']);
  });

  it('takes the same again as a duplicate, however its JSON is written', async () => {
    await report(EVENT);
    const before = await world.head();
    const { relations, name } = EVENT.data;
    const { time: _time, ...rest } = EVENT;
    const rewritten = {
      extension: 1,
      ...rest,
      time: '2026-01-01T01:00:00.000+01:00',
      data: { relations, name },
    };
    expect(statuses(await report(rewritten))).toEqual(['duplicate']);
    expect(await world.head()).toBe(before);
  });

  it.each([
    ['type', { type: 'ticket.create' }],
    ['subject', { subject: 't-2' }],
    ['time', { time: '2026-01-01T00:00:01Z' }],
    ['data', { data: { name: 'Late bird' } }],
  ])('refuses the same with another %s, naming it, and stores nothing of the batch', async (_what, other) => {
    await report(EVENT);
    const before = await world.head();
    const got = await report(
      [
        { ...EVENT, id: 'new' },
        { ...EVENT, ...other },
      ],
      BATCH,
    );
    expect([got.status, at(got, 'type')]).toEqual([409, '/docs/errors/change-conflict']);
    expect(at(got, 'detail')).toContain('id "4711" and source "/tickets"');
    expect(await world.head()).toBe(before);
  });

  it('knows the same id and source of another company as another change', async () => {
    const token = await world.issue({ role: 'platform', companies: [COMPANY, OTHER_COMPANY] });
    const got = await report(
      [
        { ...EVENT, companyid: COMPANY },
        { ...EVENT, companyid: OTHER_COMPANY },
      ],
      { ...BATCH, token },
    );
    expect(statuses(got)).toEqual(['accepted', 'accepted']);
  });

  it('lets a batch repeat itself', async () => {
    const got = await report([EVENT, EVENT, { ...EVENT, id: '2' }], BATCH);
    expect(statuses(got)).toEqual(['accepted', 'duplicate', 'accepted']);
    expect(receipts(got)[0]?.['change']).toBe(receipts(got)[1]?.['change']);
    const other = { ...EVENT, id: '3' };
    const before = await world.head();
    expect((await report([other, { ...other, data: {} }], BATCH)).status).toBe(409);
    expect(await world.head()).toBe(before);
  });

  it('accepts one of two equal reports that race', async () => {
    const got = await Promise.all([report(EVENT), report(EVENT)]);
    expect(got.flatMap(statuses).sort()).toEqual(['accepted', 'duplicate']);
    const [first, second] = got.map((one) => receipts(one)[0]?.['change']);
    expect(first).toBe(second);
  });

  it('accepts one of two different reports that race', async () => {
    const got = await Promise.all([report(EVENT), report({ ...EVENT, data: {} })]);
    expect(got.map(({ status }) => status).sort()).toEqual([202, 409]);
  });

  it('is 503 while the store is away, and works afterwards', async () => {
    world.storeIsAway = true;
    const got = await report(EVENT);
    expect(got.status).toBe(503);
    expect(got.headers.get('retry-after')).toBe('5');
    expect(JSON.stringify(got.body)).not.toContain('inner words');
    world.storeIsAway = false;
    expect(statuses(await report(EVENT))).toEqual(['accepted']);
  });
});

describe('GET /changes/{change}', () => {
  it('reads what was reported', async () => {
    await report(EVENT);
    const change = changeGuid(COMPANY, '/tickets', '4711');
    const got = await world.api('GET', `/changes/${change}`);
    expect(got.body).toEqual({
      change,
      id: '4711',
      source: '/tickets',
      type: 'ticket.update',
      resource: 'ticket',
      identifier: 't-1',
      triggers: ['update', 'relation'],
      company_id: COMPANY,
      occurred_at: '2026-01-01T00:00:00.000Z',
      recorded_at: '2026-01-02T03:04:05.678Z',
      data: EVENT.data,
      relations: EVENT.data.relations,
    });
  });

  it('is open to the platform and to administrators, not to another company', async () => {
    await report(EVENT);
    const path = `/changes/${changeGuid(COMPANY, '/tickets', '4711')}`;
    const { partner, platform, admin, stranger } = world.tokens;
    for (const token of [partner, platform, admin]) {
      expect((await world.api('GET', path, { token })).status).toBe(200);
    }
    const other = await world.issue({ role: 'platform', companies: [OTHER_COMPANY] });
    for (const token of [stranger, other]) expect((await world.api('GET', path, { token })).status).toBe(404);
  });

  it.each(['96007e9b-b570-454c-aa3b-66a33a88280a', '4711'])('does not find %s', async (change) => {
    expect((await world.api('GET', `/changes/${change}`)).status).toBe(404);
  });
});
