import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import {
  at,
  COMPANY,
  errorsOf,
  type Got,
  makeWebhook,
  OTHER_COMPANY,
  openWorld,
  START_MS,
  type World,
} from './harness.ts';

const DAY_MS = 86_400_000;

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const read = (query: string, token = world.tokens.partner): Promise<Got> =>
  world.api('GET', `/conservation${query}`, { token });
const items = (got: Got): ReadonlyArray<JsonObject> => at(got, 'items') as ReadonlyArray<JsonObject>;
const dayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

const tested = async (webhook: string, token = world.tokens.partner): Promise<void> => {
  const got = await world.api('POST', `/webhook/${webhook}/test`, { token });
  expect(got.status).toBe(202);
};

const tally = (waiting: number): JsonObject => ({
  scheduled: waiting,
  waiting,
  in_flight: 0,
  delivered: 0,
  exhausted: 0,
  cancelled: 0,
  superseded: 0,
  difference: 0,
});

/** Two webhooks on two days, and one of another company. */
const story = async () => {
  // The tests go on for days.
  const token = await world.issue({ expiresAtMs: START_MS + 9 * DAY_MS });
  const [first, second] = [await makeWebhook(world), await makeWebhook(world)];
  const theirs = await makeWebhook(world, {}, world.tokens.stranger);
  await tested(theirs, world.tokens.stranger);
  for (const webhook of [first, first, second]) await tested(webhook);
  world.nowMs += DAY_MS;
  await tested(second, token);
  return { first, second, theirs, token };
};

describe('GET /conservation', () => {
  it('counts the invocations of a company, and apart by webhook or day', async () => {
    const { first, second, token } = await story();
    const whole = {
      company_id: COMPANY,
      position: expect.any(Number) as number,
      totals: tally(4),
      next: null,
    };
    expect((await read('', token)).body).toEqual({
      ...whole,
      by: 'company',
      items: [{ company_id: COMPANY, ...tally(4) }],
    });
    expect((await read('?by=webhook', token)).body).toEqual({
      ...whole,
      by: 'webhook',
      items: [
        { webhook: first, ...tally(2) },
        { webhook: second, ...tally(2) },
      ],
    });
    expect((await read('?by=day', token)).body).toEqual({
      ...whole,
      by: 'day',
      items: [
        { day: dayOf(START_MS), ...tally(3) },
        { day: dayOf(START_MS + DAY_MS), ...tally(1) },
      ],
    });
  });

  it('takes a webhook, a range of days, and pages', async () => {
    const { first, second, token } = await story();
    const ofSecond = await read(`?by=day&webhook=${second}`, token);
    expect(items(ofSecond).map(({ day, scheduled }) => [day, scheduled])).toEqual([
      [dayOf(START_MS), 1],
      [dayOf(START_MS + DAY_MS), 1],
    ]);
    expect(at(ofSecond, 'totals')).toEqual(tally(2));
    expect(items(await read(`?by=webhook&webhook=${second}`, token))).toEqual([
      { webhook: second, ...tally(2) },
    ]);
    const secondDay = dayOf(START_MS + DAY_MS);
    const later = await read(`?by=webhook&from=${secondDay}`, token);
    expect([at(later, 'totals'), items(later)]).toEqual([tally(1), [{ webhook: second, ...tally(1) }]]);
    expect(at(await read(`?to=${secondDay}`, token), 'totals')).toEqual(tally(3));

    const page = await read('?by=webhook&limit=1', token);
    expect(items(page).map(({ webhook }) => webhook)).toEqual([first]);
    const next = await read(`?by=webhook&limit=1&after=${at(page, 'next') as string}`, token);
    expect(items(next).map(({ webhook }) => webhook)).toEqual([second]);
    expect(at(next, 'next')).toBeNull();
  });

  it('shows administrators all companies, and a partner its own alone', async () => {
    const { first } = await story();
    world.nowMs = START_MS;
    const all = await read('', world.tokens.admin);
    expect(at(all, 'company_id')).toBeNull();
    expect(at(all, 'totals')).toEqual(tally(5));
    expect(new Map(items(all).map((item) => [item['company_id'], item['scheduled']]))).toEqual(
      new Map([
        [OTHER_COMPANY, 1],
        [COMPANY, 4],
      ]),
    );
    expect(items(await read(`?by=webhook&company_id=${COMPANY}`, world.tokens.admin))).toHaveLength(2);
    expect((await read('?by=webhook', world.tokens.admin)).status).toBe(422);
    const stranger = world.tokens.stranger;
    expect(at(await read('', stranger), 'totals')).toEqual(tally(1));
    expect(at(await read(`?webhook=${first}`, stranger), 'totals')).toEqual(tally(0));
    expect((await read(`?company_id=${COMPANY}`, stranger)).status).toBe(403);
    expect((await read('', world.tokens.platform)).status).toBe(403);
  });

  it('refuses what it cannot count', async () => {
    for (const [query, field] of [
      ['?by=month', 'by'],
      ['?from=2026-02-30', 'from'],
      ['?to=yesterday', 'to'],
      ['?from=2026-02-03&to=2026-02-03', 'to'],
      ['?webhook=x', 'webhook'],
    ] as const) {
      const got = await read(query);
      expect([query, got.status, Object.keys(errorsOf(got))]).toEqual([query, 422, [field]]);
    }
    expect(items(await read('?by=webhook'))).toEqual([]);
  });
});

describe('GET /metrics', () => {
  it('is read without a token, counts the whole store, and names nobody', async () => {
    const { first, theirs } = await story();
    await world.deps.settled();
    const got = await world.api('GET', '/metrics', { token: null });
    expect(got.status).toBe(200);
    expect(got.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = got.body as string;
    expect(text).toContain('callboard_invocations_scheduled_total 5\n');
    expect(text).toContain('callboard_invocations{status="waiting"} 5\n');
    expect(text).toContain('callboard_conservation_difference 0\n');
    for (const secret of [COMPANY, OTHER_COMPANY, first, theirs, 'example.com']) {
      expect(text).not.toContain(secret);
    }
    expect((await world.api('POST', '/metrics')).status).toBe(405);
  });
});
