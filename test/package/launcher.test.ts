import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/**
 * bin/callboard.js in front of a small program of ours. An older Node is played by a preloaded script that
 * lowers the version the launcher sees; the `node` package by a link to the Node that runs this test.
 */
const root = join(import.meta.dirname, '..', '..');

const PROGRAM = `
if (process.argv[2] === 'exit') process.exitCode = Number(process.argv[3]);
if (process.argv[2] === 'wait') {
  setTimeout(() => {}, 60_000);
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
    process.on(name, () => { console.log('got ' + name); process.exit(7); });
  }
}
process.stdout.write(JSON.stringify({ args: process.argv.slice(2), version: process.versions.node }) + '\\n');
if (process.argv[2] === 'die') process.kill(process.pid, process.argv[3]);
`;

type Outcome = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

describe('the launcher', () => {
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'callboard-launcher-'));
    await cp(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await writeFile(
      join(folder, 'old.cjs'),
      `if (process.argv[1]?.endsWith('callboard.js'))
        Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } });`,
    );
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const put = async (path: string, content: string): Promise<void> => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  };
  const putProgram = (): Promise<void> => put('dist/src/cli/main.js', PROGRAM);
  const putNode = async (): Promise<void> => {
    await put('node_modules/node/package.json', '{ "name": "node", "bin": { "node": "bin/node" } }');
    await mkdir(join(folder, 'node_modules/node/bin'));
    await symlink(process.execPath, join(folder, 'node_modules/node/bin/node'));
  };

  const launch = (
    node: 'old' | 'new',
    args: readonly string[],
    onOutput: (pid: number) => void = () => undefined,
  ): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      const preload = node === 'old' ? ['--require', join(folder, 'old.cjs')] : [];
      const child = spawn(process.execPath, [...preload, join(folder, 'bin/callboard.js'), ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk: Buffer) => {
        const first = stdout === '';
        stdout += chunk.toString();
        if (first && child.pid !== undefined) onOutput(child.pid);
      });
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    });

  it('runs the program in its own process under Node 24', async () => {
    await putProgram();
    const { code, stdout } = await launch('new', ['exit', '3', '--flag', 'a b']);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toEqual({
      args: ['exit', '3', '--flag', 'a b'],
      version: process.versions.node,
    });
  });

  it("runs a checkout's TypeScript when nothing is compiled", async () => {
    await put('src/cli/main.ts', `const words: string = 'from the source'; console.log(words);`);
    expect(await launch('new', [])).toMatchObject({ code: 0, stdout: 'from the source\n' });
  });

  it('hands over to the Node of the node package under an older Node', async () => {
    await putProgram();
    await putNode();
    const { code, stdout } = await launch('old', ['exit', '3', '--flag', 'a b']);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toEqual({
      args: ['exit', '3', '--flag', 'a b'],
      version: process.versions.node,
    });
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('passes %s on to the program', async (signal) => {
    await putProgram();
    await putNode();
    const { code, stdout } = await launch('old', ['wait'], (pid) => process.kill(pid, signal));
    expect(stdout).toContain(`got ${signal}`);
    expect(code).toBe(7);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('dies of %s when the program does', async (signal) => {
    await putProgram();
    await putNode();
    expect(await launch('old', ['die', signal])).toMatchObject({ code: null, signal });
  });

  it('says what is missing when there is no Node 24', async () => {
    await putProgram();
    const { code, stderr } = await launch('old', []);
    expect(code).toBe(1);
    expect(stderr).toMatch(/Node 24 or newer is needed; this is Node 20\.0\.0/);
  });

  it('says what is missing when there is no program', async () => {
    const { code, stderr } = await launch('new', []);
    expect(code).toBe(1);
    expect(stderr).toMatch(/the program is missing/);
  });
});
