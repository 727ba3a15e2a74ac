import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorld, type World } from './harness.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const event = {
  specversion: '1.0',
  id: 'one',
  source: '/tickets',
  type: 'event.update',
  subject: '7',
  data: {},
};

describe('GET /nodes', () => {
  const node = {
    node: '2c1a7e0a-0000-4000-8000-000000000001',
    name: '2c1a7e0a-0000-4000-8000-000000000002',
    url: 'http://127.0.0.1:8080',
    version: '0.1.0',
    isThis: true,
    joinedAtMs: Date.UTC(2026, 0, 1),
    renewedAtMs: Date.UTC(2026, 0, 2),
    leaving: false,
    partitions: [3, 5],
    inFlight: 4,
    readUpTo: 17,
    handledUpTo: 16,
    behind: 2,
    leaseMs: 5_000,
    settings: { CALLBOARD_RETRY_BASE_MS: '1000' },
    differsIn: ['CALLBOARD_RETRY_BASE_MS'],
  };

  it('tells an administrator who shares the work', async () => {
    world.nodes = [node];
    const got = await world.api('GET', '/nodes', { token: world.tokens.admin });
    expect(got.status).toBe(200);
    expect(got.body).toEqual({
      items: [
        {
          node: node.node,
          name: node.name,
          url: node.url,
          version: '0.1.0',
          this_node: true,
          joined_at: '2026-01-01T00:00:00.000Z',
          renewed_at: '2026-01-02T00:00:00.000Z',
          leaving: false,
          partitions: 2,
          partition_ids: [3, 5],
          in_flight: 4,
          read_up_to: 17,
          handled_up_to: 16,
          behind: 2,
          lease_ms: 5_000,
          settings: { CALLBOARD_RETRY_BASE_MS: '1000' },
          differs_in: ['CALLBOARD_RETRY_BASE_MS'],
        },
      ],
      next: null,
    });
  });

  it('says so when one of an older version does not tell how it is set up', async () => {
    const { leaseMs: _lease, settings: _settings, ...older } = node;
    world.nodes = [{ ...older, differsIn: ['version'] }];
    const got = await world.api('GET', '/nodes', { token: world.tokens.admin });
    expect(got.body).toMatchObject({ items: [{ lease_ms: null, settings: null, differs_in: ['version'] }] });
  });

  it('is not for partners', async () => {
    expect((await world.api('GET', '/nodes')).status).toBe(403);
  });
});

describe('positions', () => {
  it('are answered with writes alone', async () => {
    const written = await world.api('POST', '/changes', { token: world.tokens.platform, json: event });
    expect(written.status).toBe(202);
    expect(written.headers.get('callboard-position')).toBe(String(await world.head()));
    expect((await world.api('GET', '/webhook')).headers.get('callboard-position')).toBeNull();
    const refused = await world.api('POST', '/webhook', { json: {} });
    expect(refused.headers.get('callboard-position')).toBeNull();
  });

  it('are waited for by a read that names one', async () => {
    await world.api('POST', '/changes', { token: world.tokens.platform, json: event });
    await world.api('GET', '/invocations');
    const reached = await world.api('GET', `/invocations?min_position=${await world.head()}`);
    expect(reached.status).toBe(200);
  });

  it.each(['', '-1', '1.5', 'x', '99999999999999999'])(
    'that are none, such as %j, are refused',
    async (text) => {
      const got = await world.api('GET', `/invocations?min_position=${text}`);
      expect(got.status).toBe(422);
      expect(got.body).toMatchObject({ errors: [{ field: 'min_position' }] });
    },
  );
});
