import { randomUUID } from 'node:crypto';
import type { WebhookCreated } from '../../src/domain/webhook.ts';
import type { CallboardProcess } from '../support/callboard-process.ts';
import {
  adminToken,
  fillFolder,
  fillLost,
  newSealedSecret,
  type NewStream,
  partnerToken,
} from '../support/data-folder.ts';
import type { Bench, Figure, Row } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import { lostHistory } from '../support/lost-history.ts';
import {
  attemptStarted,
  COMPANY,
  DELIVERED,
  invocationStream,
  newWebhook,
  scheduled,
  toldOfUpdate,
  UNAVAILABLE,
  updateStream,
  webhookStream,
} from '../support/made-up.ts';
import { median } from '../support/statistics.ts';

/**
 * What the pages of the dashboard cost beside very many webhooks and invocations: the time until the whole answer is there, and
 * the bytes of the first view with all that it loads. Beside an answer that reads nothing.
 */
export const dashboard: Figure = {
  name: 'dashboard',
  async measure(bench) {
    const stage = await openStage(bench);
    const firsts: number[] = [];
    for (const page of pagesOf(stage)) {
      const { ms } = await visit(stage, page);
      firsts.push(ms);
      bench.progress(`${page.name}, asked for first: ${ms.toFixed(1)} ms`);
    }
    const pages: ReadonlyArray<Page> = [{ name: 'nothing', path: '/livez' }, ...pagesOf(stage)];
    const sides: Record<string, () => Promise<number>> = Object.fromEntries(
      pages.map((page) => [page.name, () => medianMs(stage, page)]),
    );
    const costs = await interleaved(bench.runs, sides, (run, side, ms) =>
      bench.progress(`run ${run}, ${side}: ${ms.toFixed(1)} ms`),
    );
    const kilobytes = await firstViewKb(stage);
    await stage.server.stop();
    bench.removeFolder(stage.folder);

    const { dashboardWebhooks, dashboardInvocations } = bench.size;
    const [webhooks, invocations] = [dashboardWebhooks, dashboardInvocations].map((many) =>
      many.toLocaleString('en-US'),
    );
    const baseline = { name: 'GET /livez', unit: 'ms', runs: costs['nothing'] ?? [] } as const;
    return [
      ...pagesOf(stage).map(({ name }, index): Row => ({
        figure:
          index === 0
            ? `Dashboard with ${webhooks} webhooks, ${invocations} invocations: ${name}`
            : `… ${name}`,
        unit: 'ms',
        runs: costs[name] ?? [],
        baseline,
        goal: { of: 'value', atMost: 150 },
      })),
      {
        figure: '… the list, the first page after the start',
        unit: 'ms',
        runs: firsts.slice(0, 1),
        baseline: null,
        goal: { of: 'value', atMost: 150 },
      },
      {
        figure: '… the slowest of these pages, each for the first time',
        unit: 'ms',
        runs: [Math.max(...firsts)],
        baseline: null,
        goal: null,
      },
      {
        figure: '… the list with all it loads, over the wire',
        unit: 'KB',
        runs: [kilobytes],
        baseline: null,
        goal: { of: 'value', atMost: 100 },
      },
    ];
  },
};

/** Each told of every change of the newest ones. */
const TOLD = 12;
/** As many as a preview looks at. */
const NEWEST_CHANGES = 500;
const ASKED_TIMES = 11;

interface Stage {
  readonly folder: string;
  readonly server: CallboardProcess;
  /** Cookies. */
  readonly partner: string;
  readonly admin: string;
  /** Of a webhook among the newer ones. */
  readonly name: string;
  readonly busy: string;
  readonly quiet: string;
  readonly change: string;
}

interface Page {
  readonly name: string;
  readonly path: string;
  readonly byAdmin?: true;
  /** What a form sends. */
  readonly form?: Readonly<Record<string, string>>;
}

const pagesOf = ({ name, busy, quiet, change }: Stage): ReadonlyArray<Page> => [
  { name: 'the list', path: '/' },
  { name: 'the list, searched for a name', path: `/?q=${encodeURIComponent(name)}` },
  { name: 'the list, searched for what it has not', path: '/?q=nowhere' },
  { name: 'the list of those that fail', path: '/?state=failing' },
  { name: 'a webhook with a full log', path: `/dashboard/webhooks/${busy}` },
  { name: 'its log, failed ones only', path: `/dashboard/webhooks/${busy}?status=exhausted` },
  {
    name: 'its log, by a resource that it has none of',
    path: `/dashboard/webhooks/${busy}?resource=scanner`,
  },
  { name: 'a webhook that hears little', path: `/dashboard/webhooks/${quiet}` },
  { name: 'the list of changes', path: '/dashboard/changes' },
  { name: `a change, told to ${TOLD}`, path: `/dashboard/changes/${change}` },
  {
    name: 'a new webhook, with its preview',
    path: '/dashboard/webhooks/new',
    form: { step: 'preview', company_id: COMPANY, resource: 'event', trigger: 'update' },
  },
  { name: 'the overview', path: '/dashboard/overview', byAdmin: true },
];

