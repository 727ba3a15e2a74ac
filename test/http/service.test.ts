import { request } from 'node:http';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { routesOf, SERVER_OPTIONS } from '../../src/http/app.ts';
import { openApiDocument } from '../../src/http/openapi/document.ts';
import { PROBLEM_TYPES } from '../../src/http/problem-types.ts';
import { at, makeWebhook, openWorld, type World } from './harness.ts';

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(() => world.close());

const open = (method: string, path: string) => world.api(method, path, { token: null });

describe('health', () => {
  it('is alive always, and ready when it is', async () => {
    expect((await open('GET', '/livez')).body).toEqual({ status: 'alive' });
    expect((await open('GET', '/readyz')).body).toEqual({ status: 'ready', reasons: [] });
    world.health = { ready: false, reasons: ['the read models are behind'] };
    expect((await open('GET', '/livez')).status).toBe(200);
    const got = await open('GET', '/readyz');
    expect([got.status, got.body]).toEqual([
      503,
      { status: 'not_ready', reasons: ['the read models are behind'] },
    ]);
  });
});

describe('read models that stay behind', () => {
  it('make reading wait for a while, then answer 503', async () => {
    await world.close();
    const waits: number[] = [];
    world = await openWorld((deps) => ({
      ...deps,
      settled: () => new Promise(() => undefined),
      clock: {
        nowMs: () => world.nowMs,
        monotonicMs: () => world.nowMs,
        setTimer: (delayMs, callback) => {
          waits.push(delayMs);
          setImmediate(callback);
          return { cancel: () => undefined };
        },
      },
    }));
    const webhook = await makeWebhook(world);
    for (const [method, path] of [
      ['GET', '/webhook'],
      ['GET', '/invocations'],
      ['GET', `/webhook/${webhook}/invocations`],
      ['POST', `/webhook/${webhook}/invocations/retry`],
      ['GET', `/changes/${webhook}`],
    ] as const) {
      const got = await world.api(method, path);
      expect([path, got.status, got.headers.get('retry-after')]).toEqual([path, 503, '5']);
    }
    expect(waits).toEqual([5_000, 5_000, 5_000, 5_000, 5_000]);
  });
});

