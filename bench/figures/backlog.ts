import { randomUUID } from 'node:crypto';
import { bareSendRate } from '../support/bare-sender.ts';
import { deliveredIn, fillFolder, newSealedSecret, type NewStream } from '../support/data-folder.ts';
import type { Bench, Figure } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import {
  fourWebhooks,
  invocationStream,
  scheduled,
  toldOfUpdate,
  updateStream,
  webhookStream,
} from '../support/made-up.ts';
import { arrivalRate } from '../support/receiver-process.ts';

/** Durable deliveries a second from a backlog that is already stored: every attempt on disk before and after it. */
export const backlog: Figure = {
  name: 'backlog',
  async measure(bench) {
    const { backlogDeliveries: count } = bench.size;
    const prepared = bench.newFolder('backlog');
    bench.progress(`storing ${count} invocations`);
    await fillFolder(prepared, waitingFor(bench, prepared, count));

    const rates = await interleaved(
      bench.runs,
      { bare: () => bareSendRate(bench, count), callboard: () => deliveryRate(bench, prepared, count) },
      (run, side, rate) => bench.progress(`run ${run}, ${side}: ${Math.round(rate)} per s`),
    );
    bench.removeFolder(prepared);
    return [
      {
        figure: `Deliveries from a stored backlog of ${count.toLocaleString('en-US')}`,
        unit: 'per s',
        runs: rates.callboard,
        baseline: { name: 'undici POSTs', unit: 'per s', runs: rates.bare },
        goal: { of: 'ratio', atLeast: 0.5 },
      },
    ];
  },
};

function* waitingFor({ receiver }: Bench, folder: string, count: number): Generator<NewStream> {
  const webhooks = fourWebhooks(receiver.url, () => newSealedSecret(folder));
  yield* webhooks.map(webhookStream);
  const atMs = Date.now();
  for (let number = 0; number < count / webhooks.length; number += 1) {
    const change = randomUUID();
    yield updateStream(change, number, atMs);
    for (const webhook of webhooks) {
      yield invocationStream(scheduled(toldOfUpdate(webhook, change, number, atMs)), []);
    }
  }
}

const deliveryRate = async (bench: Bench, prepared: string, count: number): Promise<number> => {
  const { receiver } = bench;
  const folder = bench.copyFolder(prepared);
  await receiver.expect(count);
  const server = await bench.startCallboard(folder);
  const arrivals = await server.during(receiver.allArrived());
  await server.stop();
  const delivered = await deliveredIn(folder);
  if (delivered !== count) throw new Error(`${count} were waiting, ${delivered} are recorded as delivered`);
  bench.removeFolder(folder);
  return arrivalRate(arrivals);
};
