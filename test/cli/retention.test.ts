import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DAY_MS } from '../migration/invocation-history.ts';
import { INHERITED } from '../support/inherited.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const COMPANY = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48';
const SECRET = 'a secret for tests that nothing else is signed with';
const PATIENCE = { timeout: 30_000, interval: 20 };
const MARK = 'what-nobody-shall-find-again';

/** Loaded before the program: its clock is so many days ahead. */
const ahead = (days: number): string =>
  `--import=data:text/javascript,${encodeURIComponent(
    `const now = Date.now.bind(Date); Date.now = () => now() + ${days * DAY_MS};`,
  )}`;

let folder: string;
let receiver: Server;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callboard-retention-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  receiver.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (days: number, args: ReadonlyArray<string>, data = 'data') => {
  const child = spawn(process.execPath, [ahead(days), MAIN, ...args], {
    cwd: folder,
    env: {
      ...INHERITED,
      PORT: '0',
      CALLBOARD_DATA_DIR: join(folder, data),
      CALLBOARD_ALLOW_TARGETS: '127.0.0.0/8',
      CALLBOARD_SECRET: SECRET,
      CALLBOARD_RETENTION_EVERY_MS: '300',
      CALLBOARD_SEAL_EVERY_MS: '200',
    },
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const over = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, output: () => output, over };
};

const ended = async (days: number, ...args: ReadonlyArray<string>) => {
  const { output, over } = run(days, args);
  return { code: await over, output: output() };
};

const serve = async (days: number) => {
  const running = run(days, ['serve']);
  const url = (): string => /"url":"([^"]+)"/.exec(running.output())?.[1] ?? '';
  await expect.poll(url, PATIENCE).not.toBe('');
  await expect.poll(async () => (await fetch(`${url()}/readyz`)).status, PATIENCE).toBe(200);
  const stop = async (): Promise<void> => {
    running.child.kill('SIGTERM');
    expect(await running.over).toBe(0);
  };
  return { ...running, url: url(), stop };
};

type Body = Record<string, unknown>;

const callAs = (url: string, bearer: string) => async (method: string, path: string, body?: Body) => {
  const answered = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      'content-type': path === '/changes' ? 'application/cloudevents+json' : 'application/json',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answered.text();
  const isJson = /[/+]json/.test(answered.headers.get('content-type') ?? '');
  return { status: answered.status, text, body: (isJson ? JSON.parse(text) : {}) as Body };
};

