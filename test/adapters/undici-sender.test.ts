import { afterEach, describe, expect, it } from 'vitest';
import { leaseHolds, sharedLease, termOf } from '../../src/adapters/shared-lease.ts';
import {
  undiciSender,
  type UndiciSender,
  type UndiciSenderOptions,
} from '../../src/adapters/undici-sender.ts';
import type { HttpSender, SendOutcome, SendRequest } from '../../src/ports/http-sender.ts';
import { allow, answer, type Receiver, receiver, type Respond } from './receivers.ts';

const cleanUp: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of cleanUp.splice(0)) await close();
});

const receive = async (...args: Parameters<typeof receiver>): Promise<Receiver> => {
  const made = await receiver(...args);
  cleanUp.push(() => made.close());
  return made;
};
const ok: Respond = (socket) => socket.write(answer('{"ok":true}'));

const sending = (options: UndiciSenderOptions = {}): UndiciSender => {
  const sender = undiciSender({ allow: allow('127.0.0.1'), ...options });
  cleanUp.push(() => sender.close());
  return sender;
};
const never = new AbortController().signal;
const post = (
  sender: HttpSender,
  url: string,
  more: Partial<SendRequest> = {},
  signal: AbortSignal = never,
): Promise<SendOutcome> =>
  sender.send({ url, headers: {}, body: '{"guid":"x"}', secrets: [], timeoutMs: 5000, ...more }, signal);

