import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ERASURES_FILE, erasedKeys, erasuresFile } from '../src/adapters/erasures-file.ts';
import { issueToken } from '../src/adapters/jwt.ts';
import { openSecretBox } from '../src/adapters/secret-box.ts';
import { systemRandom } from '../src/adapters/system-random.ts';
import { erasure } from '../src/commands/aggregates.ts';
import { readConfig } from '../src/config.ts';
import { openCustomerKeys } from '../src/customer-keys.ts';
import { streamOf } from '../src/domain/ids.ts';
import { keysOf } from '../src/eventstore/sqlite-keys-file.ts';
import { openSqliteStore } from '../src/eventstore/sqlite.ts';
import { transact } from '../src/eventstore/transact.ts';
import { type RunningServer, startServer } from '../src/main.ts';
import { runCallboard } from './support/run-callboard.ts';

const SECRET = 'the secret of an operator, long enough';
const COMPANY = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48';
const OTHER = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a49';
const EMAIL = 'Wilhelmina.Quetzalcoatl@unique-example.org';
const NAME = 'Wilhelmina';
const FAMILY = 'Quetzalcoatl';
const PHONE = '+31655544332';
const IP = '203.0.113.77';
const VALUES = [EMAIL, EMAIL.toLowerCase(), NAME, FAMILY, PHONE, IP];

let folder = '';
let receiver: Server;
let bodies: string[] = [];
/** What the receiver answers with; beside the customer's name. */
let status = 200;

const data = (): string => join(folder, 'data');

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'callboard-erasure-'));
  bodies = [];
  status = 200;
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      bodies.push(body);
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(`sorry, ${NAME} <${EMAIL}>`);
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const ENVIRONMENT = {
  PORT: '0',
  LOG_LEVEL: 'silent',
  CALLBOARD_SECRET: SECRET,
  CALLBOARD_ALLOW_TARGETS: '127.0.0.0/8',
};

const serve = async (environment: Readonly<Record<string, string>> = {}): Promise<RunningServer> => {
  const config = readConfig({ ...ENVIRONMENT, ...environment }, folder);
  if (isLeft(config)) throw new Error(JSON.stringify(config.left));
  const started = await startServer(config.right);
  if (isLeft(started)) throw new Error(started.left.message);
  await started.right.ready;
  return started.right;
};

/** In a process of its own, to be killed. */
const serveApart = async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/cli/main.ts'), 'serve'], {
    env: { ...process.env, ...ENVIRONMENT, LOG_LEVEL: 'info', CALLBOARD_DATA_DIR: data() },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve) => {
    let text = '';
    let where = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      where = /"url":"(http[^"]+)"/.exec(text)?.[1] ?? where;
      if (text.includes('engine ready')) resolve(where);
    });
  });
  return { url, ended, kill: () => child.kill('SIGKILL') };
};

const stop = async (server: RunningServer): Promise<void> => {
  server.stop();
  expect(await server.ended).toBe(0);
};

const tokenOf = (role: 'admin' | 'platform' | 'partner'): Promise<string> =>
  issueToken(
    openSecretBox(SECRET, systemRandom()).tokenKey(),
    {
      subject: `${role}:test`,
      role,
      companies: role === 'partner' ? [COMPANY] : '*',
      expiresAtMs: Date.now() + 3_600_000,
    },
    Date.now(),
  );

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** What stands there in the body of an answer. */
const at = (answer: { readonly body: unknown }, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>(
    (value, key) => (value as Readonly<Record<string | number, unknown>> | undefined)?.[key],
    answer.body,
  );

const ask = async (
  server: Pick<RunningServer, 'url'>,
  method: string,
  path: string,
  body?: unknown,
  role: 'admin' | 'platform' | 'partner' = 'admin',
): Promise<Answer> => {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${await tokenOf(role)}`,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
};

const report = async (
  server: Pick<RunningServer, 'url'>,
  id: string,
  type: string,
  order: string,
  reported: unknown,
  company = COMPANY,
): Promise<Answer> => {
  const response = await fetch(`${server.url}/changes`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${await tokenOf('platform')}`,
      'Content-Type': 'application/cloudevents+json',
    },
    body: JSON.stringify({
      specversion: '1.0',
      id,
      source: '/test',
      type,
      subject: order,
      companyid: company,
      time: '2026-01-01T00:00:00Z',
      data: reported,
    }),
  });
  return { status: response.status, body: await response.json() };
};

