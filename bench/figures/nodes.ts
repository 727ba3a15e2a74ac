import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { issueToken } from '../../src/adapters/jwt.ts';
import { openSecretBox } from '../../src/adapters/secret-box.ts';
import { systemRandom } from '../../src/adapters/system-random.ts';
import { realServer } from '../../test/eventstoredb/real.ts';
import { storeSettings } from '../../test/kill/database-store.ts';
import { startDriver } from '../support/drive.ts';
import type { CallboardProcess } from '../support/callboard-process.ts';
import type { Bench, Figure, Row } from '../support/figure.ts';
import { cloudEvent } from '../support/made-up.ts';
import { startWorker } from '../support/worker.ts';

/** Webhooks told of each change, each at an endpoint of its own: as many as spread evenly over a few nodes. */
const TOLD = 24;
const PER_REQUEST = 10;
const REQUESTS_IN_FLIGHT = 8;
const NODES = [1, 2, 3];
/** A real one is bound to the secret of whoever used it first. */
const SECRET = process.env['CALLBOARD_SECRET'] ?? 'a secret for tests that nothing else is signed with';
const BATCH = 'application/cloudevents-batch+json';
const LOOK_MS = 50;

/**
 * The whole way on EventStoreDB, from the first POST to the last arrival, with one node and with several that share the
 * work: `ESDB_URL`, or its double in a process of its own, which keeps everything in memory and is a single thread.
 */
export const nodes: Figure = {
  name: 'nodes',
  async measure(bench) {
    const changes = Math.ceil(bench.size.sharedDeliveries / TOLD);
    const rates = new Map<number, number[]>(NODES.map((count) => [count, []]));
    for (let run = 1; run <= bench.runs; run += 1) {
      for (const count of NODES) {
        const rate = await deliveryRate(bench, count, changes);
        rates.get(count)?.push(rate);
        bench.progress(`run ${run}, ${count} nodes: ${Math.round(rate)} per s`);
      }
    }
    const where = realServer() === undefined ? 'EventStoreDB’s double' : 'EventStoreDB';
    const alone = rates.get(1) ?? [];
    return NODES.map((count): Row => {
      const figure = `Deliveries on ${where}, ${count} ${count === 1 ? 'node' : 'nodes'}`;
      const baseline = count === 1 ? null : { name: '1 node', unit: 'per s' as const, runs: alone };
      return { figure, unit: 'per s', runs: rates.get(count) ?? [], baseline, goal: null };
    });
  },
};

const deliveryRate = async (bench: Bench, count: number, changes: number): Promise<number> => {
  const { receiver } = bench;
  const double = startWorker<object, string>(new URL('../processes/double.ts', import.meta.url));
  const reached = realServer() ?? { url: await double.ask({}), login: { user: null, certificate: null } };
  const folders = Array.from({ length: count }, (_, n) => bench.newFolder(`node-${n}`));
  const environment = { ...storeSettings(reached), CALLBOARD_SECRET: SECRET };
  const servers = await Promise.all(folders.map((folder) => bench.startCallboard(folder, environment)));
  const company = randomUUID();
  const token = await issueToken(
    openSecretBox(SECRET, systemRandom()).tokenKey(),
    { subject: 'bench', role: 'admin', companies: '*', expiresAtMs: Date.now() + 3_600_000 },
    Date.now(),
  );
  await allShare(servers, token);
  await makeWebhooks(servers[0] as CallboardProcess, token, company, receiver.url);

  const deliveries = changes * TOLD;
  await receiver.expect(deliveries);
  const parts = servers
    .map(({ url: node }, n) => ({
      url: `${node}/changes`,
      bodies: bodies(company, changes).filter((_, index) => index % count === n),
    }))
    .filter((part) => part.bodies.length > 0);
  const drivers = parts.map((part) => ({ part, driver: startDriver() }));
  const inFlight = Math.ceil(REQUESTS_IN_FLIGHT / count);
  const driven = await Promise.all(
    drivers.map(({ part, driver }) => driver.ask({ ...part, token, inFlight, contentType: BATCH })),
  );
  const arrived = receiver.allArrived();
  const { lastAtMs } = await Promise.race(servers.map((server) => server.during(arrived)));
  await Promise.all(drivers.map(({ driver }) => driver.stop()));
  await Promise.all(servers.map((server) => server.stop()));
  await double.stop();
  for (const folder of folders) bench.removeFolder(folder);
  const firstAtMs = Math.min(...driven.map(({ firstSentAtMs: sentAtMs }) => sentAtMs));
  return (deliveries * 1000) / Math.max(1, lastAtMs - firstAtMs);
};

/** Resolves when every node has its part. */
const allShare = async (servers: ReadonlyArray<CallboardProcess>, token: string): Promise<void> => {
  for (const { url } of servers) {
    for (;;) {
      const answer = await fetch(`${url}/nodes`, { headers: { authorization: `Bearer ${token}` } });
      const { items } = (await answer.json()) as { readonly items: ReadonlyArray<{ partitions: number }> };
      if (items.filter(({ partitions }) => partitions > 0).length === servers.length) break;
      await sleep(LOOK_MS);
    }
  }
};

const makeWebhooks = async (
  { url }: CallboardProcess,
  token: string,
  company: string,
  receiverUrl: string,
): Promise<void> => {
  for (let n = 0; n < TOLD; n += 1) {
    const made = await fetch(`${url}/webhook`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        name: 'bench',
        company_id: company,
        url: `${receiverUrl}/nodes/${n}`,
        resource: 'event',
        trigger: 'update',
        retries: 3,
      }),
    });
    if (made.status !== 201) throw new Error(`POST /webhook answered ${made.status}: ${await made.text()}`);
  }
};

const bodies = (company: string, changes: number): ReadonlyArray<string> =>
  Array.from({ length: Math.ceil(changes / PER_REQUEST) }, (_, request) => {
    const first = request * PER_REQUEST;
    const length = Math.min(PER_REQUEST, changes - first);
    const batch = Array.from({ length }, (_event, at) => cloudEvent('nodes', first + at) as object);
    return JSON.stringify(batch.map((event) => ({ ...event, companyid: company })));
  });
