import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..');
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'callboard-rules-'));
  writeFileSync(
    join(folder, 'good.json'),
    '{"propagation": [{"origin": "order", "trigger": "paid", "reaches": ["shop"]}]}',
  );
  writeFileSync(join(folder, 'twice.json'), '{"reissue_scanned": true,\n"reissue_scanned": false}');
  writeFileSync(join(folder, 'broken.json'), '{"propagation": [\n}');
  writeFileSync(join(folder, 'empty.ndjson'), '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: ReadonlyArray<string>): Promise<{ code: unknown; out: string; err: string }> =>
  new Promise((resolve) => {
    const command = [join(root, 'src', 'cli', 'main.ts'), 'rules', ...args];
    const options = { cwd: folder, env: { ...process.env, CALLBOARD_RULES: '' }, timeout: 60_000 };
    execFile(process.execPath, command, options, (error, out, err) => {
      resolve({ code: error === null ? 0 : error.code, out, err });
    });
  });

describe('callboard rules', () => {
  it.each<readonly [ReadonlyArray<string>, number, RegExp]>([
    [['show'], 0, /Direct triggers/],
    [['show', '--json'], 0, /"propagation"/],
    [
      ['check', 'good.json', '--runs', '5', '--seed', '1'],
      0,
      /5 worlds for each property, seed 1\n {2}ok {6}no foreign/,
    ],
    [
      ['check', 'twice.json', '--runs', '2', '--property', 'refusals'],
      1,
      /^twice\.json:2: reissue_scanned: comes twice/,
    ],
    [
      ['check', 'broken.json'],
      1,
      /^broken\.json:2: not JSON: unexpected at column 1\n.*nothing was tried out/,
    ],
    [['check', '--property', 'list'], 0, /no-foreign-company +no foreign company is ever told/],
    [['check', '--bug', 'list'], 0, /one-level +only what/],
    [['check'], 2, /takes one FILE/],
    [['check', 'none.json'], 2, /none\.json cannot be read/],
    [['check', '.'], 2, /cannot be read/],
    [['check', 'good.json', '--runs', '0'], 2, /--runs must be a whole number from 1/],
    [['check', 'good.json', '--seed', 'x'], 2, /--seed must be a whole number/],
    [['check', 'good.json', '--property', 'x'], 2, /there is no property "x"/],
    [['check', 'good.json', '--bug', 'x'], 2, /there is no bug "x"/],
    [['check', 'good.json', '--colour'], 2, /Unknown option '--colour'/],
    [['preview', 'good.json'], 2, /needs --history PATH/],
    [['preview', 'good.json', '--history', 'none'], 2, /none cannot be read/],
    [['preview', 'good.json', '--history', '.'], 2, /there is no events\.db in \./],
    [['preview', 'broken.json', '--history', 'empty.ndjson'], 2, /broken\.json: not JSON/],
    [['preview', 'good.json', '--history', 'empty.ndjson', '--webhooks', 'none'], 2, /none cannot be read/],
    [['preview', 'good.json', '--history', 'empty.ndjson'], 0, /0 changes in 0 companies/],
    [
      ['preview', 'good.json', '--against', 'good.json', '--history', 'empty.ndjson', '--json'],
      0,
      /"more": 0/,
    ],
    [['explain'], 2, /rules takes: show, check or preview/],
  ])('%j: exit code %i', async (args, code, said) => {
    const done = await run(...args);
    expect(`${done.out}${done.err}`).toMatch(said);
    expect(done.code).toBe(code);
  });

  it('a violation is drawn, with a command that shows the same again', async () => {
    const first = await run(
      'check',
      'good.json',
      '--bug',
      'scans-save-orders',
      '--seed',
      '4',
      '--property',
      'as-designed',
    );
    expect(first.code).toBe(1);
    expect(first.out).toMatch(
      /FAILED {2}exactly those[^]*changes[^]*Violated {2}w\d: should be not told, is told of ORDER_SAVED/,
    );
    const again = /Again {5}callboard rules (.*)/.exec(first.out)?.[1]?.split(' ') ?? [];
    expect((await run(...again)).out).toBe(first.out);
  }, 60_000);
});

describe('callboard/rules-testing', () => {
  it('is there in a checkout under the name that the package has, with all that the source exports', async () => {
    const source: object = await import('../../../simulator/rules/index.ts');
    const script = `console.log(JSON.stringify(Object.keys(await import('callboard/rules-testing')).sort()))`;
    const named = await new Promise<string>((resolve, reject) => {
      execFile(process.execPath, ['--input-type=module', '-e', script], { cwd: root }, (error, out) =>
        error === null ? resolve(out) : reject(new Error(error.message)),
      );
    });
    expect(JSON.parse(named)).toEqual(Object.keys(source).sort());
  });
});
