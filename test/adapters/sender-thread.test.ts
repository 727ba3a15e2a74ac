import { Webhook as StandardWebhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import { startSenderThread } from '../../src/adapters/sender-thread.ts';
import { sharedLease } from '../../src/adapters/shared-lease.ts';
import type { HttpSender, SendOutcome, SendRequest } from '../../src/ports/http-sender.ts';
import { answer, type Receiver, receiver } from './receivers.ts';

const cleanUp: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of cleanUp.splice(0)) await close();
});

const receive = async (...args: Parameters<typeof receiver>): Promise<Receiver> => {
  const made = await receiver(...args);
  cleanUp.push(() => made.close());
  return made;
};

const sending = (
  allowTargets = '127.0.0.0/8',
  failures: unknown[] = [],
  lease?: SharedArrayBuffer,
): HttpSender => {
  const options = { allowTargets, ...(lease !== undefined && { lease }) };
  const sender = startSenderThread(options, (error) => failures.push(error));
  cleanUp.push(async () => {
    await sender.close();
    expect(failures).toEqual([]);
  });
  return sender;
};

const post = (
  sender: HttpSender,
  url: string,
  more: Partial<SendRequest> = {},
  signal = new AbortController().signal,
): Promise<SendOutcome> =>
  sender.send({ url, headers: {}, body: '{"guid":"x"}', secrets: [], timeoutMs: 5000, ...more }, signal);

describe('the sender on its own thread', () => {
  it('carries the request over unchanged, and the answer back', async () => {
    const { url, requests } = await receive((socket) =>
      socket.write(answer('später 🎫', '503 Service Unavailable', 'Retry-After: 7')),
    );
    const headers = { 'OpenTicket-Trigger': 'event.created', 'webhook-id': '1' };
    expect(await post(sending(), url, { headers, body: '{"name":"Grünspan 🎫"}' })).toEqual({
      kind: 'answered',
      statusCode: 503,
      retryAfter: '7',
      responseExcerpt: 'später 🎫',
      address: '127.0.0.1',
    });
    const request = Buffer.from(requests[0] ?? '', 'latin1').toString();
    expect(request).toContain('OpenTicket-Trigger: event.created\r\nwebhook-id: 1\r\n');
    expect(request.endsWith('\r\n\r\n{"name":"Grünspan 🎫"}')).toBe(true);
  });

  it('signs with every secret, as in Standard Webhooks', async () => {
    const { url, requests } = await receive((socket) => socket.write(answer('ok')));
    const secrets = ['whsec_bmV3ZXIgYmVsb25ncyB0byBub29uZQ==', 'whsec_b2xkZXIgYmVsb25ncyB0byBub29uZQ=='];
    const id = '1e0c4a3e-0000-5000-8000-000000000001';
    const atMs = 1_767_323_045_000;
    const headers = { 'webhook-id': id, 'webhook-timestamp': '1767323045', 'Webhook-Signature': 'its own' };
    const body = '{"name":"Grünspan 🎫"}';
    await post(sending(), url, { headers, body, secrets });
    const expected = secrets.map((secret) => new StandardWebhook(secret).sign(id, new Date(atMs), body));
    const signatures = [...(requests[0] ?? '').matchAll(/^webhook-signature: (.*)\r$/gim)];
    expect(signatures.map(([, value]) => value)).toEqual([expected.join(' ')]);
  });

  it('gives every one of many requests at a time its own answer', async () => {
    const { url } = await receive((socket, request) =>
      socket.write(answer(/\r\nnumber: (\d+)\r\n/.exec(request)?.[1] ?? 'none')),
    );
    const sender = sending();
    const outcomes = await Promise.all(
      Array.from({ length: 300 }, (_, number) => post(sender, url, { headers: { number: String(number) } })),
    );
    const excerpts = outcomes.map((outcome) => outcome.kind === 'answered' && outcome.responseExcerpt);
    expect(excerpts).toEqual(Array.from({ length: 300 }, (_, number) => String(number)));
  });

  it('says what prevented an answer', async () => {
    const gone = await receive(() => undefined);
    await gone.close();
    expect(await post(sending(), gone.url)).toEqual({
      kind: 'not_answered',
      error: 'connection refused',
      address: '127.0.0.1',
    });
  });

  it('guards addresses: only what the operator opened is dialled', async () => {
    const { url, requests } = await receive((socket) => socket.write(answer('')));
    expect(await post(sending('10.0.0.0/8'), url)).toMatchObject({
      kind: 'not_answered',
      error: expect.stringContaining('refused') as unknown,
    });
    expect(requests).toEqual([]);
  });

  it('interrupts what runs with the signal, and nothing else', async () => {
    const held = Promise.withResolvers<undefined>();
    const { url } = await receive((socket, request) => {
      if (request.includes('answer: later')) void held.promise.then(() => socket.write(answer('')));
    });
    const sender = sending();
    const cut = new AbortController();
    const interrupted = post(sender, url, {}, cut.signal);
    const answered = post(sender, url, { headers: { answer: 'later' } });
    cut.abort();
    expect(await interrupted).toMatchObject({ kind: 'interrupted' });
    expect(await post(sender, url, {}, cut.signal)).toEqual({ kind: 'interrupted', address: null });
    held.resolve(undefined);
    expect(await answered).toMatchObject({ kind: 'answered', statusCode: 200 });
  });

  it('sends what was given to it under the lease that is held now, and nothing else', async () => {
    const { url, requests } = await receive((socket) => socket.write(answer('')));
    const { memory, holdFor, lose } = sharedLease();
    const sender = sending(undefined, [], memory);
    expect(await post(sender, url)).toMatchObject({ kind: 'interrupted' });
    holdFor(60_000);
    const before = post(sender, url, { body: 'before' });
    // Still on this side when others take over and the process has come back as another node.
    lose();
    holdFor(60_000);
    const since = post(sender, url, { body: 'since' });
    expect(await before).toMatchObject({ kind: 'interrupted' });
    expect(await since).toMatchObject({ kind: 'answered', statusCode: 200 });
    expect(requests.map((request) => request.slice(request.lastIndexOf('\n') + 1))).toEqual(['since']);
  });

  it('interrupts everything when it is closed, and sends nothing more', async () => {
    const { url, requests } = await receive(() => undefined);
    const sender = sending();
    const running = post(sender, url);
    await expect.poll(() => requests.length, { timeout: 10_000 }).toBe(1);
    await sender.close();
    expect(await running).toEqual({ kind: 'interrupted', address: '127.0.0.1' });
    expect(await post(sender, url)).toEqual({ kind: 'interrupted', address: null });
    expect(requests).toHaveLength(1);
  });

  it('tells of its failure, and answers what was sent as interrupted', async () => {
    const failures: unknown[] = [];
    const sender = startSenderThread({ allowTargets: 'not an address' }, (error) => failures.push(error));
    const outcome = await post(sender, 'http://127.0.0.1:9/');
    expect(outcome).toEqual({ kind: 'interrupted', address: null });
    expect(failures.map(String)).toContainEqual(expect.stringContaining('is not a range of addresses'));
    await sender.close();
  });
});
