import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { COMPANY, errorsOf, makeWebhook, openWorld, OTHER_COMPANY, START_MS, type World } from './harness.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const PATH = `/accounts/${COMPANY}/retention`;
const read = (token = world.tokens.admin) => world.api('GET', PATH, { token });
const patch = (json: unknown, token = world.tokens.admin) => world.api('PATCH', PATH, { token, json });
const NOTHING = {
  company_id: COMPANY,
  invocations_months: null,
  changes_months: null,
  in_force_from: null,
  removed: null,
};

describe('/accounts/{company_id}/retention', () => {
  it('keeps everything until an administrator says otherwise, which counts from a day later', async () => {
    expect((await read()).status).toBe(404);
    await makeWebhook(world);
    expect((await read()).body).toEqual(NOTHING);
    const set = {
      ...NOTHING,
      invocations_months: 24,
      in_force_from: new Date(START_MS + 86_400_000).toISOString(),
    };
    expect((await patch({ invocations_months: 24 })).body).toEqual(set);
    expect((await read(world.tokens.partner)).body).toEqual(set);
    const before = await world.head();
    expect((await patch({ invocations_months: 24, changes_months: null })).body).toEqual(set);
    expect((await patch({})).body).toEqual(set);
    expect(await world.head()).toBe(before);
    const form = await world.api('PATCH', PATH, {
      token: world.tokens.admin,
      form: { invocations_months: '' },
    });
    expect(form.body).toEqual(NOTHING);
  });

  it('opens the account of a company that nothing was done for', async () => {
    const set = await patch({ invocations_months: 3 });
    expect([set.status, (set.body as { invocations_months: number }).invocations_months]).toEqual([200, 3]);
  });

  it('refuses what is too short, too long or no number, and any end for changes', async () => {
    for (const months of [2, 0, -1, 1_201, 3.5, 'soon', true]) {
      const refused = await patch({ invocations_months: months });
      expect(refused.status).toBe(422);
      expect(errorsOf(refused)).toEqual({
        invocations_months: 'must be a whole number from 3 to 1200, or null for ever',
      });
    }
    const refused = await patch({ invocations_months: 24, changes_months: 120 });
    expect(refused.status).toBe(422);
    expect(Object.keys(errorsOf(refused))).toEqual(['changes_months']);
    expect(await world.head()).toBe(0);
  });

  it('is set by administrators alone, and not seen by others', async () => {
    await makeWebhook(world);
    expect((await patch({ invocations_months: 24 }, world.tokens.partner)).status).toBe(403);
    expect((await patch({ invocations_months: 24 }, world.tokens.platform)).status).toBe(403);
    expect((await read(world.tokens.stranger)).status).toBe(404);
    const elsewhere = `/accounts/${OTHER_COMPANY}/retention`;
    expect((await world.api('GET', elsewhere)).status).toBe(404);
    expect((await world.api('GET', '/accounts/nonsense/retention')).status).toBe(404);
  });

  it('is refused where the store removes nothing by itself', async () => {
    await world.close();
    world = await openWorld((deps) => ({ ...deps, removesByPolicy: false }));
    const refused = await patch({ invocations_months: 24 });
    expect(refused.status).toBe(422);
    expect(JSON.stringify(refused.body)).toContain('callboard scavenge');
  });
});
