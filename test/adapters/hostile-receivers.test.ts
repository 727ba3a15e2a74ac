import { gzipSync } from 'node:zlib';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ANSWER_BYTES_MAX, EXCERPT_BYTES_MAX } from '../../src/adapters/undici-attempt.ts';
import { undiciSender } from '../../src/adapters/undici-sender.ts';
import type { SendOutcome } from '../../src/ports/http-sender.ts';
import { allow, answer, drip, flood, type Receiver, receiver, type Respond } from './receivers.ts';

const sender = undiciSender({
  allow: allow('127.0.0.1'),
  resolve: async (name) => (name === 'stalled.example' ? new Promise(() => undefined) : ['127.0.0.1']),
});
const signal = new AbortController().signal;
const LONG_MS = 10_000;
const SHORT_MS = 500;

const post = (url: string, timeoutMs: number): Promise<SendOutcome> =>
  sender.send({ url, headers: {}, body: 'x', secrets: [], timeoutMs }, signal);

let good: Receiver;
const opened: Receiver[] = [];
beforeAll(async () => {
  good = await receiver((socket) => socket.write(answer('fine')));
});
/** Whatever a receiver did, the sender serves the next one, and nothing of the answer is left over. */
afterEach(async () => {
  expect(await post(good.url, LONG_MS)).toMatchObject({ kind: 'answered', responseExcerpt: 'fine' });
  for (const made of opened.splice(0)) await made.close();
});
afterAll(async () => {
  await sender.close();
  await good.close();
});

const receive = async (respond: Respond, onConnect?: (socket: Socket) => void): Promise<Receiver> => {
  const made = await receiver(respond, onConnect);
  opened.push(made);
  return made;
};
const outcomeOf = async (respond: Respond, timeoutMs = LONG_MS): Promise<SendOutcome> =>
  post((await receive(respond)).url, timeoutMs);

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const excerptOf = (outcome: SendOutcome): string | null =>
  outcome.kind === 'answered' ? outcome.responseExcerpt : null;
