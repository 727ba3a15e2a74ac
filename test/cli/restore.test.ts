import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { issueToken } from '../../src/adapters/jwt.ts';
import { openSecretBox } from '../../src/adapters/secret-box.ts';
import { systemRandom } from '../../src/adapters/system-random.ts';
import { Api } from '../kill/api.ts';
import { callboard, ServerProcess } from '../kill/server-process.ts';

const COMPANY = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48';
const CLIENT = 6080;
const PATIENCE = { timeout: 60_000, interval: 20 };

let folder: string;
const servers: ServerProcess[] = [];
let receiver: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callboard-restore-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.discard();
  receiver?.closeAllConnections();
  receiver?.close();
  receiver = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** Every event of a store's file, in order, as it stands there. */
const eventsIn = (path: string): ReadonlyArray<Record<string, unknown>> => {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db
      .prepare(
        `SELECT position, s.name AS stream, e.revision, id, type, data, metadata
         FROM events e JOIN streams s ON s.stream_no = e.stream_no ORDER BY position`,
      )
      .all();
  } finally {
    db.close();
  }
};

const started = async (dataDir: string): Promise<{ server: ServerProcess; url: string }> => {
  const server = new ServerProcess(dataDir);
  servers.push(server);
  const url = await server.wait('listening', server.listening);
  await server.wait('ready', server.ready);
  return { server, url };
};

/** As the servers of these tests are started with it. */
const SECRET = process.env['CALLBOARD_SECRET'] ?? 'a secret for tests that nothing else is signed with';

const token = (): Promise<string> => {
  const nowMs = Date.now();
  const claims = { subject: 'drill', role: 'admin', companies: '*', expiresAtMs: nowMs + 3_600_000 } as const;
  return issueToken(openSecretBox(SECRET, systemRandom()).tokenKey(), claims, nowMs);
};

const changesOf = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({
    specversion: '1.0',
    id: `report-${from + index}`,
    source: '/drill',
    type: 'event.update',
    subject: String((from + index) % 40),
    companyid: COMPANY,
    data: { name: `show ${from + index}` },
  }));

const report = async (url: string, bearer: string, from: number, count: number): Promise<number> => {
  const answer = await fetch(`${url}/changes`, {
    method: 'POST',
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/cloudevents-batch+json' },
    body: JSON.stringify(changesOf(from, count)),
  });
  expect(answer.status).toBe(202);
  return Number(answer.headers.get('callboard-position'));
};

const saveMoshtix = async (api: Api, url: string): Promise<number> => {
  const query = `mutation { viewer { saveWebhook(webhook: { client: { id: ${CLIENT} }, url: "${url}", systemEventTypes: { items: [{ systemEventType: ORDER_SAVED }] } }) { id } } }`;
  const saved = await api.call<{ data: { viewer: { saveWebhook: { id: number } } } }>('POST', '/graphql', {
    query,
  });
  return saved.data.viewer.saveWebhook.id;
};

