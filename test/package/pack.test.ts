import { execFile, type ExecFileException } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, sep } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/**
 * The package as a user meets it: packed, installed into an empty folder with nothing but npm and the system's
 * own Node (which may be older than 24), and run there.
 */
const root = join(import.meta.dirname, '..', '..');
const FIVE_MINUTES = 5 * 60_000;
const RECIPE = ['package.json', 'tsconfig.json', 'tsconfig.build.json', '.npmrc'];
const CONTENT = ['bin', 'src', 'simulator', 'docs', 'README.md', 'CHANGELOG.md', 'LICENSE'];

/** The environment of a user's shell: no trace of the npm script and the test runner around us. */
const shell = (): NodeJS.ProcessEnv => {
  const kept = /^npm_config_(?:registry|cache|userconfig)$/i;
  const ours =
    /^(?:npm_|node$|node_env$|node_options$|node_path$|init_cwd$|vitest|vite_|test$|mode$|prod$|dev$)/i;
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => kept.test(name) || !ours.test(name)),
  );
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.split(sep).includes('node_modules'))
    .join(delimiter);
  return { ...env, PATH: path };
};

type Outcome = { readonly code: number | string; readonly output: string };

const run = (cwd: string, command: string, ...args: readonly string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(
      command,
      args,
      { cwd, env: shell(), timeout: FIVE_MINUTES, maxBuffer: 64 * 1024 * 1024 },
      (error: ExecFileException | null, stdout, stderr) => {
        const code = error === null ? 0 : (error.code ?? error.signal ?? 'unknown');
        resolve({ code, output: `${stdout}\n${stderr}` });
      },
    );
  });

const succeed = async (cwd: string, command: string, ...args: readonly string[]): Promise<string> => {
  const { code, output } = await run(cwd, command, ...args);
  expect(code, `${command} ${args.join(' ')}\n${output}`).toBe(0);
  return output;
};

describe('the package', () => {
  let copy = '';
  let tarballs = '';
  let user = '';
  const installed = (...path: readonly string[]): string => join(user, 'node_modules', 'callboard', ...path);

  beforeAll(async () => {
    // Packing compiles into dist/. A copy is packed, so that the checkout stays as it is; it lies inside the
    // checkout, so that it finds the installed dependencies.
    await mkdir(join(root, '.tmp'), { recursive: true });
    copy = await mkdtemp(join(root, '.tmp', 'pack-'));
    tarballs = await mkdtemp(join(tmpdir(), 'callboard-tarball-'));
    user = await mkdtemp(join(tmpdir(), 'callboard-user-'));
    const present = new Set(await readdir(root));
    for (const entry of [...RECIPE, ...CONTENT].filter((name) => present.has(name))) {
      await cp(join(root, entry), join(copy, entry), { recursive: true });
    }

    await succeed(copy, 'npm', 'pack', '--pack-destination', tarballs);
    const [tarball, ...others] = (await readdir(tarballs)).filter((name) => name.endsWith('.tgz'));
    if (tarball === undefined || others.length > 0) throw new Error('npm pack made no single tarball');

    await writeFile(join(user, 'package.json'), '{ "name": "user", "private": true }\n');
    const quiet = ['--no-audit', '--no-fund', '--prefer-offline'];
    await succeed(user, 'npm', 'install', ...quiet, join(tarballs, tarball));
  }, FIVE_MINUTES);

  afterAll(async () => {
    for (const folder of [copy, tarballs, user].filter((path) => path !== '')) {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('leaves no compiled files behind where it was packed', async () => {
    expect(await readdir(copy)).not.toContain('dist');
  });

  it('ships compiled JavaScript and no sources or tests', async () => {
    const files = await readdir(installed());
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'CHANGELOG.md', 'bin', 'dist', 'package.json']));
    expect(files).not.toEqual(expect.arrayContaining(['src']));
    expect(files).not.toEqual(expect.arrayContaining(['test']));
    const compiled = await readdir(installed('dist'), { recursive: true });
    expect(compiled).toContain(join('src', 'cli', 'main.js'));
    const main = await readFile(installed('dist', 'src', 'cli', 'main.js'), 'utf8');
    expect(main).not.toMatch(/from '\.[^']*\.ts'/);
  });

  it(
    'has the toolkit for propagation rules, for programs and on the command line',
    async () => {
      const program = `import { assertRules, BUILT_IN_RULES } from 'callboard/rules-testing';
        await assertRules({ rules: BUILT_IN_RULES, runs: 5, seed: 1 });
        console.log('they hold');`;
      await writeFile(join(user, 'rules.mjs'), program);
      await writeFile(join(user, 'rules.json'), '{"propagation": []}');
      // With npx, for the Node 24 that the package brought along.
      expect(await succeed(user, 'npx', '--no', '--', 'node', 'rules.mjs')).toMatch(/they hold/);
      const check = ['rules', 'check', 'rules.json', '--runs', '5'];
      expect(await succeed(user, 'npx', '--no', 'callboard', ...check)).toMatch(/ok {6}no foreign company/);
    },
    FIVE_MINUTES,
  );

  it(
    'runs its demo with npx',
    async () => {
      expect(await succeed(user, 'npx', '--no', 'callboard', 'demo')).toMatch(/nothing (was )?lost/i);
    },
    FIVE_MINUTES,
  );

  it(
    "runs its demo with the system's Node",
    async () => {
      // npx puts the Node 24 of our dependencies first; started by hand, the launcher has to find it.
      expect(await succeed(user, 'node', installed('bin', 'callboard.js'), 'demo')).toMatch(
        /nothing (was )?lost/i,
      );
    },
    FIVE_MINUTES,
  );
});
