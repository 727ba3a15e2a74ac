import { setTimeout as sleep } from 'node:timers/promises';
import { Api } from './api.ts';
import { compare, type Evidence } from './audit.ts';
import { callboard, type EngineProcess, RETRY_BASE_MS } from './engine-process.ts';
import { COMPANY, festivalNight, STORIED_ORDER } from './evening.ts';
import { keepOn, linkTo } from './keep.ts';
import { killAndRestart, worstMoment } from './kill.ts';
import { printOrderLife } from './order-life.ts';
import { messagesOf, Platform } from './platform.ts';
import { printPlan, printStage, printSubscriptions } from './programme.ts';
import type { Receivers } from './receivers.ts';
import { printHardest } from './delivery.ts';
import { printChanges, printInterrupted, printVerdict, printWebhooks } from './report.ts';
import { expectedSoFar, type Scene, type Stage, until } from './scene.ts';
import { type Subscribed, type Subscription, SUBSCRIPTIONS } from './subscriptions.ts';

const SEED = 20_260_822;
const PAUSE_BETWEEN_REPORTS_MS = 65;
/** After the last report everything must be settled in this time; what is not counts as lost. */
const SETTLE_MAX_MS = 25_000;
/** How long the demo goes on listening for requests that should not come. */
const QUIET_MS = 600;
/** Of the Moshtix dialect, as its page prints it. */
const CLIENT_ID = 6080;
/** The webhook of which one delivery is shown in full. */
const SHOWN = 'ticket-paid';

/** A festival night, from the first webhook to the comparison at the end. Answers whether all is well. */
export const playEvening = async (stage: Stage, fail: (error: unknown) => void): Promise<boolean> => {
  const { screen, signal, receivers, dataDir } = stage;
  let engine = await stage.startEngine(0);
  const baseUrl = (): string => engine.url;
  const token = (role: string, ...more: ReadonlyArray<string>): Promise<string> =>
    callboard(dataDir, 'token', '--role', role, '--company', COMPANY.id, '--expires', '1h', ...more);
  const [partnerToken, platformToken] = await Promise.all([
    token('partner', '--client', String(CLIENT_ID)),
    token('platform'),
  ]);
  await engine.ready(signal);
  const partner = new Api({ baseUrl, token: partnerToken, signal });
  const platform = new Platform(new Api({ baseUrl, token: platformToken, signal }), signal);
  printStage(stage, engine, await linkTo(engine.url, partnerToken));

  screen.heading('Who wants to know');
  const subscriptions: Subscribed[] = [];
  for (const subscription of SUBSCRIPTIONS)
    subscriptions.push(await subscribe(partner, receivers, subscription));
  printSubscriptions(screen, subscriptions);

  screen.heading('The evening');
  const reports = festivalNight(SEED);
  const messages = messagesOf(reports, SEED);
  printPlan(screen, reports, messages);
  const deliveries = reports.flatMap((report) => subscriptions.filter(({ hears }) => hears(report))).length;
  const scene: Scene = { ...stage, partner, platform, subscriptions, reports, deliveries };
  platform.report(messages, PAUSE_BETWEEN_REPORTS_MS).catch(fail);
  await until(scene, () => worstMoment(scene), { everyMs: 1 });
  engine = await killAndRestart(scene, engine);
  await until(scene, () => platform.accepted.length === reports.length);
  const { unanswered, duplicates } = platform;
  screen.event(
    `all is reported: ${unanswered} tries unanswered and sent again, ${duplicates} changes known by then`,
  );
  await settle(scene);

  const evidence = await collect(scene);
  screen.heading('What the platform reported, and who was told');
  printChanges(screen, evidence);
  screen.heading('What the receivers saw');
  printWebhooks(screen, evidence);
  screen.heading('What the kill cut off');
  printInterrupted(screen, evidence);
  screen.heading('One delivery in full');
  printHardest(screen, evidence, SHOWN);
  screen.heading('One order, as both dialects tell of it');
  printOrderLife(screen, evidence, STORIED_ORDER);
  const { port } = engine;
  const isWell = await conclude(stage, engine, evidence);
  return stage.keep ? keepOn(stage, port) : isWell;
};

/**
 * Each webhook as its dialect takes it: OpenTicket's by one of three encodings (multipart is what PHP's cURL sends),
 * Moshtix's by a mutation.
 */
const subscribe = async (
  partner: Api,
  receivers: Receivers,
  subscription: Subscription,
): Promise<Subscribed> => {
  const { name, receiver } = subscription;
  const url = `http://127.0.0.1:${receivers.ports[receiver]}/${name}`;
  if (subscription.dialect === 'moshtix') {
    const { systemEventType } = subscription;
    const webhook = await partner.saveWebhook({ clientId: CLIENT_ID, url, systemEventType });
    receivers.trust({ hook: name, secret: await partner.secretOf(webhook), nonce: null });
    return { ...subscription, webhook };
  }
  const { resource, trigger, identifier, triggeredByChildResources, retries, sentAs } = subscription;
  const fields = {
    name,
    url,
    resource,
    trigger,
    retries,
    identifier,
    triggered_by_child_resources: triggeredByChildResources,
  };
  const texts = Object.entries({
    ...fields,
    triggered_by_child_resources: triggeredByChildResources ? '1' : '0',
  });
  const form = sentAs === 'multipart' ? new FormData() : new URLSearchParams();
  for (const [field, value] of texts) form.append(field, String(value));
  const { guid, nonce } = await partner.createWebhook(sentAs === 'json' ? JSON.stringify(fields) : form);
  receivers.trust({ hook: name, secret: await partner.secretOf(guid), nonce });
  return { ...subscription, webhook: guid };
};

/** Until every receiver has what it must have and the engine has nothing left to do. */
const settle = async (scene: Scene): Promise<void> => {
  const { receivers, partner, signal } = scene;
  const done = async (): Promise<boolean> =>
    receivers.open.size === 0 &&
    receivers.accepted.size >= expectedSoFar(scene) &&
    (await partner.invocations('waiting')).length === 0 &&
    (await partner.invocations('in_flight')).length === 0;
  await until(scene, done, { everyMs: 100, atMostMs: SETTLE_MAX_MS });
  await sleep(QUIET_MS, undefined, { signal });
  scene.screen.endProgress();
};

const collect = async ({ partner, platform, subscriptions, receivers }: Scene): Promise<Evidence> => ({
  accepted: platform.accepted,
  subscriptions,
  invocations: await partner.invocations(),
  requests: receivers.ended,
  retryBaseMs: RETRY_BASE_MS,
  duplicates: platform.duplicates,
  kills: 1,
});

const conclude = async (
  { screen, dataDir }: Stage,
  engine: EngineProcess,
  evidence: Evidence,
): Promise<boolean> => {
  const exitCode = await engine.stop();
  screen.heading('The platform’s receipts, the engine’s log and the receivers’ logs compared');
  screen.line(`  callboard audit verify: ${await callboard(dataDir, 'audit', 'verify')}`);
  if (exitCode !== 0) throw new Error(`the engine did not stop properly at SIGTERM: exit code ${exitCode}`);
  return printVerdict(screen, evidence, compare(evidence));
};
