import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LoadReport } from '../../../simulator/load/report.ts';
import { load } from '../../../src/cli/load.ts';

const CLI = join(import.meta.dirname, '../../../src/cli/main.ts');

let temporary = '';
const servers: Server[] = [];
beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'callboard-load-test-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  await rm(temporary, { recursive: true, force: true });
});

const run = async (...args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, [CLI, 'load', ...args], {
    cwd: temporary,
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
};

const SHORT = ['--rate', '20', '--seconds', '2', '--warm-up', '1'];

describe('callboard load', { timeout: 120_000 }, () => {
  it('measures, reports and leaves nothing behind but the report', async () => {
    const { code, stdout } = await run(
      ...SHORT,
      ...['--receivers', 'slow=10,failing=10,dead=10', '--report', 'r.html', '--json', 'r.json'],
    );
    expect(stdout).toContain('Nothing was lost: of 60 changes');
    expect(code).toBe(0);
    expect((await readdir(temporary)).sort()).toEqual(['r.html', 'r.json']);

    const report = JSON.parse(await readFile(join(temporary, 'r.json'), 'utf8')) as LoadReport;
    const [first] = report.runs;
    expect(first?.result).toMatchObject({ changes: 60, accepted: 60, lost: 0 });
    // Two seconds of 20 a second, seven of ten to good receivers.
    expect(first?.result.latencies.endToEnd.count).toBe(28);
    expect(first?.result.seconds.reduce((sum, { intended }) => sum + intended, 0)).toBe(60);
    const html = await readFile(join(temporary, 'r.html'), 'utf8');
    expect(html).toContain('<svg');
    expect(html).not.toMatch(/<script|https?:|src=|NaN/);
  });

  it('goes on over kill -9 of the server', async () => {
    const { code, stdout } = await run('--preset', 'store-restarts', ...SHORT, '--seconds', '4');
    expect(stdout).toContain('Killed 3 times under load');
    expect(stdout).toContain('Nothing was lost');
    expect(code).toBe(0);
  });

  it('ends with 1 when a limit is missed or the report cannot be written', async () => {
    const { code, stdout, stderr } = await run(...SHORT, '--limit-p99', '0.001', '--report', '/dev/full');
    expect(stdout).toMatch(/p99 of 202 → first byte is .* ms, at most 0.001 ms asked for: missed\./);
    expect(stderr).toContain('the report cannot be written: ENOSPC');
    expect(code).toBe(1);
  });

  it('says when nobody is there, and when the token is refused', async () => {
    const nobody = await run('--to', 'http://127.0.0.1:9', '--token', 't');
    expect(nobody).toMatchObject({ code: 1, stdout: '' });
    expect(nobody.stderr).toContain('http://127.0.0.1:9 does not answer');
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(401).end('{"title":"no"}');
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const refused = await run('--to', url, '--token', 't');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain("the token is refused, the load needs an admin's");
  });

  it.each([
    [['--rate', '0'], '--rate must be a number above 0'],
    [['--rate', '1000000'], '--rate must be a number above 0, at most 20,000'],
    [['--seconds', '-1'], '--seconds'],
    [['--seconds', 'x'], '--seconds must be a number'],
    [['--preset', 'disco'], 'there is no preset "disco"; there are plain, dead-endpoint'],
    [['--steps', '--preset', 'plain'], '--steps and --preset exclude each other'],
    [['--receivers', 'dead=100'], '--receivers must leave a share to good'],
    [['--receivers', 'lazy=5'], '--receivers must look like good=90,dead=10'],
    [['--preset', 'dead-endpoint', '--receivers', 'good=100'], '--receivers is set by'],
    [['--preset', 'store-restarts', '--to', 'http://127.0.0.1:9', '--token', 't'], 'kills the server'],
    [['--to', 'http://127.0.0.1:9'], '--to needs a --token'],
  ])('refuses %j', async (args, complaint) => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      expect(await load.run(args)).toBe(2);
      expect(written.mock.calls.join('')).toContain(complaint);
    } finally {
      written.mockRestore();
    }
  });
});
