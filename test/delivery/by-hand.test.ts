import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { retryAllFailed } from '../../src/commands/invocations.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { BASE_MS, CAUSE, World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';

const URL_A = 'https://receiver.example/hook';
const HOUR_MS = 60 * 60 * 1000;

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => auditWorld(world));

const only = async () => {
  const [invocation, ...others] = await world.invocations();
  if (invocation === undefined || others.length > 0) throw new Error('there is not exactly one invocation');
  return { ...invocation, guid: invocation.facts.scheduled.guid };
};

describe('a retry by hand', () => {
  it('opens a new round of an exhausted one: due at once, numbers go on, budget and doubling anew', async () => {
    world.sender.at(URL_A, answers(500));
    await world.webhook({ retries: 1 });
    await world.report(world.change());
    await world.clock.advance(HOUR_MS);
    const { guid } = await only();
    const askedMs = world.clock.nowMs();
    expect(await world.retry(guid)).toMatchObject({ right: { situation: 'waiting' } });
    await world.clock.advance(HOUR_MS);
    const { situation, facts } = await only();
    expect(situation).toBe('exhausted');
    expect(facts.attempts.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    const [, , third, fourth] = facts.attempts;
    expect((third?.startedAtMs ?? 0) - askedMs).toBeLessThan(100);
    const wait = (fourth?.startedAtMs ?? 0) - (third?.ended?.atMs ?? 0);
    expect(wait).toBeGreaterThanOrEqual(BASE_MS);
    expect(wait).toBeLessThanOrEqual(BASE_MS * 1.1);
  });

  it('takes the retries and the wait that the webhook has by then', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook({ retries: 0 });
    await world.report(world.change());
    await world.clock.advance(HOUR_MS);
    await world.process.webhooks.update(webhook, { retries: 2, retryBaseMs: 5_000 }, CAUSE);
    await world.retry((await only()).guid);
    await world.clock.advance(HOUR_MS);
    const { attempts } = (await only()).facts;
    expect(attempts).toHaveLength(4);
    expect((attempts[2]?.startedAtMs ?? 0) - (attempts[1]?.ended?.atMs ?? 0)).toBeGreaterThanOrEqual(5_000);
  });

  it('is noticed though it comes before the store has answered for the attempt before', async () => {
    await world.webhook();
    await world.report(world.change());
    world.store.beforeAnswer = () => new Promise((resolve) => void world.clock.setTimer(500, resolve));
    await world.clock.advance(200);
    expect(world.sender.seen).toHaveLength(1);
    void world.retry((await only()).guid);
    await world.clock.advance(HOUR_MS);
    expect(world.sender.seen).toHaveLength(2);
    expect((await only()).situation).toBe('delivered');
  });

  it('sends a delivered one again, with the same body and ids', async () => {
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(1_000);
    await world.retry((await only()).guid);
    await world.clock.advance(1_000);
    expect((await only()).situation).toBe('delivered');
    const [first, second] = world.sender.seen;
    expect(second).toMatchObject({ id: first?.id, body: first?.body });
  });

  it('sends one that waits after a failure at once instead of later', async () => {
    world.sender.at(URL_A, answers(500), answers(200));
    await world.webhook({ retryBaseMs: HOUR_MS });
    await world.report(world.change());
    await world.clock.advance(1_000);
    const { guid } = await only();
    await world.retry(guid);
    await world.clock.advance(1_000);
    expect((await only()).situation).toBe('delivered');
    await world.clock.advance(3 * HOUR_MS);
    expect(world.sender.seen).toHaveLength(2);
  });

  it('sends one that waits in memory for its first attempt, exactly once', async () => {
    world.sender.at(URL_A, (seen) =>
      seen.count === 1 && world.sender.seen.length <= 4 ? 'hangs' : answers(200),
    );
    await world.webhook({ retries: 0 });
    for (let n = 0; n < 6; n += 1) await world.report(world.change());
    await world.clock.advance(1_000);
    const [, , , , fifth] = await world.invocations();
    if (fifth === undefined) throw new Error('six invocations were expected');
    expect(fifth.situation).toBe('waiting');
    expect(await world.retry(fifth.facts.scheduled.guid)).toMatchObject({ right: { situation: 'waiting' } });
    await world.clock.advance(HOUR_MS);
    expect((await world.situations()).slice(4)).toEqual(['delivered', 'delivered']);
    expect(world.sender.of(fifth.facts.scheduled.guid)).toHaveLength(1);
  });

  it('is refused while an attempt is in flight', async () => {
    world.sender.at(URL_A, answers(200, { afterMs: 5_000 }));
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(1_000);
    const { guid } = await only();
    expect(await world.retry(guid)).toMatchObject({ left: { _tag: 'InvocationInFlight' } });
    await world.clock.advance(HOUR_MS);
    expect(world.sender.seen).toHaveLength(1);
  });

  it('sends a cancelled one once its webhook is enabled again, and not before', async () => {
    world.sender.at(URL_A, answers(500), answers(200));
    const webhook = await world.webhook();
    await world.report(world.change());
    await world.clock.advance(100);
    await world.process.webhooks.disable(webhook, CAUSE);
    await world.clock.advance(100);
    const { guid, situation } = await only();
    expect(situation).toBe('cancelled');
    expect(await world.retry(guid)).toMatchObject({ left: { _tag: 'WebhookNotEnabled' } });
    await world.process.webhooks.enable(webhook, CAUSE);
    await world.retry(guid);
    await world.clock.advance(1_000);
    expect((await only()).situation).toBe('delivered');
  });

  it('asked for twice at once opens one round or two, and never two attempts at the same time', async () => {
    world.sender.at(URL_A, answers(500));
    await world.webhook({ retries: 0 });
    await world.report(world.change());
    await world.clock.advance(1_000);
    const { guid } = await only();
    await Promise.all([world.retry(guid), world.retry(guid)]);
    await world.clock.advance(HOUR_MS);
    expect((await only()).situation).toBe('exhausted');
    expect(world.sender.inFlightMax).toBe(1);
    expect(world.sender.seen).toHaveLength(2);
  });

  it('is unknown for an invocation that does not exist', async () => {
    expect(await world.retry('00000000-0000-4000-8000-000000000000')).toMatchObject({
      left: { _tag: 'InvocationUnknown' },
    });
  });
});

