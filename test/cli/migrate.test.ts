import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { streamOf } from '../../src/domain/ids.ts';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { verifySqliteStore } from '../../src/eventstore/sqlite-verify.ts';
import { append, get } from '../contract/event-store.ts';
import { AT_MS, resourceStream, Writer } from '../eventstore/events.ts';
import { openStore } from '../eventstore/temporary.ts';
import { Double } from '../eventstoredb/double/server.ts';
import { openAt } from '../eventstoredb/stores.ts';
import { contents, plain, write } from '../migration/logs.ts';
import { INHERITED } from '../support/inherited.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const COMPANY = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48';
const SECRET = 'a secret for tests that nothing else is signed with';
const KEY_ID = /^[0-9a-f]{8,}$/;
/** Each test starts several processes. */
const SLOW = { timeout: 60_000 };
const PATIENCE = { timeout: 30_000, interval: 20 };

let double: Double;
let folder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  double = await new Double().start();
  folder = mkdtempSync(join(tmpdir(), 'callboard-migrate-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  double.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

const run = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}): Running => {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { ...INHERITED, CALLBOARD_DATA_DIR: join(folder, 'unused'), ...env },
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  return { child, output: () => output, ended: new Promise((resolve) => child.once('close', resolve)) };
};

const migrate = async (from: string, to: string): Promise<{ code: number | null; output: string }> => {
  const running = run(['migrate', '--from', from, '--to', to]);
  return { code: await running.ended, output: running.output() };
};

/** A store file with so many events, and its content. */
const filledFile = async (name: string, count: number) => {
  const path = join(folder, name, 'events.db');
  const store = await openStore(path);
  await write(store, plain(count, 40));
  const events = await contents(store);
  await store.close();
  return { path, url: `sqlite:${path}`, events };
};

const inside = async <A>(
  opening: Promise<EventStore>,
  work: (store: EventStore) => Promise<A>,
): Promise<A> => {
  const store = await opening;
  try {
    return await work(store);
  } finally {
    await store.close();
  }
};

const countIn = (path: string): number => {
  try {
    const db = new DatabaseSync(path, { readOnly: true });
    const { events } = db.prepare('SELECT count(*) AS events FROM events').get() ?? {};
    db.close();
    return Number(events);
  } catch {
    return 0;
  }
};

const oursIn = (log: Double['log']): number =>
  log.all.filter(({ stream }) => !stream.startsWith('$') && !stream.startsWith('callboard-')).length;