const openStage = async (bench: Bench): Promise<Stage> => {
  const { dashboardWebhooks, dashboardInvocations } = bench.size;
  const folder = bench.newFolder('dashboard');
  const webhooks = webhooksOf(bench, newSealedSecret(folder));
  bench.progress(`storing ${dashboardWebhooks} webhooks`);
  await fillFolder(folder, webhooks.map(webhookStream));
  bench.progress(`telling the read models of ${dashboardInvocations} invocations`);
  await fillLost(folder, (after) =>
    lostHistory({ webhooks, busy: TOLD, invocations: dashboardInvocations, after }),
  );
  const changes = Array.from({ length: NEWEST_CHANGES }, () => randomUUID());
  await fillFolder(folder, newest(webhooks.slice(0, TOLD), changes));
  bench.progress('starting the server');
  const server = await bench.startCallboard(folder);
  return {
    folder,
    server,
    partner: await signIn(server, await partnerToken(folder, COMPANY)),
    admin: await signIn(server, await adminToken(folder)),
    name: webhooks.at(-Math.ceil(webhooks.length / 4))?.settings.name ?? '',
    busy: webhooks[0]?.guid ?? '',
    quiet: webhooks[Math.floor(webhooks.length / 2)]?.guid ?? '',
    change: changes.at(-1) ?? '',
  };
};

const webhooksOf = (bench: Bench, sealedSecret: string): ReadonlyArray<WebhookCreated> =>
  Array.from({ length: bench.size.dashboardWebhooks }, (_, number) => {
    const webhook = newWebhook(
      COMPANY,
      `${bench.receiver.url}/partner/${number % 5_000}/hook`,
      sealedSecret,
      {
        resource: 'event',
        trigger: 'update',
        identifier: number < TOLD ? '' : `of-partner-${number}`,
      },
    );
    return { ...webhook, settings: { ...webhook.settings, name: `Venue ${number}, updates` } };
  });

/** What the pages show in full: the newest changes, all of them in the log. */
function* newest(
  webhooks: ReadonlyArray<WebhookCreated>,
  changes: ReadonlyArray<string>,
): Generator<NewStream> {
  for (const [number, change] of changes.entries()) {
    const atMs = Date.now();
    yield updateStream(change, number, atMs);
    for (const webhook of webhooks) {
      const isExhausted = number % 10 === 0 && webhook === webhooks[0];
      yield invocationStream(scheduled(toldOfUpdate(webhook, change, number, atMs)), [
        attemptStarted(webhook, 1, atMs),
        isExhausted
          ? {
              type: 'AttemptFailed',
              number: 1,
              outcome: 'failed',
              result: UNAVAILABLE,
              nextAttemptAtMs: null,
              atMs,
            }
          : { type: 'InvocationDelivered', number: 1, result: DELIVERED, atMs },
      ]);
    }
  }
}

const signIn = async ({ url }: CallboardProcess, token: string): Promise<string> => {
  const answer = await fetch(`${url}/dashboard/sign-in`, {
    method: 'POST',
    headers: { 'sec-fetch-site': 'same-origin', origin: url },
    body: new URLSearchParams({ token }),
    redirect: 'manual',
  });
  const [cookie] = answer.headers.getSetCookie();
  if (answer.status !== 303 || cookie === undefined) throw new Error(`signing in answered ${answer.status}`);
  return cookie.split(';')[0] ?? '';
};

interface Visited {
  readonly ms: number;
  readonly text: string;
  /** Body and headers. */
  readonly bytes: number;
}

const visit = async (stage: Stage, { path, byAdmin, form }: Page): Promise<Visited> => {
  const { url } = stage.server;
  const cookie = byAdmin === true ? stage.admin : stage.partner;
  const startedMs = performance.now();
  const answer = await fetch(`${url}${path}`, {
    headers: { cookie, 'sec-fetch-site': 'same-origin' },
    redirect: 'manual',
    ...(form !== undefined && { method: 'POST', body: new URLSearchParams(form) }),
  });
  const text = await answer.text();
  const ms = performance.now() - startedMs;
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
  const headers = [...answer.headers].reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  return { ms, text, bytes: Buffer.byteLength(text) + headers };
};

const medianMs = async (stage: Stage, page: Page): Promise<number> => {
  const times: number[] = [];
  for (let time = 0; time < ASKED_TIMES; time += 1) times.push((await visit(stage, page)).ms);
  return median(times);
};

/** The page, and each file of ours that it names. */
const firstViewKb = async (stage: Stage): Promise<number> => {
  const { text, bytes } = await visit(stage, { name: 'the list', path: '/' });
  let sum = bytes;
  const assets = new Set(text.match(/\/dashboard\/assets\/[^"]+/g));
  for (const path of assets) sum += (await visit(stage, { name: 'a file', path })).bytes;
  return sum / 1000;
};
