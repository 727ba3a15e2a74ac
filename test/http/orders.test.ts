import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changeGuid } from '../../src/domain/ids.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { HISTORY_MAX } from '../../src/http/orders.ts';
import { items, printedData, PURCHASE, REFUND, ticketsIn } from '../domain/order-samples.ts';
import { at, COMPANY, errorsOf, type Got, openWorld, OTHER_COMPANY, type World } from './harness.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

let reports = 0;
const event = (type: string, data: unknown, more: JsonObject = {}) => ({
  specversion: '1.0',
  id: `report-${(reports += 1)}`,
  source: '/tickets',
  type,
  subject: '37228036',
  time: '2026-01-01T00:00:00Z',
  companyid: COMPANY,
  data,
  ...more,
});
type Event = ReturnType<typeof event>;

const send = (json: unknown): Promise<Got> =>
  world.api('POST', '/changes', { token: world.tokens.admin, json });

const report = async (...events: ReadonlyArray<Event>): Promise<void> => {
  const got = await send(events);
  if (got.status !== 202) throw new Error(JSON.stringify(got.body));
};

const strict = async (on: boolean): Promise<void> => {
  const cause = { correlationId: COMPANY, causationId: COMPANY, actor: 'tests', companyId: COMPANY };
  const switched = await world.deps.accounts.setStrict(COMPANY, on, cause);
  if (isLeft(switched)) throw new Error(switched.left._tag);
};

const guidOf = ({ id }: Event): string => changeGuid(COMPANY, '/tickets', id);

const SOLD = ticketsIn({ id: 1, barcode: 'A' }, { id: 2, barcode: 'B' }, { id: 3, barcode: 'C' });

