import { randomUUID } from 'node:crypto';
import type { BareRead, ReadAsk } from '../processes/bare-read.ts';
import { streamOf } from '../../src/domain/ids.ts';
import type { Json } from '../../src/domain/json.ts';
import { relationsOfOrder } from '../../src/domain/resource-change.ts';
import type { ResourceRef } from '../../src/domain/resources.ts';
import type { WebhookCreated } from '../../src/domain/webhook.ts';
import {
  eventsFile,
  fillFolder,
  newSealedSecret,
  type NewStream,
  removeReadModels,
} from '../support/data-folder.ts';
import type { Bench, Figure } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import {
  attemptStarted,
  causeOf,
  DELIVERED,
  invocationStream,
  newWebhook,
  scheduled,
  type Told,
  UNAVAILABLE,
  webhookStream,
} from '../support/made-up.ts';
import { startWorker } from '../support/worker.ts';

/** How long a server with a long log takes from its start to being ready, with its read models and without. */
export const start: Figure = {
  name: 'start',
  async measure(bench) {
    const folder = bench.newFolder('start');
    bench.progress(`storing ${bench.size.startEvents} events`);
    const events = await fillFolder(folder, sales(bench, folder, bench.size.startEvents));
    const total = events.toLocaleString('en-US');

    const intact = await interleaved(
      bench.runs,
      { empty: () => startOnNothing(bench), callboard: () => startSeconds(bench, folder) },
      (run, side, seconds) => bench.progress(`run ${run}, ${side}: ready after ${seconds.toFixed(2)} s`),
    );
    const rebuilt = await interleaved(
      bench.size.longRuns,
      {
        bare: () => bareReadRate(folder),
        callboard: async () => {
          removeReadModels(folder);
          return events / (await startSeconds(bench, folder));
        },
      },
      (run, side, rate) => bench.progress(`rebuild, run ${run}, ${side}: ${Math.round(rate)} events per s`),
    );
    bench.removeFolder(folder);
    return [
      {
        figure: `Start to ready with ${total} events`,
        unit: 's',
        runs: intact.callboard,
        baseline: { name: 'with none', unit: 's', runs: intact.empty },
        goal: { of: 'value', atMost: 5 },
      },
      {
        figure: `Events read and decided on while all read models are built anew from ${total}`,
        unit: 'per s',
        runs: rebuilt.callboard,
        baseline: { name: 'read and JSON.parse', unit: 'per s', runs: rebuilt.bare },
        goal: { of: 'ratio', atLeast: 0.5 },
      },
    ];
  },
};

const startSeconds = async (bench: Bench, folder: string): Promise<number> => {
  const server = await bench.startCallboard(folder);
  await server.stop();
  return server.readyAfterMs / 1000;
};

const startOnNothing = async (bench: Bench): Promise<number> => {
  const folder = bench.newFolder('start-empty');
  const seconds = await startSeconds(bench, folder);
  bench.removeFolder(folder);
  return seconds;
};

const bareReadRate = async (folder: string): Promise<number> => {
  const reader = startWorker<ReadAsk, BareRead>(new URL('../processes/bare-read.ts', import.meta.url));
  const { events, elapsedMs } = await reader.ask({ path: eventsFile(folder) });
  await reader.stop();
  return (events * 1000) / elapsedMs;
};

const COMPANIES = 50;
/** One attempt in so many fails first. */
const FAILS_ONE_IN = 10;
const SALES_PER_SECOND = 50;

