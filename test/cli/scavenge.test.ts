import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DAY_MS, live } from '../migration/invocation-history.ts';
import { Double } from '../eventstoredb/double/server.ts';
import { openAt } from '../eventstoredb/stores.ts';
import { INHERITED } from '../support/inherited.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const COMPANY = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48';
const SECRET = 'a secret for tests that nothing else is signed with';
const PATIENCE = { timeout: 30_000, interval: 20 };
/** Loaded before the program: its clock is 100 days ahead. */
const LATER = `--import=data:text/javascript,${encodeURIComponent(
  `const now = Date.now.bind(Date); Date.now = () => now() + ${100 * DAY_MS};`,
)}`;

let double: Double;
let folder: string;
let receiver: Server | undefined;
const children: ChildProcess[] = [];

beforeEach(async () => {
  double = await new Double().start();
  folder = mkdtempSync(join(tmpdir(), 'callboard-scavenge-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  receiver?.close();
  double.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}, node: ReadonlyArray<string> = []) => {
  const child = spawn(process.execPath, [...node, MAIN, ...args], {
    cwd: folder,
    env: {
      ...INHERITED,
      CALLBOARD_DATA_DIR: join(folder, 'unused'),
      CALLBOARD_STORE: double.url,
      ...env,
    },
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, output: () => output, ended };
};

const ended = async ({ output, ended: over }: ReturnType<typeof run>) => ({
  code: await over,
  output: output(),
});
const scavenge = (...args: string[]) => ended(run(['scavenge', ...args], {}, [LATER]));
const verify = () => ended(run(['audit', 'verify']));
const truncated = (): number =>
  double.log.all.filter(({ stream }) => stream.startsWith('$$invocation-')).length;

describe('callboard scavenge', () => {
  it('says what it does not do', { timeout: 120_000 }, async () => {
    const file = `sqlite:${join(folder, 'events.db')}`;
    for (const [store, code, words] of [
      [file, 2, '--older-than is for an EventStoreDB'],
      ['memory:', 1, 'there is nothing to remove'],
    ] as const) {
      const refused = await ended(run(['scavenge', '--older-than', '90d'], { CALLBOARD_STORE: store }));
      expect(refused).toMatchObject({ code, output: expect.stringContaining(words) as string });
    }
    for (const age of ['59d', '90', '0d', '-90d', '1e3d', '40000d']) {
      const refused = await scavenge(`--older-than=${age}`);
      expect(refused).toMatchObject({
        code: 2,
        output: expect.stringContaining('from 60d to 36500d') as string,
      });
    }
    expect(await scavenge()).toMatchObject({ code: 2 });
    const { length } = double.log.all;
    const unused = await scavenge('--older-than', '90d', '--apply');
    expect(unused).toMatchObject({
      code: 1,
      output: expect.stringContaining('holds no history of Callboard') as string,
    });
    expect(double.log.all).toHaveLength(length);
  });

  it('goes on after kill -9, as often as it comes', { timeout: 180_000 }, async () => {
    const store = await openAt(double.url);
    for (let n = 0; n < 1_200; n += 1) await live(store, n, 'cancelled', Date.now());
    await store.close();
    const { length } = double.log.all;
    const looked = await scavenge('--older-than', '90d');
    expect(looked.output).toContain('the beginnings of 1,200 streams, 1,200 events of ');
    expect(looked).toMatchObject({
      code: 0,
      output: expect.stringContaining('Nothing was changed') as string,
    });
    expect(double.log.all).toHaveLength(length);
    for (const killAt of [1, 400, 1_000]) {
      const { child, ended: over } = run(['scavenge', '--older-than=90d', '--apply'], {}, [LATER]);
      await expect.poll(truncated, { ...PATIENCE, interval: 1 }).toBeGreaterThanOrEqual(killAt);
      child.kill('SIGKILL');
      expect(await over).toBeNull();
      expect(truncated()).toBeLessThan(1_200);
    }
    expect((await verify()).code).toBe(0);
    double.log.scavenge();
    expect((await verify()).code).toBe(0);
    expect(await scavenge('--older-than', '90d', '--apply')).toMatchObject({ code: 0 });
    expect(truncated()).toBe(1_200);
    double.log.scavenge();
    const whole = await verify();
    expect(whole.output).toContain('1200 events in 1200 streams: every hash and revision fits.');
    expect(whole.output).toContain('Truncated by policy: 1200 streams');
    expect((await scavenge('--older-than', '90d')).output).toContain(
      'the beginnings of 0 streams, 0 events of 0 bytes, would go. 1,200 lost theirs before.',
    );
  });

  it('leaves a store on which new servers start and deliver', { timeout: 120_000 }, async () => {
    let answer = 410;
    const received: string[] = [];
    receiver = createServer((request, response) => {
      received.push(String(request.headers['webhook-id']));
      request.resume().on('end', () => response.writeHead(answer).end());
    });
    await new Promise<void>((resolve) => receiver?.listen(0, '127.0.0.1', resolve));
    const target = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const serve = async (name: string) => {
      const running = run(['serve'], {
        PORT: '0',
        CALLBOARD_ALLOW_TARGETS: '127.0.0.0/8',
        CALLBOARD_SECRET: SECRET,
        CALLBOARD_DATA_DIR: join(folder, name),
      });
      const url = (): string => /"url":"([^"]+)"/.exec(running.output())?.[1] ?? '';
      await expect.poll(url, PATIENCE).not.toBe('');
      await expect.poll(async () => (await fetch(`${url()}/readyz`)).status, PATIENCE).toBe(200);
      return { ...running, url: url() };
    };
    const stop = async ({ child, ended: over }: Awaited<ReturnType<typeof serve>>): Promise<void> => {
      child.kill('SIGTERM');
      expect(await over).toBe(0);
    };
    const token = async (role: string): Promise<string> =>
      (
        await ended(run(['token', '--role', role, '--company', COMPANY], { CALLBOARD_SECRET: SECRET }))
      ).output.trim();
    const [partner, platform] = [await token('partner'), await token('platform')];
    const call = async (method: string, url: string, body?: object, bearer = partner) => {
      const answered = await fetch(url, {
        method,
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await answered.text();
      return {
        status: answered.status,
        body: (text === '' ? {} : JSON.parse(text)) as Record<string, never>,
      };
    };
    const sell = async (url: string, n: number): Promise<void> => {
      const answered = await fetch(`${url}/changes`, {
        method: 'POST',
        headers: { authorization: `Bearer ${platform}`, 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify({
          specversion: '1.0',
          id: `sale-${n}`,
          source: '/box-office',
          type: 'event.update',
          subject: String(n),
          data: { n },
        }),
      });
      expect(answered.status).toBe(202);
    };
    const itemsOf = async (url: string, webhook: string): Promise<unknown> => {
      const answered = await call('GET', `${url}/webhook/${webhook}/invocations?limit=50`);
      expect(answered.status).toBe(200);
      return answered.body['items'];
    };

    const first = await serve('one');
    const settings = { name: 'x', resource: 'event', trigger: 'update', url: target, retries: 0 };
    const { body: webhook } = await call('POST', `${first.url}/webhook`, settings);
    const guid = String(webhook['guid']);
    answer = 500;
    for (let n = 0; n < 5; n += 1) await sell(first.url, n);
    await expect.poll(() => received.length, PATIENCE).toBe(5);
    const listed = async (url: string) => (await itemsOf(url, guid)) as ReadonlyArray<{ status: string }>;
    await expect
      .poll(async () => (await listed(first.url)).map(({ status }) => status), PATIENCE)
      .toEqual(Array.from({ length: 5 }, () => 'exhausted'));
    const old = [...received];

    // With the server up: its read models know the invocations, their streams do not tell of them any more.
    const done = await scavenge('--older-than', '90d', '--apply');
    expect(done.output).toContain('the beginnings of 5 streams, 15 events of ');
    expect(done.code).toBe(0);
    const isGone = async (url: string): Promise<void> => {
      for (const invocation of old) {
        expect((await call('GET', `${url}/invocations/${invocation}`)).status).toBe(404);
        expect((await call('POST', `${url}/invocations/${invocation}/retry`)).status).toBe(404);
      }
      expect(await listed(url)).toEqual([]);
      expect((await call('GET', `${url}/invocations`)).body['items']).toEqual([]);
      expect(await call('POST', `${url}/webhook/${guid}/invocations/retry`)).toMatchObject({
        status: 202,
        body: { retried: 0 },
      });
    };
    await isGone(first.url);
    answer = 204;
    await sell(first.url, 100);
    await expect.poll(() => received.length, PATIENCE).toBe(6);
    await expect.poll(async () => (await listed(first.url)).length, PATIENCE).toBe(1);
    await stop(first);
    await expect(verify()).resolves.toMatchObject({ code: 0 });

    double.log.scavenge();
    const second = await serve('two');
    expect(await listed(second.url)).toMatchObject([{ status: 'delivered' }]);
    expect((await call('GET', `${second.url}/invocations/${old[0]}`)).status).toBe(404);
    expect((await call('POST', `${second.url}/invocations/${old[0]}/retry`)).status).toBe(404);
    await sell(second.url, 101);
    await expect.poll(() => received.length, PATIENCE).toBe(7);
    expect(received.slice(5).some((id) => old.includes(id))).toBe(false);
    await stop(second);

    const checked = await verify();
    expect(checked).toMatchObject({
      code: 0,
      output: expect.stringContaining('Truncated by policy: 5 streams') as string,
    });
    const refused = await ended(
      run(['migrate', '--from', double.url, '--to', `sqlite:${join(folder, 'x.db')}`]),
    );
    expect(refused).toMatchObject({
      code: 1,
      output: expect.stringContaining('nothing was copied') as string,
    });
  });
});
