import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { streamOf } from '../../src/domain/ids.ts';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { callboard, ServerProcess } from '../kill/server-process.ts';
import { changeOf } from '../kill/workload.ts';
import { REASONS, type Unreadable, UNREADABLE, unreadableAfter } from '../support/unreadable.ts';
import { Double } from './double/server.ts';
import { openAt } from './stores.ts';

/** Real processes on a store that holds what they cannot read. The double alone: a real server would keep it. */

const PATIENCE = { timeout: 20_000, interval: 50 };
const COMPANY = randomUUID();
const STREAM = streamOf.resource(COMPANY, 'order', 'disturbed');

let double: Double;
let store: EventStore;
let folder: string;
let receiver: Server;
let received: number;
let bearer: string;
const servers: ServerProcess[] = [];

beforeEach(async () => {
  double = await new Double().start();
  store = await openAt(double.url);
  folder = mkdtempSync(join(tmpdir(), 'callboard-unreadable-'));
  received = 0;
  receiver = createServer((request, response) => {
    received += 1;
    request.resume().on('end', () => response.writeHead(204).end());
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  bearer = (await callboard(folder, 'token', '--role', 'admin')).stdout.trim();
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.discard();
  await store.close();
  receiver.close();
  double.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly server: ServerProcess;
  readonly url: string;
}

const start = async (name: string): Promise<Running> => {
  const server = new ServerProcess(join(folder, name), {
    CALLBOARD_STORE: double.url,
    CALLBOARD_LEASE_MS: '1500',
  });
  servers.push(server);
  return { server, url: await server.wait('listening', server.listening) };
};

const ask = (url: string, path: string, body?: object, type = 'application/json'): Promise<Response> =>
  fetch(`${url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': type },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(15_000),
  });

const report = (url: string, id: string): Promise<Response> =>
  ask(
    url,
    '/changes',
    changeOf(COMPANY, id, 'event.update', '7', { id }),
    'application/cloudevents+json; charset=utf-8',
  );

const subscribe = async (url: string): Promise<void> => {
  const { port } = receiver.address() as AddressInfo;
  const created = await ask(url, '/webhook', {
    name: 'Event updated',
    url: `http://127.0.0.1:${port}/`,
    resource: 'event',
    trigger: 'update',
    retries: 3,
    company_id: COMPANY,
  });
  expect(created.status).toBe(201);
};

const readiness = async (url: string): Promise<string> => {
  const answer = await fetch(`${url}/readyz`);
  return `${answer.status} ${await answer.text()}`;
};

const isReady = (url: string) => expect.poll(() => readiness(url), PATIENCE).toMatch(/^200/);

const put = async (stream: string, kind: Unreadable): Promise<string> => {
  const id = randomUUID();
  const appended = await store.append([await unreadableAfter(store, stream, kind, id)])();
  expect(appended._tag).toBe('Right');
  return id;
};

const putForeign = async (stream: string): Promise<void> => {
  const events = [{ id: randomUUID(), type: 'OrderPlaced', data: '{"total":12}', metadata: '{}' }];
  expect((await store.append([{ stream, expectedRevision: -1, events }])())._tag).toBe('Right');
};

/** As after a restore from before it was written. */
const takeOut = (id: string): void => {
  const { all } = double.log;
  all.splice(
    all.findIndex((event) => event.id === id),
    1,
  );
};

const errorLines = ({ server }: Running): ReadonlyArray<string> =>
  server.output.split('\n').filter((line) => line.includes('"level":"error"'));

/** Alive, red, and saying so; what is known is answered, nothing is taken. */
const hasStopped = async (running: Running, stream: string, kind: Unreadable): Promise<void> => {
  const { url, server } = running;
  await expect.poll(() => readiness(url), PATIENCE).toContain('reading has stopped');
  const text = await readiness(url);
  expect(text).toMatch(/^503/);
  for (const part of [stream, 'revision', 'position', UNREADABLE[kind].type, 'audit verify'])
    expect(text).toContain(part);
  expect(JSON.parse(text.slice(4))).toMatchObject({
    reasons: [expect.stringContaining(REASONS[kind]) as string],
  });
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  expect((await ask(url, `/webhook?company_id=${COMPANY}`)).status).toBe(200);
  const refused = await report(url, `refused-${randomUUID()}`);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '60']);
  expect(errorLines(running)).toHaveLength(1);
  expect(errorLines(running)[0]).toContain(stream);
  expect(server.ended).toBe(false);
};

it('an event of ours that cannot be read stops both nodes, and all goes on without it', async () => {
  await putForeign('order-5');
  const [one, two] = [await start('one'), await start('two')];
  await Promise.all([isReady(one.url), isReady(two.url)]);
  await subscribe(one.url);
  for (const stream of ['order-6', 'client-5', `order-${COMPANY}`]) await putForeign(stream);
  expect((await report(one.url, 'first')).status).toBe(202);
  expect((await report(two.url, 'second')).status).toBe(202);
  await expect.poll(() => received, PATIENCE).toBe(2);
  expect([await readiness(one.url), await readiness(two.url)].join()).not.toContain('503');

  const id = await put(STREAM, 'an unknown type');
  for (const running of [one, two]) await hasStopped(running, STREAM, 'an unknown type');
  const three = await start('three');
  await hasStopped(three, STREAM, 'an unknown type');
  // A supervisor that starts one again finds the same.
  await one.server.stop();
  const again = await start('one');
  await hasStopped(again, STREAM, 'an unknown type');
  expect(received).toBe(2);
  for (const { server } of [again, two, three]) await server.stop();

  takeOut(id);
  const [newOne, newTwo] = [await start('one'), await start('two')];
  await Promise.all([isReady(newOne.url), isReady(newTwo.url)]);
  expect((await report(newTwo.url, 'third')).status).toBe(202);
  expect(
    ((await (await report(newOne.url, 'first')).json()) as { changes: unknown[] }).changes,
  ).toMatchObject([{ status: 'duplicate' }]);
  await expect.poll(() => received, PATIENCE).toBe(3);
}, 120_000);

it.each(['a newer schema version', 'broken JSON'] as const)(
  'so does %s, in the stream of an invocation',
  async (kind) => {
    const running = await start('one');
    await isReady(running.url);
    await subscribe(running.url);
    const stream = streamOf.invocation(randomUUID());
    await put(stream, kind);
    await hasStopped(running, stream, kind);
    await running.server.stop();
  },
  60_000,
);

it('so does one in the stream of nodes, at once and at the next start', async () => {
  const running = await start('one');
  await isReady(running.url);
  // Renewals come three times a lease: another try when one came in between.
  const append = async (): Promise<string> => {
    const event = await unreadableAfter(store, streamOf.cluster, 'an unknown type', randomUUID());
    return (await store.append([event])())._tag;
  };
  await expect.poll(append, PATIENCE).toBe('Right');
  const text = () => readiness(running.url);
  await expect.poll(text, PATIENCE).toContain(`reading has stopped at stream '${streamOf.cluster}'`);
  await running.server.stop();
  const again = await start('one');
  await expect.poll(() => readiness(again.url), PATIENCE).toContain(streamOf.cluster);
  expect((await fetch(`${again.url}/livez`)).status).toBe(200);
  await again.server.stop();
}, 60_000);
