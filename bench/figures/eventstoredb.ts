import type { SideAnswer, SideAsk } from '../processes/database-side.ts';
import type { Bench, Figure, Row } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import { startWorker, type WorkerProcess } from '../support/worker.ts';

type SideProcess = WorkerProcess<SideAsk, SideAnswer>;
type SideName = 'bare' | 'adapter';

const IN_FLIGHT = [1, 32, 256] as const;
/** One at a time needs fewer to show what it takes. */
const ALONE_SHARE = 0.25;
const WARM_UP_SHARE = 0.1;
const BASELINE = '@eventstore/db-client';
const GOAL = { of: 'ratio', atLeast: 0.8 } as const;

/**
 * What the EventStoreDB adapter costs: the same events written and read through it and through the bare client, in turns,
 * each in a process of its own against the same server. That is the tests' double, or the one named by ESDB_URL.
 */
export const eventStoreDb: Figure = {
  name: 'eventstoredb',
  async measure(bench) {
    const named = process.env['ESDB_URL'];
    const server = named === undefined ? startWorker<object, string>(DOUBLE) : undefined;
    const url = named ?? (await server?.ask({})) ?? '';
    bench.progress(named === undefined ? 'on the double of the tests' : 'on the server of ESDB_URL');
    const sides = { bare: await openSide('bare', url), adapter: await openSide('adapter', url) };
    const rows: Row[] = [];
    for (const inFlight of IN_FLIGHT) rows.push(...(await appends(bench, sides, inFlight)));
    bench.progress(`storing ${bench.size.databaseEvents} events to read`);
    const { after } = await sides.adapter.ask({ do: 'fill', count: bench.size.databaseEvents });
    rows.push(...(await reads(bench, sides, 'subscribe', after)));
    rows.push(...(await reads(bench, sides, 'read', after)));
    await Promise.all([sides.bare.stop(), sides.adapter.stop()]);
    await server?.stop();
    return rows;
  },
};

const DOUBLE = new URL('../processes/double.ts', import.meta.url);
const SIDE = new URL('../processes/database-side.ts', import.meta.url);

const openSide = async (side: SideName, url: string): Promise<SideProcess> => {
  const worker = startWorker<SideAsk, SideAnswer>(SIDE);
  await worker.ask({ do: 'open', side, url });
  return worker;
};

const measured = async (
  bench: Bench,
  sides: Readonly<Record<SideName, SideProcess>>,
  what: string,
  ask: SideAsk,
): Promise<Readonly<Record<SideName, ReadonlyArray<SideAnswer>>>> =>
  interleaved(
    bench.runs,
    { bare: () => sides.bare.ask(ask), adapter: () => sides.adapter.ask(ask) },
    (run, side, { perSecond }) =>
      bench.progress(`run ${run}, ${what}, ${side}: ${Math.round(perSecond)} per s`),
  );

const appends = async (
  bench: Bench,
  sides: Readonly<Record<SideName, SideProcess>>,
  inFlight: number,
): Promise<ReadonlyArray<Row>> => {
  const all = bench.size.databaseAppends;
  const count = Math.ceil(inFlight === 1 ? all * ALONE_SHARE : all);
  const warmUp = { do: 'append', count: Math.ceil(count * WARM_UP_SHARE), inFlight } as const;
  await sides.bare.ask(warmUp);
  await sides.adapter.ask(warmUp);
  const answers = await measured(bench, sides, `${inFlight} in flight`, { do: 'append', count, inFlight });
  return [
    rowOf(answers, `EventStoreDB: appends, ${inFlight} in flight`, 'per s', 'perSecond', GOAL),
    rowOf(answers, '… latency, median', 'ms', 'p50Ms'),
    rowOf(answers, '… latency, 99th percentile', 'ms', 'p99Ms'),
    rowOf(answers, '… CPU time of the client', 'µs', 'cpuUs'),
  ];
};

const rowOf = (
  answers: Readonly<Record<SideName, ReadonlyArray<SideAnswer>>>,
  figure: string,
  unit: Row['unit'],
  value: keyof SideAnswer,
  goal: Row['goal'] = null,
): Row => ({
  figure,
  unit,
  runs: answers.adapter.map((answer) => answer[value]),
  baseline: { name: BASELINE, unit, runs: answers.bare.map((answer) => answer[value]) },
  goal,
});

const reads = async (
  bench: Bench,
  sides: Readonly<Record<SideName, SideProcess>>,
  way: 'read' | 'subscribe',
  after: number,
): Promise<ReadonlyArray<Row>> => {
  const count = bench.size.databaseEvents;
  const answers = await measured(bench, sides, way, { do: way, after, count });
  const text = count.toLocaleString('en-US');
  const figure =
    way === 'subscribe'
      ? `EventStoreDB: catching up with ${text} events by a subscription`
      : `EventStoreDB: reading ${text} events in pages of 1,000`;
  return [
    rowOf(answers, figure, 'per s', 'perSecond', GOAL),
    rowOf(answers, '… CPU time of the client', 'µs', 'cpuUs'),
  ];
};