it(
  'a server lets go of what a company does not keep, and everything that is asked still has an answer',
  {
    timeout: 180_000,
  },
  async () => {
    const received: string[] = [];
    receiver = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => (text += String(chunk)));
      request.on('end', () => {
        received.push(text);
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const target = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
    const admin = (await ended(0, 'token', '--role', 'admin', '--company', COMPANY, '--expires', '3000d'))
      .output;

    const first = await serve(0);
    const api = callAs(first.url, admin.trim());
    const settings = { name: 'x', resource: 'event', trigger: 'update', url: target, retries: 0 };
    const made = await api('POST', '/webhook', { ...settings, company_id: COMPANY });
    expect(made.status).toBe(201);
    const report = (call: ReturnType<typeof callAs>, n: number) =>
      call('POST', '/changes', {
        specversion: '1.0',
        id: `sale-${n}`,
        source: '/box-office',
        type: 'event.update',
        subject: String(n),
        companyid: COMPANY,
        data: { n, text: MARK },
      });
    const changes: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const { body } = await report(api, n);
      changes.push((body['changes'] as ReadonlyArray<{ change: string }>)[0]?.change ?? '');
    }
    await expect.poll(() => received.length, PATIENCE).toBe(5);
    const invocations = async (call: ReturnType<typeof callAs>) =>
      (await call('GET', `/invocations?company_id=${COMPANY}`)).body['items'] as ReadonlyArray<Body>;
    await expect
      .poll(async () => (await invocations(api)).map(({ status }) => status), PATIENCE)
      .toEqual(Array.from({ length: 5 }, () => 'delivered'));
    const old = (await invocations(api)).map(({ guid }) => String(guid));
    const policy = `/accounts/${COMPANY}/retention`;
    expect((await api('PATCH', policy, { invocations_months: 3 })).status).toBe(200);
    const before = await ended(0, 'audit', 'export', '--out', join(folder, 'before'));
    expect(before.code).toBe(0);
    await first.stop();
    expect(first.output()).not.toContain('removed by retention');

    // 100 days later: with the read models of then, and with new ones.
    for (const isRebuilt of [false, true]) {
      if (isRebuilt) rmSync(join(folder, 'data', 'read-models.db'));
      const server = await serve(100);
      const call = callAs(server.url, admin.trim());
      if (!isRebuilt)
        await expect.poll(server.output, PATIENCE).toMatch(/"streams":5.*"msg":"removed by retention"/);
      for (const guid of old) {
        for (const [method, path] of [
          ['GET', `/invocations/${guid}`],
          ['POST', `/invocations/${guid}/retry`],
        ] as const) {
          const gone = await call(method, path);
          expect([gone.status, gone.body['type']]).toEqual([404, '/docs/errors/removed']);
          expect(gone.body['detail']).toMatch(/removed by retention at \d{4}-/);
        }
      }
      expect(await invocations(call)).toEqual([]);
      for (const change of changes) {
        const { body } = await call('GET', `/changes/${change}/explain`);
        expect((body['items'] as ReadonlyArray<Body>)[0]).toMatchObject({
          told: true,
          status: 'delivered',
          removed_at: expect.any(String) as string,
          reason: expect.stringContaining('removed by retention at') as string,
        });
        expect((await call('GET', `/changes/${change}`)).body['data']).toMatchObject({ text: MARK });
      }
      const timeline = await call('GET', `/resources/event/0/timeline?company_id=${COMPANY}`);
      const [item] = timeline.body['items'] as ReadonlyArray<Body>;
      if (!isRebuilt) expect(item?.['removed']).toMatchObject([{ status: 'delivered' }]);
      expect((await report(call, 0)).body['changes']).toMatchObject([{ status: 'duplicate' }]);
      expect((await call('GET', policy)).body).toMatchObject({ removed: { invocations: 5, events: 10 } });
      const exported = await call('GET', `/export?company_id=${COMPANY}`);
      expect(exported.text.match(/callboard.change.reported/g)?.length).toBe(5);
      expect(exported.text.match(/callboard.invocation.delivered/g)?.length).toBe(5);
      expect(exported.text.match(/callboard.invocation.scheduled/g)).toBe(null);
      await server.stop();
      // Nobody was told again.
      expect(received.length).toBe(5);
      const verified = await ended(100, 'audit', 'verify');
      expect(verified.output).toContain('Removed by retention: 10 events, the beginnings of 5 streams');
      expect(verified.code).toBe(0);
    }
    for (const [args, words] of [
      [['audit', 'conserve'], '5 invocations were removed'],
      [['audit', 'explain', changes[0] ?? ''], 'removed by retention at'],
      [['audit', 'prove', old[0] ?? ''], '"callboardProof"'],
      [['audit', 'export', '--out', join(folder, 'after')], 'callboard.invocation.delivered 5'],
      [['backup', join(folder, 'copy.db')], ''],
    ] as const) {
      const done = await ended(100, ...args);
      expect([args, done.code, done.output]).toEqual([args, 0, expect.stringContaining(words)]);
    }
    const bytes = readFileSync(join(folder, 'data', 'events.db'), 'latin1');
    // The changes stay, the bodies do not.
    expect(bytes.split(MARK).length - 1).toBe(5);
    // A backup of it goes on elsewhere, and loses nothing more than it should.
    for (const args of [
      ['restore', join(folder, 'copy.db')],
      ['audit', 'verify'],
      ['scavenge', '--apply', '--compact'],
      ['audit', 'verify'],
    ]) {
      const { output, over } = run(100, args, 'restored');
      expect([args, await over, output()]).toEqual([args, 0, expect.any(String)]);
    }
  },
);
