import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import type { Row } from '../../bench/support/figure.ts';
import { INHERITED } from '../support/inherited.ts';

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'callboard-bench-test-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The bench makes its own folders in TMPDIR: what it leaves behind is seen there. */
const bench = (...args: ReadonlyArray<string>) =>
  run(process.execPath, [MAIN, ...args], { env: { ...INHERITED, TMPDIR: folder } });

it('prints a table of what was asked for, keeps every run and leaves nothing behind', async () => {
  const json = join(folder, 'runs.json');
  const { stdout } = await bench('matching', 'backlog', '--tiny', '--runs', '2', '--json', json);

  const [headings, rule, ...lines] = stdout.split('\n').filter((line) => line.startsWith('|'));
  expect(headings).toBe('| Figure | Callboard | Bare baseline | Ratio | Goal |');
  expect(rule).toBe('| --- | --- | --- | --- | --- |');
  const spread = String.raw`( \([\d.,]+–[\d.,]+\))?`;
  const value = String.raw`[\d.,]+ (per s|µs)${spread}`;
  const ratio = String.raw`[\d.,]+${spread}`;
  for (const line of lines) {
    expect(line).toMatch(
      new RegExp(
        String.raw`^\| .+ \| ${value} \| .+: ${value} \| ${ratio} \| ([≥≤] \d.*: (reached|missed))? \|$`,
      ),
    );
  }
  expect(stdout).toContain(`Node ${process.versions.node}, SQLite ${process.versions['sqlite']}`);

  const { rows, size } = JSON.parse(readFileSync(json, 'utf8')) as { rows: ReadonlyArray<Row>; size: string };
  expect(size).toBe('tiny');
  expect(rows.map(({ figure }) => figure)).toEqual([
    'Deliveries from a stored backlog of 40',
    'Matching one change among 40 webhooks',
    'Matching one change among 400 webhooks',
    '… among 400, against 40',
  ]);
  for (const { runs, baseline } of rows) {
    expect(runs).toHaveLength(2);
    expect(baseline?.runs).toHaveLength(2);
  }
  expect(lines).toHaveLength(rows.length);
  expect(readdirSync(folder)).toEqual(['runs.json']);
}, 120_000);

it('refuses a figure that there is not, and says which there are', async () => {
  const refused = bench('speed', '--tiny');
  await expect(refused).rejects.toMatchObject({ code: 2, stdout: '' });
  await expect(refused).rejects.toThrow('there is no figure "speed"');
  await expect(refused).rejects.toThrow(
    'Figures: backlog, fan-out, ingest, matching, template, waiting, start, eventstoredb, orders, simulation, nodes, explain, dashboard, verify, whole-log; all of them when none is named.',
  );
});