describe('GET /orders/{id}', () => {
  it('reads the order as it was printed', async () => {
    const sale = event('order.sold', printedData());
    await report(sale);
    const got = await world.api('GET', '/orders/37228036');
    expect(got.body).toEqual({
      order: printedData(),
      identifier: '37228036',
      company_id: COMPANY,
      situation: 'sold',
      scanned: [],
      contradictions: [],
      changes: [
        {
          change: guidOf(sale),
          type: 'order.sold',
          occurred_at: '2026-01-01T00:00:00.000Z',
          recorded_at: '2026-01-02T03:04:05.678Z',
        },
      ],
      complete: true,
      revision: 0,
      last_change: {
        change: guidOf(sale),
        type: 'order.sold',
        triggers: ['create', 'paid'],
        occurred_at: '2026-01-01T00:00:00.000Z',
        recorded_at: '2026-01-02T03:04:05.678Z',
        revision: 0,
      },
    });
    expect(JSON.stringify(at(got, 'order'))).toBe(JSON.stringify(printedData()));
  });

  it('tells its life, and where it contradicted itself', async () => {
    const events = [
      event('order.update', { note: 'plain' }),
      event('order.scanned', ticketsIn({ id: 1 })),
      event('order.sold', SOLD),
      event('order.refunded', ticketsIn({ id: 2 })),
      event('order.refunded', ticketsIn({ id: 2 }, { id: 9 })),
      event('order.update', { note: 'plain' }),
      event('order.reissued', ticketsIn({ id: 3, barcode: 'X' })),
    ];
    for (const one of events) await report(one);
    const got = await world.api('GET', '/orders/37228036');
    const recorded = '2026-01-02T03:04:05.678Z';
    const [, scan, , , refund] = events.map(guidOf);
    expect(got.body).toMatchObject({
      situation: 'sold',
      scanned: [1],
      revision: 6,
      order: {
        tickets: items(
          { id: 1, barcode: 'A', valid: true },
          { id: 2, barcode: 'B', valid: false },
          { id: 3, barcode: 'X', valid: true },
          { id: 3, barcode: 'C', valid: false },
        ),
      },
      contradictions: [
        {
          change: scan,
          kind: 'before_sale',
          ticket: null,
          message: 'no sale of this order was reported so far; reported: order.scanned',
          at: recorded,
        },
        {
          change: refund,
          kind: 'ticket_unknown',
          ticket: 9,
          message: 'the order has no ticket 9; reported as refunded',
          at: recorded,
        },
        {
          change: refund,
          kind: 'ticket_invalid',
          ticket: 2,
          message: 'ticket 2 is not valid any more; reported as refunded',
          at: recorded,
        },
      ],
      changes: events.map((one) => ({ change: guidOf(one), type: one.type })),
    });
    const change = await world.api('GET', `/changes/${refund}`);
    expect(at(change, 'contradictions')).toEqual([
      { kind: 'ticket_unknown', ticket: 9, message: 'the order has no ticket 9; reported as refunded' },
      { kind: 'ticket_invalid', ticket: 2, message: 'ticket 2 is not valid any more; reported as refunded' },
    ]);
  });

  it('is for whoever may read the company; for others there is nothing', async () => {
    await report(event('order.sold', SOLD));
    const { partner, platform, admin, stranger } = world.tokens;
    const statusOf = async (token: string, query = ''): Promise<number> =>
      (await world.api('GET', `/orders/37228036${query}`, { token })).status;
    const own = `?company_id=${COMPANY}`;
    expect([await statusOf(partner), await statusOf(platform), await statusOf(partner, own)]).toEqual([
      200, 200, 200,
    ]);
    expect([await statusOf(admin), await statusOf(admin, own)]).toEqual([422, 200]);
    expect(await statusOf(admin, `?company_id=${OTHER_COMPANY}`)).toBe(404);
    expect([await statusOf(stranger), await statusOf(stranger, own)]).toEqual([404, 403]);
    const several = await world.issue({ role: 'platform', companies: [COMPANY, OTHER_COMPANY] });
    expect([await statusOf(several), await statusOf(several, own)]).toEqual([422, 200]);
    expect(await statusOf(partner, '?company_id=mine')).toBe(422);
  });

  it('keeps the orders of two companies apart', async () => {
    await report(event('order.sold', SOLD), event('order.sold', {}, { companyid: OTHER_COMPANY }));
    await report(event('order.cancelled', {}, { companyid: OTHER_COMPANY }));
    expect((await world.api('GET', '/orders/37228036')).body).toMatchObject({
      situation: 'sold',
      revision: 0,
    });
    const other = await world.api('GET', '/orders/37228036', { token: world.tokens.stranger });
    expect(other.body).toMatchObject({ situation: 'cancelled', revision: 1, contradictions: [] });
  });

  it('does not find what was never sold, refunded, reissued, cancelled or scanned', async () => {
    await report(event('order.paid', SOLD), event('ticket.update', {}, { subject: 't-1' }));
    for (const id of ['37228036', 't-1', '%00', '..%2Faccount', 'x'.repeat(1_000)]) {
      expect((await world.api('GET', `/orders/${id}`)).status, id).toBe(404);
    }
  });

  it('finds an order whatever its identifier', async () => {
    for (const subject of ['a/b', 'ä 💺', '100%', '007']) {
      await report(event('order.sold', SOLD, { subject }));
      const got = await world.api('GET', `/orders/${encodeURIComponent(subject)}`);
      expect(got.body).toMatchObject({ identifier: subject, order: { id: subject } });
    }
  });

  it('goes back a bounded number of changes', async () => {
    const many = (count: number) => Array.from({ length: count }, () => event('order.update', {}));
    await report(event('order.sold', SOLD), ...many(HISTORY_MAX - 1));
    const whole = await world.api('GET', '/orders/37228036');
    expect([HISTORY_MAX, at(whole, 'complete')]).toEqual([200, true]);
    expect(at(whole, 'changes')).toHaveLength(HISTORY_MAX);
    await report(...many(60));
    const got = await world.api('GET', '/orders/37228036');
    expect(at(got, 'changes')).toHaveLength(HISTORY_MAX);
    expect(got.body).toMatchObject({ situation: 'sold', complete: false, revision: HISTORY_MAX + 59 });
  });

  it('reads few changes at once, and others have their turn in between', async () => {
    await world.close();
    const steps: Array<number | 'turn'> = [];
    world = await openWorld((deps) => ({
      ...deps,
      store: {
        ...deps.store,
        readStream: (stream, options) => {
          if (stream.includes('37228036')) steps.push(options.limit);
          return deps.store.readStream(stream, options);
        },
      },
      clock: {
        ...deps.clock,
        setTimer: (delayMs, callback) => {
          if (delayMs === 0) steps.push('turn');
          return deps.clock.setTimer(delayMs, callback);
        },
      },
    }));
    await report(event('order.sold', SOLD), ...Array.from({ length: 45 }, () => event('order.update', {})));
    steps.length = 0;
    expect(at(await world.api('GET', '/orders/37228036'), 'changes')).toHaveLength(46);
    expect(steps).toEqual([20, 'turn', 20, 'turn', 20]);
  });

  it('is 503 while the store is away', async () => {
    await report(event('order.sold', SOLD));
    world.storeIsAway = true;
    expect((await world.api('GET', '/orders/37228036')).status).toBe(503);
  });
});

