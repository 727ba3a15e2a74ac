import { join } from 'node:path';
import type { Driven } from '../processes/driver.ts';
import type { KoaAsk } from '../processes/koa-ingest.ts';
import { platformToken } from '../support/data-folder.ts';
import { singles, startDriver } from '../support/drive.ts';
import type { Bench, Figure, Row, Unit } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import { startWorker } from '../support/worker.ts';

const CONNECTIONS = 64;
const WARM_UP_REQUESTS = 1_000;

/** Single changes a second, each answered when it is on disk. */
export const ingest: Figure = {
  name: 'ingest',
  async measure(bench) {
    const driven = await interleaved(
      bench.runs,
      { koa: () => driveKoa(bench), callboard: () => driveCallboard(bench) },
      (run, side, { requestsPerSecond }) =>
        bench.progress(`run ${run}, ${side}: ${Math.round(requestsPerSecond)} per s`),
    );
    const row = (figure: string, unit: Unit, value: (of: Driven) => number, goal: Row['goal']): Row => ({
      figure,
      unit,
      runs: driven.callboard.map(value),
      baseline: { name: 'koa, one fdatasync a group', unit, runs: driven.koa.map(value) },
      goal,
    });
    return [
      row(`Ingest of single changes over ${CONNECTIONS} connections`, 'per s', (of) => of.requestsPerSecond, {
        of: 'ratio',
        atLeast: 0.5,
      }),
      row('… latency, median', 'ms', (of) => of.p50Ms, null),
      row('… latency, 99th percentile', 'ms', (of) => of.p99Ms, null),
    ];
  },
};

const driveCallboard = async (bench: Bench): Promise<Driven> => {
  const folder = bench.newFolder('ingest');
  const token = await platformToken(folder);
  const server = await bench.startCallboard(folder);
  const driven = await drive(bench, server.url, token);
  await server.stop();
  bench.removeFolder(folder);
  return driven;
};

const driveKoa = async (bench: Bench): Promise<Driven> => {
  const folder = bench.newFolder('koa');
  const koa = startWorker<KoaAsk, number>(new URL('../processes/koa-ingest.ts', import.meta.url));
  const port = await koa.ask({ file: join(folder, 'changes.jsonl') });
  const driven = await drive(bench, `http://127.0.0.1:${port}`, 'none');
  await koa.stop();
  bench.removeFolder(folder);
  return driven;
};

const drive = async ({ size }: Bench, url: string, token: string): Promise<Driven> => {
  const driver = startDriver();
  const to = { url: `${url}/changes`, token, inFlight: CONNECTIONS };
  await driver.ask({ ...to, ...singles('warm-up', Math.min(WARM_UP_REQUESTS, size.ingestRequests)) });
  const driven = await driver.ask({ ...to, ...singles('measured', size.ingestRequests) });
  await driver.stop();
  return driven;
};
