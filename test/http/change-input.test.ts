import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMPANY, errorsOf, type Got, openWorld, OTHER_COMPANY, type Sent, type World } from './harness.ts';

/** What POST /changes refuses. Nothing of it is ever stored. */

let world: World;
let head: number;
beforeAll(async () => {
  world = await openWorld();
});
beforeEach(async () => {
  head = await world.head();
});
afterAll(() => world.close());

const EVENT = {
  specversion: '1.0',
  id: '1',
  source: '/tests',
  type: 'ticket.update',
  subject: 't-1',
  data: {},
};
const STRUCTURED = { 'content-type': 'application/cloudevents+json' };
const BATCH = { 'content-type': 'application/cloudevents-batch+json' };

const refused = async (sent: Sent, status: number): Promise<Got> => {
  const got = await world.api('POST', '/changes', {
    token: world.tokens.platform,
    headers: STRUCTURED,
    ...sent,
  });
  expect(got.status, JSON.stringify(got.body)).toBe(status);
  expect(await world.head()).toBe(head);
  return got;
};

const wrongFields = async (json: unknown, sent: Sent = {}): Promise<ReadonlyArray<string>> =>
  Object.keys(errorsOf(await refused({ json, ...sent }, 422)));

const relations = (...list: ReadonlyArray<unknown>) => ({ relations: list });

describe('one event', () => {
  it.each<[string, unknown]>([
    ['specversion', '0.3'],
    ['specversion', 1],
    ['specversion', undefined],
    ['id', undefined],
    ['id', ''],
    ['id', 7],
    ['id', 'x'.repeat(1_025)],
    ['source', undefined],
    ['source', ''],
    ['type', undefined],
    ['type', 'ticket.paid'],
    ['type', 'order.eaten'],
    ['type', 'toString'],
    ['type', null],
    ['subject', undefined],
    ['subject', ''],
    ['subject', 5],
    ['subject', 's'.repeat(256)],
    ['subject', 'a\u0000b'],
    ['subject', '\udc00'],
    ['time', 'now'],
    ['time', '2026-01-01'],
    ['time', '2026-13-01T00:00:00Z'],
    ['time', '2026-02-29T00:00:00Z'],
    ['time', '2026-01-01T24:00:00Z'],
    ['time', 1_767_225_600],
    ['companyid', 'mine'],
    ['companyid', 12],
    ['datacontenttype', 'text/xml'],
    ['datacontenttype', 5],
    ['data_base64', 'e30='],
  ])('needs another %s than %j', async (field, value) => {
    expect(await wrongFields({ ...EVENT, [field]: value })).toEqual([field]);
  });

  it.each([
    [{ relations: 'e-1' }, 'data.relations'],
    [{ relations: null }, 'data.relations'],
    [{ relations: {} }, 'data.relations'],
    [relations('e-1'), 'data.relations[0]'],
    [relations({ resource: 'event', identifier: 'e-1' }, null), 'data.relations[1]'],
    [relations({ resource: 'invoice', identifier: '1' }), 'data.relations[0].resource'],
    [relations({ resource: 'event' }), 'data.relations[0].identifier'],
    [relations({ resource: 'event', identifier: 'i'.repeat(256) }), 'data.relations[0].identifier'],
    [relations({ resource: 'ticket', identifier: 't-1' }), 'data.relations'],
    [
      { relations: Array.from({ length: 1_001 }, (_, n) => ({ resource: 'event', identifier: `e-${n}` })) },
      'data.relations',
    ],
  ])('needs other relations', async (data, field) => {
    expect(await wrongFields({ ...EVENT, data })).toEqual([field]);
  });

  it.each<[unknown, string]>([
    ['text', 'data'],
    [5, 'data'],
    [[], 'data'],
    [{ tickets: [] }, 'data.tickets'],
    [{ tickets: { items: {} } }, 'data.tickets.items'],
    [{ tickets: { items: [{ id: 1 }, 'x'] } }, 'data.tickets.items[1]'],
    [{ tickets: { items: [{ id: '' }] } }, 'data.tickets.items[0].id'],
    [{ tickets: { items: [{ id: {} }] } }, 'data.tickets.items[0].id'],
    [{ transactions: { items: [null] } }, 'data.transactions.items[0]'],
    [{ transactions: { items: [{ id: true }] } }, 'data.transactions.items[0].id'],
    [{ tickets: { items: Array.from({ length: 10_001 }, () => ({})) } }, 'data.tickets.items'],
  ])('of the life of an order has data that can be read as one', async (data, field) => {
    for (const step of ['sold', 'refunded', 'reissued', 'cancelled', 'scanned']) {
      expect(await wrongFields({ ...EVENT, type: `order.${step}`, subject: 'o-1', data })).toEqual([field]);
    }
  });

  it('is told what types there are, and all that is wrong at once', async () => {
    const got = await refused({ json: { specversion: '1.0', type: 'shop.scan', time: 'x' } }, 422);
    const errors = errorsOf(got);
    expect(Object.keys(errors)).toEqual(['id', 'source', 'type', 'subject', 'time']);
    expect(errors['type']).toContain('shop.create, shop.update, shop.paid');
    expect(errors['type']).toContain('order.sold');
  });

  it('is an object', async () => {
    for (const json of ['text', 5, null, []]) expect(await wrongFields(json)).toEqual(['body']);
  });

  it('names its company unless the token has a single one', async () => {
    const { admin } = world.tokens;
    const several = await world.issue({ role: 'platform', companies: [COMPANY, OTHER_COMPANY] });
    const all = await world.issue({ role: 'platform', companies: '*' });
    for (const token of [admin, several, all]) {
      expect(await wrongFields(EVENT, { token })).toEqual(['companyid']);
    }
  });

  it('of another company than the token’s is refused', async () => {
    await refused({ json: { ...EVENT, companyid: OTHER_COMPANY } }, 403);
  });

  it('in headers is percent-encoded ASCII', async () => {
    const binary = (headers: Readonly<Record<string, string>>): Sent => ({
      json: {},
      headers: {
        'content-type': 'application/json',
        'ce-specversion': '1.0',
        'ce-id': '1',
        'ce-source': '/tests',
        'ce-type': 'ticket.update',
        'ce-subject': 't-1',
        ...headers,
      },
    });
    expect(Object.keys(errorsOf(await refused(binary({ 'ce-subject': '%E0%A4%A' }), 422)))).toEqual([
      'ce-subject',
    ]);
    expect(Object.keys(errorsOf(await refused(binary({ 'ce-subject': 'caf\u00e9' }), 422)))).toEqual([
      'ce-subject',
    ]);
    expect(Object.keys(errorsOf(await refused(binary({ 'ce-specversion': '0.3' }), 422)))).toEqual([
      'specversion',
    ]);
    await refused(binary({ 'content-type': 'text/plain' }), 415);
  });
});

