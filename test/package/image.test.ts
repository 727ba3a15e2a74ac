import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/**
 * The image without the tool that builds it: a folder with exactly what deploy/Containerfile copies and its
 * dockerignore lets through, and the packages that are not for development alone. Its own commands are run there.
 */
const root = join(import.meta.dirname, '..', '..');
const linesOf = (path: string): ReadonlyArray<string> =>
  readFileSync(join(root, path), 'utf8')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

const recipe = linesOf('deploy/Containerfile');
const ignored = linesOf('deploy/Containerfile.dockerignore');

/** Everything that is not let through by name stays out. */
const letThrough = (): ReadonlySet<string> => {
  const [all, ...names] = ignored;
  if (all !== '*' || !names.every((name) => /^![\w.-]+$/.test(name)))
    throw new Error('not read here: anything but * and then !name');
  return new Set(names.map((name) => name.slice(1)));
};

/** Of the second stage: [what is copied, to where]. */
const copied = (): ReadonlyArray<readonly [string, string]> => {
  const lastStage = recipe.slice(recipe.findLastIndex((line) => line.startsWith('FROM ')));
  return lastStage.flatMap((line) => {
    const [word, ...paths] = line.split(/\s+/);
    if (word !== 'COPY' || paths[0]?.startsWith('--from=')) return [];
    const to = paths.pop() ?? '';
    return paths.map((from) => [from, to.endsWith('/') ? join(to, from) : to] as const);
  });
};

/** As `npm ci --omit=dev` and the removal of the package "node" leave them. */
const linkPackages = (folder: string): void => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
  };
  for (const [path, { dev = false, optional = false }] of Object.entries(lock.packages)) {
    const isTopmost = path.lastIndexOf('node_modules/') === 0;
    if (dev || optional || !isTopmost || path === 'node_modules/node') continue;
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    symlinkSync(join(root, path), join(folder, path));
  }
};

/** The words of a line such as `CMD ["serve"]`. */
const wordsOf = (instruction: string): ReadonlyArray<string> => {
  const line = recipe.find((one) => one.startsWith(`${instruction} `)) ?? '';
  return JSON.parse(line.slice(line.indexOf('['))) as ReadonlyArray<string>;
};

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

describe('the image', { timeout: 60_000 }, () => {
  let image = '';
  let data = '';
  const children: ChildProcess[] = [];

  beforeAll(() => {
    image = mkdtempSync(join(tmpdir(), 'callboard-image-'));
    data = mkdtempSync(join(tmpdir(), 'callboard-image-data-'));
    const allowed = letThrough();
    for (const [from, to] of copied()) {
      if (allowed.has(from)) cpSync(join(root, from), join(image, to), { recursive: true });
    }
    linkPackages(image);
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    for (const folder of [image, data]) rmSync(folder, { recursive: true, force: true });
  });

  const start = (words: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}) => {
    const [program, ...args] = words;
    expect(program).toBe('node');
    const child = spawn(process.execPath, args, {
      cwd: image,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { NODE_ENV: 'production', CALLBOARD_DATA_DIR: data, HOST: '127.0.0.1', PORT: '0', ...env },
    });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (output += String(chunk)));
    const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, output })));
    return { child, ended, output: () => output };
  };
  const run = (...args: ReadonlyArray<string>): Promise<Ended> =>
    start([...wordsOf('ENTRYPOINT'), ...args]).ended;

  it('copies nothing that its dockerignore keeps out, nor lets through what it does not copy', () => {
    const sources = [...copied().map(([from]) => from), 'package-lock.json'];
    expect(new Set(sources)).toEqual(letThrough());
  });

  it('has the Node that package-lock.json names', () => {
    const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
    const { version } = (JSON.parse(lock) as { readonly packages: Record<string, { version: string }> })
      .packages['node_modules/node'] ?? { version: 'none' };
    expect(recipe).toContain(`ARG NODE_VERSION=${version}`);
  });

  it.each([
    { args: ['--help'], says: /^ *serve /m },
    { args: ['token', '--role', 'admin'], says: /^\S+\.\S+\.\S+\n$/ },
    { args: ['simulate', '--seed', '1'], says: /seed 1/ },
  ])('runs callboard $args', async ({ args, says }) => {
    const { code, output } = await run(...args);
    expect(output).toMatch(says);
    expect(code).toBe(0);
  });

  it('serves, is healthy by its own check, ends politely, and writes nothing beside its data', async () => {
    const before = readdirSync(image, { recursive: true }).length;
    const { child, ended, output } = start([...wordsOf('ENTRYPOINT'), ...wordsOf('CMD')]);
    await expect.poll(output, { timeout: 30_000 }).toMatch(/"msg":"engine ready"/);
    const port = /"msg":"listening on [^"]*:(\d+)"/.exec(output())?.[1];
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    expect(await start(wordsOf('HEALTHCHECK'), { PORT: port }).ended).toEqual({ code: 0, output: '' });
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    expect(readdirSync(image, { recursive: true })).toHaveLength(before);
  });
});
