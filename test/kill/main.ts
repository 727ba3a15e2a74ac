import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { killNodes } from '../nodes/main.ts';
import { SharedStore } from '../nodes/shared-store.ts';
import { databaseStore } from './database-store.ts';
import { killRun, type Tally } from './kill-run.ts';
import { embeddedStore } from './store.ts';

/**
 * `npm run kill-test -- --kills N [--seed S] [--double | --nodes M]`: kills the server N times and checks what it
 * promises. A seed decides what is reported, how receivers misbehave and when is killed; what the machine makes of that
 * differs from run to run. `--double`: on EventStoreDB's double, or on `ESDB_URL`; `--nodes M`: so many nodes on it.
 */

/** Kills of one data folder; then a new one begins, so that start-ups stay short and a violation shows soon. */
const KILLS_PER_RUN = 200;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    seed: { type: 'string' },
    nodes: { type: 'string' },
    double: { type: 'boolean', default: false },
  },
});
const kills = Number(values.kills);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
const nodes = values.nodes === undefined ? undefined : Number(values.nodes);
const isWhole = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least;
if (!isWhole(kills, 1) || !isWhole(seed, 0) || (nodes !== undefined && !isWhole(nodes, 2))) {
  process.stderr.write(
    'kill-test takes: --kills N, at least 1, --seed S, a whole number, --double, and --nodes M, at least 2\n',
  );
  process.exit(2);
}

const startedMs = performance.now();
const tallies: Tally[] = [];
let runSeed = seed;
let runKills = 0;
process.stdout.write(`seed ${seed}, ${kills} kills\n`);
if (nodes !== undefined) process.exit(await killNodes(nodes, kills, seed));
const shared = values.double ? await SharedStore.open() : undefined;
try {
  for (let left = kills; left > 0; left -= runKills) {
    runKills = Math.min(left, KILLS_PER_RUN);
    const before = kills - left;
    const onKill = (killed: number): void => {
      if (process.stdout.isTTY) process.stdout.write(`\r${before + killed} kills`);
    };
    const openStore = shared === undefined ? embeddedStore : databaseStore(shared.reached);
    tallies.push(await killRun({ seed: runSeed, kills: runKills, onKill, openStore }));
    runSeed += 1;
  }
  print(0);
} catch (error) {
  print(1);
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.stderr.write(
    `The same plan again (its timing is the machine's): npm run kill-test -- --kills ${runKills} --seed ${runSeed}${shared === undefined ? '' : ' --double'}\n`,
  );
  process.exitCode = 1;
}
shared?.close();

function print(violations: number): void {
  const sum = (key: keyof Tally): number => tallies.reduce((total, tally) => total + tally[key], 0);
  const seconds = (performance.now() - startedMs) / 1000;
  const figures = {
    seed,
    kills: sum('kills'),
    changes: sum('changes'),
    acked: sum('acked'),
    resent: sum('resent'),
    invocations: sum('invocations'),
    attempts: sum('attempts'),
    interrupted: sum('interrupted'),
    requests: sum('requests'),
    violations,
    seconds: Math.round(seconds),
    ms_per_kill: Math.round((1000 * seconds) / Math.max(1, sum('kills'))),
  };
  process.stdout.write(`${process.stdout.isTTY ? '\r' : ''}${JSON.stringify(figures)}\n`);
}
