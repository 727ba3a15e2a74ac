import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SESSION_MS } from '../../../src/http/dashboard/session.ts';
import { LINK_MS } from '../../../src/http/dashboard/links.ts';
import { FAILURES_MAX, ONE_MORE_MS } from '../../../src/http/dashboard/sign-in-limit.ts';
import { COMPANY, makeWebhook, openWorld, OTHER_COMPANY, START_MS, type World } from '../harness.ts';

/** The dashboard over plain HTTP: who gets in, and from where. What it shows is looked at in test/dashboard. */
describe('the dashboard', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  const visit = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${world.origin}${path}`, { headers, redirect: 'manual' });

  const post = (
    path: string,
    form: Record<string, string>,
    headers: Record<string, string> = { 'sec-fetch-site': 'same-origin' },
  ): Promise<Response> =>
    fetch(`${world.origin}${path}`, {
      method: 'POST',
      headers,
      body: new URLSearchParams(form),
      redirect: 'manual',
    });

  const signIn = async (token = world.tokens.partner): Promise<string> => {
    const answer = await post('/dashboard/sign-in', { token });
    expect(answer.status).toBe(303);
    return (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  };

  it('answers with the content security policy, and nothing of it in caches', async () => {
    const { headers } = await visit('/');
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'",
    );
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('holds no script, no style and no address of another host in its pages', async () => {
    const cookie = await signIn();
    for (const path of ['/', '/dashboard/webhooks/new', '/dashboard/sign-in']) {
      const text = await (await visit(path, { cookie })).text();
      expect(text).not.toMatch(
        /<script(?! src="\/)|<style|\sstyle=|\son\w+=|(?:src|<link[^>]*href)="(?:https?:)?\/\//,
      );
    }
    const [, script = ''] = /<script src="([^"]+)"/.exec(await (await visit('/')).text()) ?? [];
    expect((await visit(script)).headers.get('cache-control')).toContain('immutable');
  });

  describe('a session', () => {
    it('is a cookie that is not readable, strict, and shows nothing of the token', async () => {
      const answer = await post('/dashboard/sign-in', { token: world.tokens.partner });
      const cookie = answer.headers.get('set-cookie') ?? '';
      expect(cookie).toMatch(/^callboard=v1\..*; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
      expect(cookie).not.toContain(world.tokens.partner);
      expect(answer.headers.get('location')).toBe('/');
    });

    it('has the prefix that insists on TLS where people come by https', async () => {
      await world.close();
      world = await openWorld((deps) => ({ ...deps, publicUrl: 'https://callboard.example' }));
      const answer = await post('/dashboard/sign-in', { token: world.tokens.partner });
      expect(answer.headers.get('set-cookie')).toMatch(/^__Host-callboard=.*; Path=\/; .*; Secure$/);
    });

    it('ends after twelve hours, with its token, and by signing out', async () => {
      const long = await world.issue({ expiresAtMs: START_MS + 30 * SESSION_MS });
      const cookie = await signIn(long);
      const short = await signIn();
      expect((await visit('/', { cookie })).status).toBe(200);
      world.nowMs = START_MS + 3_600_000;
      expect(await (await visit('/', { cookie: short })).text()).toContain('Your session has ended');
      expect(await (await visit('/', { cookie })).text()).toContain('No webhooks yet');
      world.nowMs = START_MS + SESSION_MS;
      expect(await (await visit('/', { cookie })).text()).toContain('Your session has ended');
      const out = await post('/dashboard/sign-out', {});
      expect(out.headers.get('set-cookie')).toMatch(/^callboard=; .*Max-Age=0/);
    });

    it('is nothing that can be made up or altered', async () => {
      const cookie = await signIn();
      const altered = `${cookie.slice(0, -3)}${cookie.endsWith('AAA') ? 'BBB' : 'AAA'}`;
      for (const wrong of [altered, 'callboard=', 'callboard=v1.x.y', `callboard=${world.tokens.partner}`]) {
        expect(await (await visit('/', { cookie: wrong })).text()).toContain('Sign in');
      }
      // The API does not take it, so it has no need to fear other sites' pages.
      expect((await visit('/webhook', { cookie })).status).toBe(401);
    });

    it('does not lead elsewhere after signing in', async () => {
      for (const elsewhere of [
        '//evil.test',
        'https://evil.test',
        '/\\evil.test',
        'javascript:alert(1)',
        '/a b',
      ]) {
        const answer = await post('/dashboard/sign-in', {
          token: world.tokens.partner,
          return_to: elsewhere,
        });
        expect(answer.headers.get('location')).toBe('/');
      }
    });
  });

  describe('who fails to sign in again and again', () => {
    const failTimes = async (times: number): Promise<Response> => {
      let last = await post('/dashboard/sign-in', { token: 'nonsense' });
      for (let time = 1; time < times; time += 1)
        last = await post('/dashboard/sign-in', { token: 'nonsense', 'kept:name': 'typed' });
      return last;
    };

    it('has to wait, keeps what was typed, and may go on after that', async () => {
      expect((await failTimes(FAILURES_MAX)).status).toBe(401);
      const refused = await failTimes(2);
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, String(ONE_MORE_MS / 1000)]);
      const text = await refused.text();
      expect(text).toContain('Too many tries have failed. Try again in 3 seconds.');
      expect(text).toContain('typed');
      // A right one is not looked at either, so that nothing is learned by trying on.
      expect((await post('/dashboard/sign-in', { token: world.tokens.partner })).status).toBe(429);
      world.nowMs += ONE_MORE_MS;
      expect((await post('/dashboard/sign-in', { token: world.tokens.partner })).status).toBe(303);
    });

    it('counts codes of links too, and never holds up a good one', async () => {
      await failTimes(FAILURES_MAX);
      expect((await post('/dashboard/sign-in/no-code', {})).status).toBe(429);
      const made = await fetch(`${world.origin}/dashboard/sign-in/links`, {
        method: 'POST',
        headers: { authorization: `Bearer ${world.tokens.partner}` },
      });
      const { path = '' } = (await made.json()) as { path?: string };
      expect((await post(path, {})).status).toBe(303);
    });
  });

  describe('a link to sign in', () => {
    const link = async (token: string): Promise<{ status: number; path: string }> => {
      const answer = await fetch(`${world.origin}/dashboard/sign-in/links`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
      });
      const { path = '' } = (await answer.json()) as { path?: string };
      return { status: answer.status, path };
    };

    it('holds a code that signs in once, and not the token', async () => {
      const { status, path } = await link(world.tokens.partner);
      expect(status).toBe(201);
      expect(path).toMatch(/^\/dashboard\/sign-in\/[0-9a-f-]{36}$/);
      // Looking at it, as a mail scanner does, does not use it up.
      expect((await visit(path)).status).toBe(200);
      const used = await post(path, {});
      const cookie = (used.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
      expect(await (await visit('/', { cookie })).text()).toContain('No webhooks yet');
      expect((await post(path, {})).status).toBe(404);
      expect((await visit(path)).status).toBe(404);
    });

    it('is good for five minutes, and only for a good token', async () => {
      const { path } = await link(world.tokens.partner);
      world.nowMs = START_MS + LINK_MS;
      expect((await post(path, {})).status).toBe(404);
      expect((await link('nonsense')).status).toBe(401);
    });
  });

  describe('a request from elsewhere', () => {
    const cases: ReadonlyArray<readonly [string, Record<string, string>, boolean]> = [
      ['our own page', { 'sec-fetch-site': 'same-origin' }, true],
      ['another site', { 'sec-fetch-site': 'cross-site' }, false],
      ['a host beside ours', { 'sec-fetch-site': 'same-site' }, false],
      ['the address bar', { 'sec-fetch-site': 'none' }, false],
      ['something that only looks like ours', { 'sec-fetch-site': 'same-origin, cross-site' }, false],
      ['an old browser on our page', { origin: 'OURS' }, true],
      ['an old browser on another page', { origin: 'https://evil.test' }, false],
      ['an old browser that hides it', { origin: 'null' }, false],
      ['our host on another port', { origin: 'http://127.0.0.1:1' }, false],
      ['another site that names our origin too', { 'sec-fetch-site': 'cross-site', origin: 'OURS' }, false],
      ['who does not say', {}, false],
      ['who names only a referrer', { referer: 'OURS/' }, false],
    ];
    it.each(cases)('%s', async (_who, headers, isTaken) => {
      const cookie = await signIn();
      const guid = await makeWebhook(world);
      const ours = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, value.replace('OURS', world.origin)]),
      );
      for (const [path, done] of [
        [`/dashboard/webhooks/${guid}/disable`, 303],
        ['/dashboard/sign-in', 303],
        ['/dashboard/sign-out', 303],
      ] as const) {
        const answer = await post(path, { token: world.tokens.partner }, { ...ours, cookie });
        expect(answer.status, path).toBe(isTaken ? done : 403);
        if (!isTaken) expect(answer.headers.get('set-cookie')).toBeNull();
      }
      const settings = await world.api('GET', `/webhook/${guid}/settings`);
      expect((settings.body as { enabled: boolean }).enabled).toBe(!isTaken);
    });

    it('changes nothing by looking', async () => {
      const cookie = await signIn();
      const guid = await makeWebhook(world);
      for (const what of ['enable', 'test', 'disable', 'delete', 'retry', 'secret']) {
        await visit(`/dashboard/webhooks/${guid}/${what}`, { cookie });
      }
      const { body } = await world.api('GET', `/webhook/${guid}/history`);
      expect((body as { items: unknown[] }).items).toHaveLength(1);
    });
  });

  describe('roles', () => {
    it('keeps companies apart', async () => {
      const guid = await makeWebhook(world);
      const stranger = await signIn(world.tokens.stranger);
      for (const path of ['', '/edit', '/history', '/secret', '/delete']) {
        expect((await visit(`/dashboard/webhooks/${guid}${path}`, { cookie: stranger })).status).toBe(404);
      }
      expect((await visit(`/?company=${COMPANY}`, { cookie: stranger })).status).toBe(403);
      const form = {
        company_id: COMPANY,
        step: 'create',
        name: 'x',
        url: 'https://example.com',
        resource: 'shop',
        trigger: 'paid',
      };
      const answer = await post('/dashboard/webhooks/new', form, {
        cookie: stranger,
        'sec-fetch-site': 'same-origin',
      });
      expect(answer.status).toBe(403);
      expect(await (await visit('/', { cookie: stranger })).text()).toContain('No webhooks yet');
    });

    it('asks an administrator for the company, and lets a platform look at changes alone', async () => {
      await makeWebhook(world);
      const admin = await signIn(world.tokens.admin);
      expect((await visit('/', { cookie: admin })).headers.get('location')).toBe(
        '/dashboard/companies?return_to=%2F',
      );
      expect(await (await visit('/dashboard/companies', { cookie: admin })).text()).toContain(COMPANY);
      expect(await (await visit(`/?company=${COMPANY}`, { cookie: admin })).text()).toContain(
        'My Example Webhook',
      );
      expect(await (await visit(`/?company=${OTHER_COMPANY}`, { cookie: admin })).text()).toContain(
        'No webhooks yet',
      );

      const platform = await signIn(world.tokens.platform);
      expect((await visit('/', { cookie: platform })).headers.get('location')).toBe('/dashboard/changes');
      expect((await visit('/dashboard/changes', { cookie: platform })).status).toBe(200);
      expect((await visit('/dashboard/webhooks/new', { cookie: platform })).status).toBe(403);
      for (const page of ['overview', 'simulator']) {
        expect((await visit(`/dashboard/${page}`, { cookie: platform })).status).toBe(403);
      }
    });
  });

  it('says what to do when the store is away, when something is nowhere, and of a defect only an id', async () => {
    const cookie = await signIn();
    const nowhere = await visit('/dashboard/nowhere', { cookie });
    expect(nowhere.status).toBe(404);
    expect(await nowhere.text()).toContain('Go to the webhooks');
    world.health = { ready: false, reasons: ['the event store is away: no answer'] };
    const away = await visit('/', { cookie });
    expect([away.status, await away.text()]).toEqual([
      503,
      expect.stringContaining('Try again in a few seconds'),
    ]);
    await world.close();
    world = await openWorld((deps) => ({
      ...deps,
      readModels: {
        ...deps.readModels,
        liveWebhooksOf: () => {
          throw new Error('inner words');
        },
      },
    }));
    const broken = await visit('/', { cookie: await signIn() });
    const text = await broken.text();
    expect(broken.status).toBe(500);
    expect(text).not.toContain('inner words');
    const [logged] = world.logged;
    expect(text).toContain(String(logged?.fields['id']));
  });
});