describe('callboard migrate', SLOW, () => {
  it(
    'goes on after kill -9, to EventStoreDB and back, and loses, doubles or alters nothing',
    { timeout: 120_000 },
    async () => {
      const source = await filledFile('source', 2_000);
      for (const killAt of [1, 300, 700]) {
        const { child, ended } = run(['migrate', '--from', source.url, '--to', double.url]);
        await expect.poll(() => oursIn(double.log), PATIENCE).toBeGreaterThanOrEqual(killAt);
        child.kill('SIGKILL');
        expect(await ended).toBeNull();
        expect(oursIn(double.log)).toBeLessThan(source.events.length);
      }
      const there = await migrate(source.url, double.url);
      expect(there.output).toMatch(/\d+ events are there already/);
      expect(there.output).toContain('2,000 events in');
      expect(there.code).toBe(0);
      expect(await inside(openAt(double.url), contents)).toEqual(source.events);
      expect(oursIn(double.log)).toBe(2_000);

      const back = join(folder, 'back', 'events.db');
      double.faults.readDelayMs = 0.2;
      for (const killAt of [1, 400]) {
        const { child, ended } = run(['migrate', '--from', double.url, '--to', `sqlite:${back}`]);
        await expect.poll(() => countIn(back), { ...PATIENCE, interval: 5 }).toBeGreaterThanOrEqual(killAt);
        child.kill('SIGKILL');
        expect(await ended).toBeNull();
        expect(countIn(back)).toBeLessThan(source.events.length);
      }
      double.faults.readDelayMs = 0;
      expect(await migrate(double.url, `sqlite:${back}`)).toMatchObject({ code: 0 });
      expect(await inside(openStore(back), contents)).toEqual(source.events);
      expect(get(await verifySqliteStore(back))).toMatchObject({ events: 2_000, breaks: [] });
      // And once more: nothing is left to do.
      expect((await migrate(double.url, `sqlite:${back}`)).output).toContain(
        '2,000 events are there already',
      );
    },
  );

  it('outlives a database that breaks and answers late', { timeout: 60_000 }, async () => {
    const source = await filledFile('source', 300);
    double.faults.appends.push(
      undefined,
      undefined,
      undefined,
      'cut_stored',
      'busy',
      'reset',
      'timeout_stored',
      'cut',
    );
    expect(await migrate(source.url, double.url)).toMatchObject({ code: 0 });
    expect(double.faults.appends).toEqual([]);
    expect(await inside(openAt(double.url), contents)).toEqual(source.events);
  });

  it('copies one file into another', async () => {
    const source = await filledFile('source', 500);
    const target = join(folder, 'target', 'events.db');
    expect(await migrate(source.url, `sqlite:${target}`)).toMatchObject({ code: 0 });
    expect(await inside(openStore(target), contents)).toEqual(source.events);
  });

  it('writes nothing to its source, and says who holds it', async () => {
    const source = await filledFile('source', 50);
    const before = readFileSync(source.path);
    const holder = await openStore(source.path);
    const refused = await migrate(source.url, double.url);
    expect(refused.code).toBe(1);
    expect(refused.output).toContain(`${source.path} is in use by process ${process.pid}`);
    await holder.close();
    expect(await migrate(source.url, double.url)).toMatchObject({ code: 0 });
    expect(readFileSync(source.path).equals(before)).toBe(true);
    expect(existsSync(`${source.path}.holder`)).toBe(false);
  });

  it('writes nothing to a database it copies from', async () => {
    const source = await filledFile('source', 50);
    await migrate(source.url, double.url);
    const { length } = double.log.all;
    expect(await migrate(double.url, `sqlite:${join(folder, 'back.db')}`)).toMatchObject({ code: 0 });
    expect(double.log.all).toHaveLength(length);
    const unused = await new Double().start();
    const refused = await migrate(unused.url, `sqlite:${join(folder, 'other.db')}`);
    expect(refused.output).toContain('it holds no history of Callboard');
    expect(refused.code).toBe(1);
    expect(unused.log.all.filter(({ stream }) => !stream.startsWith('$'))).toEqual([]);
    unused.stop();
  });

  it('leaves a history that audit verify can check, and whose beginning it misses once it is scavenged', async () => {
    const source = await filledFile('source', 50);
    const verify = async (): Promise<{ readonly code: number | null; readonly output: string }> => {
      const { ended, output } = run(['audit', 'verify'], { CALLBOARD_STORE: double.url });
      return { code: await ended, output: output() };
    };
    expect((await verify()).output).toContain('it holds no history of Callboard');
    await migrate(source.url, double.url);
    const whole = await verify();
    expect(whole.output).toContain('50 events in');
    expect(whole.output).toContain('every hash and revision fits');
    expect(whole.code).toBe(0);
    // Truncated, which hides its beginning from readers of the stream, and scavenged.
    const { all } = double.log;
    const stream = all.find((event) => event.stream.startsWith('event-') && event.revision > 0)?.stream ?? '';
    const truncation = { $tb: 1 };
    double.log.append(`$$${stream}`, 'any', [
      {
        id: crypto.randomUUID(),
        type: '$metadata',
        isJson: true,
        data: Buffer.from(JSON.stringify(truncation)),
        metadata: Buffer.from('{}'),
      },
    ]);
    expect((await verify()).code).toBe(0);
    all.splice(
      all.findIndex((event) => event.stream === stream),
      1,
    );
    const found = await verify();
    expect(found.output).toMatch(new RegExp(`stream '${stream}' at revision 1 .+: the stream begins here`));
    expect(found.code).toBe(1);
  });

  it('refuses a database whose nodes have not told everybody of all changes', async () => {
    const store = await openAt(double.url);
    await write(store, plain(10));
    const nodes = new Writer(streamOf.cluster);
    const report = {
      node: '5f3c9d0e-58a4-4a57-9d3a-0c9d2f7f3a01',
      name: 'one',
      url: 'http://127.0.0.1:8080',
      version: '0.1.0',
      joinedAtMs: AT_MS,
      readUpTo: 0,
      inFlight: 0,
      leaving: false,
      atMs: AT_MS,
    };
    await append(
      store,
      nodes.next([1], () => ({ type: 'NodeJoined', ...report, handledUpTo: 0 })),
    );
    const back = `sqlite:${join(folder, 'back', 'events.db')}`;
    const changes = double.log.all.filter(({ stream }) => stream.startsWith('event-')).length;
    expect(changes).toBeGreaterThan(1);
    const refused = await migrate(double.url, back);
    expect(refused.code).toBe(1);
    expect(refused.output).toContain(
      `its servers have not said that everybody was told of the last ${changes} changes`,
    );
    expect(existsSync(join(folder, 'back', 'events.db'))).toBe(false);

    const handledUpTo = get(await store.head()());
    await append(
      store,
      nodes.next([2], () => ({ type: 'NodeRenewed', ...report, handledUpTo })),
    );
    await store.close();
    expect(await migrate(double.url, back)).toMatchObject({ code: 0 });
  });

  it('refuses a target with another history, and leaves its key and servers alone', async () => {
    const source = await filledFile('source', 50);
    writeFileSync(`${source.path}.key-id`, 'feedbeef\n', { mode: 0o600 });
    const other = await inside(openAt(double.url), async (store) =>
      append(store, new Writer(resourceStream('event', 1)).next([1])),
    );
    expect(other).toHaveLength(1);
    const refused = await migrate(source.url, double.url);
    expect(refused.code).toBe(1);
    expect(refused.output).toMatch(
      new RegExp(
        `the target has stream '${resourceStream('event', 1)}' at revision 0 where the source has stream`,
      ),
    );
    const database = await openAt(double.url);
    expect(await database.boundKey()).toMatchObject({ _tag: 'Right', right: undefined });
    await database.close();
    await (await openAt(double.url, { keyId: 'another' })).close();
  });

  it(
    'notices that the source was written while it was copied, and goes on from there',
    { timeout: 60_000 },
    async () => {
      const source = await filledFile('source', 400);
      await migrate(source.url, double.url);
      const target = `sqlite:${join(folder, 'target.db')}`;
      double.faults.readDelayMs = 1;
      const { output, ended } = run(['migrate', '--from', double.url, '--to', target]);
      await expect.poll(output, PATIENCE).toContain('compared');
      await inside(openAt(double.url), (store) =>
        append(store, new Writer(resourceStream('order', 'late')).next([1])),
      );
      expect(await ended).toBe(1);
      expect(output()).toContain(
        `the source was written while it was copied, stream '${resourceStream('order', 'late')}' at revision 0 is new`,
      );
      double.faults.readDelayMs = 0;
      expect(await migrate(double.url, target)).toMatchObject({ code: 0 });
    },
  );

  it('copies nothing of a damaged source, and says where it is damaged', async () => {
    const source = await filledFile('source', 50);
    const db = new DatabaseSync(source.path);
    db.exec(`UPDATE events SET data = replace(data, '"n":7', '"n":8') WHERE position = 8`);
    db.close();
    const refused = await migrate(source.url, double.url);
    expect(refused.code).toBe(1);
    expect(refused.output).toMatch(
      /is damaged, nothing was copied: stream '.+' at revision \d+ \(position 8\)/,
    );
    expect(oursIn(double.log)).toBe(0);
  });

  it.each([
    [['migrate'], '--from is missing'],
    [['migrate', '--from', 'sqlite:a.db'], '--to is missing'],
    [['migrate', '--from', 'memory:', '--to', 'sqlite:a.db'], '--from must be a store that lasts'],
    [['migrate', '--from', 'sqlite:a.db', '--to', 'postgres://x'], '--to must be sqlite:[path]'],
    [['migrate', '--from', 'sqlite:a.db', '--to', 'esdb://user:secret@host'], '--to must not hold a user'],
    [['migrate', '--from', 'sqlite:a.db', '--to', 'sqlite:./a.db'], 'the same store'],
  ])('says what is wrong with %j', async (args, complaint) => {
    const { ended, output } = run(args);
    expect(await ended).toBe(2);
    expect(output()).toContain(complaint);
    expect(output()).not.toContain('secret@');
  });

  it('says that a source is not there', async () => {
    const refused = await migrate('sqlite:nothing.db', double.url);
    expect(refused).toMatchObject({
      code: 1,
      output: expect.stringContaining('nothing.db is not there') as string,
    });
  });
});

