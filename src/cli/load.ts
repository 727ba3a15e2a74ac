import { writeFile } from 'node:fs/promises';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { BEHAVIOURS, sharesIn, type Shares } from '../../simulator/load/behaviour.ts';
import { LoadRefused } from '../../simulator/load/platform-api.ts';
import { htmlOf, type LoadReport, machineOf } from '../../simulator/load/report.ts';
import { Progress } from '../../simulator/sending/progress.ts';
import { VERSION } from '../version.ts';
import {
  type Command,
  EXIT_FINDINGS,
  EXIT_OK,
  EXIT_USAGE,
  failed,
  misused,
  parseOptions,
} from './command.ts';
import { LOAD_PRESETS, type LoadPreset, type Plan } from './load/presets.ts';
import { printRun } from './load/print.ts';
import { Stage } from './load/stage.ts';
import { numberOption, wholeOption } from './numbers.ts';
import { targetIn } from './orders.ts';

const RATE_MAX = 20_000;
const SECONDS_MAX = 3_600;
const P99_MAX_MS = 60_000;
const EXIT_INTERRUPTED = 130;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const HELP = `callboard load [--rate R] [--seconds S] [--preset NAME | --steps] [--receivers SHARES] [--to URL --token T]

Sells orders at a fixed rate, each told to one webhook, and measures how long the 202 takes and how soon the receiver
sees the first byte. The loop is open: change n is due at n / rate whatever became of those before it, and latency counts
from then. Without --to a server of its own runs on a temporary folder; receivers run in a process of their own.

  --rate R             changes a second, at most ${RATE_MAX.toLocaleString('en-US')}; default 200
  --seconds S          measured seconds, after the warm-up; default 20, at most ${SECONDS_MAX.toLocaleString('en-US')}
  --warm-up S          default 5
  --receivers SHARES   percent of the traffic by behaviour, such as good=85,slow=5,failing=5,dead=5; default good=100
  --limit-p99 MS       the 99th percentile of 202 → first byte must not be above; exit 1 when it is
  --steps              raises the rate by a quarter until that limit (50 unless given) is missed, and names the last
                       rate that held; --seconds is the length of one step (default 10)
  --preset NAME        ${Object.entries(LOAD_PRESETS)
    .map(([name, { summary }]) => `${name}: ${summary}`)
    .join('\n                       ')}
  --report FILE        an HTML page with plots; needs no other file and no network. Default callboard-load.html
  --json FILE          the same for machines
  --seed N             default: another one each time, so that no order is known already
  --to URL, --token T  a server that runs already, and an admin's token (or CALLBOARD_TOKEN): callboard token --role admin.
                       It must be allowed to send to 127.0.0.0/8; its webhooks of the load are deleted at the end

Behaviours
${Object.entries(BEHAVIOURS)
  .map(([name, meaning]) => `  ${name.padEnd(8)} ${meaning}`)
  .join('\n')}

Exit code 0, 1 when something was lost, a goal was missed or the report could not be written, 2 for a wrong option or a
token that is refused.
`;

const OPTIONS = {
  rate: { type: 'string' },
  seconds: { type: 'string' },
  'warm-up': { type: 'string', default: '5' },
  receivers: { type: 'string' },
  'limit-p99': { type: 'string' },
  steps: { type: 'boolean', default: false },
  preset: { type: 'string' },
  report: { type: 'string', default: 'callboard-load.html' },
  json: { type: 'string' },
  seed: { type: 'string' },
  to: { type: 'string' },
  token: { type: 'string' },
} as const;

const SEED_MAX = 2 ** 32 - 1;

export const load: Command = {
  summary: 'open-loop load with receivers of its own, and a report',
  help: HELP,
  async run(args) {
    const options = parseOptions(args, OPTIONS);
    if (isLeft(options)) return misused(options.left, HELP);
    const { values } = options.right;
    if (values.preset === 'list') {
      for (const [name, { summary }] of Object.entries(LOAD_PRESETS))
        process.stdout.write(`${name.padEnd(18)} ${summary}\n`);
      return EXIT_OK;
    }
    const asked = readLoadOptions(values);
    if (isLeft(asked)) return misused(asked.left, 'See callboard load --help.\n');
    const ending = new AbortController();
    const stop = (): void => ending.abort(new Interrupted());
    for (const signal of SIGNALS) process.on(signal, stop);
    process.stdout.on('error', stop);
    try {
      return await perform(asked.right, ending);
    } catch (error) {
      const reason: unknown = ending.signal.aborted ? ending.signal.reason : error;
      if (reason instanceof Interrupted) return EXIT_INTERRUPTED;
      failed(reason instanceof Error ? reason.message : String(reason));
      return reason instanceof LoadRefused && reason.isMisuse ? EXIT_USAGE : EXIT_FINDINGS;
    } finally {
      for (const signal of SIGNALS) process.off(signal, stop);
      process.stdout.off('error', stop);
    }
  },
};