const answered = (statusCode: number, responseExcerpt: string | null = null): object => ({
  kind: 'answered',
  statusCode,
  retryAfter: null,
  responseExcerpt,
  address: '127.0.0.1',
});
const notAnswered = (error: string): object => ({
  kind: 'not_answered',
  error,
  address: '127.0.0.1',
});
const timedOut = notAnswered(`timed out after ${SHORT_MS} ms`);
const HEAD = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${HEAD}transfer-encoding: chunked\r\n\r\n`;

describe('statuses', () => {
  it.each([200, 201, 202, 299, 400, 401, 404, 410, 418, 429, 500, 502, 503, 599, 600, 999])(
    '%i',
    async (status) => {
      expect(await outcomeOf((socket) => socket.write(answer('text', `${status} Any`)))).toEqual(
        answered(status, 'text'),
      );
    },
  );

  it.each([300, 301, 302, 303, 305, 307, 308])('%i is an answer, and is not followed', async (status) => {
    const inside = await receive((socket) => socket.write(answer('secret')));
    const outcome = await outcomeOf((socket) =>
      socket.write(answer('', `${status} Moved`, `location: ${inside.url}`)),
    );
    expect(outcome).toEqual(answered(status));
    expect(inside.connections()).toBe(0);
  });

  it.each([204, 304])('%i without a body', async (status) => {
    expect(await outcomeOf((socket) => socket.write(`HTTP/1.1 ${status} None\r\n\r\n`))).toEqual(
      answered(status),
    );
  });

  it('204 with a body that must not be there', async () => {
    const smuggled = answer('smuggled', '500 No');
    const respond: Respond = (socket) =>
      socket.write(`HTTP/1.1 204 None\r\ncontent-length: ${smuggled.length}\r\n\r\n${smuggled}`);
    const { url } = await receive(respond);
    expect([await post(url, LONG_MS), await post(url, LONG_MS)]).toEqual([answered(204), answered(204)]);
  });

  it('HTTP/1.0, ended by closing', async () => {
    expect(await outcomeOf((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nold'))).toEqual(
      answered(200, 'old'),
    );
  });

  it('a Retry-After of any length', async () => {
    const respond =
      (value: string): Respond =>
      (socket) =>
        socket.write(answer('', '503 Busy', `Retry-After: ${value}`, 'retry-after: 7'));
    expect(await outcomeOf(respond('120'))).toMatchObject({ statusCode: 503, retryAfter: '120' });
    expect(await outcomeOf(respond('9'.repeat(10_000)))).toMatchObject({ retryAfter: '9'.repeat(256) });
  });
});

describe('interim answers', () => {
  it('a few are passed over', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n';
    expect(await outcomeOf((socket) => socket.write(early.repeat(3) + answer('text')))).toEqual(
      answered(200, 'text'),
    );
  });

  it('a flood is cut off', async () => {
    const { url, idle } = await receive((socket) =>
      flood(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)),
    );
    expect(await post(url, LONG_MS)).toEqual(
      notAnswered('more than 16 interim (1xx) answers and no final one'),
    );
    await idle();
  });

  it.each([
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
  ])('%j, which nobody asked for', async (bytes) => {
    expect(await outcomeOf((socket) => socket.write(bytes))).toEqual(
      notAnswered('an interim answer (100 or 101) that was not asked for'),
    );
  });
});

describe('bodies', () => {
  it('without an end: cut off at 1 MiB', async () => {
    const { url, idle } = await receive((socket) => {
      socket.write(`${HEAD}\r\n`);
      flood(socket, 'a'.repeat(10_000));
    });
    expect(await post(url, LONG_MS)).toEqual(answered(200, 'a'.repeat(EXCERPT_BYTES_MAX)));
    await idle();
  });

  it.each(['keep-alive', 'close'])('over 1 MiB in one piece (%s)', async (connection) => {
    const body = 'a'.repeat(ANSWER_BYTES_MAX + 1);
    expect(
      await outcomeOf((socket) => socket.write(answer(body, '200 OK', `connection: ${connection}`))),
    ).toEqual(answered(200, 'a'.repeat(EXCERPT_BYTES_MAX)));
  });

  it('of 1 MiB: read to the end, so that the connection can be kept', async () => {
    const { url, connections } = await receive((socket) =>
      socket.write(answer('a'.repeat(ANSWER_BYTES_MAX))),
    );
    await post(url, LONG_MS);
    await pause(20);
    expect(await post(url, LONG_MS)).toEqual(answered(200, 'a'.repeat(EXCERPT_BYTES_MAX)));
    expect(connections()).toBe(1);
  });

  it('that drip until the deadline: the status counts', async () => {
    const { url, idle } = await receive((socket) => {
      socket.write(`${HEAD}\r\n`);
      drip(socket, 'a');
    });
    const outcome = await post(url, SHORT_MS);
    expect(outcome).toMatchObject({ kind: 'answered', statusCode: 200 });
    expect(excerptOf(outcome)).toMatch(/^a+$/);
    await idle();
  });

  it('that stall', async () => {
    expect(await outcomeOf((socket) => socket.write(`${HEAD}content-length: 5\r\n\r\nab`), SHORT_MS)).toEqual(
      answered(200, 'ab'),
    );
  });

  it('in many small chunks, with extensions and trailers', async () => {
    const chunks = '1;name="value"\r\na\r\n'.repeat(2000);
    expect(await outcomeOf((socket) => socket.write(`${CHUNKED}${chunks}0\r\nx-trailer: 1\r\n\r\n`))).toEqual(
      answered(200, 'a'.repeat(2000)),
    );
  });

  it('that are compressed: not asked for, not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const { url, requests } = await receive((socket) => {
      socket.write(`${HEAD}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`);
      socket.write(bomb);
    });
    const outcome = await post(url, LONG_MS);
    expect(requests[0]).toContain('accept-encoding: identity\r\n');
    expect(excerptOf(outcome)?.slice(0, 2)).toBe('\u001f\uFFFD');
  });

  it('shorter than their length', async () => {
    expect(await outcomeOf((socket) => socket.end(`${HEAD}content-length: 50\r\n\r\nshort`))).toEqual(
      answered(200, 'short'),
    );
  });

  it('longer than their length: the rest is no answer to the next request', async () => {
    const rest = answer('smuggled', '500 No');
    const { url, requests } = await receive((socket) => socket.write(answer('first') + rest));
    expect(await post(url, LONG_MS)).toEqual(answered(200, 'first'));
    await pause(20);
    expect(await post(url, LONG_MS)).toEqual(answered(200, 'first'));
    expect(requests).toHaveLength(2);
  });

  it('with broken chunks', async () => {
    expect(await outcomeOf((socket) => socket.write(`${CHUNKED}2\r\nab\r\nzz\r\n`))).toEqual(
      answered(200, 'ab'),
    );
  });

  it('that are no text', async () => {
    const bytes = Buffer.from([0x61, 0x00, 0xff, 0xed, 0xa0, 0x80, 0x1b, 0x5b]);
    const outcome = await outcomeOf((socket) => {
      socket.write(`${HEAD}content-length: ${bytes.length}\r\n\r\n`);
      socket.write(bytes);
    });
    expect(outcome).toEqual(answered(200, 'a\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\u001b['));
  });

  it('that are text cut in the middle of a character, or bytes that grow as text', async () => {
    const text = `a${'€'.repeat(EXCERPT_BYTES_MAX)}`;
    const cut = await outcomeOf((socket) => socket.write(answer(text)));
    expect(cut).toEqual(answered(200, text.slice(0, 1 + Math.floor((EXCERPT_BYTES_MAX - 1) / 3))));
    const junk = Buffer.alloc(EXCERPT_BYTES_MAX, 0xff);
    const grown = await outcomeOf((socket) => {
      socket.write(`${HEAD}content-length: ${junk.length}\r\n\r\n`);
      socket.write(junk);
    });
    expect(grown).toEqual(answered(200, '\uFFFD'.repeat(Math.floor(EXCERPT_BYTES_MAX / 3))));
  });
});

describe('headers', () => {
  it('that drip', async () => {
    const { url, idle } = await receive((socket) => {
      socket.write(HEAD);
      drip(socket, 'a');
    });
    expect(await post(url, SHORT_MS)).toEqual(timedOut);
    await idle();
  });

  it('that never end, in one line or in many', async () => {
    const tooLarge = notAnswered('headers of the answer are too large');
    const long = await outcomeOf((socket) => {
      socket.write(`${HEAD}x-key: `);
      flood(socket, 'a'.repeat(1000));
    });
    const many = await outcomeOf((socket) => {
      socket.write(HEAD);
      flood(socket, 'x-key: value\r\n'.repeat(100));
    });
    expect([long, many]).toEqual([tooLarge, tooLarge]);
  });

  it('a status line that never ends', async () => {
    const outcome = await outcomeOf((socket) => {
      socket.write('HTTP/1.1 200 ');
      drip(socket, 'a'.repeat(10_000));
    }, SHORT_MS);
    expect(outcome).toEqual(timedOut);
  });

  it.each([
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['HTML without a head', '<!doctype html><html></html>'],
    ['an HTTP/2 frame', '\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80'],
    ['another version', 'HTTP/9.9 200 OK\r\n\r\n'],
    ['no number', 'HTTP/1.1 yes OK\r\n\r\n'],
    ['two lengths', `${HEAD}content-length: 1\r\ncontent-length: 2\r\n\r\nab`],
    ['a length and chunks', `${HEAD}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a length that is none', `${HEAD}content-length: -1\r\n\r\n`],
    ['a broken line', `${HEAD}x-key\r\n\r\n`],
  ])('%s', async (_name, bytes) => {
    expect(await outcomeOf((socket) => socket.write(bytes))).toEqual(
      notAnswered('the answer is not valid HTTP'),
    );
  });
});

