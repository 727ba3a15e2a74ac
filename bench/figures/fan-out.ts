import { bareSendRate } from '../support/bare-sender.ts';
import { deliveredIn, fillFolder, newSealedSecret, platformToken } from '../support/data-folder.ts';
import { batches, startDriver } from '../support/drive.ts';
import type { Bench, Figure } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import { fourWebhooks, webhookStream } from '../support/made-up.ts';

const PER_REQUEST = 100;
const REQUESTS_IN_FLIGHT = 8;
const TOLD = 4;

/** Changes before those that are measured, as a share of them: a server runs for weeks, its first second is no measure. */
const WARM_UP_SHARE = 1;

/**
 * The whole way: changes come in over HTTP, four webhooks are told of each, from the first POST to the last arrival. Both
 * sides are warmed up: as many deliveries, and as many bare POSTs, come before those that are measured.
 */
export const fanOut: Figure = {
  name: 'fan-out',
  async measure(bench) {
    const { fannedOutChanges: changes } = bench.size;
    const warmUp = Math.ceil(changes * WARM_UP_SHARE);
    const prepared = bench.newFolder('fan-out');
    const webhooks = fourWebhooks(bench.receiver.url, () => newSealedSecret(prepared));
    await fillFolder(prepared, webhooks.map(webhookStream));

    const rates = await interleaved(
      bench.runs,
      {
        bare: () => bareSendRate(bench, changes * TOLD, warmUp * TOLD),
        callboard: () => deliveryRate(bench, prepared, changes, warmUp),
      },
      (run, side, rate) => bench.progress(`run ${run}, ${side}: ${Math.round(rate)} per s`),
    );
    bench.removeFolder(prepared);
    return [
      {
        figure: `Deliveries, warmed up, with the ingest of ${changes.toLocaleString('en-US')} changes, ${PER_REQUEST} a request, ${TOLD} webhooks told of each`,
        unit: 'per s',
        runs: rates.callboard,
        baseline: { name: 'undici POSTs', unit: 'per s', runs: rates.bare },
        goal: { of: 'ratio', atLeast: 0.5 },
      },
    ];
  },
};

const deliveryRate = async (
  bench: Bench,
  prepared: string,
  changes: number,
  warmUp: number,
): Promise<number> => {
  const { receiver } = bench;
  const deliveries = changes * TOLD;
  const folder = bench.copyFolder(prepared);
  const token = await platformToken(folder);
  const driver = startDriver();
  const server = await bench.startCallboard(folder);
  const drive = async (series: string, count: number) => {
    await receiver.expect(count * TOLD);
    const { firstSentAtMs } = await driver.ask({
      url: `${server.url}/changes`,
      token,
      inFlight: REQUESTS_IN_FLIGHT,
      ...batches(series, count, PER_REQUEST),
    });
    const { lastAtMs } = await server.during(receiver.allArrived());
    return lastAtMs - firstSentAtMs;
  };
  await drive('warm-up', warmUp);
  const tookMs = await drive('fan-out', changes);
  await Promise.all([driver.stop(), server.stop()]);
  const delivered = await deliveredIn(folder);
  const expected = deliveries + warmUp * TOLD;
  if (delivered !== expected) throw new Error(`${delivered} of ${expected} are recorded as delivered`);
  bench.removeFolder(folder);
  return (deliveries * 1000) / Math.max(1, tookMs);
};
