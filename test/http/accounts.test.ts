import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMPANY, errorsOf, makeWebhook, openWorld, OTHER_COMPANY, textAt, type World } from './harness.ts';

let world: World;
let token: string;
beforeEach(async () => {
  world = await openWorld();
  token = world.tokens.admin;
});
afterEach(() => world.close());

const PATH = `/accounts/${COMPANY}`;
const read = (path = PATH) => world.api('GET', path, { token });
const patch = (json: unknown, path = PATH) => world.api('PATCH', path, { token, json });

describe('GET /accounts/{company_id}', () => {
  it('does not find a company that nothing was done for, nor what is no company', async () => {
    expect((await read()).status).toBe(404);
    expect((await read('/accounts/nonsense')).status).toBe(404);
    expect(await world.head()).toBe(0);
  });

  it('finds it from the first thing on, in any case', async () => {
    await makeWebhook(world);
    expect((await read()).body).toEqual({ company_id: COMPANY, client_id: null, strict: false });
    expect((await read(`/accounts/${COMPANY.toUpperCase()}`)).status).toBe(200);
  });
});

describe('PATCH /accounts/{company_id}', () => {
  it('attaches a client account and switches strictness, and opens the account for it', async () => {
    const first = await patch({ client_id: 6080 });
    expect([first.status, first.body]).toEqual([
      200,
      { company_id: COMPANY, client_id: 6080, strict: false },
    ]);
    expect((await patch({ strict: true })).body).toEqual({
      company_id: COMPANY,
      client_id: 6080,
      strict: true,
    });
    const form = await world.api('PATCH', PATH, { token, form: { strict: '0', client_id: '6080' } });
    expect(form.body).toEqual({ company_id: COMPANY, client_id: 6080, strict: false });
    expect((await read()).body).toEqual(form.body);
  });

  it('writes nothing when all is so already', async () => {
    await patch({ client_id: 1, strict: true });
    const before = await world.head();
    for (const json of [{}, { client_id: 1 }, { strict: true }, { client_id: 1, strict: true, other: 1 }]) {
      expect((await patch(json)).body).toEqual({ company_id: COMPANY, client_id: 1, strict: true });
    }
    expect(await world.head()).toBe(before);
  });

  it('of nothing does not open an account', async () => {
    expect((await patch({})).status).toBe(404);
    expect((await patch({ strict: true }, '/accounts/nonsense')).status).toBe(404);
    expect(await world.head()).toBe(0);
  });

  it('gives a company one client account, and a client account one company', async () => {
    await patch({ client_id: 6080 });
    const before = await world.head();
    const other = await patch({ client_id: 7000, strict: true });
    expect(other.status).toBe(409);
    expect(textAt(other, 'detail')).toContain('already is the client account 6080');
    const taken = await patch({ client_id: 6080 }, `/accounts/${OTHER_COMPANY}`);
    expect(taken.status).toBe(409);
    expect(textAt(taken, 'detail')).toContain('The client account 6080 already is another company');
    expect(await world.head()).toBe(before);
    expect((await patch({ client_id: 7000 }, `/accounts/${OTHER_COMPANY}`)).status).toBe(200);
  });

  it.each([
    [{ client_id: null }, ['client_id']],
    [{ client_id: 0 }, ['client_id']],
    [{ client_id: -1 }, ['client_id']],
    [{ client_id: 1.5 }, ['client_id']],
    [{ client_id: 2 ** 31 }, ['client_id']],
    [{ client_id: 'me' }, ['client_id']],
    [{ client_id: [1] }, ['client_id']],
    [{ strict: null }, ['strict']],
    [{ strict: 'maybe' }, ['strict']],
    [{ client_id: {}, strict: {} }, ['client_id', 'strict']],
    [[], ['body']],
  ])('refuses %j', async (json, fields) => {
    const got = await patch(json);
    expect([got.status, Object.keys(errorsOf(got))]).toEqual([422, fields]);
    expect(await world.head()).toBe(0);
  });

  it('answers 503 while the store is away', async () => {
    world.storeIsAway = true;
    expect((await patch({ client_id: 1 })).status).toBe(503);
    expect((await read()).status).toBe(503);
  });
});
