import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import {
  at,
  COMPANY,
  errorsOf,
  type Got,
  OTHER_COMPANY,
  openWorld,
  START_MS,
  type World,
} from './harness.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

interface Reported {
  readonly change: string;
  /** Of the log, with this change. */
  readonly position: string;
}

let reports = 0;
const reported = async (type: string, subject: string, data: Json = null): Promise<Reported> => {
  reports += 1;
  const got = await world.api('POST', '/changes', {
    token: world.tokens.platform,
    headers: { 'content-type': 'application/cloudevents+json' },
    json: {
      specversion: '1.0',
      id: `r${reports}`,
      source: '/tickets',
      type,
      subject,
      companyid: COMPANY,
      ...(data !== null && { data }),
    },
  });
  expect(got.status).toBe(202);
  const [{ change } = {}] = at(got, 'changes') as ReadonlyArray<JsonObject>;
  return { change: change as string, position: got.headers.get('callboard-position') ?? '' };
};

const refs = (...names: ReadonlyArray<string>): ReadonlyArray<JsonObject> =>
  names.map((name) => {
    const [resource = '', identifier = ''] = name.split(' ');
    return { resource, identifier };
  });
const relations = (...names: ReadonlyArray<string>): JsonObject => ({ relations: refs(...names) });

const read = (path: string, moment?: string): Promise<Got> =>
  world.api('GET', `/resources/${path}${moment === undefined ? '' : `?at=${encodeURIComponent(moment)}`}`);
const timeOf = (atMs: number): string => new Date(atMs).toISOString();

describe('GET /resources/{resource}/{identifier}', () => {
  it('tells what it belongs to, what belongs to it, and its latest change', async () => {
    await reported('event.create', 'e1');
    await reported('ticket.create', 't2', relations('event e1'));
    const { change } = await reported('ticket.update', 't1', relations('event e2', 'event e1'));
    expect((await read('event/e1')).body).toMatchObject({
      resource: 'event',
      identifier: 'e1',
      belongs_to: [],
      has: refs('ticket t2', 'ticket t1'),
      next: null,
    });
    expect((await read('ticket/t1')).body).toEqual({
      resource: 'ticket',
      identifier: 't1',
      belongs_to: refs('event e1', 'event e2'),
      has: [],
      next: null,
      last_change: {
        change,
        type: 'ticket.update',
        triggers: ['update', 'relation'],
        occurred_at: timeOf(START_MS),
        recorded_at: timeOf(START_MS),
        revision: 0,
      },
    });
  });

  it('tells of what was only named, and does not find what never was', async () => {
    const before = await reported('ticket.create', 't0');
    const { position } = await reported('ticket.create', 't1', relations('event e9'));
    const named = { belongs_to: [], has: refs('ticket t1'), last_change: null };
    expect(await read('event/e9')).toMatchObject({ status: 200, body: named });
    expect(await read('event/e9', position)).toMatchObject({ status: 200, body: named });
    expect((await read('event/e9', before.position)).status).toBe(404);
    expect((await read('event/e8')).status).toBe(404);
    expect((await read('venue/e9')).status).toBe(404);
    // Named once: it stays known after nothing belongs to it any more.
    await reported('ticket.update', 't1', relations());
    expect(await read('event/e9')).toMatchObject({ status: 200, body: { ...named, has: [] } });
  });

  it('is as it was at any position, through leaving and coming back', async () => {
    const moments: Reported[] = [];
    for (const [type, subject, ...to] of [
      ['event.create', 'e1'],
      ['ticket.create', 't1', 'event e1'],
      ['product.create', 'p1', 'event e1', 'shop s1'],
      ['ticket.update', 't1', 'event e2'],
      ['ticket.update', 't1', 'event e2', 'event e1'],
      ['ticket.update', 't1', 'event e1'],
      ['event.update', 'e1', 'shop s1'],
    ] as ReadonlyArray<[string, string, ...string[]]>) {
      moments.push(await reported(type, subject, relations(...to)));
    }
    const all = [];
    for (const { position } of moments) {
      const {
        has,
        belongs_to: belongsTo,
        last_change: last,
      } = (await read('event/e1', position)).body as JsonObject;
      all.push([has, belongsTo, (last as JsonObject)['change']]);
    }
    const first = moments[0]?.change;
    expect(all).toEqual([
      [[], [], first],
      [refs('ticket t1'), [], first],
      [refs('ticket t1', 'product p1'), [], first],
      [refs('product p1'), [], first],
      // It came back after the product.
      [refs('product p1', 'ticket t1'), [], first],
      [refs('product p1', 'ticket t1'), [], first],
      [refs('product p1', 'ticket t1'), refs('shop s1'), moments[6]?.change],
    ]);
    expect((await read('ticket/t1', moments[3]?.position)).body).toMatchObject({
      belongs_to: refs('event e2'),
      last_change: { change: moments[3]?.change, revision: 1 },
    });
    expect((await read('ticket/t1', moments[0]?.position)).status).toBe(404);
  });

  it('is as it was at any time', async () => {
    const changes: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      world.nowMs = START_MS + n * 1_000;
      changes.push((await reported('event.update', 'e1', relations(`shop s${n}`))).change);
      await reported('ticket.create', `t${n}`, relations('event e1'));
    }
    for (let n = 0; n < 5; n += 1) {
      for (const ms of [0, 999]) {
        expect((await read('event/e1', timeOf(START_MS + n * 1_000 + ms))).body).toMatchObject({
          belongs_to: refs(`shop s${n}`),
          has: refs(...Array.from({ length: n + 1 }, (_, m) => `ticket t${m}`)),
          last_change: { change: changes[n], revision: n, recorded_at: timeOf(START_MS + n * 1_000) },
        });
      }
    }
  });

  it('refuses a moment that lies ahead or is none, and finds nothing before the first change', async () => {
    const { position } = await reported('event.create', 'e1');
    expect((await read('event/e1', timeOf(START_MS - 1))).status).toBe(404);
    expect((await read('event/e1', timeOf(START_MS - 1))).body).toMatchObject({
      detail: expect.stringContaining('at that moment') as string,
    });
    expect((await read('event/e1', '0')).status).toBe(404);
    expect((await read('event/e1', timeOf(START_MS + 60_000))).status).toBe(200);
    for (const moment of [
      timeOf(START_MS + 60_001),
      String(Number(position) + 1_000_000),
      '99999999999999999',
      'yesterday',
      '-1',
      '2026-02-30T00:00:00Z',
      '',
    ]) {
      const got = await read('event/e1', moment);
      expect([moment, got.status, Object.keys(errorsOf(got))]).toEqual([moment, 422, ['at']]);
      expect((await world.api('GET', `/orders/o1?at=${encodeURIComponent(moment)}`)).status).toBe(422);
    }
  });

  it('has in pages what is much', async () => {
    await reported('event.create', 'e1');
    for (let n = 0; n < 7; n += 1) await reported('ticket.create', `t${n}`, relations('event e1'));
    const { position } = await reported('ticket.update', 't2', relations());
    await reported('ticket.create', 't7', relations('event e1'));
    const seen: Json[] = [];
    let after = '';
    let pages = 0;
    do {
      const got = await read(`event/e1?limit=3${after}`.replace('?', `?at=${position}&`));
      seen.push(...(at(got, 'has') as ReadonlyArray<Json>));
      const next = at(got, 'next') as string | null;
      after = next === null ? '' : `&after=${next}`;
      pages += 1;
    } while (after !== '');
    expect(seen).toEqual(refs('ticket t0', 'ticket t1', 'ticket t3', 'ticket t4', 'ticket t5', 'ticket t6'));
    expect(pages).toBe(2);
    expect((await read('event/e1?limit=201')).status).toBe(422);
  });

  it('is for those who may see its company', async () => {
    await reported('event.create', 'e1');
    const path = '/resources/event/e1';
    expect((await world.api('GET', path, { token: world.tokens.stranger })).status).toBe(404);
    expect((await world.api('GET', `${path}?company_id=${OTHER_COMPANY}`)).status).toBe(403);
    expect((await world.api('GET', path, { token: world.tokens.platform })).status).toBe(200);
    expect((await world.api('GET', path, { token: world.tokens.admin })).status).toBe(422);
    const named = `${path}?company_id=${COMPANY}`;
    expect((await world.api('GET', named, { token: world.tokens.admin })).status).toBe(200);
  });
});

