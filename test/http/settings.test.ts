import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomUUID } from 'node:crypto';
import {
  at,
  COMPANY,
  errorsOf,
  makeWebhook,
  openWorld,
  RETRY_BASE_MS,
  textAt,
  type World,
} from './harness.ts';

let world: World;
let guid: string;
beforeEach(async () => {
  world = await openWorld();
  guid = await makeWebhook(world);
});
afterEach(() => world.close());

const DEFAULTS = {
  enabled: true,
  ordering: 'none',
  coalesce: false,
  retry_base_ms: RETRY_BASE_MS,
  disabled_reason: null,
};

describe('/webhook/{guid}/settings', () => {
  it('has the defaults of the server at first', async () => {
    const got = await world.api('GET', `/webhook/${guid}/settings`);
    expect(got.status).toBe(200);
    expect(got.body).toEqual(DEFAULTS);
  });

  it('changes several at once, and back', async () => {
    const path = `/webhook/${guid}/settings`;
    const wanted = { enabled: false, ordering: 'per_resource', coalesce: true, retry_base_ms: 10 };
    const changed = await world.api('PATCH', path, { json: wanted });
    expect(changed.body).toEqual({ ...wanted, disabled_reason: 'by_request' });
    expect((await world.api('GET', path)).body).toEqual(changed.body);

    const back = { enabled: true, ordering: 'none', coalesce: false, retry_base_ms: null };
    expect((await world.api('PATCH', path, { json: back })).body).toEqual(DEFAULTS);
  });

  it('keeps what is not named', async () => {
    const path = `/webhook/${guid}/settings`;
    await world.api('PATCH', path, { json: { retry_base_ms: 3_600_000 } });
    const got = await world.api('PATCH', path, { form: { coalesce: '1' } });
    expect(got.body).toEqual({ ...DEFAULTS, coalesce: true, retry_base_ms: 3_600_000 });
  });

  it('writes nothing when all is so already', async () => {
    const before = await world.head();
    const { disabled_reason: _reason, ...same } = { ...DEFAULTS, retry_base_ms: null };
    for (const json of [{}, same]) {
      expect((await world.api('PATCH', `/webhook/${guid}/settings`, { json })).status).toBe(200);
    }
    expect(await world.head()).toBe(before);
  });

  it('says which invocation was answered with 410', async () => {
    const invocation = randomUUID();
    const cause = { correlationId: guid, causationId: guid, actor: 'engine', companyId: COMPANY };
    await world.deps.webhooks.disableGone(guid, { invocation, attempt: 2 }, cause);
    const got = await world.api('GET', `/webhook/${guid}/settings`);
    expect(at(got, 'enabled')).toBe(false);
    expect(at(got, 'disabled_reason')).toBe(
      `the receiver answered 410 (Gone) to attempt 2 of the invocation ${invocation}`,
    );
  });

  it.each([
    [{ enabled: 'maybe' }, ['enabled']],
    [{ enabled: null }, ['enabled']],
    [{ ordering: 'strict' }, ['ordering']],
    [{ ordering: null }, ['ordering']],
    [{ coalesce: null }, ['coalesce']],
    [{ retry_base_ms: 9 }, ['retry_base_ms']],
    [{ retry_base_ms: 3_600_001 }, ['retry_base_ms']],
    [{ retry_base_ms: 10.5 }, ['retry_base_ms']],
    [{ retry_base_ms: 'soon' }, ['retry_base_ms']],
    [{ disabled_reason: 'because' }, ['disabled_reason']],
    [
      { enabled: false, ordering: 'strict', coalesce: 5, retry_base_ms: -1 },
      ['ordering', 'coalesce', 'retry_base_ms'],
    ],
  ])('refuses %j as a whole', async (json, fields) => {
    const before = await world.head();
    const got = await world.api('PATCH', `/webhook/${guid}/settings`, { json });
    expect([got.status, Object.keys(errorsOf(got))]).toEqual([422, fields]);
    expect(await world.head()).toBe(before);
  });
});

describe('/webhook/{guid}/secret', () => {
  it('is one secret at first', async () => {
    const got = await world.api('GET', `/webhook/${guid}/secret`);
    expect(got.status).toBe(200);
    expect(got.body).toEqual({
      secret: expect.stringMatching(/^whsec_/) as string,
      previous: null,
      previous_until: null,
    });
  });

  it('keeps the previous one for 24 hours after a rotation', async () => {
    const path = `/webhook/${guid}/secret`;
    const first = textAt(await world.api('GET', path), 'secret');
    const rotated = await world.api('POST', `${path}/rotate`);
    expect(rotated.status).toBe(200);
    expect(rotated.body).toMatchObject({ previous: first, previous_until: '2026-01-03T03:04:05.678Z' });
    expect(at(rotated, 'secret')).not.toBe(first);
    expect((await world.api('GET', path)).body).toEqual(rotated.body);

    world.nowMs += 24 * 60 * 60 * 1000;
    const token = await world.issue({ expiresAtMs: world.nowMs + 1_000 });
    expect((await world.api('GET', path, { token })).body).toEqual({
      secret: at(rotated, 'secret'),
      previous: null,
      previous_until: null,
    });
  });
});
