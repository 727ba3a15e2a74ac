import { bareSendRate } from '../support/bare-sender.ts';
import { deliveredIn, fillFolder, newSealedSecret, platformToken } from '../support/data-folder.ts';
import { batches, startDriver } from '../support/drive.ts';
import type { Bench, Figure } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import { fourWebhooks, webhookStream } from '../support/made-up.ts';

const PER_REQUEST = 100;
const REQUESTS_IN_FLIGHT = 8;
const TOLD = 4;

/** The whole way: changes come in over HTTP, four webhooks are told of each, from the first POST to the last arrival. */
export const fanOut: Figure = {
  name: 'fan-out',
  async measure(bench) {
    const { fannedOutChanges: changes } = bench.size;
    const prepared = bench.newFolder('fan-out');
    const webhooks = fourWebhooks(bench.receiver.url, () => newSealedSecret(prepared));
    await fillFolder(prepared, webhooks.map(webhookStream));

    const rates = await interleaved(
      bench.runs,
      {
        bare: () => bareSendRate(bench, changes * TOLD),
        callboard: () => deliveryRate(bench, prepared, changes),
      },
      (run, side, rate) => bench.progress(`run ${run}, ${side}: ${Math.round(rate)} per s`),
    );
    bench.removeFolder(prepared);
    return [
      {
        figure: `Deliveries with the ingest of ${changes.toLocaleString('en-US')} changes, ${PER_REQUEST} a request, ${TOLD} webhooks told of each`,
        unit: 'per s',
        runs: rates.callboard,
        baseline: { name: 'undici POSTs', unit: 'per s', runs: rates.bare },
        goal: { of: 'ratio', atLeast: 0.5 },
      },
    ];
  },
};

const deliveryRate = async (bench: Bench, prepared: string, changes: number): Promise<number> => {
  const { receiver } = bench;
  const deliveries = changes * TOLD;
  const folder = bench.copyFolder(prepared);
  const token = await platformToken(folder);
  const driver = startDriver();
  const server = await bench.startCallboard(folder);
  await receiver.expect(deliveries);
  const { firstSentAtMs } = await driver.ask({
    url: `${server.url}/changes`,
    token,
    inFlight: REQUESTS_IN_FLIGHT,
    ...batches('fan-out', changes, PER_REQUEST),
  });
  const { lastAtMs } = await server.during(receiver.allArrived());
  await Promise.all([driver.stop(), server.stop()]);
  const delivered = await deliveredIn(folder);
  if (delivered !== deliveries) throw new Error(`${delivered} of ${deliveries} are recorded as delivered`);
  bench.removeFolder(folder);
  return (deliveries * 1000) / Math.max(1, lastAtMs - firstSentAtMs);
};
