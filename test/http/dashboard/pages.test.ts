import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { invocation as aggregate } from '../../../src/commands/aggregates.ts';
import { streamOf } from '../../../src/domain/ids.ts';
import type { InvocationCommand } from '../../../src/domain/invocation.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import { transact } from '../../../src/eventstore/transact.ts';
import { AT_ONCE_MAX } from '../../../src/http/dashboard/retry-all.ts';
import { at, COMPANY, makeWebhook, openWorld, textAt, type World } from '../harness.ts';

/** What pages hold, over plain HTTP. What a browser makes of them is looked at in test/dashboard. */
describe('pages of the dashboard', () => {
  let world: World;
  let cookie: string;
  beforeEach(async () => {
    world = await openWorld();
    cookie = await signIn(world.tokens.partner);
  });
  afterEach(() => world.close());

  const post = (path: string, form: Record<string, string> = {}, by = cookie): Promise<Response> =>
    fetch(`${world.origin}${path}`, {
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin', cookie: by },
      body: new URLSearchParams(form),
      redirect: 'manual',
    });
  const signIn = async (token: string): Promise<string> => {
    const answer = await post('/dashboard/sign-in', { token }, '');
    return (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  };
  const visit = async (path: string, by = cookie): Promise<string> => {
    const answer = await fetch(`${world.origin}${path}`, { headers: { cookie: by }, redirect: 'manual' });
    return (await answer.text()).replaceAll(/\s+/g, ' ');
  };

  const does = async (guid: string, command: InvocationCommand): Promise<void> => {
    const cause = { correlationId: guid, causationId: guid, actor: 'tests', companyId: COMPANY };
    const done = await transact(world.invocationDeps, streamOf.invocation(guid), aggregate, command, cause);
    if (isLeft(done)) throw new Error(JSON.stringify(done.left));
  };
  /** An exhausted invocation of a webhook without retries. */
  const failed = async (webhook: string): Promise<string> => {
    const guid = textAt(await world.api('POST', `/webhook/${webhook}/test`), 'guid');
    const url = 'https://example.com/webhook/receive';
    await does(guid, { type: 'StartAttempt', number: 1, url, webhookRevision: 0, atMs: world.nowMs });
    await does(guid, {
      type: 'RecordFailure',
      number: 1,
      outcome: 'failed',
      result: { statusCode: null, error: 'refused', durationMs: 1, address: null, responseExcerpt: null },
      atMs: world.nowMs,
    });
    return guid;
  };

  describe('the list of webhooks', () => {
    it('finds by name, URL, guid and state, and says what to do where nothing matches', async () => {
      await makeWebhook(world, { name: 'Sales', url: 'https://sales.example/hook' });
      const gate = await makeWebhook(world, { name: 'Gate <one>', url: 'https://gate.example/' });
      await world.api('PATCH', `/webhook/${gate}/settings`, { json: { enabled: false } });
      const namesAt = async (query: string): Promise<ReadonlyArray<string>> =>
        [
          ...(await visit(`/?${query}`)).matchAll(/<a href="\/dashboard\/webhooks\/[0-9a-f-]{36}">([^<]*)</g),
        ].map(([, name = '']) => name);
      expect(await namesAt('')).toEqual(['Gate &lt;one&gt;', 'Sales']);
      expect(await namesAt('q=SALES.ex')).toEqual(['Sales']);
      expect(await namesAt('q=%3Cone%3E')).toEqual(['Gate &lt;one&gt;']);
      expect(await namesAt(`q=${gate}`)).toEqual(['Gate &lt;one&gt;']);
      expect(await namesAt('state=disabled')).toEqual(['Gate &lt;one&gt;']);
      expect(await namesAt('state=enabled&q=gate')).toEqual([]);
      const nothing = await visit('/?q=%22nobody');
      expect(nothing).toContain('No webhook matches');
      expect(nothing).toContain('value="&quot;nobody"');
      expect(await visit('/?state=lost')).toContain('must be one of');
    });

    it('begins with what became of the last seven days, and leads to those that fail', async () => {
      const webhook = await makeWebhook(world, { retries: 0 });
      expect(await visit('/')).not.toContain('Last 7 days');
      await failed(webhook);
      const text = await visit('/');
      expect(text).toContain('<b>1</b> given up after all retries');
      expect(text).toContain('href="/?state=failing"');
      expect(await visit('/?state=failing')).toContain('My Example Webhook');
    });
  });

  describe('the list of changes', () => {
    const report = (id: string, subject: string): Promise<unknown> =>
      world.api('POST', '/changes', {
        token: world.tokens.platform,
        headers: { 'content-type': 'application/cloudevents+json' },
        json: {
          specversion: '1.0',
          id,
          source: '/tests',
          type: 'shop.update',
          subject,
          companyid: COMPANY,
          data: {},
        },
      });

    it('shows all that was reported of one thing, newest first, page by page', async () => {
      for (let number = 1; number <= 27; number += 1) await report(`r${number}`, 'pop up & more');
      await report('other', 'another shop');
      const path = '/dashboard/changes?resource=shop&identifier=pop+up+%26+more';
      const first = await visit(path);
      expect(first.match(/<th scope="row">/g)).toHaveLength(25);
      expect(first).not.toContain('another shop');
      const [, next = ''] = /<a class="button" rel="next" href="([^"]+)"/.exec(first) ?? [];
      const second = await visit(next.replaceAll('&amp;', '&'));
      expect(second.match(/<th scope="row">/g)).toHaveLength(2);
      expect(second).not.toContain('rel="next"');
    });

    it('says what is missing, and that nothing was reported', async () => {
      await report('r1', 'shop');
      expect(await visit('/dashboard/changes?identifier=shop')).toContain('Is needed with an identifier');
      expect(await visit('/dashboard/changes?resource=shop')).toContain('Is needed: which one');
      const none = await visit('/dashboard/changes?resource=order&identifier=shop');
      expect(none).toContain('Nothing was reported of it');
      // Another company's are not there either.
      const stranger = await signIn(world.tokens.stranger);
      expect(await visit('/dashboard/changes?resource=shop&identifier=shop', stranger)).toContain(
        'Nothing was reported of it',
      );
    });
  });

  it('retries very many failed invocations by a job, shows it, and stops it', async () => {
    const webhook = await makeWebhook(world, { retries: 0 });
    const page = `/dashboard/webhooks/${webhook}`;
    await failed(webhook);
    expect(await visit(`${page}/retry`)).not.toContain('are sent in a second');
    await Promise.all(Array.from({ length: AT_ONCE_MAX }, () => failed(webhook)));
    expect(await visit(`${page}/retry`)).toMatch(
      /Retry 201 invocations\?.*100 are sent in a second.*about 1 minute/,
    );
    expect((await post(`${page}/retry`)).headers.get('location')).toBe(page);
    expect(await visit(page)).toContain('<b>0</b> done, 201 to go');
    const jobs = async (): Promise<ReadonlyArray<JsonObject>> =>
      at(await world.api('GET', '/jobs'), 'items') as ReadonlyArray<JsonObject>;
    expect(await jobs()).toMatchObject([{ kind: 'retry_failed', webhook, counted: 201, status: 'created' }]);
    // Asked for twice it is the same job.
    await post(`${page}/retry`);
    expect(await jobs()).toHaveLength(1);
    expect((await post(`${page}/retry/stop`)).status).toBe(303);
    expect(await jobs()).toMatchObject([{ status: 'cancelled' }]);
    expect(await visit(page)).not.toContain('to go');
    // Nothing is there any more that could be stopped.
    expect((await post(`${page}/retry/stop`)).status).toBe(303);
  }, 30_000);
});