describe('GET /orders/{id}?at=', () => {
  const tickets = (...ids: ReadonlyArray<number>): JsonObject => ({
    event: { id: 'e1' },
    tickets: { items: ids.map((id) => ({ id })) },
  });

  it('is the order as it was, with what had been reported up to then', async () => {
    await reported('event.create', 'e1');
    const sold = await reported('order.sold', 'o1', tickets(1, 2));
    world.nowMs += 1_000;
    const refunded = await reported('order.refunded', 'o1', tickets(7));
    world.nowMs += 1_000;
    const cancelled = await reported('order.cancelled', 'o1', {});
    const orderAt = async (moment: string): Promise<JsonObject> => {
      const got = await world.api('GET', `/orders/o1?at=${encodeURIComponent(moment)}`);
      expect(got.status).toBe(200);
      return got.body as JsonObject;
    };
    for (const moment of [sold.position, timeOf(START_MS + 999)]) {
      expect(await orderAt(moment)).toMatchObject({
        situation: 'sold',
        contradictions: [],
        revision: 0,
        complete: true,
        changes: [{ change: sold.change }],
        last_change: { change: sold.change, type: 'order.sold', triggers: ['create', 'paid'] },
      });
    }
    expect(await orderAt(refunded.position)).toMatchObject({
      revision: 1,
      contradictions: [{ kind: 'ticket_unknown', ticket: 7, change: refunded.change }],
    });
    for (const moment of [cancelled.position, timeOf(world.nowMs)]) {
      expect(await orderAt(moment)).toEqual((await world.api('GET', '/orders/o1')).body);
    }
    expect(await orderAt(cancelled.position)).toMatchObject({ situation: 'cancelled', revision: 2 });
    const first = String(Number(sold.position) - 1);
    expect((await world.api('GET', `/orders/o1?at=${first}`)).status).toBe(404);
    expect((await world.api('GET', `/orders/o1?at=${timeOf(START_MS - 1)}`)).status).toBe(404);
    expect((await read('event/e1', refunded.position)).body).toMatchObject({ has: refs('order o1') });
  });
});
