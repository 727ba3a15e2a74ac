import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BUGS } from '../../../simulator/engine/bugs/bugs.ts';

const MAIN = join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.ts');

const simulate = (
  ...args: ReadonlyArray<string>
): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [MAIN, 'simulate', ...args], { timeout: 120_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });

describe('callboard simulate', () => {
  it.each([
    [['--seed', 'x'], '--seed must be a whole number'],
    [['--seed', '-1'], 'seed'],
    [['--seeds', '0'], '--seeds must be a whole number from 1 to 1000000'],
    [['--seeds', '9000000000000000'], '--seeds must be a whole number from 1 to 1000000'],
    [['--workers', '1000000'], '--workers must be a whole number from 1 to 256'],
    [['--seed', '99999999999999999999'], '--seed must be a whole number'],
    [['--seed', '1', '--seeds', '2'], 'goes with neither'],
    [['--trace'], 'go with --seed'],
    [['--nightly', '--seed', '1'], 'go with neither each other'],
    [['--nightly', '--bugs'], 'go with neither each other'],
    [['--bug', 'none-such'], 'there is no bug "none-such"'],
    [['--seed', '1', '--faults', 'weather'], 'there is no kind of fault "weather"'],
    [['--seed', '1', '--steps', 'a'], '--steps takes numbers'],
    [['--what'], 'what'],
  ])('is used wrongly with %j', async (args, complaint) => {
    const { code, stderr } = await simulate(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(complaint);
  });

  it('names the planted bugs, one a line', async () => {
    const { code, stdout } = await simulate('--bug', 'list');
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toEqual(BUGS.map(({ name }) => name));
    expect(BUGS.length).toBeGreaterThanOrEqual(15);
  });

  it.skipIf(!existsSync('/dev/full'))('says that the disk is full', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [MAIN, 'simulate', '--seed', '5'], {
      stdio: ['ignore', full, 'pipe'],
    });
    let stderr = '';
    child.stderr?.on('data', (data: Buffer) => (stderr += data.toString()));
    const [code] = (await once(child, 'close')) as [number];
    closeSync(full);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^callboard: what was found cannot be written: ENOSPC.*\n$/);
  });

  it('prints the trace hash of a seed, the same twice', { timeout: 120_000 }, async () => {
    const [once, again] = [await simulate('--seed', '5'), await simulate('--seed', '5')];
    expect(once.code).toBe(0);
    expect(once.stdout).toMatch(/trace [0-9a-f]{64}/);
    expect(again.stdout).toBe(once.stdout);
  });

  it('shows a broken promise with the command that replays it', { timeout: 240_000 }, async () => {
    const { code, stdout } = await simulate('--seed', '2', '--bug', 'terminal-twice');
    expect(code).toBe(1);
    expect(stdout).toContain('seed 2 breaks S7: a round ends once');
    const smaller = /The smaller one: callboard simulate (.*)/.exec(stdout)?.[1] ?? '';
    const replayed = await simulate(...smaller.split(' '));
    expect(replayed.code).toBe(1);
    expect(replayed.stdout).toContain('breaks S7');
  });
});