describe('a server on a moved store', () => {
  const serve = async (store: string, env: NodeJS.ProcessEnv = {}) => {
    const running = run(['serve'], {
      PORT: '0',
      CALLBOARD_STORE: store,
      CALLBOARD_ALLOW_TARGETS: '127.0.0.0/8',
      CALLBOARD_RETRY_BASE_MS: '2000',
      CALLBOARD_SECRET: SECRET,
      ...env,
    });
    const listening = (): string | undefined => /"url":"([^"]+)"/.exec(running.output())?.[1];
    const over = running.ended.then(() => 'ended');
    while (listening() === undefined) {
      const tick = new Promise((resolve) => setTimeout(resolve, 20));
      if ((await Promise.race([over, tick])) === 'ended') break;
    }
    return { ...running, url: listening() ?? '' };
  };
  const stop = async ({ child, ended }: Running): Promise<void> => {
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  };
  const token = async (role: string): Promise<string> => {
    const { ended, output } = run(['token', '--role', role, '--company', COMPANY], {
      CALLBOARD_SECRET: SECRET,
    });
    await ended;
    return output().trim();
  };
  const post = (url: string, bearer: string, body: object, type = 'application/json'): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': type },
      body: JSON.stringify(body),
    });

  it(
    'delivers what was waiting, there and back, and takes only the secret of the source',
    { timeout: 120_000 },
    async () => {
      const received: string[] = [];
      let answer = 503;
      const receiver = createServer((request, response) => {
        received.push(String(request.headers['webhook-id']));
        request.resume().on('end', () => response.writeHead(answer).end());
      });
      await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
      const { port } = receiver.address() as AddressInfo;
      const [partner, platform] = [await token('partner'), await token('platform')];
      const file = `sqlite:${join(folder, 'one', 'events.db')}`;
      /** Answers the change's position. */
      const sell = async (url: string, n: number): Promise<number> => {
        const sale = {
          specversion: '1.0',
          id: `sale-${n}`,
          source: '/box-office',
          type: 'event.update',
          subject: String(n),
          data: { n },
        };
        const sold = await post(`${url}/changes`, platform, sale, 'application/cloudevents+json');
        expect(sold.status).toBe(202);
        return Number(sold.headers.get('callboard-position'));
      };

      // A backlog of retries, all refused once.
      const first = await serve(file);
      const webhook = {
        name: 'x',
        resource: 'event',
        trigger: 'update',
        url: `http://127.0.0.1:${port}/`,
        retries: 5,
      };
      expect((await post(`${first.url}/webhook`, partner, webhook)).status).toBe(201);
      for (let n = 0; n < 20; n += 1) await sell(first.url, n);
      await expect.poll(() => new Set(received).size, PATIENCE).toBe(20);
      await stop(first);
      const waiting = new Set(received);

      const moved = await migrate(file, double.url);
      expect(moved.output).toContain('Start it with the CALLBOARD_SECRET of the source (key ');
      expect(moved.code).toBe(0);
      const wrong = await serve(double.url, {
        CALLBOARD_SECRET: 'another secret that is as long as it has to be',
      });
      expect(await wrong.ended).toBe(1);
      expect(wrong.output()).toContain('sealed under another CALLBOARD_SECRET');

      answer = 204;
      received.length = 0;
      const second = await serve(double.url, { CALLBOARD_DATA_DIR: join(folder, 'two') });
      await expect.poll(() => new Set(received).size, PATIENCE).toBe(20);
      expect(new Set(received)).toEqual(waiting);
      expect(received).toHaveLength(20);
      // What was reported before is known: nothing is accepted a second time.
      const again = await post(
        `${second.url}/changes`,
        platform,
        {
          specversion: '1.0',
          id: 'sale-1',
          source: '/box-office',
          type: 'event.update',
          subject: '1',
          data: { n: 1 },
        },
        'application/cloudevents+json',
      );
      expect(await again.json()).toMatchObject({ changes: [{ status: 'duplicate' }] });
      answer = 503;
      const last = await sell(second.url, 100);
      await expect.poll(() => received.length, PATIENCE).toBe(21);
      const admin = await token('admin');
      const handled = async (): Promise<boolean> => {
        const headers = { authorization: `Bearer ${admin}` };
        const { items } = (await (await fetch(`${second.url}/nodes`, { headers })).json()) as {
          readonly items: ReadonlyArray<{ readonly handled_up_to: number }>;
        };
        return items.every(({ handled_up_to }) => handled_up_to >= last);
      };
      // What is said when it stops is what the move relies on.
      await expect.poll(handled, PATIENCE).toBe(true);
      await stop(second);

      answer = 204;
      received.length = 0;
      const back = join(folder, 'three', 'events.db');
      expect(await migrate(double.url, `sqlite:${back}`)).toMatchObject({ code: 0 });
      expect(readFileSync(`${back}.key-id`, 'utf8').trim()).toMatch(KEY_ID);
      const refused = await serve(`sqlite:${back}`, {
        CALLBOARD_SECRET: 'another secret that is as long as it has to be',
      });
      expect(await refused.ended).toBe(1);
      const third = await serve(`sqlite:${back}`, { CALLBOARD_DATA_DIR: join(folder, 'three') });
      await expect.poll(() => received.length, PATIENCE).toBe(1);
      await stop(third);
      expect(get(await verifySqliteStore(back)).breaks).toEqual([]);
      receiver.close();
    },
  );

  it.each(['EventStoreDB', 'SQLite'])(
    'does not start on %s before the copy is complete',
    { timeout: 60_000 },
    async (kind) => {
      const source = await filledFile('source', 600);
      const path = join(folder, 'target', 'events.db');
      let target = double.url;
      let from = source.url;
      let copied = (): number => oursIn(double.log);
      if (kind === 'SQLite') {
        expect(await migrate(source.url, double.url)).toMatchObject({ code: 0 });
        double.faults.readDelayMs = 0.2;
        [from, target, copied] = [double.url, `sqlite:${path}`, () => countIn(path)];
      }
      const { child, ended } = run(['migrate', '--from', from, '--to', target]);
      await expect.poll(copied, { ...PATIENCE, interval: 5 }).toBeGreaterThan(0);
      child.kill('SIGKILL');
      await ended;
      expect(copied()).toBeLessThan(600);
      const refused = await serve(target);
      expect(await refused.ended).toBe(1);
      expect(refused.output()).toMatch(
        /events are being copied into .+ from .+: let 'callboard migrate' come to its end/,
      );
      double.faults.readDelayMs = 0;
      expect(await migrate(from, target)).toMatchObject({ code: 0 });
    },
  );
});
