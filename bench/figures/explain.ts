import { randomUUID } from 'node:crypto';
import { streamOf } from '../../src/domain/ids.ts';
import type { ResourceChange } from '../../src/domain/resource-change.ts';
import type { WebhookCreated } from '../../src/domain/webhook.ts';
import type { CallboardProcess } from '../support/callboard-process.ts';
import { fillFolder, newSealedSecret, type NewStream, partnerToken } from '../support/data-folder.ts';
import type { Bench, Figure, Row } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import {
  attemptStarted,
  causeOf,
  COMPANY,
  DELIVERED,
  invocationStream,
  newWebhook,
  scheduled,
  toldOfUpdate,
  updateStream,
  webhookStream,
} from '../support/made-up.ts';
import { median } from '../support/statistics.ts';

/**
 * What the questions of an auditor cost over HTTP, in a small and in a large store: why each of many webhooks was told of a
 * change or not, a webhook's history, a resource as of a moment, and its timeline. Beside an answer that reads nothing.
 */
export const explain: Figure = {
  name: 'explain',
  async measure(bench) {
    const stores: Store[] = [];
    for (const events of bench.size.auditedEvents) {
      bench.progress(`storing ${events} events and ${bench.size.explainedWebhooks} webhooks`);
      stores.push(await openedStore(bench, events));
    }
    const sides: Record<string, () => Promise<number>> = {};
    for (const store of stores) {
      sides[`nothing in ${store.events}`] = () => medianMs(store, '/livez');
      for (const [question, path] of Object.entries(questionsOf(store))) {
        sides[`${question} in ${store.events}`] = () => medianMs(store, path);
      }
      sides[`walk in ${store.events}`] = () => walkMs(store, bench.size.explainedWebhooks);
    }
    const costs = await interleaved(bench.runs, sides, (run, side, ms) => {
      bench.progress(`run ${run}, ${side}: ${ms.toFixed(1)} ms`);
    });
    for (const { server, folder } of stores) {
      await server.stop();
      bench.removeFolder(folder);
    }
    return rowsOf(bench, stores, (side) => costs[side] ?? []);
  },
};

const rowsOf = (
  bench: Bench,
  stores: ReadonlyArray<Store>,
  costs: (side: string) => ReadonlyArray<number>,
): ReadonlyArray<Row> => {
  const text = (count: number): string => count.toLocaleString('en-US');
  const webhooks = text(bench.size.explainedWebhooks);
  const rows: Row[] = [];
  const [small, large] = [stores[0], stores.at(-1)];
  if (small === undefined || large === undefined) throw new Error('there are stores');
  const nothing = { name: 'GET /livez', unit: 'ms', runs: costs(`nothing in ${large.events}`) } as const;
  rows.push({
    figure: `Explain: a page of ${PAGE} of ${webhooks} webhooks, among ${text(large.events)} events`,
    unit: 'ms',
    runs: costs(`explain in ${large.events}`),
    baseline: nothing,
    goal: { of: 'value', atMost: 200 },
  });
  rows.push({
    figure: `… all ${webhooks} of them, page by page`,
    unit: 'ms',
    runs: costs(`walk in ${large.events}`),
    baseline: nothing,
    goal: null,
  });
  for (const [question, name] of [
    ['explain', 'A page of explain'],
    ['history', 'The history of a webhook'],
    ['resource', 'A resource as of a moment'],
    ['timeline', 'The timeline of a resource'],
  ] as const) {
    rows.push({
      figure: `${name} among ${text(large.events)} events, against ${text(small.events)}`,
      unit: 'ms',
      runs: costs(`${question} in ${large.events}`),
      baseline: {
        name: `among ${text(small.events)}`,
        unit: 'ms',
        runs: costs(`${question} in ${small.events}`),
      },
      goal: { of: 'ratio', atMost: 1.5 },
    });
  }
  return rows;
};

/** Webhooks on one page: the most that a page has. */
const PAGE = 200;
const ASKED_TIMES = 11;
/** Changes of the one event that is asked about, each told to one webhook. */
const CHANGES = 10;
const UPDATES = 20;

interface Store {
  readonly events: number;
  readonly folder: string;
  readonly server: CallboardProcess;
  readonly token: string;
  readonly change: string;
  readonly webhook: string;
  readonly identifier: string;
}

