import { Webhook as StandardWebhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/domain/backoff.ts';
import type { Attempt } from '../../src/domain/invocation.ts';
import { formatSecret } from '../../src/domain/signature.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { BASE_MS, CAUSE, TIMEOUT_MS, World } from '../support/engine-world.ts';
import { answers, refuses } from '../support/scripted-sender.ts';

const URL_A = 'https://receiver.example/hook';
const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => auditWorld(world));

const only = async () => {
  const [invocation, ...others] = await world.invocations();
  if (invocation === undefined || others.length > 0) throw new Error('there is not exactly one invocation');
  return invocation;
};

/** Waits between the end of one attempt and the start of the next. */
const waits = (attempts: ReadonlyArray<Attempt>): ReadonlyArray<number> =>
  attempts.slice(1).map((attempt, index) => attempt.startedAtMs - (attempts[index]?.ended?.atMs ?? NaN));

describe('a delivery', () => {
  it('is one request, one attempt, delivered', async () => {
    const webhook = await world.webhook();
    const [change] = await world.report(world.change());
    await world.clock.advance(1_000);
    const { situation, facts } = await only();
    expect(situation).toBe('delivered');
    expect(facts.scheduled).toMatchObject({
      webhook,
      change,
      origin: { resource: 'event', identifier: '7' },
    });
    expect(facts.attempts).toMatchObject([
      {
        number: 1,
        url: URL_A,
        webhookRevision: 0,
        ended: { outcome: 'succeeded', result: { statusCode: 200 } },
      },
    ]);
    expect(world.sender.seen).toHaveLength(1);
    expect(world.sender.seen[0]?.body).toBe(facts.scheduled.body);
  });

  it('starts the first attempt in the append of its scheduling', async () => {
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(1_000);
    const { facts } = await only();
    const stream = (await world.log()).filter(
      ({ stream: name }) => name === `invocation-${facts.scheduled.guid}`,
    );
    expect(stream.map(({ event }) => event.type)).toEqual([
      'InvocationScheduled',
      'AttemptStarted',
      'InvocationDelivered',
    ]);
    expect((stream[1]?.position ?? 0) - (stream[0]?.position ?? 0)).toBe(1);
  });

  it.each([
    ['any other status', answers(302)],
    ['a server error', answers(500)],
    ['a refused connection', refuses()],
    ['a timeout', 'hangs' as const],
  ])('fails by %s, and is tried 1 + retries times', async (_, reaction) => {
    world.sender.at(URL_A, reaction);
    await world.webhook({ retries: 2 });
    await world.report(world.change());
    await world.clock.advance(HOUR_MS);
    const { situation, facts } = await only();
    expect(situation).toBe('exhausted');
    expect(facts.attempts.map(({ number, ended }) => [number, ended?.outcome])).toEqual([
      [1, 'failed'],
      [2, 'failed'],
      [3, 'failed'],
    ]);
    expect(world.sender.seen.map(({ atMs }) => atMs)).toEqual(
      facts.attempts.map(({ startedAtMs }) => startedAtMs),
    );
  });

  it('ends at the first success', async () => {
    world.sender.at(URL_A, answers(500), refuses(), answers(204));
    await world.webhook({ retries: 30 });
    await world.report(world.change());
    await world.clock.advance(HOUR_MS);
    const { situation, facts } = await only();
    expect(situation).toBe('delivered');
    expect(facts.attempts).toHaveLength(3);
    expect(world.sender.seen).toHaveLength(3);
  });

  it('sends the same bytes and ids every time, signed for the moment of the attempt', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook();
    await world.report(world.change('event.update', '7', { data: { name: 'Jörg & "Søn"   ' } }));
    await world.clock.advance(HOUR_MS);
    expect(world.sender.seen).toHaveLength(4);
    const [first] = world.sender.seen;
    for (const { body, headers, atMs } of world.sender.seen) {
      expect(body).toBe(first?.body);
      expect(headers['webhook-id']).toBe(first?.id);
      expect(headers['OpenTicket-Dedupe-Key']).toBe(first?.id.replaceAll('-', ''));
      expect(headers['webhook-timestamp']).toBe(String(Math.floor(atMs / 1000)));
      expect(verifies(1, body, headers)).toBe(true);
    }
    expect(JSON.parse(first?.body ?? '')).toMatchObject({ webhook, guid: first?.id });
  });
});