const sale = (email = EMAIL) => ({
  customer: { id: 7, email, firstName: NAME, lastName: FAMILY, telephone: PHONE },
  event: { id: 5 },
  tickets: {
    items: [{ id: 1, firstName: NAME, lastName: FAMILY, valid: true, barcode: 'b1', totalCost: 10 }],
  },
  transactions: { items: [{ id: 3, type: 'PURCHASE', amount: 10, ipAddress: IP }] },
});

const subscribe = async (server: RunningServer, company = COMPANY): Promise<string> => {
  const { port } = receiver.address() as AddressInfo;
  const made = await ask(server, 'POST', '/webhook', {
    name: 'all',
    url: `http://127.0.0.1:${port}/`,
    company_id: company,
    resource: 'order',
    trigger: 'paid',
    retries: 5,
  });
  expect(made.status).toBe(201);
  return at(made, 'guid') as string;
};

const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('it never held');
};

/**
 * Which of the values stand in which file, in whatever spelling. Looked for by another process: whoever opens and closes the files of a
 * running SQLite takes its locks away, and the next process to come would cut its shared memory from under it.
 */
const found = (values: ReadonlyArray<string> = VALUES, at = data()): ReadonlyArray<string> =>
  JSON.parse(
    execFileSync(process.execPath, ['-e', LOOK, at, JSON.stringify(values)]).toString(),
  ) as ReadonlyArray<string>;

const LOOK = `
  const { readdirSync, readFileSync } = require('node:fs');
  const [at, values] = process.argv.slice(1);
  const spellings = (value) => [
    Buffer.from(value),
    Buffer.from(value, 'utf16le'),
    Buffer.from(Buffer.from(value).toString('base64url').slice(0, -2)),
  ];
  const files = readdirSync(at, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const found = files.flatMap(({ parentPath, name }) => {
    const bytes = readFileSync(parentPath + '/' + name);
    return JSON.parse(values).flatMap(spellings).filter((one) => bytes.includes(one)).map((one) => name + ': ' + one);
  });
  console.log(JSON.stringify(found));
`;

