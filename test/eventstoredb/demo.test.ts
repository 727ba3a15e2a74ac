import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Double } from './double/server.ts';
import { INHERITED } from '../support/inherited.ts';

const CLI = join(import.meta.dirname, '../../src/cli/main.ts');

let double: Double;
let temporary: string;
beforeEach(async () => {
  double = await new Double().start();
  temporary = await mkdtemp(join(tmpdir(), 'callboard-demo-test-'));
});
afterEach(async () => {
  double.stop();
  await rm(temporary, { recursive: true, force: true });
});

const audit = (what: string): Promise<{ stdout: string; stderr: string }> =>
  promisify(execFile)(process.execPath, [CLI, 'audit', what], {
    env: { ...INHERITED, CALLBOARD_STORE: double.url, CALLBOARD_DATA_DIR: temporary },
  });

it('the demo is played on EventStoreDB, and its history verified', { timeout: 240_000 }, async () => {
  const demo = spawn(process.execPath, [CLI, 'demo'], {
    env: { ...process.env, TMPDIR: temporary, CALLBOARD_STORE: double.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, complaints, ended] = await Promise.all([
    text(demo.stdout),
    text(demo.stderr),
    once(demo, 'exit'),
  ]);
  expect(complaints).toBe('');
  expect(ended).toEqual([0, null]);
  expect(output).toContain(double.url);
  expect(output).toMatch(/kill -9 \d+: \d+ requests were open/);
  expect(output).toMatch(/Nothing was lost, nothing was doubled: \d{3} changes, \d{3} deliveries/);
  expect(await readdir(temporary)).toEqual([]);

  const [, events] = /verify: (\d+) events in \d+ streams: every hash/.exec(output) ?? [];
  expect((await audit('verify')).stdout).toContain(`${events} events in`);
  const account = await audit('conserve');
  const { scheduled, delivered } = JSON.parse(account.stdout) as { scheduled: number; delivered: number };
  expect(scheduled).toBeGreaterThan(100);
  expect(delivered).toBeGreaterThan(100);
  expect(account.stderr).toContain('every one is accounted for');
  const changed = double.log.all.find(({ type }) => type === 'AttemptStarted');
  if (changed === undefined) throw new Error('nothing was attempted');
  Object.assign(changed, {
    data: Buffer.from(String(Buffer.from(changed.data)).replace('"number":1', '"number":2')),
  });
  await expect(audit('verify')).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringContaining(`'${changed.stream}' at revision ${changed.revision}`) as string,
  });
});