/** By the library that receivers use; its check of the time is left out, since ours is virtual. */
const verifies = (secret: number, body: string, headers: Readonly<Record<string, string>>): boolean => {
  const {
    'webhook-id': id = '',
    'webhook-timestamp': timestamp = '',
    'webhook-signature': signature = '',
  } = headers;
  const standard = new StandardWebhook(formatSecret(new Uint8Array(32).fill(secret)));
  return signature.split(' ').includes(standard.sign(id, new Date(Number(timestamp) * 1000), body));
};

describe('the wait after a failure', () => {
  it('doubles, counts from the end of the attempt and is exact', async () => {
    world.sender.at(URL_A, answers(500, { afterMs: 700 }));
    await world.webhook({ retries: 6 });
    await world.report(world.change());
    await world.clock.advance(HOUR_MS);
    const { facts } = await only();
    const planned = [1, 2, 3, 4, 5, 6].map((n) => backoffMs(BASE_MS, n, `${facts.scheduled.guid}:${n}`));
    expect(waits(facts.attempts)).toEqual(planned);
    for (const [index, wait] of planned.entries()) {
      expect(wait).toBeGreaterThanOrEqual(BASE_MS * 2 ** index);
      expect(wait).toBeLessThanOrEqual(BASE_MS * 2 ** index * 1.1);
    }
  });

  it('follows the webhook when it has a base of its own', async () => {
    world.sender.at(URL_A, answers(500));
    await world.webhook({ retries: 1, retryBaseMs: 60_000 });
    await world.report(world.change());
    await world.clock.advance(HOUR_MS);
    const { facts } = await only();
    expect(waits(facts.attempts)[0]).toBeGreaterThanOrEqual(60_000);
  });

  it('ends at a day', async () => {
    world.sender.at(URL_A, answers(500));
    await world.webhook({ retries: 20, retryBaseMs: HOUR_MS });
    await world.report(world.change());
    await world.clock.advance(30 * DAY_MS);
    const { facts, situation } = await only();
    expect(situation).toBe('exhausted');
    const last = waits(facts.attempts).slice(5);
    for (const wait of last) {
      expect(wait).toBeGreaterThanOrEqual(DAY_MS);
      expect(wait).toBeLessThanOrEqual(DAY_MS * 1.1);
    }
  });

  it.each([429, 503])('is as long as Retry-After asks on %i, when that is longer', async (status) => {
    world.sender.at(
      URL_A,
      answers(status, { retryAfter: '90' }),
      answers(status, { retryAfter: '1' }),
      answers(200),
    );
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(HOUR_MS);
    const [first = 0, second = 0] = waits((await only()).facts.attempts);
    expect(first).toBe(90_000);
    expect(second).toBeGreaterThanOrEqual(2 * BASE_MS);
  });

  it('is as long as Retry-After asks with a date, and never longer than a day', async () => {
    const date = new Date(world.clock.nowMs() + 2 * HOUR_MS).toUTCString();
    world.sender.at(
      URL_A,
      answers(503, { retryAfter: date }),
      answers(503, { retryAfter: '1000000000' }),
      answers(200),
    );
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(3 * DAY_MS);
    const { facts, situation } = await only();
    expect(situation).toBe('delivered');
    expect(facts.attempts[1]?.startedAtMs).toBe(Date.parse(date));
    expect(waits(facts.attempts)[1]).toBe(DAY_MS);
  });

  it.each([
    [500, '90'],
    [503, '-5'],
    [503, 'soon'],
    [429, '1e3'],
  ])('takes no Retry-After from %i "%s"', async (status, retryAfter) => {
    world.sender.at(URL_A, answers(status, { retryAfter }));
    await world.webhook({ retries: 1 });
    await world.report(world.change());
    await world.clock.advance(HOUR_MS);
    expect(waits((await only()).facts.attempts)[0]).toBeLessThanOrEqual(BASE_MS * 1.1);
  });
});