describe('connections', () => {
  it('refused', async () => {
    const gone = await receiver(() => undefined);
    await gone.close();
    expect(await post(gone.url, LONG_MS)).toEqual(notAnswered('connection refused'));
  });

  it('never answered', async () => {
    const { url, idle } = await receive(() => undefined);
    expect(await post(url, SHORT_MS)).toEqual(timedOut);
    await idle();
  });

  it('answered after the deadline', async () => {
    const { url } = await receive((socket) => setTimeout(() => socket.write(answer('late')), SHORT_MS * 2));
    expect(await post(url, SHORT_MS)).toEqual(timedOut);
    await pause(SHORT_MS * 2);
    expect(await post(url, SHORT_MS * 10)).toEqual(answered(200, 'late'));
  });

  it('stuck in the resolution of the name', async () => {
    expect(await post('http://stalled.example/', SHORT_MS)).toMatchObject({
      kind: 'not_answered',
      error: `timed out after ${SHORT_MS} ms before there was a connection`,
      address: null,
    });
  });

  it.each<[string, Respond, string]>([
    ['reset', (socket) => socket.resetAndDestroy(), 'connection reset by the receiver'],
    ['closed', (socket) => socket.end(), 'connection closed by the receiver before it answered'],
    [
      'closed within the headers',
      (socket) => socket.end(`${HEAD}x-key: `),
      'connection closed by the receiver before it answered',
    ],
  ])('%s instead of an answer', async (_name, respond, words) => {
    expect(await outcomeOf(respond)).toEqual(notAnswered(words));
  });

  it('reset within the headers', async () => {
    const outcome = await outcomeOf((socket) => socket.write(HEAD, () => socket.resetAndDestroy()));
    expect(outcome).toEqual(notAnswered('connection reset by the receiver'));
  });

  it('reset within the body: the status counts', async () => {
    const outcome = await outcomeOf((socket) => {
      socket.write(`${HEAD}content-length: 50\r\n\r\nhalf`);
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
    expect(outcome).toEqual(answered(200, 'half'));
  });

  it('reset before the request', async () => {
    const { url } = await receive(
      () => undefined,
      (socket) => socket.resetAndDestroy(),
    );
    expect(await post(url, LONG_MS)).toMatchObject({ kind: 'not_answered' });
  });

  it('kept alive, then closed by the receiver: a new one is used', async () => {
    const { url, connections } = await receive((socket) => {
      socket.write(answer('text'));
      setTimeout(() => socket.end(), 20);
    });
    expect(await post(url, LONG_MS)).toEqual(answered(200, 'text'));
    await pause(60);
    expect(await post(url, LONG_MS)).toEqual(answered(200, 'text'));
    expect(connections()).toBe(2);
  });

  it('kept alive, closed as the request arrives: a failure, sent once', async () => {
    const { url, requests } = await receive((socket, _request, count) =>
      count === 2 ? socket.resetAndDestroy() : socket.write(answer('text')),
    );
    expect(await post(url, LONG_MS)).toEqual(answered(200, 'text'));
    expect(await post(url, LONG_MS)).toEqual(notAnswered('connection reset by the receiver'));
    expect(requests).toHaveLength(2);
    expect(await post(url, LONG_MS)).toEqual(answered(200, 'text'));
  });

  it('kept alive for no longer than the receiver says', async () => {
    const { url, connections } = await receive((socket) =>
      socket.write(answer('text', '200 OK', 'keep-alive: timeout=1')),
    );
    await post(url, LONG_MS);
    await pause(20);
    await post(url, LONG_MS);
    expect(connections()).toBe(2);
  });
});

describe('TLS', () => {
  const tls = (url: string): string => url.replace('http:', 'https:');

  it('to a port that speaks none', async () => {
    const { url } = await receive(
      () => undefined,
      (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    expect(await post(tls(url), LONG_MS)).toMatchObject({
      kind: 'not_answered',
      error: 'TLS handshake failed',
      address: '127.0.0.1',
    });
  });

  it('that stalls in the handshake', async () => {
    const { url } = await receive(() => undefined);
    expect(await post(tls(url), SHORT_MS)).toEqual(
      notAnswered(`timed out after ${SHORT_MS} ms before there was a connection`),
    );
  });

  it('that is reset in the handshake', async () => {
    const { url } = await receive(
      () => undefined,
      (socket) => socket.on('data', () => socket.resetAndDestroy()),
    );
    expect(await post(tls(url), LONG_MS)).toEqual(notAnswered('connection reset by the receiver'));
  });
});
