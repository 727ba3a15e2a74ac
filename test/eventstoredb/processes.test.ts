import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Target, TARGETS } from './targets.ts';
import { INHERITED } from '../support/inherited.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const PATIENCE = { timeout: 20_000, interval: 50 };

let target: Target;
/** A new one each time: a real store may hold what earlier runs have left. */
let company: string;
let folder: string;
let receiver: Server;
/** `webhook-id` of every request, in the order in which they came. */
let received: string[];
const children: ChildProcess[] = [];

beforeEach(async () => {
  company = randomUUID();
  folder = mkdtempSync(join(tmpdir(), 'callboard-esdb-'));
  received = [];
  receiver = createServer((request, response) => {
    received.push(String(request.headers['webhook-id']));
    request.resume().on('end', () => response.writeHead(204).end());
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  receiver.close();
  target.end();
  rmSync(folder, { recursive: true, force: true });
});

const environment = (dataDir = folder): NodeJS.ProcessEnv => ({
  ...INHERITED,
  PORT: '0',
  CALLBOARD_DATA_DIR: dataDir,
  CALLBOARD_STORE: target.url,
  CALLBOARD_STORE_USER: target.login.user?.username ?? '',
  CALLBOARD_STORE_PASSWORD: target.login.user?.password ?? '',
  CALLBOARD_ALLOW_TARGETS: '127.0.0.0/8',
  CALLBOARD_RETRY_BASE_MS: '50',
  // A real store is bound to the secret of whoever used it first.
  CALLBOARD_SECRET: process.env['CALLBOARD_SECRET'] ?? 'a secret for tests that nothing else is signed with',
});

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
}

/** The real server as a process of its own, once it listens. */
const start = async (dataDir = folder): Promise<Running> => {
  const child = spawn(process.execPath, [MAIN, 'serve'], { env: environment(dataDir) });
  children.push(child);
  let output = '';
  child.stderr.on('data', (chunk) => (output += String(chunk)));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      output += String(chunk);
      const listening = /"url":"([^"]+)"/.exec(output)?.[1];
      if (listening !== undefined) resolve(listening);
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${output}`)));
  });
  return { child, url };
};

const token = async (role: 'partner' | 'platform'): Promise<string> => {
  const parameters = [MAIN, 'token', '--role', role, '--company', company];
  const { stdout } = await promisify(execFile)(process.execPath, parameters, { env: environment() });
  return stdout.trim();
};

const call = async (url: string, path: string, bearer: string, body?: object): Promise<Response> =>
  fetch(`${url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(15_000),
  });

const report = (url: string, bearer: string, n: number): Promise<Response> =>
  fetch(`${url}/changes`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/cloudevents+json' },
    body: JSON.stringify({
      specversion: '1.0',
      id: `sale-${n}`,
      source: '/box-office',
      type: 'order.sold',
      subject: `3722${n}`,
      data: { id: `3722${n}`, event: { id: 132218 }, tickets: { items: [{ ticketType: { id: 360875 } }] } },
    }),
    signal: AbortSignal.timeout(15_000),
  });

const webhook = {
  name: 'Ticket paid',
  resource: 'ticket',
  trigger: 'paid',
  triggered_by_child_resources: true,
  retries: 3,
};

const isReady = async (url: string): Promise<boolean> => (await fetch(`${url}/readyz`)).ok;

describe.each(TARGETS)('the server on EventStoreDB, %s', (_, connect) => {
  beforeEach(async () => {
    target = await connect();
  });

  it(
    'delivers, and after a kill delivers the rest from the database alone',
    { timeout: 60_000 },
    async () => {
      const [partner, platform] = [await token('partner'), await token('platform')];
      const first = await start();
      await expect.poll(() => isReady(first.url), PATIENCE).toBe(true);
      const { port } = receiver.address() as AddressInfo;
      const created = await call(first.url, '/webhook', partner, {
        ...webhook,
        url: `http://127.0.0.1:${port}/`,
      });
      expect(created.status).toBe(201);
      expect((await report(first.url, platform, 1)).status).toBe(202);
      await expect.poll(() => received.length, PATIENCE).toBe(1);

      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, n) => report(first.url, platform, 100 + n)),
      );
      first.child.kill('SIGKILL');
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
      // Another folder: nothing but the database is left of the first.
      const second = await start(join(folder, 'another'));
      await expect.poll(() => isReady(second.url), PATIENCE).toBe(true);
      await expect.poll(() => new Set(received).size, PATIENCE).toBe(31);
      expect(await (await report(second.url, platform, 101)).json()).toMatchObject({
        changes: [{ status: 'duplicate' }],
      });
      const delivered = async (): Promise<number> => {
        const answer = await call(second.url, '/invocations?status=delivered&limit=200', partner);
        return ((await answer.json()) as { items: ReadonlyArray<unknown> }).items.length;
      };
      await expect.poll(delivered, PATIENCE).toBe(31);
      second.child.kill('SIGTERM');
      const code = await new Promise((resolve) => second.child.once('exit', resolve));
      expect(code).toBe(0);
    },
  );

  it(
    'is not ready and takes nothing while the database is away, and goes on by itself',
    { timeout: 90_000 },
    async () => {
      const [partner, platform] = [await token('partner'), await token('platform')];
      const { url, child } = await start();
      await expect.poll(() => isReady(url), PATIENCE).toBe(true);
      const { port } = receiver.address() as AddressInfo;
      await call(url, '/webhook', partner, { ...webhook, url: `http://127.0.0.1:${port}/` });
      expect((await report(url, platform, 1)).status).toBe(202);
      await expect.poll(() => received.length, PATIENCE).toBe(1);

      target.leave();
      await expect.poll(() => isReady(url), PATIENCE).toBe(false);
      const readiness = await fetch(`${url}/readyz`);
      expect(await readiness.text()).toContain('the event store is away');
      const refused = await report(url, platform, 2);
      expect(refused.status).toBe(503);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      expect(received).toHaveLength(1);

      await target.comeBack();
      await expect.poll(() => isReady(url), PATIENCE).toBe(true);
      expect((await report(url, platform, 2)).status).toBe(202);
      expect((await report(url, platform, 3)).status).toBe(202);
      await expect.poll(() => received.length, PATIENCE).toBe(3);
      expect(new Set(received).size).toBe(3);

      // Stopped while the database is away: nothing is waited for that will not come.
      target.leave();
      child.kill('SIGTERM');
      expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
    },
  );
});
