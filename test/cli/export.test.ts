import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bindKey } from '../../src/adapters/key-id.ts';
import { openSecretBox } from '../../src/adapters/secret-box.ts';
import { systemRandom } from '../../src/adapters/system-random.ts';
import { openStore } from '../eventstore/temporary.ts';
import { COMPANY, PERSONAL, writeHistory } from '../audit/export/history.ts';
import { INHERITED } from '../support/inherited.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const SECRET = 'a secret for tests that nothing else is signed with';
const TO = ['--to', '2026-11-01T00:00:00Z', '--part-mib', '1'];

let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'callboard-export-'));
  const store = await openStore(join(folder, 'data', 'events.db'));
  await writeHistory(store, 700);
  await store.close();
  bindKey(join(folder, 'data', 'events.db'), openSecretBox(SECRET, systemRandom()).keyId);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const start = (args: ReadonlyArray<string>, secret: string) => {
  const child = spawn(process.execPath, [MAIN, 'audit', 'export', ...args], {
    env: { ...INHERITED, CALLBOARD_DATA_DIR: join(folder, 'data'), CALLBOARD_SECRET: secret },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  return {
    child,
    ended: new Promise<{ code: number | null; output: string }>((resolve) => {
      child.once('close', (code) => resolve({ code, output }));
    }),
  };
};
const run = (args: ReadonlyArray<string>, secret = SECRET) => start(args, secret).ended;

const hashesIn = (path: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(path)
      .sort()
      .filter((name) => name !== 'manifest.json')
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(join(path, name)))
          .digest('hex'),
      ]),
  );

const saying = (text: string) => expect.stringContaining(text) as string;

describe('callboard audit export', () => {
  it('goes on after kill -9 to the same files, and is checked', { timeout: 240_000 }, async () => {
    const whole = join(folder, 'whole');
    expect(await run(['--out', whole, ...TO])).toMatchObject({
      code: 0,
      output: saying('Personal data is masked.'),
    });
    expect(readdirSync(whole).length).toBeGreaterThan(3);
    const text = readdirSync(whole)
      .map((name) => readFileSync(join(whole, name), 'utf8'))
      .join('');
    for (const secret of PERSONAL) expect(text).not.toContain(secret);

    const cut = join(folder, 'cut');
    const { child, ended } = start(['--out', cut, ...TO], SECRET);
    const killed = async (): Promise<boolean> => {
      if (!existsSync(join(cut, 'events-000001.ndjson'))) return false;
      child.kill('SIGKILL');
      return true;
    };
    await expect.poll(killed, { timeout: 60_000, interval: 1 }).toBe(true);
    expect((await ended).code).toBeNull();
    expect(existsSync(join(cut, 'manifest.json'))).toBe(false);
    expect(await run(['--check', cut])).toMatchObject({ code: 1, output: saying('not complete') });
    expect(await run(['--out', cut, ...TO])).toMatchObject({ code: 1, output: saying('--resume') });
    expect(await run(['--out', cut, '--format', 'csv', '--resume'])).toMatchObject({
      code: 1,
      output: saying('begun with another format'),
    });
    expect(await run(['--out', cut, '--resume'])).toMatchObject({ code: 0 });
    expect(hashesIn(cut)).toEqual(hashesIn(whole));
    expect(await run(['--out', cut, '--resume'])).toMatchObject({
      code: 0,
      output: saying('complete already'),
    });

    expect(await run(['--check', cut])).toMatchObject({ code: 0, output: saying('every part is what') });
    writeFileSync(join(cut, 'more.txt'), '');
    appendFileSync(join(cut, 'events-000002.ndjson'), '\n');
    rmSync(join(cut, 'events-000003.ndjson'));
    expect(await run(['--check', cut])).toMatchObject({
      code: 1,
      output: expect.stringMatching(
        /000002.ndjson: holds.*\n.*000003.ndjson: is missing\nmore.txt: not in/,
      ) as string,
    });
  });

  it(
    'shows personal data to whoever has the secret, and refuses what cannot be meant',
    { timeout: 240_000 },
    async () => {
      const clear = join(folder, 'clear');
      const other = 'another secret of more than thirty-two characters';
      const asked = ['--out', clear, '--personal-data', '--company', COMPANY];
      expect(await run(asked, other)).toMatchObject({
        code: 1,
        output: saying('needs the CALLBOARD_SECRET'),
      });
      expect(await run([...asked, '--resume'])).toMatchObject({ code: 0, output: saying('in clear') });
      expect(readFileSync(join(clear, 'events-000001.ndjson'), 'utf8')).toContain('fred0@mail.example');
      const out = join(folder, 'out');
      for (const [args, code, said] of [
        [['--out', clear], 1, 'is not empty'],
        [
          ['--out', out, '--from', '2026-05-02T00:00:00Z', '--to', '2026-05-01T00:00:00Z'],
          2,
          '--from must be before',
        ],
        [['--out', out, '--from', '2126-05-02T00:00:00Z'], 2, '--from lies in the future'],
        [['--out', out, '--to', '2126-05-02T00:00:00Z'], 2, '--to lies in the future'],
        [
          ['--out', out, '--company', 'f0a3f370-cd43-11ed-9c9c-bbcffde24a48'],
          1,
          'nothing is known of a company',
        ],
        [['--out', out, '--from', 'yesterday'], 2, 'RFC 3339'],
        [['--from', '2026-05-02T00:00:00Z'], 2, '--out is missing'],
        [['--out', join(clear, 'manifest.json', 'x')], 1, 'ENOTDIR'],
      ] as const) {
        expect(await run(args), args.join(' ')).toMatchObject({ code, output: saying(said) });
      }
      expect(existsSync(out)).toBe(false);
    },
  );
});