describe('a batch', () => {
  it('with one bad event is refused as a whole, naming the place', async () => {
    const good = (id: string) => ({ ...EVENT, id });
    const batch = [
      good('1'),
      good('2'),
      good('3'),
      { ...good('4'), subject: '' },
      { ...good('5'), type: 'x' },
    ];
    expect(await wrongFields(batch, { headers: BATCH })).toEqual(['[3].subject', '[4].type']);
    expect(await wrongFields([good('1'), 5], { headers: BATCH })).toEqual(['[1]']);
  });

  it('with one event of another company is refused as a whole', async () => {
    const json = [EVENT, { ...EVENT, id: '2', companyid: OTHER_COMPANY }];
    await refused({ json, headers: BATCH }, 403);
  });

  it('holds from 1 to 1,000 events, in a list', async () => {
    const headers = BATCH;
    expect(await wrongFields([], { headers })).toEqual(['body']);
    expect(await wrongFields(EVENT, { headers })).toEqual(['body']);
    const many = Array.from({ length: 1_001 }, (_, n) => ({ ...EVENT, id: `${n}` }));
    expect(await wrongFields(many, { headers })).toEqual(['body']);
  });

  it('names a hundred errors at most', async () => {
    const many = Array.from({ length: 200 }, () => ({}));
    expect(await wrongFields(many, { headers: BATCH })).toHaveLength(100);
  });
});

describe('a body', () => {
  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/cloudevents+xml',
    'multipart/form-data; boundary=x',
  ])('of type %s is refused, naming what is taken', async (contentType) => {
    const got = await refused({ body: 'x', headers: { 'content-type': contentType } }, 415);
    expect(got.headers.get('accept')).toBe(
      'application/cloudevents+json, application/cloudevents-batch+json, application/json',
    );
  });

  it('that cannot be read is refused', async () => {
    await refused({ body: '{"specversion": "1.0",' }, 400);
    await refused({ body: '' }, 400);
    await refused({ body: '{}', headers: { ...STRUCTURED, 'content-encoding': 'gzip' } }, 415);
    await refused({ body: ' '.repeat(1024 * 1024 + 1) }, 413);
  });

  it('that is nested too deep or reaches for a prototype is refused', async () => {
    const deep = `${'['.repeat(64)}${']'.repeat(64)}`;
    const event = (data: string): string => JSON.stringify(EVENT).replace('"data":{}', `"data":${data}`);
    await refused({ body: event(deep) }, 422);
    await refused({ body: event('{"__proto__": {"polluted": 1}}') }, 422);
    await refused({ body: event('[{"constructor": {"prototype": {}}}]') }, 422);
  });
});