describe('a strict account', () => {
  it('refuses what contradicts, names it and stores nothing of the batch', async () => {
    await strict(true);
    await report(event('order.sold', SOLD));
    const before = await world.head();
    const got = await send([
      event('ticket.update', {}, { subject: 't-1' }),
      event('order.refunded', ticketsIn({ id: 1 }, { id: 9 })),
      event('order.scanned', {}, { subject: 'never-sold' }),
    ]);
    expect([got.status, at(got, 'type')]).toEqual([409, '/docs/errors/order-contradicted']);
    expect(errorsOf(got)).toEqual({
      '[1].data.tickets.items[1]': 'the order has no ticket 9; reported as refunded',
      '[2].type': 'no sale of this order was reported so far; reported: order.scanned',
    });
    expect(await world.head()).toBe(before);
    const single = await send(event('order.refunded', ticketsIn({ id: 9 })));
    expect(Object.keys(errorsOf(single))).toEqual(['data.tickets.items[0]']);
    expect((await world.api('GET', '/docs/errors/order-contradicted', { token: null })).status).toBe(200);
  });

  it('takes a whole life that does not', async () => {
    await strict(true);
    const ticket = { id: 1, barcode: 'A', unitCost: 19.9, bookingFee: 0.1, discount: 0, totalCost: 20 };
    await report(
      event('order.sold', {
        ...ticketsIn(ticket, { ...ticket, id: 2, barcode: 'B' }),
        transactions: items(PURCHASE),
      }),
      event('order.reissued', ticketsIn({ id: 2, barcode: 'X' })),
      event('order.scanned', ticketsIn({ barcode: 'X' })),
      event('order.refunded', { ...ticketsIn({ id: 1, valid: false }), transactions: items(REFUND) }),
      event('order.cancelled', {}),
    );
    expect((await world.api('GET', '/orders/37228036')).body).toMatchObject({
      situation: 'cancelled',
      scanned: [2],
      contradictions: [],
    });
  });

  it('answers a repeated report as a duplicate, a contradicting one of before too', async () => {
    const events = [event('order.scanned', ticketsIn({ id: 1 })), event('order.sold', SOLD)];
    await report(...events);
    await strict(true);
    const got = await send(events);
    expect((at(got, 'changes') as ReadonlyArray<JsonObject>).map(({ status }) => status)).toEqual([
      'duplicate',
      'duplicate',
    ]);
  });

  it('refuses one of two refunds that race', async () => {
    await strict(true);
    await report(event('order.sold', SOLD));
    const refund = () => send(event('order.refunded', ticketsIn({ id: 1 })));
    const got = await Promise.all([refund(), refund(), refund()]);
    expect(got.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
  });

  it('is one account: others are not, and it can be lenient again', async () => {
    await strict(true);
    await report(event('order.cancelled', {}, { companyid: OTHER_COMPANY }));
    expect((await send(event('order.cancelled', {}))).status).toBe(409);
    await strict(false);
    expect((await send(event('order.cancelled', {}))).status).toBe(202);
  });

  it('leaves plain triggers as free as they are', async () => {
    await strict(true);
    await report(event('order.paid', 'anything'), event('order.update', ticketsIn({ id: 9 })));
  });
});

it('of a lenient account nothing is refused', async () => {
  const types = ['order.cancelled', 'order.refunded', 'order.sold', 'order.sold', 'order.reissued'];
  await report(...types.map((type) => event(type, ticketsIn({ id: 1, totalCost: -5, barcode: type }))));
  const got = await world.api('GET', '/orders/37228036');
  expect(at(got, 'contradictions')).not.toEqual([]);
});