/** Orders sold, each told to two webhooks: one on orders, one on the order's event. */
export function* sales({ receiver }: Bench, folder: string, eventsMin: number): Generator<NewStream> {
  const sealedSecret = newSealedSecret(folder);
  const companies = Array.from({ length: COMPANIES }, (_, index) => {
    const companyId = randomUUID();
    const url = `${receiver.url}/company/${index}`;
    const onOrders = newWebhook(companyId, url, sealedSecret, { resource: 'order', trigger: 'paid' });
    const onEvents = newWebhook(companyId, url, sealedSecret, {
      resource: 'event',
      trigger: 'paid',
      triggeredByChildResources: true,
    });
    return { companyId, onOrders, onEvents };
  });
  let events = 0;
  for (const { companyId, onOrders, onEvents } of companies) {
    const opened: NewStream = {
      stream: streamOf.account(companyId),
      events: [{ id: randomUUID(), event: { type: 'AccountOpened', companyId, atMs: onOrders.atMs } }],
      cause: causeOf(companyId, companyId),
    };
    events += 3;
    yield* [opened, webhookStream(onOrders), webhookStream(onEvents)];
  }
  const firstMs = Date.now() - (eventsMin * 1000) / SALES_PER_SECOND;
  for (let number = 0; events < eventsMin; number += 1) {
    const company = companies[number % COMPANIES];
    if (company === undefined) throw new Error('there are companies');
    for (const stream of sale(company, number, firstMs + (number * 1000) / SALES_PER_SECOND)) {
      events += stream.events.length;
      yield stream;
    }
  }
}

interface Company {
  readonly companyId: string;
  readonly onOrders: WebhookCreated;
  readonly onEvents: WebhookCreated;
}

function* sale(
  { companyId, onOrders, onEvents }: Company,
  number: number,
  atMs: number,
): Generator<NewStream> {
  const change = randomUUID();
  const origin: ResourceRef = { resource: 'order', identifier: String(1_000_000 + number) };
  const event: ResourceRef = { resource: 'event', identifier: String(500 + (number % 20)) };
  const data = orderData(origin, event, number);
  yield {
    stream: streamOf.resource(companyId, origin.resource, origin.identifier),
    events: [
      {
        id: change,
        event: {
          type: 'OrderSold',
          companyId,
          ...origin,
          changeType: 'order.sold',
          triggers: ['create', 'paid'],
          source: '/bench',
          id: String(number),
          fingerprint: change.replaceAll('-', '').repeat(2),
          occurredAtMs: atMs,
          data,
          relations: { declared: [], derived: relationsOfOrder(data) ?? [] },
          atMs,
        },
      },
    ],
    cause: causeOf(companyId, change),
  };
  const told = { change, trigger: 'paid', origin, dataJson: JSON.stringify(data), atMs } as const;
  yield delivered({ ...told, webhook: onOrders, reached: origin }, number);
  yield delivered({ ...told, webhook: onEvents, reached: event }, number + 1);
}

const delivered = (told: Told, number: number): NewStream => {
  const { webhook, atMs } = told;
  const nextAttemptAtMs = atMs + 30_000;
  const first = scheduled(told);
  if (number % FAILS_ONE_IN !== 0) {
    return invocationStream(first, [
      attemptStarted(webhook, 1, atMs),
      { type: 'InvocationDelivered', number: 1, result: DELIVERED, atMs },
    ]);
  }
  return invocationStream(first, [
    attemptStarted(webhook, 1, atMs),
    { type: 'AttemptFailed', number: 1, outcome: 'failed', result: UNAVAILABLE, nextAttemptAtMs, atMs },
    attemptStarted(webhook, 2, nextAttemptAtMs),
    { type: 'InvocationDelivered', number: 2, result: DELIVERED, atMs: nextAttemptAtMs },
  ]);
};

const orderData = (order: ResourceRef, event: ResourceRef, number: number): Json => ({
  id: order.identifier,
  event: { id: event.identifier, name: 'Night of the Long Encore' },
  currency: 'EUR',
  total: 7_450,
  customer: { name: `Customer ${number}`, email: `customer-${number}@example.com` },
  tickets: {
    items: [
      { id: `${number}-1`, barcode: `B${number}0001`, ticketType: { id: '71', name: 'Floor' }, price: 3_725 },
      {
        id: `${number}-2`,
        barcode: `B${number}0002`,
        ticketType: { id: '72', name: 'Balcony' },
        price: 3_725,
      },
    ],
  },
});
