import { median } from '../../bench/support/statistics.ts';
import { Seeded } from '../kill/seeded.ts';
import { Cluster } from './cluster.ts';
import { type FaultName, possibleFaults } from './faults.ts';
import { nodesRun, type NodesTally, type TakenOver } from './nodes-run.ts';
import { SharedStore } from './shared-store.ts';

/** Kills of one set of nodes; then new ones begin, so that a violation shows soon. */
const KILLS_PER_RUN = 10;
const LEASE_MS = 5_000;
const STORE_AWAY_MS = 20_000;
const BESIDES: ReadonlyArray<FaultName> = [
  'stop',
  'end',
  'cut_off',
  'store_restart',
  'appends',
  'store_late',
  'store_away',
];

/** Every second kill is started again at once; behind each one comes another fault. */
const plan = (seeded: Seeded, kills: number): ReadonlyArray<FaultName> =>
  Array.from({ length: kills }, (_, n): FaultName[] => {
    const other = n < BESIDES.length ? (BESIDES[n] as FaultName) : seeded.pick(BESIDES);
    return [n % 2 === 0 ? 'kill' : 'crash', other];
  }).flat();

/** `npm run kill-test -- --nodes N`: several nodes on one EventStoreDB, the double or `ESDB_URL`. Answers the exit code. */
export const killNodes = async (count: number, kills: number, seed: number): Promise<number> => {
  const tallies: NodesTally[] = [];
  for (let done = 0; done < kills; done += KILLS_PER_RUN) {
    const runSeed = seed + done / KILLS_PER_RUN;
    const runKills = Math.min(KILLS_PER_RUN, kills - done);
    const store = await SharedStore.open();
    const faults = possibleFaults(store, plan(new Seeded(runSeed, 'plan'), runKills));
    const onFault = (name: FaultName, number: number): void => {
      process.stdout.write(`${new Date().toISOString()} ${number} of ${faults.length}: ${name}\n`);
    };
    try {
      const cluster = await Cluster.start(store, count, LEASE_MS);
      try {
        const storeAwayMs = STORE_AWAY_MS;
        tallies.push(await nodesRun(cluster, { store, seed: runSeed, faults, storeAwayMs, onFault }));
      } finally {
        await cluster.discard();
      }
    } catch (error) {
      process.stdout.write(tableOf(tallies, 1));
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.stderr.write(
        `The same plan again (its timing is the machine's): npm run kill-test -- --nodes ${count} --kills ${runKills} --seed ${runSeed}\n`,
      );
      return 1;
    } finally {
      store.close();
    }
  }
  process.stdout.write(tableOf(tallies, 0));
  return 0;
};

/** A run that broke a promise has no tally: of what is counted here every single one was checked. */
const tableOf = (tallies: ReadonlyArray<NodesTally>, broken: number): string => {
  const sum = (of: (tally: NodesTally) => number): number =>
    tallies.reduce((total, one) => total + of(one), 0);
  const faults = (name: FaultName): number => sum((one) => one.faults[name] ?? 0);
  const taken = (kind: keyof NodesTally['takenOver'], which: keyof TakenOver): ReadonlyArray<number> =>
    tallies.flatMap(({ takenOver }) => takenOver[kind][which]);
  const seconds = (of: ReadonlyArray<number>): string =>
    of.length === 0
      ? ''
      : `${(median(of) / 1000).toFixed(1)} s (at most ${(Math.max(...of) / 1000).toFixed(1)} s)`;
  const rows: ReadonlyArray<readonly [string, string | number]> = [
    ['kill -9', faults('kill') + faults('crash')],
    ['SIGSTOP for longer than the lease', faults('stop')],
    ['SIGTERM', faults('end')],
    ['a node without its store', faults('cut_off')],
    ['store restarted', faults('store_restart')],
    [`store away for ${STORE_AWAY_MS / 1000} s`, faults('store_away')],
    ['store late', faults('store_late')],
    ['appends failing in a row', faults('appends')],
    ['changes accepted', sum(({ acked }) => acked)],
    ['invocations', sum(({ invocations }) => invocations)],
    ['attempts', sum(({ attempts }) => attempts)],
    ['of these interrupted', sum(({ interrupted }) => interrupted)],
    ['requests seen by receivers', sum(({ requests }) => requests)],
    ['read at another node with min_position', sum(({ readElsewhere }) => readElsewhere)],
    ['GET /nodes asked', sum(({ nodesAsked }) => nodesAsked)],
    ['runs with nothing lost, doubled, early or unlogged', tallies.length],
    ['runs with something of that', broken],
    ['another node at work after kill -9', seconds(taken('killed', 'first'))],
    ['at each endpoint', seconds(taken('killed', 'each'))],
    ['after SIGSTOP', seconds(taken('stopped', 'first'))],
    ['without its store', seconds(taken('cut off', 'first'))],
    ['after SIGTERM', seconds(taken('ended', 'first'))],
    ['process ended after SIGTERM', seconds(tallies.flatMap(({ exitMs }) => exitMs))],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `| ${name.padEnd(width)} | ${String(value)} |\n`).join('');
};
