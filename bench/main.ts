import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FIGURES } from './figures/all.ts';
import { startCallboard } from './support/callboard-process.ts';
import type { Bench, Row } from './support/figure.ts';
import { machineLine } from './support/machine.ts';
import { startReceiver } from './support/receiver-process.ts';
import { type SizeName, SIZES } from './support/sizes.ts';
import { tableOf } from './support/table.ts';

const HELP = `npm run bench [-- <figure> …] [--quick | --tiny | --huge] [--runs N] [--json FILE] [--profile DIR]

Measures Callboard against bare baselines, both in turns, and prints a table in Markdown: medians, and in brackets the
smallest and largest of all runs. Figures: ${FIGURES.map(({ name }) => name).join(', ')}; all of them when none is named.

  --quick        smaller, in less than 90 seconds: for a first look
  --tiny         only shows that the figures run
  --huge         histories of 10 M events, one run: verify, whole-log and explain take an hour
  --runs N       runs of each side (the longest figures keep their own number)
  --json FILE    every run of every figure
  --profile DIR  CPU profiles of every server process
`;

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  tiny: { type: 'boolean', default: false },
  huge: { type: 'boolean', default: false },
  runs: { type: 'string' },
  json: { type: 'string' },
  profile: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

const { positionals, values } = parseArgs({ options: OPTIONS, allowPositionals: true });
const unknown = positionals.filter((name) => !FIGURES.some((figure) => figure.name === name));
if (values.help || unknown.length > 0) {
  process.stderr.write(`${unknown.map((name) => `bench: there is no figure "${name}"\n`).join('')}${HELP}`);
  process.exit(values.help ? 0 : 2);
}

const runsAsked = values.runs === undefined ? undefined : Number(values.runs);
if (runsAsked !== undefined && !(Number.isInteger(runsAsked) && runsAsked >= 1)) {
  process.stderr.write(`bench: --runs must be a whole number from 1, not "${values.runs}"\n${HELP}`);
  process.exit(2);
}
const figures = FIGURES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const sizeName: SizeName = (['tiny', 'quick', 'huge'] as const).find((name) => values[name]) ?? 'full';
const size = SIZES[sizeName];
const profile =
  values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(values.profile)}`];

const root = mkdtempSync(join(tmpdir(), 'callboard-bench-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

const startedMs = performance.now();
const progress = (text: string): void => {
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stderr.write(`[${seconds.padStart(6)} s] ${text}\n`);
};

let folders = 0;
const newFolder = (name: string): string => {
  folders += 1;
  const path = join(root, `${folders}-${name}`);
  mkdirSync(path, { mode: 0o700 });
  return path;
};

const receiver = await startReceiver();
const benchOf = (name: string): Bench => ({
  size,
  runs: runsAsked ?? size.runs,
  receiver,
  newFolder,
  copyFolder: (from) => {
    const to = newFolder('copy');
    cpSync(from, to, { recursive: true });
    return to;
  },
  removeFolder: (path) => rmSync(path, { recursive: true, force: true }),
  startCallboard: (dataDir, environment) => startCallboard(dataDir, profile, environment),
  progress: (text) => progress(`${name}: ${text}`),
});

const machine = machineLine(root);
progress(machine);
const rows: Row[] = [];
for (const figure of figures) rows.push(...(await figure.measure(benchOf(figure.name))));
await receiver.stop();
progress('done');

process.stdout.write(`${tableOf(rows)}\n${machine}.\n`);
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ machine, size: sizeName, rows }, null, 2)}\n`);
}