describe('undiciSender', () => {
  it('sends one POST, complete and unchanged', async () => {
    const { url, port, requests } = await receive(ok);
    const headers = {
      'Content-Type': 'application/json',
      'User-Agent': 'Callboard/1',
      'OpenTicket-Trigger': 'event.created',
      'webhook-id': '1',
    };
    const body = '{"name":"Grünspan 🎫"}';
    expect(await post(sending(), url, { headers, body })).toEqual({
      kind: 'answered',
      statusCode: 200,
      retryAfter: null,
      responseExcerpt: '{"ok":true}',
      address: '127.0.0.1',
    });
    expect(requests.map((request) => Buffer.from(request, 'latin1').toString())).toEqual([
      [
        'POST /hook?a=1 HTTP/1.1',
        `host: 127.0.0.1:${port}`,
        'connection: keep-alive',
        'Content-Type: application/json',
        'User-Agent: Callboard/1',
        'OpenTicket-Trigger: event.created',
        'webhook-id: 1',
        'accept-encoding: identity',
        `content-length: ${Buffer.byteLength(body)}`,
        '',
        body,
      ].join('\r\n'),
    ]);
  });

  it('sends every header name once, whatever its letter case', async () => {
    const { url, requests } = await receive(ok);
    const headers = { 'X-Key': 'old', 'Accept-Encoding': 'gzip', 'x-key': 'new' };
    await post(sending(), url, { headers });
    const names = [...(requests[0] ?? '').matchAll(/^([\w-]+): /gm)].map(([, name]) => name?.toLowerCase());
    expect(names.toSorted()).toEqual(['accept-encoding', 'connection', 'content-length', 'host', 'x-key']);
    expect(requests[0]).toContain('x-key: new\r\n');
    expect(requests[0]).toContain('accept-encoding: identity\r\n');
  });

  it.each([
    'Host',
    'connection',
    'Content-Length',
    'Transfer-Encoding',
    'expect',
    'TE',
    'Upgrade',
    'keep-alive',
  ])('does not send when a webhook sets %s', async (name) => {
    const { url, connections } = await receive(ok);
    expect(await post(sending(), url, { headers: { [name]: '1' } })).toEqual({
      kind: 'not_answered',
      error: `not sent: the header ${name.toLowerCase()} cannot be set by a webhook`,
      address: null,
    });
    expect(connections()).toBe(0);
  });

  it.each([
    { 'x-key': 'a\r\nx-other: b' },
    { 'x-key': 'a\0b' },
    { 'x-key\r\nx-other': 'b' },
    { 'x key': 'b' },
    { '': 'b' },
    { 'x-key': '漢' },
  ])('does not send the header %j', async (headers) => {
    const { url, connections } = await receive(ok);
    const outcome = await post(sending(), url, { headers });
    expect(outcome.kind === 'not_answered' && outcome.error).toMatch(/^invalid .*header/);
    expect(connections()).toBe(0);
  });

  it('keeps a connection for the next request, and knows its address', async () => {
    const { url, connections } = await receive(ok);
    const sender = sending();
    for (let n = 0; n < 5; n += 1) expect(await post(sender, url)).toMatchObject({ address: '127.0.0.1' });
    // The second may start before the first has been put back.
    expect(connections()).toBeLessThanOrEqual(2);
  });

  it('lets requests that hang keep no other from the same origin', async () => {
    const { url, requests } = await receive((socket, request) => {
      if (request.startsWith('POST /healthy')) socket.write(answer('ok'));
    });
    const sender = sending();
    const hanging = Array.from({ length: 100 }, (_, n) =>
      post(sender, url.replace('hook', `hangs/${n % 16}`)),
    );
    while (requests.length < hanging.length) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await post(sender, url.replace('hook', 'healthy'))).toMatchObject({ responseExcerpt: 'ok' });
    await sender.close();
    expect(new Set((await Promise.all(hanging)).map(({ kind }) => kind))).toEqual(new Set(['interrupted']));
  });

  it('opens no more connections to one origin than it may', async () => {
    const { url, connections, requests } = await receive((socket) =>
      setImmediate(() => socket.write(answer('ok'))),
    );
    const sender = sending({ connectionsPerOriginMax: 3 });
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => post(sender, url)));
    expect(outcomes.every((outcome) => outcome.kind === 'answered')).toBe(true);
    expect(connections()).toBe(3);
    expect(requests).toHaveLength(20);
  });

  it('never sends what waited for a connection until its deadline', async () => {
    const { url, requests } = await receive((socket, _request, count) => {
      if (count > 1) socket.write(answer('ok'));
      else setTimeout(() => socket.write(answer('late')), 400);
    });
    const sender = sending({ connectionsPerOriginMax: 1 });
    const first = post(sender, url, { body: 'first' });
    const waiting = post(sender, url, { body: 'waiting', timeoutMs: 100 });
    expect(await waiting).toMatchObject({
      kind: 'not_answered',
      error: 'timed out after 100 ms before there was a connection',
    });
    expect(await first).toMatchObject({ kind: 'answered', responseExcerpt: 'late' });
    expect(await post(sender, url, { body: 'third' })).toMatchObject({ kind: 'answered' });
    expect(requests.map((request) => request.split('\r\n\r\n')[1])).toEqual(['first', 'third']);
  });

  it('leaves the proxies of the environment alone', async () => {
    const proxy = await receive(ok);
    const { url, requests } = await receive(ok);
    for (const name of ['http_proxy', 'HTTP_PROXY', 'ALL_PROXY']) process.env[name] = proxy.url;
    const outcome = await post(sending(), url);
    for (const name of ['http_proxy', 'HTTP_PROXY', 'ALL_PROXY']) delete process.env[name];
    expect(outcome.kind).toBe('answered');
    expect([proxy.connections(), requests.length]).toEqual([0, 1]);
  });

  describe('refuses', () => {
    it.each([
      [
        'http://10.0.0.1/',
        'refused: 10.0.0.1 is not a public address: use a host that the Internet can reach.',
      ],
      [
        'http://0x0a.1/',
        'refused: 10.0.0.1 is not a public address: use a host that the Internet can reach.',
      ],
      ['http://partner.example:22/', /^refused: Port 22 is not open/],
      ['ftp://partner.example/', /^refused: The URL must start with http/],
      ['http://user@partner.example/', /^refused: The URL holds a user name/],
      ['http://vault.internal/', /^refused: vault\.internal is a name of a private network/],
      ['nonsense', /^refused: /],
    ])('%s, as when it was saved', async (url, words) => {
      const outcome = await post(sending(), url);
      expect(outcome).toMatchObject({ kind: 'not_answered', address: null });
      expect(outcome.kind === 'not_answered' && outcome.error).toMatch(words);
    });

    it('names that resolve to addresses inside, at every connect', async () => {
      const { port, connections } = await receive(ok);
      const answers = [['127.0.0.2'], ['127.0.0.1', '10.0.0.1'], ['169.254.169.254'], ['127.0.0.1'], ['::1']];
      const sender = sending({ resolve: async () => answers.shift() ?? [] });
      const url = `http://partner.example:${port}/`;
      const refused = (address: string): object => ({
        kind: 'not_answered',
        error: `refused: ${address} is not a public address`,
        address: null,
      });
      expect(await post(sender, url)).toEqual(refused('127.0.0.2'));
      expect(await post(sender, url)).toEqual(refused('10.0.0.1'));
      expect(await post(sender, url)).toEqual(refused('169.254.169.254'));
      expect(connections()).toBe(0);
      expect(await post(sender, url)).toMatchObject({ kind: 'answered', address: '127.0.0.1' });
      expect(await post(sender, url.replace('partner', 'other'))).toEqual(refused('::1'));
      expect(connections()).toBe(1);
    });

    it('names without an address', async () => {
      const failing = (code: string): Promise<SendOutcome> =>
        post(
          sending({ resolve: async () => Promise.reject(Object.assign(new Error(code), { code })) }),
          'http://partner.example/',
        );
      expect(await failing('ENOTFOUND')).toMatchObject({ error: 'host name not found' });
      expect(await failing('ETIMEOUT')).toMatchObject({
        error: 'host name could not be resolved: no answer from DNS',
      });
      expect(await failing('EODD')).toMatchObject({ error: 'request failed (EODD)' });
      expect(await post(sending({ resolve: async () => [] }), 'http://partner.example/')).toMatchObject({
        error: 'host name not found',
      });
    });
  });

  describe('interrupted', () => {
    it('by the signal: all that share it, and nothing else', async () => {
      const { url, requests } = await receive((socket, request) => {
        if (request.endsWith('answer me')) setTimeout(() => socket.write(answer('ok')), 200);
      });
      const sender = sending();
      const shutdown = new AbortController();
      const stuck = Array.from({ length: 20 }, () => post(sender, url, {}, shutdown.signal));
      const other = post(sender, url, { body: 'answer me' });
      while (requests.length < 21) await new Promise((resolve) => setTimeout(resolve, 5));
      shutdown.abort();
      expect(new Set((await Promise.all(stuck)).map(({ kind }) => kind))).toEqual(new Set(['interrupted']));
      expect(await other).toMatchObject({ kind: 'answered' });
    });

    it('before it began: nothing is sent', async () => {
      const { url, connections } = await receive(ok);
      expect(await post(sending(), url, {}, AbortSignal.abort())).toEqual({
        kind: 'interrupted',
        address: null,
      });
      expect(connections()).toBe(0);
    });

    it('after the status line: answered', async () => {
      const shutdown = new AbortController();
      const { url } = await receive((socket) => {
        socket.write('HTTP/1.1 202 Accepted\r\ncontent-length: 10\r\n\r\nhalf');
        setTimeout(() => shutdown.abort(), 100);
      });
      expect(await post(sending(), url, {}, shutdown.signal)).toMatchObject({
        kind: 'answered',
        statusCode: 202,
        responseExcerpt: 'half',
      });
    });

    it('when its lease was lost while it was connecting, also if there is a new one by then', async () => {
      const { port, requests } = await receive(ok);
      const asked = Promise.withResolvers<undefined>();
      const resolved = Promise.withResolvers<undefined>();
      const sender = sending({
        resolve: async () => {
          asked.resolve(undefined);
          await resolved.promise;
          return ['127.0.0.1'];
        },
      });
      const { memory, holdFor, lose } = sharedLease();
      const toSend = (body: string): Promise<SendOutcome> => {
        const term = termOf(memory)();
        const request = {
          url: `http://partner.example:${port}/`,
          headers: {},
          body,
          secrets: [],
          timeoutMs: 5000,
        };
        return sender.send(request, never, () => leaseHolds(memory)(term));
      };
      holdFor(60_000);
      const before = toSend('before');
      await asked.promise;
      lose();
      holdFor(60_000);
      const since = toSend('since');
      resolved.resolve(undefined);
      expect(await before).toMatchObject({ kind: 'interrupted' });
      expect(await since).toMatchObject({ kind: 'answered', statusCode: 200 });
      expect(requests.map((request) => request.slice(request.lastIndexOf('\n') + 1))).toEqual(['since']);
    });

    it('by closing, also while a name is being resolved; then nothing is sent any more', async () => {
      const silent = await receive(() => undefined);
      const sender = sending({ resolve: () => new Promise(() => undefined) });
      const open = [post(sender, silent.url), post(sender, 'http://partner.example/')];
      while (silent.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await sender.close();
      expect((await Promise.all(open)).map(({ kind }) => kind)).toEqual(['interrupted', 'interrupted']);
      await silent.idle();
      expect(await post(sender, silent.url)).toMatchObject({ kind: 'interrupted' });
      expect(silent.requests).toHaveLength(1);
      await sender.close();
    });
  });
});