class Interrupted extends Error {}

export interface LoadValues {
  readonly rate?: string;
  readonly seconds?: string;
  readonly 'warm-up': string;
  readonly receivers?: string;
  readonly 'limit-p99'?: string;
  readonly steps: boolean;
  readonly preset?: string;
  readonly report: string;
  readonly json?: string;
  readonly seed?: string;
  readonly to?: string;
  readonly token?: string;
}

interface Asked {
  readonly plan: Plan;
  readonly preset: LoadPreset;
  readonly presetName: string;
  readonly to: { readonly url: string; readonly token: string } | undefined;
  readonly report: string;
  readonly json: string | undefined;
}

export const readLoadOptions = (values: LoadValues): Either<string, Asked> => {
  const presetName = values.steps ? 'steps' : (values.preset ?? 'plain');
  if (values.steps && values.preset !== undefined) return left('--steps and --preset exclude each other');
  if (!Object.hasOwn(LOAD_PRESETS, presetName))
    return left(`there is no preset "${presetName}"; there are ${Object.keys(LOAD_PRESETS).join(', ')}`);
  const preset = LOAD_PRESETS[presetName as keyof typeof LOAD_PRESETS];
  const rate = numberOption('--rate', values.rate ?? String(preset.rate), 0, RATE_MAX);
  if (isLeft(rate)) return rate;
  const seconds = numberOption('--seconds', values.seconds ?? String(preset.seconds), 0, SECONDS_MAX);
  if (isLeft(seconds)) return seconds;
  const warmUp = wholeOption('--warm-up', values['warm-up'], 0, SECONDS_MAX);
  if (isLeft(warmUp)) return warmUp;
  const limit = values['limit-p99'];
  const limitP99Ms =
    limit === undefined ? right(undefined) : numberOption('--limit-p99', limit, 0, P99_MAX_MS);
  if (isLeft(limitP99Ms)) return limitP99Ms;
  const shares: Either<string, Shares> = sharesIn(values.receivers ?? 'good=100');
  if (isLeft(shares)) return left(`--receivers ${shares.left}`);
  if (values.receivers !== undefined && preset.ownReceivers)
    return left(`--receivers is set by --preset ${presetName}`);
  if (shares.right.good === 0) return left('--receivers must leave a share to good: only they are measured');
  const seed = wholeOption('--seed', values.seed ?? String(Date.now() % SEED_MAX), 0, SEED_MAX);
  if (isLeft(seed)) return seed;
  const to = targetIn(values.to, values.token);
  if (isLeft(to)) return to;
  if (to.right !== undefined && preset.ownServer)
    return left(`--preset ${presetName} kills the server: it runs on one of its own, without --to`);
  return right({
    plan: {
      rate: rate.right,
      seconds: seconds.right,
      warmUpSeconds: warmUp.right,
      shares: shares.right,
      seed: seed.right,
      limitP99Ms: limitP99Ms.right,
    },
    preset,
    presetName,
    to: to.right,
    report: values.report,
    json: values.json,
  });
};

const perform = async (asked: Asked, ending: AbortController): Promise<number> => {
  const { plan, preset, presetName, to } = asked;
  const startedAt = new Date().toISOString();
  const machine = machineOf();
  const runs: Array<LoadReport['runs'][number]> = [];
  const progress = new Progress();
  const stage = await Stage.open(to, progress, ending);
  try {
    const outcome = await preset.play(plan, async (name, settings, during) => {
      const result = await stage.run(name, settings, during);
      runs.push({ name, result });
      printRun(name, result);
      return result;
    });
    const { findings, isGood } = outcome;
    process.stdout.write(`\n${findings.map((finding) => `${finding}\n`).join('')}`);
    const report = { preset: presetName, startedAt, machine, version: VERSION, findings, runs };
    const written = await writeReports(asked, report);
    return written && isGood ? EXIT_OK : EXIT_FINDINGS;
  } finally {
    progress.end();
    await stage.close();
  }
};

const writeReports = async ({ report: html, json }: Asked, report: LoadReport): Promise<boolean> => {
  try {
    await writeFile(html, htmlOf(report));
    if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
    process.stdout.write(`report: ${html}${json === undefined ? '' : ` and ${json}`}\n`);
    return true;
  } catch (error) {
    failed(`the report cannot be written: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
};