describe('paths and methods', () => {
  it('that do not exist are told apart', async () => {
    expect((await open('GET', '/nowhere')).status).toBe(404);
    expect((await open('GET', '/webhook/a/b/c/d')).status).toBe(404);
    const got = await open('PUT', '/webhook');
    expect(got.status).toBe(405);
    expect(got.headers.get('allow')?.split(', ').sort()).toEqual(['GET', 'HEAD', 'POST']);
    expect((await open('DELETE', '/changes')).headers.get('allow')).toBe('POST');
    expect((await open('OPTIONS', '/webhook/x')).status).toBe(405);
    expect((await open('POST', '/livez')).status).toBe(405);
  });

  it('are all described, and nothing else is', () => {
    const served = routesOf(world.deps).map(
      ({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`,
    );
    const paths = Object.entries(openApiDocument('1')['paths'] as JsonObject);
    const described = paths.flatMap(([path, methods]) =>
      Object.keys(methods as JsonObject).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(served.sort()).toEqual(described.sort());
  });

  it('answer HEAD like GET, without the body', async () => {
    const response = await fetch(`${world.origin}/livez`, { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });
});

describe('every answer', () => {
  it('has the security headers and names no software', async () => {
    await makeWebhook(world);
    for (const path of ['/webhook', '/nowhere', '/livez', '/docs', '/docs/openapi.json']) {
      const got = await world.api('GET', path);
      expect(got.headers.get('x-content-type-options'), path).toBe('nosniff');
      expect(got.headers.get('content-security-policy'), path).toContain("default-src 'none'");
      expect(got.headers.get('x-powered-by')).toBeNull();
      expect(got.headers.get('server')).toBeNull();
    }
    expect((await world.api('GET', '/webhook')).headers.get('cache-control')).toBe('no-store');
    expect((await world.api('GET', '/nowhere')).headers.get('cache-control')).toBe('no-store');
  });

  it('to a defect shows an id and nothing inner', async () => {
    const guid = await makeWebhook(world);
    const broken = await openWorld((deps) => ({
      ...deps,
      webhooks: new Proxy(deps.webhooks, {
        get: () => () => Promise.reject(new Error('secret inner words')),
      }),
    }));
    const got = await broken.api('GET', `/webhook/${guid}`);
    expect(got.status).toBe(500);
    expect(JSON.stringify(got.body)).not.toContain('inner words');
    const [logged] = broken.logged;
    const id = logged?.fields['id'] as string;
    expect(at(got, 'detail')).toContain(id);
    expect(String(logged?.fields['error'])).toContain('secret inner words');
    await broken.close();
  });

  it('never repeats the Host that a client sent', async () => {
    const location = await new Promise<string | undefined>((resolve, reject) => {
      const sent = request(`${world.origin}/webhook`, {
        method: 'POST',
        headers: {
          host: 'evil.example',
          'x-forwarded-host': 'evil.example',
          'content-type': 'application/json',
          authorization: `Bearer ${world.tokens.partner}`,
        },
      });
      sent.on('response', (response) => resolve(response.resume().headers.location)).on('error', reject);
      sent.end(
        JSON.stringify({ name: 'n', url: 'https://example.com/', resource: 'shop', trigger: 'create' }),
      );
    });
    expect(location).toMatch(/^\/webhook\/[0-9a-f-]{36}$/);
  });

  it('comes from a server that waits for nobody for long', () => {
    expect(SERVER_OPTIONS).toMatchObject({ headersTimeout: 10_000, requestTimeout: 30_000 });
  });
});

describe('whatever comes in', () => {
  it('is never a defect', async () => {
    const types = ['application/json', 'application/cloudevents+json', 'application/cloudevents-batch+json'];
    const forms = ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'x'];
    const body = fc.oneof(fc.json(), fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 50 }));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('/webhook', '/changes'),
        fc.constantFrom(...types, ...forms),
        body,
        async (path, type, sent) => {
          const got = await world.api('POST', path, {
            token: world.tokens.admin,
            headers: { 'content-type': type },
            body: sent,
          });
          expect([400, 415, 422]).toContain(got.status);
        },
      ),
      { numRuns: 200 },
    );
    expect(await world.head()).toBe(0);
    expect(world.logged).toEqual([]);
  });

  it('may break off in the middle', async () => {
    await new Promise<void>((resolve) => {
      const sent = request(`${world.origin}/webhook`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'content-length': 1_000,
          authorization: `Bearer ${world.tokens.partner}`,
        },
      });
      sent.on('error', () => undefined).on('close', resolve);
      sent.write('{"name": ', () => sent.destroy());
    });
    expect((await open('GET', '/livez')).status).toBe(200);
    expect(await world.head()).toBe(0);
    expect(world.logged).toEqual([]);
  });
});

describe('/docs', () => {
  it('describes the API for programs', async () => {
    const got = await open('GET', '/docs/openapi.json');
    expect(got.body).toEqual(openApiDocument('1.2.3'));
  });

  it('describes the API for people, without script or anything from elsewhere', async () => {
    const got = await open('GET', '/docs');
    const text = got.body as string;
    expect(got.headers.get('content-type')).toBe('text/html; charset=utf-8');
    for (const path of Object.keys(openApiDocument('1')['paths'] as JsonObject)) expect(text).toContain(path);
    for (const word of ['webhook-signature', 'OpenTicket-Dedupe-Key', 'Retry-After', 'at least once']) {
      expect(text).toContain(word);
    }
    expect(text).not.toMatch(/<script|<iframe|<img|\son\w+=|style=/i);
    for (const [, target] of text.matchAll(/(?:src|href)="([^"]*)"/g)) expect(target).toMatch(/^[/#]/);
    const links = [...text.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id);
    for (const id of links) expect(text).toContain(`id="${id}"`);
  });

  it('has a style sheet and a page for every problem', async () => {
    expect((await open('GET', '/docs/style.css')).headers.get('content-type')).toBe(
      'text/css; charset=utf-8',
    );
    for (const [slug, { title }] of Object.entries(PROBLEM_TYPES)) {
      const got = await open('GET', `/docs/errors/${slug}`);
      expect([got.status, got.body]).toEqual([200, expect.stringContaining(title)]);
    }
    expect((await open('GET', '/docs/errors/unheard-of')).status).toBe(404);
  });
});