const questionsOf = ({ change, webhook, identifier }: Store): Readonly<Record<string, string>> => ({
  explain: `/changes/${change}/explain?limit=${PAGE}`,
  history: `/webhook/${webhook}/history`,
  resource: `/resources/event/${identifier}?at=${encodeURIComponent(new Date().toISOString())}`,
  timeline: `/resources/event/${identifier}/timeline`,
});

const openedStore = async (bench: Bench, events: number): Promise<Store> => {
  const folder = bench.newFolder('explain');
  const sealedSecret = newSealedSecret(folder);
  const webhooks = Array.from({ length: bench.size.explainedWebhooks }, () =>
    newWebhook(COMPANY, `${bench.receiver.url}/explain`, sealedSecret, {
      resource: 'event',
      trigger: 'update',
      identifier: 'of nobody',
    }),
  );
  const [webhook] = webhooks;
  if (webhook === undefined) throw new Error('there are webhooks');
  const asked = updateStream(randomUUID(), 0, Date.now());
  const first = asked.events[0]?.event as ResourceChange;
  const changes = Array.from({ length: CHANGES }, (_, number) => ({
    id: randomUUID(),
    event: { ...first, id: `asked-${number}` },
  }));
  await fillFolder(folder, history(events, webhooks, { ...asked, events: changes }));
  const [change] = changes;
  if (change === undefined) throw new Error('there are changes');
  return {
    events,
    folder,
    server: await bench.startCallboard(folder),
    token: await partnerToken(folder, COMPANY),
    change: change.id,
    webhook: webhook.guid,
    identifier: first.identifier,
  };
};

/** What is asked about stands in the middle of much else. */
function* history(
  events: number,
  webhooks: ReadonlyArray<WebhookCreated>,
  asked: NewStream & { readonly events: ReadonlyArray<{ readonly id: string }> },
): Generator<NewStream> {
  yield {
    stream: streamOf.account(COMPANY),
    events: [{ id: randomUUID(), event: { type: 'AccountOpened', companyId: COMPANY, atMs: Date.now() } }],
    cause: causeOf(COMPANY, COMPANY),
  };
  const [first, ...others] = webhooks;
  if (first === undefined) return;
  const updates = Array.from({ length: UPDATES }, (_, number) => ({
    id: randomUUID(),
    event: { type: 'WebhookUpdated', changes: { retries: number }, atMs: first.atMs } as const,
  }));
  const created = webhookStream(first);
  yield { ...created, events: [...created.events, ...updates] };
  yield* others.map(webhookStream);
  for (let number = 1; number <= events; number += 1) {
    yield updateStream(randomUUID(), number, Date.now());
    if (number === Math.floor(events / 2)) yield* toldOf(asked, first);
  }
}

function* toldOf(
  asked: NewStream & { readonly events: ReadonlyArray<{ readonly id: string }> },
  webhook: WebhookCreated,
): Generator<NewStream> {
  yield asked;
  for (const { id } of asked.events) {
    const atMs = Date.now();
    yield invocationStream(scheduled(toldOfUpdate(webhook, id, 0, atMs)), [
      attemptStarted(webhook, 1, atMs),
      { type: 'InvocationDelivered', number: 1, result: DELIVERED, atMs },
    ]);
  }
}

const get = async ({ server, token }: Store, path: string): Promise<{ readonly next?: string | null }> => {
  const response = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  if (response.status !== 200) throw new Error(`GET ${path} answered ${response.status}`);
  return (await response.json()) as { readonly next?: string | null };
};

const medianMs = async (store: Store, path: string): Promise<number> => {
  const times: number[] = [];
  for (let time = 0; time < ASKED_TIMES; time += 1) {
    const startedMs = performance.now();
    await get(store, path);
    times.push(performance.now() - startedMs);
  }
  return median(times);
};

/** Every page of the explanation of one change. */
const walkMs = async (store: Store, webhooks: number): Promise<number> => {
  const startedMs = performance.now();
  let seen = 0;
  for (let after = ''; ;) {
    const page = await get(store, `/changes/${store.change}/explain?limit=${PAGE}${after}`);
    seen += (page as { readonly items: ReadonlyArray<unknown> }).items.length;
    if (page.next === null || page.next === undefined) break;
    after = `&after=${page.next}`;
  }
  if (seen !== webhooks) throw new Error(`${seen} of ${webhooks} webhooks were explained`);
  return performance.now() - startedMs;
};