const callboard = (args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
  runCallboard(args, { ...ENVIRONMENT, CALLBOARD_DATA_DIR: data(), ...environment });

/** Each of many processes starts in a second or two on a busy machine. */
const PATIENCE_MS = 120_000;

describe('erasing a customer', { timeout: PATIENCE_MS }, () => {
  it('is left out where it is not wanted, as long as nothing stands under a key', async () => {
    let server = await serve({ CALLBOARD_CUSTOMER_KEYS: 'off' });
    await report(server, 'c1', 'order.sold', '100', sale());
    const asked = { company_id: COMPANY, customer: { email: EMAIL } };
    expect((await ask(server, 'POST', '/erasures', asked)).status).toBe(409);
    await stop(server);
    expect(found().length).toBeGreaterThan(0);

    server = await serve();
    await report(server, 'c2', 'order.sold', '101', sale());
    await stop(server);
    await expect(serve({ CALLBOARD_CUSTOMER_KEYS: 'off' })).rejects.toThrow(
      'stands under the keys of customers',
    );
    const log = `sqlite:${join(data(), 'events.db')}`;
    const moved = await callboard(['migrate', '--from', log, '--to', 'esdb://127.0.0.1:1?tls=false']);
    expect(moved.code).toBe(1);
    expect(moved.complaint).toContain('CALLBOARD_CUSTOMER_KEYS=off');
  });

  it('leaves no byte of the personal data, and every hash', async () => {
    let server = await serve({ CALLBOARD_SEAL_EVERY_MS: '100' });
    await subscribe(server);
    await subscribe(server, OTHER);
    const sold = await report(server, 'c1', 'order.sold', '100', sale());
    expect(at(sold, 'changes', 0, 'status')).toBe('accepted');
    await report(server, 'c1', 'order.sold', '100', sale(), OTHER);
    await until(() => bodies.length === 2);
    expect(bodies[0]).toContain(EMAIL);
    // Never in clear on disk, not even before.
    expect(found()).toEqual([]);
    const change = at(sold, 'changes', 0, 'change') as string;
    expect(at(await ask(server, 'GET', `/changes/${change}`), 'data')).toEqual(sale());
    expect(at(await report(server, 'c1', 'order.sold', '100', sale()), 'changes', 0, 'status')).toBe(
      'duplicate',
    );
    expect((await report(server, 'c1', 'order.sold', '100', sale('else@example.org'))).status).toBe(409);
    await report(server, 'c2', 'order.refunded', '100', { tickets: { items: [{ id: 1, valid: false }] } });
    const order = await ask(server, 'GET', `/orders/100?company_id=${COMPANY}`);
    expect(at(order, 'order', 'customer', 'email')).toBe(EMAIL);
    const root = join(folder, 'root.json');
    const proof = join(folder, 'proof.json');
    await until(async () => (await callboard(['audit', 'prove', change, '--out', proof])).code === 0);
    expect((await callboard(['audit', 'root', '--out', root])).code).toBe(0);
    expect((await callboard(['audit', 'verify', '--root', root])).code).toBe(0);

    const asked = { company_id: COMPANY, customer: { email: ` ${EMAIL.toUpperCase()} ` } };
    const erased = await ask(server, 'POST', '/erasures', asked);
    expect(erased).toMatchObject({
      status: 200,
      body: { company_id: COMPANY, changes: 2, actor: 'admin:test' },
    });
    expect(await ask(server, 'POST', '/erasures', asked)).toEqual(erased);
    const listed = await ask(server, 'GET', `/erasures?company_id=${COMPANY}`);
    expect(at(listed, 'items')).toEqual([erased.body]);

    const after = await ask(server, 'GET', `/changes/${change}`);
    expect(at(after, 'data', 'customer')).toEqual({
      id: 7,
      email: '***',
      firstName: '***',
      lastName: '***',
      telephone: '***',
    });
    expect(at(after, 'erased')).toMatchObject({ erasure: at(erased, 'erasure'), actor: 'admin:test' });
    const timeline = await ask(server, 'GET', `/orders/100/timeline?company_id=${COMPANY}`);
    for (const item of [0, 1]) {
      expect(at(timeline, 'items', item, 'erased')).toEqual(at(after, 'erased'));
    }
    expect(JSON.stringify(timeline.body)).not.toContain(NAME);
    const explained = await ask(server, 'GET', `/changes/${change}/explain`);
    expect(at(explained, 'erased', 'erasure')).toBe(at(erased, 'erasure'));

    // Another company's same customer is another customer.
    const theirs = await ask(server, 'GET', `/orders/100?company_id=${OTHER}`);
    expect(at(theirs, 'order', 'customer', 'email')).toBe(EMAIL);

    // Reported again: known as far as it can be; and no crash.
    expect(at(await report(server, 'c1', 'order.sold', '100', sale()), 'changes', 0, 'status')).toBe(
      'duplicate',
    );
    // What comes afterwards is new, and does not bring back what was.
    await report(server, 'c3', 'order.update', '100', { note: 'x' });
    const now = await ask(server, 'GET', `/orders/100?company_id=${COMPANY}`);
    expect(at(now, 'order', 'customer', 'email')).toBe('***');
    await stop(server);

    expect(found()).toEqual([]);
    const verified = await callboard(['audit', 'verify', '--root', root]);
    expect(verified.code).toBe(0);
    expect(verified.out).toContain('the history contains all of seal');
    const proofAgain = join(folder, 'again.json');
    expect((await callboard(['audit', 'prove', change, '--root', root, '--out', proofAgain])).code).toBe(0);
    for (const file of [proof, proofAgain]) {
      expect((await callboard(['audit', 'check', file, '--root', root])).code).toBe(0);
    }
    const out = join(folder, 'export');
    expect(
      (await callboard(['audit', 'export', '--out', out, '--personal-data', '--company', COMPANY])).code,
    ).toBe(0);
    expect(found(VALUES, out)).toEqual([]);
    expect(found(['callboard.customer.erased', '"email":"***"'], out)).toHaveLength(3);
    server = await serve();
    expect(
      at(await ask(server, 'GET', `/orders/100?company_id=${COMPANY}`), 'order', 'customer', 'email'),
    ).toBe('***');
    expect(
      at(await ask(server, 'GET', `/orders/100?company_id=${OTHER}`), 'order', 'customer', 'email'),
    ).toBe(EMAIL);
    await report(server, 'c4', 'order.sold', '101', sale());
    expect(
      at(await ask(server, 'GET', `/orders/101?company_id=${COMPANY}`), 'order', 'customer', 'email'),
    ).toBe(EMAIL);
    const again = await ask(server, 'POST', '/erasures', asked);
    expect(again.body).toMatchObject({ changes: 2, subject: at(erased, 'subject') });
    expect(at(again, 'erasure')).not.toBe(at(erased, 'erasure'));
    await stop(server);
  });

  it('cancels what waits, and nothing of it can be sent again', async () => {
    const server = await serve();
    status = 500;
    const webhook = await subscribe(server);
    const sold = await report(server, 'c1', 'order.sold', '100', sale());
    const change = at(sold, 'changes', 0, 'change') as string;
    const one = async (...path: ReadonlyArray<string | number>) =>
      at(await ask(server, 'GET', `/invocations?change=${change}`), 'items', 0, ...path);
    await until(async () => bodies.length === 1 && (await one('next_attempt_at')) !== null);
    expect(await one('attempts', 0, 'response_excerpt')).toContain(NAME);
    await ask(server, 'POST', '/erasures', { company_id: COMPANY, customer: { email: EMAIL } });
    expect(await one()).toMatchObject({ status: 'cancelled', cancel_reason: 'erased' });
    expect(await one('attempts', 0, 'response_excerpt')).toBe('***');
    const retried = await ask(server, 'POST', `/invocations/${String(await one('guid'))}/retry`);
    expect(retried).toMatchObject({ status: 409 });
    expect(at(retried, 'detail')).toBe(
      'The personal data of its customer was erased, and its body with it. It cannot be retried.',
    );
    const all = await ask(server, 'POST', `/webhook/${webhook}/invocations/retry`);
    expect(all).toMatchObject({ status: 202, body: { retried: 0 } });
    // A job that tells others of it later tells nobody.
    status = 200;
    const later = await subscribe(server);
    const job = await ask(server, 'POST', '/jobs', { kind: 'backfill', webhook: later, dry_run: false });
    await until(
      async () => at(await ask(server, 'GET', `/jobs/${String(at(job, 'guid'))}`), 'status') === 'completed',
    );
    const told = await ask(server, 'GET', `/invocations?webhook=${later}`);
    expect(at(told, 'items', 0)).toMatchObject({ status: 'cancelled', cancel_reason: 'erased' });
    expect(bodies).toHaveLength(1);
    await stop(server);
    expect(found()).toEqual([]);
    expect((await callboard(['audit', 'conserve'])).code).toBe(0);
  });

  it('is for administrators, and answers the unknown alike', async () => {
    const server = await serve();
    const asked = { company_id: COMPANY, customer: { email: 'nobody@example.org' } };
    for (const role of ['platform', 'partner'] as const) {
      expect((await ask(server, 'POST', '/erasures', asked, role)).status).toBe(403);
      expect((await ask(server, 'GET', '/erasures', undefined, role)).status).toBe(403);
    }
    const first = await ask(server, 'POST', '/erasures', asked);
    expect(first).toMatchObject({ status: 200, body: { changes: 0, company_id: COMPANY } });
    expect(await ask(server, 'POST', '/erasures', asked)).toEqual(first);
    for (const [wrong, field] of [
      [{ company_id: COMPANY }, 'customer'],
      [{ ...asked, customer: { email: 'no address' } }, 'customer'],
      [{ ...asked, customer: {} }, 'customer'],
      [{ ...asked, customer: 'x' }, 'customer'],
      [{ ...asked, customer: { email: 'a@b.c', id: 1 } }, 'customer'],
      [{ ...asked, order: '1' }, 'customer'],
      [{ customer: { email: 'a@b.c' } }, 'company_id'],
      [{ ...asked, company_id: 'x' }, 'company_id'],
    ] as const) {
      const refused = await ask(server, 'POST', '/erasures', wrong);
      expect([refused.status, at(refused, 'errors', 0, 'field')]).toEqual([422, field]);
    }
    await stop(server);
  });

  it('is refused in words where no keys are kept', async () => {
    const server = await serve({ CALLBOARD_STORE: 'memory:' });
    const refused = await ask(server, 'POST', '/erasures', {
      company_id: COMPANY,
      customer: { email: EMAIL },
    });
    expect(refused.status).toBe(409);
    expect(at(refused, 'detail')).toContain('stores personal data as it is reported');
    await stop(server);
  });

  it('takes the customer of an order', async () => {
    const server = await serve();
    await report(server, 'c1', 'order.sold', '100', sale());
    await report(server, 'c2', 'order.update', '200', { attendee: { name: FAMILY } });
    await report(server, 'c3', 'scanner.scan', '9', { ticket: 1, holder_name: NAME });
    for (const [asked, path] of [
      [{ order: '100' }, '/erasures'],
      [{ order: 200 }, '/erasures'],
      [{ scanner: '9' }, '/erasures'],
    ] as const) {
      const erased = await ask(server, 'POST', path, { company_id: COMPANY, ...asked });
      expect([erased.status, at(erased, 'changes')]).toEqual([200, 1]);
    }
    await stop(server);
    expect(found()).toEqual([]);
  });

  it('takes along what was reported of an order before it named its customer', async () => {
    const server = await serve();
    const { tickets } = sale();
    const first = await report(server, 'c1', 'order.sold', '100', { event: { id: 5 }, tickets });
    await report(server, 'c2', 'order.update', '100', { customer: { email: EMAIL } });
    const change = `/changes/${at(first, 'changes', 0, 'change') as string}`;
    expect(at(await ask(server, 'GET', change), 'data', 'tickets', 'items', 0, 'firstName')).toBe(NAME);
    const asked = { company_id: COMPANY, customer: { email: EMAIL } };
    expect((await ask(server, 'POST', '/erasures', asked)).status).toBeLessThan(300);
    expect(at(await ask(server, 'GET', change), 'data', 'tickets', 'items', 0, 'firstName')).toBe('***');
    await stop(server);
  });

  it('is not what a lost file of keys looks like: nothing is read, sent or cancelled until it is back', async () => {
    status = 500;
    let server = await serve();
    await subscribe(server);
    const sold = await report(server, 'c1', 'order.sold', '100', sale());
    await until(() => bodies.length === 1);
    await stop(server);
    const keys = join(data(), 'keys.db');
    copyFileSync(keys, join(folder, 'kept.db'));
    const wipe = `new (require('node:sqlite').DatabaseSync)(${JSON.stringify(keys)}).exec('DELETE FROM subjects')`;
    execFileSync(process.execPath, ['-e', wipe]);
    rmSync(join(data(), 'read-models.db'));
    server = await serve();
    const readiness = await fetch(`${server.url}/readyz`);
    expect(readiness.status).toBe(503);
    expect(await readiness.text()).toContain('the key of the customer is missing');
    await stop(server);

    copyFileSync(join(folder, 'kept.db'), keys);
    status = 200;
    server = await serve();
    const change = at(sold, 'changes', 0, 'change') as string;
    const one = async (name: string) =>
      at(await ask(server, 'GET', `/invocations?change=${change}`), 'items', 0, name);
    expect(await one('status')).toBe('waiting');
    await ask(server, 'POST', `/invocations/${String(await one('guid'))}/retry`);
    await until(async () => (await one('status')) === 'delivered');
    expect(bodies.at(-1)).toContain(EMAIL);
    await stop(server);
  });

  it('is done by command, in words, and tells who did it', async () => {
    const server = await serve();
    await report(server, 'c1', 'order.sold', '100', sale());
    const to = ['--to', server.url];
    const erased = await callboard(['erase', '--company', COMPANY, '--email', EMAIL, ...to]);
    expect(erased).toMatchObject({ code: 0, complaint: '' });
    expect(erased.out).toMatch(
      /^erasure [0-9a-f-]{36} of .*, asked for by admin:callboard-erase: 1 changes held/,
    );
    expect(await callboard(['erase', '--company', COMPANY, '--email', EMAIL, ...to])).toEqual(erased);
    expect((await callboard(['audit', 'timeline', '100'])).out).toContain(
      'its personal data was erased by admin:callboard-erase',
    );
    for (const [args, words] of [
      [['--company', 'x', '--email', EMAIL], '--company must be a GUID, not "x"'],
      [['--company', COMPANY], 'one of --email, --id, --order and --scanner says whom to erase'],
      [['--company', COMPANY, '--id', '1', '--order', '2'], 'says whom to erase'],
      [['--company', COMPANY, '--email', EMAIL, '--to', 'nowhere'], '--to must be a URL, not "nowhere"'],
    ] as const) {
      const misused = await callboard(['erase', ...args]);
      expect([misused.code, misused.out]).toEqual([2, '']);
      expect(misused.complaint).toContain(words);
    }
    const wrong = await callboard(['erase', '--company', COMPANY, '--email', 'no address', ...to]);
    expect(wrong.code).toBe(1);
    expect(wrong.complaint).toContain('customer: "email" must be an e-mail address');
    await stop(server);
    const away = await callboard(['erase', '--company', COMPANY, '--email', EMAIL, ...to]);
    expect(away.complaint).toContain('no server answers at');
    expect((await callboard(['erase', '--help'])).out).toContain('callboard erase --company GUID');
    expect(found()).toEqual([]);
  });

  it.each(['the event', 'the note', 'the key'])(
    'that a crash cut short after %s is completed by the next start',
    async (last) => {
      status = 500;
      let server = await serve();
      await subscribe(server);
      const sold = await report(server, 'c1', 'order.sold', '100', sale());
      const change = String(at(sold, 'changes', 0, 'change'));
      const one = async (...path: ReadonlyArray<string | number>) =>
        at(await ask(server, 'GET', `/invocations?change=${change}`), 'items', 0, ...path);
      await until(async () => bodies.length === 1 && (await one('next_attempt_at')) !== null);
      await stop(server);

      // What the process leaves that is killed there.
      const path = join(data(), 'events.db');
      const opened = await openSqliteStore({ path, onFatal: () => undefined });
      const random = systemRandom();
      const keys = openCustomerKeys({ kind: 'sqlite', path }, openSecretBox(SECRET, random), random);
      if (isLeft(opened) || isLeft(keys) || keys.right === undefined) throw new Error('not opened');
      const subject = keys.right.subjectOf(COMPANY, { by: 'email', value: EMAIL.toLowerCase() });
      const key = keys.right.newest(subject) ?? '';
      const stored = await transact(
        { store: opened.right, random },
        streamOf.erasure(COMPANY, subject),
        erasure,
        {
          type: 'EraseCustomer',
          companyId: COMPANY,
          subject,
          key,
          changes: 1,
          askedBy: 'admin:killed',
          atMs: Date.now(),
        },
        {
          correlationId: random.uuid(),
          causationId: random.uuid(),
          actor: 'admin:killed',
          companyId: COMPANY,
        },
      );
      expect(isLeft(stored)).toBe(false);
      const file = join(data(), ERASURES_FILE);
      if (last !== 'the event') {
        await erasuresFile(file)({ key, company_id: COMPANY, erased_at: new Date().toISOString() });
      }
      if (last === 'the key') await keys.right.forget(key);
      await opened.right.close();
      await keys.right.close();

      server = await serve();
      expect(await one()).toMatchObject({ status: 'cancelled', cancel_reason: 'erased' });
      const asked = { company_id: COMPANY, customer: { email: EMAIL } };
      expect((await ask(server, 'POST', '/erasures', asked)).body).toMatchObject({ actor: 'admin:killed' });
      await stop(server);
      expect([...(erasedKeys(file) as { right: ReadonlySet<string> }).right]).toEqual([key]);
      expect(keysOf(path).map(({ wrapped }) => wrapped)).toEqual([null]);
      expect(bodies).toHaveLength(1);
      expect(found()).toEqual([]);
    },
  );

  it('is not undone by a backup', async () => {
    let server = await serve();
    await subscribe(server);
    await report(server, 'c1', 'order.sold', '100', sale());
    await report(server, 'c2', 'order.sold', '200', { ...sale('kept@example.org'), note: 'kept' });
    await until(() => bodies.length === 2);
    const backup = join(folder, 'backup.db');
    expect((await callboard(['backup', backup])).code).toBe(0);
    await ask(server, 'POST', '/erasures', { company_id: COMPANY, customer: { email: EMAIL } });
    await stop(server);
    const emailOf = async (id: string) =>
      at(await ask(server, 'GET', `/orders/${id}?company_id=${COMPANY}`), 'order', 'customer', 'email');

    // In place: the keys of the folder know.
    expect((await callboard(['restore', backup, '--replace'])).code).toBe(0);
    expect(keysOf(join(data(), 'events.db')).map(({ wrapped }) => wrapped === null)).toEqual([true, false]);
    server = await serve();
    expect([await emailOf('100'), await emailOf('200')]).toEqual(['***', 'kept@example.org']);
    await stop(server);
    expect((await callboard(['audit', 'verify'])).code).toBe(0);

    // Elsewhere somebody has to say.
    const elsewhere = join(folder, 'elsewhere');
    const restore = (...more: ReadonlyArray<string>) =>
      callboard(['restore', backup, '--data-dir', elsewhere, ...more]);
    const refused = await restore();
    expect(refused.code).toBe(1);
    expect(refused.complaint).toContain('--erasures none');
    expect((await restore('--erasures', join(data(), ERASURES_FILE))).code).toBe(0);
    server = await serve({ CALLBOARD_DATA_DIR: elsewhere });
    expect([await emailOf('100'), await emailOf('200')]).toEqual(['***', 'kept@example.org']);
    await stop(server);
    expect(found(VALUES, elsewhere)).toEqual([]);
  });

  it('keeps the history readable only with its keys, and says so without them', async () => {
    const server = await serve();
    await report(server, 'c1', 'order.sold', '100', sale());
    await stop(server);
    const out = join(folder, 'export');
    expect((await callboard(['audit', 'export', '--out', out, '--personal-data'])).code).toBe(0);
    expect(found([EMAIL], out)).not.toEqual([]);
    rmSync(join(data(), 'keys.db'));
    const config = readConfig(ENVIRONMENT, folder);
    if (isLeft(config)) throw new Error('no configuration');
    const started = await startServer(config.right);
    expect(isLeft(started) && started.left.message).toContain('keys.db is not there');
  });

  it('is completed whenever the server is killed', async () => {
    for (const delayMs of [1, 6, 14]) {
      const started = await serveApart();
      const sold = await report(started, `k${delayMs}`, 'order.sold', `${delayMs}`, sale());
      expect(sold.status).toBe(202);
      const asked = { company_id: COMPANY, customer: { email: EMAIL } };
      const answer = ask(started, 'POST', '/erasures', asked).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      started.kill();
      await started.ended;
      await answer;

      const server = await serve();
      expect((await ask(server, 'POST', '/erasures', asked)).status).toBe(200);
      const order = await ask(server, 'GET', `/orders/${delayMs}?company_id=${COMPANY}`);
      expect(at(order, 'order', 'customer', 'email')).toBe('***');
      await stop(server);
      expect(found()).toEqual([]);
      expect(keysOf(join(data(), 'events.db')).filter(({ wrapped }) => wrapped !== null)).toEqual([]);
      expect((await callboard(['audit', 'verify'])).code).toBe(0);
    }
  });
});