describe('the drill: backup under load, kill -9, restore, go on', () => {
  it('restores a verified prefix, and gives nothing out again', { timeout: 240_000 }, async () => {
    const seen = new Map<string, number>();
    receiver = createServer((request, response) => {
      const id = String(request.headers['webhook-id']);
      request.resume().on('end', () => {
        seen.set(id, (seen.get(id) ?? 0) + 1);
        // Some fail at first, so that there is always something that waits.
        response.writeHead(id.endsWith('0') && seen.get(id) === 1 ? 500 : 200).end();
      });
    });
    await new Promise<void>((resolve) => receiver?.listen(0, '127.0.0.1', resolve));
    const hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;

    const data = join(folder, 'data');
    const { server, url } = await started(data);
    const bearer = await token();
    const api = new Api(url, bearer);
    const webhook = await api.call<{ guid: string }>('POST', '/webhook', {
      company_id: COMPANY,
      name: 'drill',
      url: hook,
      resource: 'event',
      trigger: 'update',
      retries: 3,
    });
    await api.call('PATCH', `/accounts/${COMPANY}`, { client_id: CLIENT });
    const firstNumber = await saveMoshtix(api, hook);

    // Load all the while; the slowest answer says how long the writer was held up.
    let reported = 0;
    let newest = 0;
    let loading = true;
    const load = (async () => {
      while (loading) {
        newest = await report(url, bearer, reported, 10);
        reported += 10;
      }
    })();
    await expect.poll(() => reported, PATIENCE).toBeGreaterThanOrEqual(150);
    const file = join(folder, 'backup.db');
    const made = await callboard(data, 'backup', file);
    expect(made).toMatchObject({ code: 0 });
    expect(existsSync(`${file}.partial`)).toBe(false);
    const taken = reported;
    await expect.poll(() => reported, PATIENCE).toBeGreaterThanOrEqual(taken + 50);
    loading = false;
    await load;
    const lostNumber = await saveMoshtix(api, hook);
    expect(lostNumber).toBeGreaterThan(firstNumber);
    await server.kill();
    await api.close();

    const restored = join(folder, 'restored');
    expect(await callboard(data, 'restore', file, '--data-dir', restored)).toMatchObject({ code: 0 });
    const original = eventsIn(join(data, 'events.db'));
    const copy = eventsIn(join(restored, 'events.db'));
    const prefix = copy.slice(0, -1);
    expect(prefix.length).toBeGreaterThan(150);
    expect(prefix.length).toBeLessThan(original.length);
    expect(prefix).toEqual(original.slice(0, prefix.length));
    const record = copy.at(-1);
    expect(record).toMatchObject({ stream: 'callboard-restored', revision: 0, type: 'StoreRestored' });
    const { end, numbersFrom } = JSON.parse(String(record?.['data'])) as {
      end: { position: number; events: number; last: { stream: string; revision: number } };
      numbersFrom: number;
    };
    expect(end).toMatchObject({ position: prefix.length, events: prefix.length });
    expect(end.last).toMatchObject({
      stream: prefix.at(-1)?.['stream'],
      revision: prefix.at(-1)?.['revision'],
    });
    expect(record?.['position']).toBeGreaterThan(newest);

    // What had been delivered before, by the lost part too, may come again, and always under its old id.
    const known = new Set(seen.keys());
    const again = await started(restored);
    expect(await report(again.url, bearer, reported, 20)).toBeGreaterThan(Number(record?.['position']));
    const after = new Api(again.url, bearer);
    const openOnes = async () =>
      (await after.invocations()).filter(({ status }) => status !== 'delivered').map(({ status }) => status);
    await expect.poll(openOnes, PATIENCE).toEqual([]);
    const invocations = await after.invocations();
    for (const { guid } of invocations) expect(seen.get(guid)).toBeGreaterThanOrEqual(1);
    expect(invocations.filter(({ guid }) => !known.has(guid)).length).toBeGreaterThanOrEqual(20);
    // What the lost part had accepted is taken again, as itself.
    const earlier = invocations.length;
    await report(again.url, bearer, taken, 50);
    await expect
      .poll(async () => (await after.invocations()).length, PATIENCE)
      .toBeGreaterThanOrEqual(earlier + 50);
    await expect.poll(openOnes, PATIENCE).toEqual([]);
    for (const { guid, webhook: of } of await after.invocations()) {
      if (of === webhook.guid) expect(seen.has(guid)).toBe(true);
    }
    const nextNumber = await saveMoshtix(after, hook);
    expect(nextNumber).toBeGreaterThanOrEqual(numbersFrom);
    expect(nextNumber).toBeGreaterThan(lostNumber);
    for (const question of ['verify', 'conserve']) {
      const { code, stdout, stderr } = await callboard(restored, 'audit', question);
      expect(code, stdout + stderr).toBe(0);
    }
    await after.close();
    await again.server.stop();
  });
});

describe('callboard backup and restore refuse', () => {
  it('what would harm', { timeout: 240_000 }, async () => {
    const data = join(folder, 'data');
    const { server, url } = await started(data);
    await report(url, await token(), 0, 30);
    const file = join(folder, 'backup.db');
    expect(await callboard(data, 'backup', file)).toMatchObject({ code: 0 });
    const bytes = readFileSync(file);

    // A file that is there, a store in use, a folder with anything in it.
    expect(await callboard(data, 'backup', file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is there already') as string,
    });
    expect(readFileSync(file)).toEqual(bytes);
    expect(await callboard(data, 'restore', file, '--replace')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is in use by process') as string,
    });
    await server.stop();
    const before = eventsIn(join(data, 'events.db'));
    expect(await callboard(data, 'restore', file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is not empty') as string,
    });
    expect(eventsIn(join(data, 'events.db'))).toEqual(before);
    const other = join(folder, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'notes.txt'), 'mine');
    expect(await callboard(data, 'restore', file, '--data-dir', other)).toMatchObject({ code: 1 });
    expect(readdirSync(other)).toEqual(['notes.txt']);

    // A backup in which something was altered (test/eventstore/sqlite-backup.test.ts has more of them).
    const target = join(folder, 'target');
    const damaged = join(folder, 'damaged.db');
    writeFileSync(damaged, bytes);
    const db = new DatabaseSync(damaged);
    db.exec(`UPDATE events SET data = replace(data, 'show 7"', 'show 8"')`);
    db.close();
    expect(await callboard(data, 'restore', damaged, '--data-dir', target)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${damaged} is damaged: stream 'event-`) as string,
    });
    expect(readdirSync(target)).toEqual(['events.db.lock']);

    // A restoration that was cut short between the old store and the new one.
    writeFileSync(join(target, 'events.db.restoring'), `${file}\n`);
    const held = new ServerProcess(target);
    servers.push(held);
    expect(await held.exited).toBe(1);
    expect(held.output).toContain("give the same 'callboard restore' again");
    expect(await callboard(data, 'restore', file, '--data-dir', target)).toMatchObject({ code: 0 });
    expect(existsSync(join(target, 'events.db.restoring'))).toBe(false);
    expect(await callboard(target, 'audit', 'verify')).toMatchObject({ code: 0 });

    // With the flag, the old store is moved aside, whole.
    expect(await callboard(data, 'restore', file, '--replace')).toMatchObject({ code: 0 });
    const [aside = ''] = readdirSync(data).filter((name) => name.startsWith('replaced-'));
    expect(eventsIn(join(data, aside, 'events.db'))).toEqual(before);
    expect(existsSync(join(data, 'read-models.db'))).toBe(false);
    expect(eventsIn(join(data, 'events.db')).slice(0, -1)).toEqual(eventsIn(file));
  });
});