describe('retrying all failed', () => {
  it('takes what is exhausted and what waits after a failure, and leaves the rest', async () => {
    const webhook = await world.webhook({ retries: 1, retryBaseMs: HOUR_MS });
    world.sender.at(URL_A, answers(500));
    await world.report(world.change());
    await world.clock.advance(3 * HOUR_MS);
    await world.report(world.change());
    await world.clock.advance(1_000);
    world.sender.at(URL_A, answers(200));
    await world.report(world.change());
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['exhausted', 'waiting', 'delivered']);
    expect(await world.retryAllFailed(webhook)).toEqual({ _tag: 'Right', right: 2 });
    await world.clock.advance(10_000);
    expect(await world.situations()).toEqual(['delivered', 'delivered', 'delivered']);
    expect(world.sender.seen).toHaveLength(6);
    expect(await world.retryAllFailed(webhook)).toEqual({ _tag: 'Right', right: 0 });
  });

  it('sends nothing again that was delivered or moved on since they were listed', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook({ retries: 1, retryBaseMs: HOUR_MS });
    await world.report(world.change(), world.change());
    await world.clock.advance(1_000);
    const { invocations } = world.process;
    const listed = invocations.dueList.failedOf(webhook, 0, 10);
    expect(listed).toHaveLength(2);
    world.sender.at(URL_A, answers(200));
    await world.retry(listed[0]?.guid ?? '');
    await world.clock.advance(1_000);
    const late = { ...invocations, dueList: { failedOf: () => listed } };
    expect(await retryAllFailed(late, webhook, CAUSE)).toEqual({ _tag: 'Right', right: 1 });
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['delivered', 'delivered']);
    expect(world.sender.seen).toHaveLength(4);
  });

  it('takes those at the same time that the store can take together', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook({ retries: 0 });
    for (let n = 0; n < 10; n += 1) await world.report(world.change());
    await world.clock.advance(HOUR_MS);
    let running = 0;
    let runningMax = 0;
    world.store.beforeAnswer = async () => {
      runningMax = Math.max(runningMax, (running += 1));
      await Promise.resolve();
      running -= 1;
    };
    await world.retryAllFailed(webhook);
    expect(runningMax).toBeGreaterThan(1);
  });

  it('takes more than a page of them', async () => {
    world.sender.at(URL_A, answers(500));
    const webhook = await world.webhook({ retries: 0 });
    for (let n = 0; n < 3; n += 1)
      await world.report(...Array.from({ length: 150 }, (_, i) => world.change('event.update', `${n}-${i}`)));
    await world.clock.advance(HOUR_MS);
    expect(new Set(await world.situations())).toEqual(new Set(['exhausted']));
    world.sender.at(URL_A, answers(200));
    expect(await world.retryAllFailed(webhook)).toEqual({ _tag: 'Right', right: 450 });
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(Array.from({ length: 450 }, () => 'delivered'));
  });

  it('leaves another webhook alone', async () => {
    world.sender.at(URL_A, answers(500));
    world.sender.at('https://other.example/hook', answers(500));
    const webhook = await world.webhook({ retries: 0 });
    const other = await world.webhook({ retries: 0, url: 'https://other.example/hook' });
    await world.report(world.change());
    await world.clock.advance(1_000);
    world.sender.at(URL_A, answers(200));
    await world.retryAllFailed(webhook);
    await world.clock.advance(1_000);
    expect(await world.situations(webhook)).toEqual(['delivered']);
    expect(await world.situations(other)).toEqual(['exhausted']);
  });
});
