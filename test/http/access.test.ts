import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  at,
  COMPANY,
  makeWebhook,
  openWorld,
  OTHER_COMPANY,
  type Sent,
  START_MS,
  type World,
} from './harness.ts';

let world: World;
let webhook: string;
beforeAll(async () => {
  world = await openWorld();
  webhook = await makeWebhook(world);
});
afterAll(() => world.close());

const UNKNOWN = '96007e9b-b570-454c-aa3b-66a33a88280a';

const requests = (): ReadonlyArray<readonly [string, string, Sent, ReadonlyArray<string>]> => [
  ['POST', '/webhook', { json: {} }, ['partner', 'admin']],
  ['GET', '/webhook', {}, ['partner', 'admin']],
  ['GET', `/webhook/${webhook}`, {}, ['partner', 'admin']],
  ['PATCH', `/webhook/${webhook}`, { json: {} }, ['partner', 'admin']],
  ['GET', `/webhook/${webhook}/settings`, {}, ['partner', 'admin']],
  ['PATCH', `/webhook/${webhook}/settings`, { json: {} }, ['partner', 'admin']],
  ['GET', `/webhook/${webhook}/secret`, {}, ['partner', 'admin']],
  ['GET', `/webhook/${webhook}/invocations`, {}, ['partner', 'admin']],
  ['POST', `/webhook/${webhook}/invocations/retry`, {}, ['partner', 'admin']],
  ['GET', '/invocations', {}, ['partner', 'admin']],
  ['GET', `/invocations/${UNKNOWN}`, {}, ['partner', 'admin']],
  ['POST', `/invocations/${UNKNOWN}/retry`, {}, ['partner', 'admin']],
  ['GET', `/accounts/${COMPANY}`, {}, ['admin']],
  ['PATCH', `/accounts/${COMPANY}`, { json: {} }, ['admin']],
  ['POST', '/changes', { json: {} }, ['platform', 'admin']],
  ['GET', `/changes/${UNKNOWN}`, {}, ['partner', 'platform', 'admin']],
];

describe('a token', () => {
  it('is needed, and is nobody else’s', async () => {
    const claims = { role: 'partner', companies: [COMPANY] };
    const signed = (key: Uint8Array, change: object = {}, alg = 'HS256'): Promise<string> =>
      new SignJWT({ ...claims, iss: 'callboard', aud: 'callboard', sub: 'x', exp: START_MS + 60, ...change })
        .setProtectedHeader({ alg })
        .sign(key);
    const expired = await world.issue({ expiresAtMs: START_MS - 1_000 });
    const [header = '', payload = '', signature = ''] = world.tokens.partner.split('.');
    const bad: ReadonlyArray<string | null> = [
      null,
      '',
      'nonsense',
      'a.b.c',
      expired,
      `${header}.${payload}.`,
      `${header}.${payload}.${signature.slice(1)}`,
      `${header}.${Buffer.from('{"role":"admin"}').toString('base64url')}.${signature}`,
      new UnsecuredJWT(claims).setIssuer('callboard').setAudience('callboard').setSubject('x').encode(),
      await signed(new Uint8Array(32)),
      await signed(world.tokenKey, { aud: 'elsewhere' }),
      await signed(world.tokenKey, { iss: 'elsewhere' }),
      await signed(new Uint8Array(64), {}, 'HS512'),
    ];
    const before = await world.head();
    for (const token of bad) {
      for (const [method, path, sent] of requests()) {
        const got = await world.api(method, path, { ...sent, token });
        expect([got.status, at(got, 'type')], `${method} ${path} ${String(token)}`).toEqual([
          401,
          '/docs/errors/not-authenticated',
        ]);
        expect(got.headers.get('www-authenticate')).toMatch(/^Bearer realm="callboard"/);
      }
    }
    expect(await world.head()).toBe(before);
  });

  it('is said to be missing, expired or not accepted, and no more', async () => {
    const challenge = async (token: string | null): Promise<string | null> =>
      (await world.api('GET', '/webhook', { token })).headers.get('www-authenticate');
    expect(await challenge(null)).toBe('Bearer realm="callboard"');
    expect(await challenge('nonsense')).toBe('Bearer realm="callboard", error="invalid_token"');
    expect(await challenge(await world.issue({ expiresAtMs: START_MS - 1_000 }))).toBe(
      'Bearer realm="callboard", error="invalid_token", error_description="The token has expired"',
    );
  });

  it('of another scheme is not taken', async () => {
    const got = await world.api('GET', '/webhook', { token: null, headers: { authorization: 'Basic eDp5' } });
    expect(got.status).toBe(401);
  });
});

describe('a role', () => {
  it('opens what it is for and nothing else', async () => {
    for (const [method, path, sent, roles] of requests()) {
      for (const role of ['partner', 'platform', 'admin'] as const) {
        const { status } = await world.api(method, path, { ...sent, token: world.tokens[role] });
        const words = `${method} ${path} as ${role}`;
        if (roles.includes(role)) expect([401, 403], words).not.toContain(status);
        else expect(status, words).toBe(403);
      }
    }
  });
});

describe('another company’s webhook', () => {
  it('looks like one that does not exist', async () => {
    const { stranger: token } = world.tokens;
    const before = await world.head();
    for (const [method, path, sent] of requests().filter(([, path]) => path.startsWith('/webhook/'))) {
      const foreign = await world.api(method, path, { ...sent, token });
      const unknown = await world.api(method, path.replace(webhook, UNKNOWN), { ...sent, token });
      expect(foreign.status, `${method} ${path}`).toBe(404);
      expect(foreign.body).toEqual(unknown.body);
    }
    expect((await world.api('DELETE', `/webhook/${webhook}`, { token })).status).toBe(404);
    expect((await world.api('POST', `/webhook/${webhook}/test`, { token })).status).toBe(404);
    expect((await world.api('POST', `/webhook/${webhook}/secret/rotate`, { token })).status).toBe(404);
    expect(await world.head()).toBe(before);
  });

  it('is open to an administrator', async () => {
    const { admin: token } = world.tokens;
    expect((await world.api('GET', `/webhook/${webhook}`, { token })).status).toBe(200);
  });

  it('of a token with several companies is one of them', async () => {
    const token = await world.issue({ companies: [OTHER_COMPANY, COMPANY] });
    expect((await world.api('GET', `/webhook/${webhook}`, { token })).status).toBe(200);
    expect((await world.api('GET', '/webhook', { token })).status).toBe(422);
    expect((await world.api('GET', '/invocations', { token })).status).toBe(422);
    expect((await world.api('GET', `/webhook?company_id=${COMPANY}`, { token })).status).toBe(200);
  });
});