describe('settings changed between two attempts', () => {
  it('hold for the next one, which records the revision it used', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook();
    await world.report(world.change());
    await world.clock.advance(100);
    const { webhooks } = world.process;
    await webhooks.update(webhook, { url: 'https://other.example/new' }, CAUSE);
    await webhooks.rotateSecret(webhook, CAUSE);
    await world.clock.advance(HOUR_MS);
    const { facts, situation } = await only();
    expect(situation).toBe('delivered');
    expect(facts.attempts).toMatchObject([
      { url: URL_A, webhookRevision: 0 },
      { url: 'https://other.example/new', webhookRevision: 2 },
    ]);
    const [before, after] = world.sender.seen;
    if (before === undefined || after === undefined) throw new Error('two requests were expected');
    expect(after.url).toBe('https://other.example/new');
    expect([1, 2].map((secret) => verifies(secret, before.body, before.headers))).toEqual([true, false]);
    expect([1, 2].map((secret) => verifies(secret, after.body, after.headers))).toEqual([true, true]);
    expect(after.body).toBe(before.body);
  });

  it('no longer sign with a secret replaced more than a day ago', async () => {
    world.sender.at(URL_A, answers(503, { retryAfter: String(DAY_MS / 1000) }), answers(200));
    const webhook = await world.webhook();
    await world.process.webhooks.rotateSecret(webhook, CAUSE);
    await world.report(world.change());
    await world.clock.advance(2 * DAY_MS);
    const [before, after] = world.sender.seen;
    if (before === undefined || after === undefined) throw new Error('two requests were expected');
    expect([1, 2].map((secret) => verifies(secret, before.body, before.headers))).toEqual([true, true]);
    expect([1, 2].map((secret) => verifies(secret, after.body, after.headers))).toEqual([false, true]);
  });

  it('leave the number of attempts of the round as it was scheduled', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook({ retries: 2 });
    await world.report(world.change());
    await world.clock.advance(100);
    await world.process.webhooks.update(webhook, { retries: 0 }, CAUSE);
    await world.clock.advance(HOUR_MS);
    expect((await only()).facts.attempts).toHaveLength(3);
  });
});

describe('a test webhook', () => {
  it('is delivered like any other and says that it is a test', async () => {
    const webhook = await world.webhook();
    const tested = await world.test(webhook);
    await world.clock.advance(1_000);
    const { situation, facts } = await only();
    expect(situation).toBe('delivered');
    expect(tested).toMatchObject({ right: { facts: { scheduled: { guid: facts.scheduled.guid } } } });
    expect(facts.scheduled).toMatchObject({ test: true, change: null, webhook });
    expect(JSON.parse(world.sender.seen[0]?.body ?? '')).toMatchObject({ test: true });
  });

  it('is retried when it fails', async () => {
    world.sender.at(URL_A, answers(500), answers(200));
    await world.test(await world.webhook());
    await world.clock.advance(10_000);
    expect((await only()).facts.attempts).toHaveLength(2);
  });

  it('is refused by a disabled webhook', async () => {
    const webhook = await world.webhook();
    await world.process.webhooks.disable(webhook, CAUSE);
    expect(await world.test(webhook)).toMatchObject({ left: { _tag: 'WebhookNotEnabled' } });
    expect(await world.test('00000000-0000-4000-8000-000000000000')).toMatchObject({
      left: { _tag: 'WebhookUnknown' },
    });
  });
});

it('the attempt timeout bounds every attempt', async () => {
  world.sender.at(URL_A, 'hangs');
  await world.webhook({ retries: 0 });
  await world.report(world.change());
  await world.clock.advance(HOUR_MS);
  const [attempt] = (await only()).facts.attempts;
  expect(attempt?.ended?.result.durationMs).toBe(TIMEOUT_MS);
});
