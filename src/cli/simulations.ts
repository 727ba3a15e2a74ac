import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { SimulationPreset, SimulationRun, Simulations } from '../ports/simulations.ts';
import { CLI_FILE } from './demo/program.ts';

interface Preset extends SimulationPreset {
  readonly args: (reportFile: string) => ReadonlyArray<string>;
}

const PRESETS: ReadonlyArray<Preset> = [
  {
    name: 'seeds',
    title: 'Twenty runs under faults',
    summary:
      'The whole engine on virtual time, with a store, a network and receivers that fail. About a minute.',
    args: () => ['simulate', '--seeds', '20', '--workers', '1'],
  },
  {
    name: 'trace',
    title: 'One run, step by step',
    summary: 'Seed 1 with every line of its trace: the same each time.',
    args: () => ['simulate', '--seed', '1', '--trace'],
  },
  {
    name: 'bug',
    title: 'A planted bug is found',
    summary:
      'Plants a bug in the engine, and shows which promise notices it. Ends with exit code 1, as it should.',
    args: () => ['simulate', '--bug', 'early-retry', '--workers', '1'],
  },
  {
    name: 'load',
    title: 'Ten seconds of load',
    summary: 'A hundred orders a second against a server of its own, with a report of latencies.',
    args: (reportFile) => [
      'load',
      '--rate',
      '100',
      '--seconds',
      '10',
      '--warm-up',
      '2',
      '--report',
      reportFile,
    ],
  },
];

const RUNS_KEPT = 10;
const OUTPUT_CHARACTERS_MAX = 64 * 1024;
const RUN_MAX_MS = 5 * 60_000;

interface Run {
  readonly id: string;
  readonly preset: Preset;
  readonly startedAtMs: number;
  readonly child: ChildProcess;
  readonly folder: string;
  ended: SimulationRun['ended'];
  output: string;
  report: string | undefined;
}

/** Each run is `callboard simulate` or `callboard load` as a process of low priority, without the server's environment. */
export const openSimulations = (): Simulations & { close(): void } => {
  let runs: ReadonlyArray<Run> = [];

  const begin = (preset: Preset): Run => {
    const folder = mkdtempSync(join(tmpdir(), 'callboard-simulator-'));
    const reportFile = join(folder, 'report.html');
    const child = spawn(process.execPath, [CLI_FILE, ...preset.args(reportFile)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: folder,
      env: { PATH: process.env['PATH'], HOME: folder, TMPDIR: process.env['TMPDIR'], LOG_LEVEL: 'error' },
    });
    const run: Run = {
      id: randomUUID(),
      preset,
      startedAtMs: Date.now(),
      child,
      folder,
      ended: null,
      output: '',
      report: undefined,
    };
    const take = (chunk: Buffer): void => {
      run.output = (run.output + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const overdue = setTimeout(() => child.kill('SIGKILL'), RUN_MAX_MS);
    const end = (exitCode: number | null): void => {
      if (run.ended !== null) return;
      clearTimeout(overdue);
      run.ended = { atMs: Date.now(), exitCode };
      run.report = readIfThere(reportFile);
      rmSync(folder, { recursive: true, force: true });
    };
    child.on('error', (error) => {
      take(Buffer.from(`${error.message}\n`));
      end(null);
    });
    child.on('close', end);
    if (child.pid !== undefined) {
      try {
        setPriority(child.pid, constants.priority.PRIORITY_LOW);
      } catch (_ended) {
        // It has come to its end already.
      }
    }
    return run;
  };

  return {
    presets: PRESETS,
    runs: () => runs.map(shown),
    start: (name): Either<'busy', SimulationRun> | undefined => {
      const preset = PRESETS.find((one) => one.name === name);
      if (preset === undefined) return undefined;
      if (runs.some(({ ended }) => ended === null)) return left('busy');
      const run = begin(preset);
      runs = [run, ...runs].slice(0, RUNS_KEPT);
      return right(shown(run));
    },
    stop: (id) => {
      runs.find((run) => run.id === id)?.child.kill('SIGTERM');
    },
    report: (id) => runs.find((run) => run.id === id)?.report,
    close: () => {
      for (const { child, ended, folder } of runs) {
        if (ended !== null) continue;
        child.kill('SIGKILL');
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
};

const shown = ({ id, preset, startedAtMs, ended, output, report }: Run): SimulationRun => ({
  id,
  preset,
  startedAtMs,
  ended,
  output,
  hasReport: report !== undefined,
});

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (_missing) {
    return undefined;
  }
};
