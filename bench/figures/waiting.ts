import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Memory } from '../support/memory.ts';
import {
  deliveredIn,
  fillFolder,
  newSealedSecret,
  type NewStream,
  platformToken,
} from '../support/data-folder.ts';
import { batches, startDriver } from '../support/drive.ts';
import type { Bench, Figure, Row } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import {
  attemptStarted,
  fourWebhooks,
  invocationStream,
  scheduled,
  toldOfUpdate,
  UNAVAILABLE,
  updateStream,
  webhookStream,
} from '../support/made-up.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const FAILED_BEFORE_MS = 60_000;
const PER_REQUEST = 100;
const REQUESTS_IN_FLIGHT = 8;
const TOLD = 4;

/** Memory of a server that holds many invocations, each failed once and due in a day. */
export const waiting: Figure = {
  name: 'waiting',
  async measure(bench) {
    const { waitingInvocations: count, freshChanges } = bench.size;
    const [folder, empty] = [bench.newFolder('waiting'), bench.newFolder('empty')];
    bench.progress(`storing ${count} invocations that wait`);
    await fillFolder(folder, failedOnce(bench, folder, count));
    await fillFolder(empty, failedOnce(bench, empty, 0));

    const sides = {
      empty: (run: number) => measureMemory(bench, empty, run),
      callboard: (run: number) => measureMemory(bench, folder, run),
    };
    const memory = await interleaved(bench.size.longRuns, sides, (run, side, { idle, busy }) => {
      bench.progress(
        `run ${run}, ${side}: ${idle.rssMb.toFixed(0)} MB, delivering ${busy.rssMb.toFixed(0)} MB`,
      );
    });
    bench.removeFolder(folder);
    bench.removeFolder(empty);
    const row = (figure: string, value: (of: Measured) => number, goal: Row['goal']): Row => ({
      figure,
      unit: 'MB',
      runs: memory.callboard.map(value),
      baseline: { name: 'none waiting', unit: 'MB', runs: memory.empty.map(value) },
      goal,
    });
    const atMost = { of: 'value', atMost: 300 } as const;
    return [
      row(
        `Memory (RSS) with ${count.toLocaleString('en-US')} invocations waiting`,
        ({ idle }) => idle.rssMb,
        atMost,
      ),
      row(`… after ${freshChanges * TOLD} deliveries beside them`, ({ busy }) => busy.rssMb, atMost),
      row('… the most there ever was', ({ busy }) => busy.rssMaxMb, null),
    ];
  },
};

function* failedOnce({ receiver }: Bench, folder: string, count: number): Generator<NewStream> {
  const webhooks = fourWebhooks(receiver.url, () => newSealedSecret(folder));
  yield* webhooks.map(webhookStream);
  const atMs = Date.now() - FAILED_BEFORE_MS;
  const nextAttemptAtMs = atMs + DAY_MS;
  for (let number = 0; number < count / webhooks.length; number += 1) {
    const change = randomUUID();
    yield updateStream(change, number, atMs);
    for (const webhook of webhooks) {
      yield invocationStream(scheduled(toldOfUpdate(webhook, change, number, atMs)), [
        attemptStarted(webhook, 1, atMs),
        { type: 'AttemptFailed', number: 1, outcome: 'failed', result: UNAVAILABLE, nextAttemptAtMs, atMs },
      ]);
    }
  }
}

interface Measured {
  readonly idle: Memory;
  readonly busy: Memory;
}

const measureMemory = async (bench: Bench, folder: string, run: number): Promise<Measured> => {
  const { receiver, size } = bench;
  const deliveries = size.freshChanges * TOLD;
  const token = await platformToken(folder);
  const server = await bench.startCallboard(folder);
  await sleep(size.settleMs);
  const idle = server.memory();

  const driver = startDriver();
  await receiver.expect(deliveries);
  await driver.ask({
    url: `${server.url}/changes`,
    token,
    inFlight: REQUESTS_IN_FLIGHT,
    ...batches(`run-${run}`, size.freshChanges, PER_REQUEST),
  });
  await server.during(receiver.allArrived());
  const busy = server.memory();
  await Promise.all([driver.stop(), server.stop()]);
  if (run === size.longRuns) {
    const delivered = await deliveredIn(folder);
    if (delivered !== deliveries * run)
      throw new Error(`${delivered} of ${deliveries * run} are recorded as delivered`);
  }
  return { idle, busy };
};
