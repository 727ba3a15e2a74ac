import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { CloudEvent } from '../../../simulator/orders/cloud-event.ts';
import { type CallboardProcess, startCallboard } from '../../../bench/support/callboard-process.ts';
import { orders } from '../../../src/cli/orders.ts';
import { platformToken } from '../../../bench/support/data-folder.ts';

const CLI = join(import.meta.dirname, '../../../src/cli/main.ts');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const start = (...args: ReadonlyArray<string>): ChildProcessByStdio<null, Readable, Readable> =>
  spawn(process.execPath, [CLI, 'orders', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });

const run = async (...args: ReadonlyArray<string>): Promise<Ended> => {
  const child = start(...args);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
};

describe('callboard orders on stdout', { timeout: 60_000 }, () => {
  it('writes CloudEvents, one JSON a line, the same for the same seed', async () => {
    const [first, again] = await Promise.all([
      run('--seed', '4', '--count', '50'),
      run('--seed', '4', '--count', '50'),
    ]);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(again.stdout).toBe(first.stdout);
    const events = first.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as CloudEvent);
    expect(events.filter(({ type }) => type === 'order.sold')).toHaveLength(50);
    expect(first.stdout.endsWith('}\n')).toBe(true);
  });

  it('ends quietly when its reader goes, and when it is interrupted', async () => {
    const read = start('--count', '1000000');
    const complaints = text(read.stderr);
    await once(read.stdout, 'data');
    read.stdout.destroy();
    expect(await once(read, 'exit')).toEqual([0, null]);
    expect(await complaints).toBe('');

    const slow = start('--rate', '5');
    await once(slow.stdout, 'data');
    slow.kill('SIGINT');
    expect(await once(slow, 'exit')).toEqual([130, null]);
  });

  it('lists its presets and a preset’s parameters', async () => {
    const { stdout } = await run('--preset', 'list');
    expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual([
      'club-night',
      'festival-on-sale',
      'theatre-season',
      'cancelled-show',
      '',
    ]);
    const parameters = await run('--preset', 'theatre-season', '--set', 'refunds=0.25', '--parameters');
    expect(parameters.stdout).toMatch(/^companies=2\n[^]*^refunds=0.25$/m);
  });

  it.each([
    [['--preset', 'disco'], 'there is no preset "disco"; there are club-night'],
    [['--rate', '0'], '--rate must be a number above 0'],
    [['--rate', '-5'], '--rate'],
    [['--rate', '1e9'], '--rate must be a number above 0, at most 100,000, not "1e9"'],
    [['--count', '0'], '--count must be a whole number from 1'],
    [['--seed', 'x'], '--seed must be a whole number'],
    [['--set', 'refunds=7'], '--set refunds must be a number from 0 to 1'],
    [['--company', '5'], '--company must be a GUID'],
    [['--start', 'today'], '--start must be a time'],
    [['--to', 'here'], '--to must be the address of a server'],
    [['--to', 'http://127.0.0.1:9'], '--to needs a --token'],
    [['--speed', '1'], 'Unknown option'],
  ])('refuses %j', async (args, complaint) => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      expect(await orders.run(args)).toBe(2);
      expect(written.mock.calls.join('')).toContain(complaint);
    } finally {
      written.mockRestore();
    }
  });
});

describe('callboard orders to a server', { timeout: 60_000 }, () => {
  let folder = '';
  let server: CallboardProcess;
  let token = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'callboard-orders-test-'));
    token = await platformToken(folder);
    server = await startCallboard(folder);
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('is taken whole, known when it is sent again, and mischief is kept', async () => {
    const to = ['--to', server.url, '--token', token];
    const first = await run('--seed', '2', '--count', '150', ...to);
    expect(first).toMatchObject({ code: 0 });
    const [, changes] = /^changes +([\d,]+) in/m.exec(first.stdout) ?? [];
    expect(first.stdout).toMatch(new RegExp(`^accepted +${changes ?? ''}\nduplicates +0 `, 'm'));
    const again = await run('--seed', '2', '--count', '150', ...to);
    expect(again.stdout).toMatch(new RegExp(`^accepted +0\nduplicates +${changes ?? ''} `, 'm'));

    const mischief = await run(
      '--seed',
      '3',
      '--count',
      '150',
      '--mischief',
      '--mischief-share',
      '0.4',
      ...to,
    );
    const [, repeated] = /^mischief +(\d+) repeated/m.exec(mischief.stdout) ?? [];
    expect(Number(repeated)).toBeGreaterThan(5);
    expect(mischief.stdout).toMatch(new RegExp(`^duplicates +${repeated ?? ''} .*\nrefused +0$`, 'm'));
  });

  it('keeps to a rate', async () => {
    const { stdout } = await run(
      '--count',
      '100',
      '--changes',
      '120',
      '--rate',
      '60',
      '--to',
      server.url,
      '--token',
      token,
    );
    const [, perSecond] = /^changes +120 in \d+ requests, (\d+) per s \(asked for 60\)$/m.exec(stdout) ?? [];
    expect(Number(perSecond)).toBeGreaterThan(40);
    expect(Number(perSecond)).toBeLessThanOrEqual(62);
  });

  it('says when the token is refused, or nobody is there', async () => {
    const refused = await run('--to', server.url, '--token', 'nonsense');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('the token is not valid there: HTTP 401');
    const nobody = await run('--to', 'http://127.0.0.1:9', '--token', token, '--patience', '0');
    expect(nobody).toMatchObject({ code: 1, stdout: '' });
    expect(nobody.stderr).toContain('http://127.0.0.1:9 takes no reports');
    const elsewhere = await run('--to', `${server.url}/docs`, '--token', token);
    expect(elsewhere).toMatchObject({ code: 1 });
    expect(elsewhere.stderr).toContain('there is no Callboard at');
  });
});

describe('a server that is not always there', { timeout: 60_000 }, () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const one of servers.splice(0)) one.close().closeAllConnections();
  });

  it('gets the same reports again: after 503 with Retry-After, 429, a cut and a batch that is too large', async () => {
    const bodies: string[] = [];
    const times: number[] = [];
    const troubles = ['503', '429', 'cut', '413'];
    const taken: CloudEvent[] = [];
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        const events = [
          JSON.parse(body) as CloudEvent | ReadonlyArray<CloudEvent>,
        ].flat() as ReadonlyArray<CloudEvent>;
        const trouble = taken.length > 0 && events.length > 1 ? troubles.shift() : undefined;
        if (trouble !== undefined) {
          bodies.push(body);
          times.push(performance.now());
          if (trouble === 'cut') request.socket.destroy();
          else response.writeHead(Number(trouble), trouble === '503' ? { 'Retry-After': '1' } : {}).end('{}');
          return;
        }
        taken.push(...events);
        response.writeHead(202).end(JSON.stringify({ changes: events.map(() => ({ status: 'accepted' })) }));
      });
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, stdout, stderr } = await run('--count', '100', '--to', url, '--token', 't');
    expect(code).toBe(0);
    expect(troubles).toEqual([]);
    expect(new Set(bodies).size).toBe(1);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(990);
    expect(stderr).toContain('not taken, sending it again: HTTP 503');
    expect(stdout).toMatch(/^sent again +3 requests$/m);
    const printed = await run('--count', '100');
    expect(taken.map((event) => JSON.stringify(event)).join('\n')).toBe(printed.stdout.trimEnd());
  });
});
