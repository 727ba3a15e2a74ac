import { beforeEach, afterEach, describe, expect, it } from 'vitest';
import type { InvocationScheduled } from '../../src/domain/invocation.ts';
import type { JobEvent } from '../../src/domain/job.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { CAUSE, World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';

const URL_A = 'https://receiver.example/hook';
const HOUR_MS = 60 * 60 * 1000;

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => auditWorld(world));

const reportMany = async (count: number, type = 'event.update'): Promise<ReadonlyArray<string>> => {
  const guids: string[] = [];
  for (let n = 0; n < count; n += 20) {
    const some = Array.from({ length: Math.min(20, count - n) }, (_, i) => world.change(type, String(n + i)));
    guids.push(...(await world.report(...some)));
  }
  return guids;
};

/** So many exhausted ones of a webhook whose receiver is well again afterwards. */
const failedOnes = async (count: number, webhook?: string): Promise<string> => {
  world.sender.at(URL_A, answers(500));
  const guid = webhook ?? (await world.webhook({ retries: 0 }));
  await reportMany(count);
  await world.clock.advance(HOUR_MS);
  world.sender.at(URL_A, answers(200));
  return guid;
};

const eventsOf = async (job: string): Promise<ReadonlyArray<JobEvent['type']>> =>
  (await world.log())
    .filter(({ stream }) => stream === `job-${job}`)
    .map(({ event }) => event.type as JobEvent['type']);

const requests = async (): Promise<ReadonlyArray<Decoded>> =>
  (await world.log()).filter(({ event }) => event.type === 'RetryRequested');

const scheduledBy = async (job: string): Promise<ReadonlyArray<Decoded<InvocationScheduled>>> =>
  (await world.log()).filter(
    (one): one is Decoded<InvocationScheduled> =>
      one.event.type === 'InvocationScheduled' && one.event.backfill?.job === job,
  );

const status = (job: string) => world.jobRow(job).job.situation;

describe('a job that retries what failed', () => {
  it('opens a new round of each once, in the name of whoever asked, and is completed', async () => {
    const webhook = await failedOnes(30);
    const { guid } = await world.job({ webhook });
    await world.clock.advance(5_000);
    expect(await world.situations()).toEqual(Array.from({ length: 30 }, () => 'delivered'));
    const asked = await requests();
    expect(asked).toHaveLength(30);
    for (const { event, metadata } of asked) {
      expect(event).toMatchObject({ job: guid });
      expect(metadata).toMatchObject({ actor: 'partner', causationId: guid });
    }
    expect(await eventsOf(guid)).toEqual(['JobCreated', 'JobStarted', 'JobCompleted']);
    expect(world.jobRow(guid)).toMatchObject({ done: 30, job: { situation: 'completed' } });
    expect(world.jobRow(guid).job.facts.counts).toEqual({ done: 30, skipped: {}, lookedAt: 30 });
  });

  it('takes what waits after a failure too, and leaves what is delivered', async () => {
    world.sender.at(URL_A, answers(200));
    const webhook = await world.webhook({ retries: 3, retryBaseMs: HOUR_MS });
    await reportMany(2);
    await world.clock.advance(1_000);
    world.sender.at(URL_A, answers(500));
    await reportMany(3);
    await world.clock.advance(1_000);
    world.sender.at(URL_A, answers(200));
    const { guid, job } = await world.job({ webhook });
    expect(job.facts.created.counted).toBe(3);
    await world.clock.advance(2_000);
    expect(await requests()).toHaveLength(3);
    expect(await world.situations()).toEqual(Array.from({ length: 5 }, () => 'delivered'));
    expect(status(guid)).toBe('completed');
  });

  it('looks at one period only, and at what was scheduled before it was asked for', async () => {
    const webhook = await failedOnes(5);
    const fromMs = world.clock.nowMs();
    await failedOnes(7, webhook);
    const toMs = world.clock.nowMs();
    await failedOnes(9, webhook);
    const { guid, job } = await world.job({ webhook, fromMs, toMs });
    expect(job.facts.created.counted).toBe(7);
    await world.clock.advance(3_000);
    expect(world.jobRow(guid).done).toBe(7);
  });

  it('takes all webhooks of a company, and says which it left because they are disabled', async () => {
    world.sender.at('https://bad.example/hook', answers(500));
    const off = await world.webhook({ url: 'https://bad.example/hook', retries: 0 });
    await failedOnes(4);
    await world.process.webhooks.disable(off, CAUSE);
    await world.clock.advance(100);
    const { guid } = await world.job();
    await world.clock.advance(2_000);
    expect(world.jobRow(guid)).toMatchObject({
      done: 4,
      job: { facts: { counts: { done: 4, skipped: { webhook_not_enabled: 4 } } } },
    });
  });

  it('never takes more in a second than it may', async () => {
    const webhook = await failedOnes(100);
    const startMs = world.clock.nowMs();
    await world.job({ webhook, ratePerSecond: 20 });
    await world.clock.advance(HOUR_MS);
    const atMs = (await requests()).map(({ event }) => event.atMs).sort((a, b) => a - b);
    expect(atMs).toHaveLength(100);
    for (const [index, at] of atMs.entries()) {
      const before = atMs[index - 20];
      if (before !== undefined) expect(at - before).toBeGreaterThanOrEqual(1_000);
    }
    expect((atMs.at(-1) ?? 0) - startMs).toBeLessThan(7_000);
  });

  it('asked for twice, also at once, is the same until it is over; then it is another one', async () => {
    const webhook = await failedOnes(20);
    const [first, second] = await Promise.all([
      world.job({ webhook, ratePerSecond: 5 }),
      world.job({ webhook, ratePerSecond: 5 }),
    ]);
    expect(second.guid).toBe(first.guid);
    expect([first.isNew, second.isNew].toSorted()).toEqual([false, true]);
    await world.clock.advance(1_000);
    expect(await world.job({ webhook })).toMatchObject({ guid: first.guid, isNew: false });
    await world.clock.advance(HOUR_MS);
    const third = await world.job({ webhook });
    expect(third.guid).not.toBe(first.guid);
    await world.clock.advance(1_000);
    expect(world.jobRow(third.guid)).toMatchObject({ done: 0, job: { situation: 'completed' } });
  });
});

describe('a job that is steered', () => {
  it('pauses, stays paused over a restart, and goes on where it was', async () => {
    const webhook = await failedOnes(60);
    const { guid } = await world.job({ webhook, ratePerSecond: 10 });
    await world.clock.advance(2_000);
    expect(await world.steer(guid, 'pause')).toBe('paused');
    await world.clock.advance(1_000);
    const before = (await requests()).length;
    expect(before).toBeGreaterThan(10);
    expect(before).toBeLessThan(40);
    expect(await eventsOf(guid)).toEqual(['JobCreated', 'JobStarted', 'JobPaused', 'JobProgressed']);
    await world.restart();
    await world.clock.advance(HOUR_MS);
    expect(await requests()).toHaveLength(before);
    expect(await world.steer(guid, 'resume')).toBe('running');
    await world.clock.advance(HOUR_MS);
    expect(world.jobRow(guid)).toMatchObject({ done: 60, job: { situation: 'completed' } });
    expect(await requests()).toHaveLength(60);
  });

  it('is cancelled for good, with what it did until then', async () => {
    const webhook = await failedOnes(60);
    const { guid } = await world.job({ webhook, ratePerSecond: 10 });
    await world.clock.advance(2_000);
    expect(await world.steer(guid, 'cancel')).toBe('cancelled');
    await world.clock.advance(HOUR_MS);
    const done = (await requests()).length;
    expect(done).toBeLessThan(60);
    expect(world.jobRow(guid)).toMatchObject({ done, job: { situation: 'cancelled' } });
    expect(await world.steer(guid, 'resume')).toBe('JobIs');
  });

  it('is paused when its webhook is disabled, and cancelled when it is deleted', async () => {
    const webhook = await failedOnes(60);
    const { guid } = await world.job({ webhook, ratePerSecond: 10 });
    await world.clock.advance(1_000);
    await world.process.webhooks.disable(webhook, CAUSE);
    await world.clock.advance(2_000);
    expect(world.jobRow(guid).job).toMatchObject({ situation: 'paused', reason: 'webhook_disabled' });
    expect(await world.steer(guid, 'resume')).toBe('WebhookNotEnabled');
    await world.process.webhooks.enable(webhook, CAUSE);
    expect(await world.steer(guid, 'resume')).toBe('running');
    await world.clock.advance(1_000);
    await world.process.webhooks.delete(webhook, CAUSE);
    await world.clock.advance(2_000);
    expect(world.jobRow(guid).job).toMatchObject({ situation: 'cancelled', reason: 'webhook_deleted' });
  });
});

describe('a job over crashes', () => {
  it('retries each once, however often its process is killed, also what failed again meanwhile', async () => {
    const webhook = await failedOnes(80);
    // Half of them fail again at once: a repeat would find them failed.
    world.sender.at(URL_A, (seen) => answers(seen.id < '8' ? 500 : 200));
    const { guid } = await world.job({ webhook, ratePerSecond: 20 });
    for (let kills = 0; kills < 6; kills += 1) {
      await world.clock.advance(650);
      await world.restart();
    }
    await world.clock.advance(HOUR_MS);
    const streams = (await requests()).map(({ stream }) => stream);
    expect(streams).toHaveLength(80);
    expect(new Set(streams).size).toBe(80);
    expect(world.jobRow(guid)).toMatchObject({
      done: 80,
      job: { situation: 'completed', facts: { counts: { done: 80 } } },
    });
  });

  it('tells each change once, however often its process is killed', async () => {
    await reportMany(90);
    await world.clock.advance(1_000);
    const webhook = await world.webhook();
    const { guid } = await world.job({ kind: 'backfill', webhook, ratePerSecond: 30 });
    for (let kills = 0; kills < 6; kills += 1) {
      await world.clock.advance(450);
      await world.restart();
    }
    await world.clock.advance(HOUR_MS);
    expect(await scheduledBy(guid)).toHaveLength(90);
    expect(world.jobRow(guid)).toMatchObject({
      done: 90,
      job: { situation: 'completed', facts: { counts: { done: 90, skipped: {} } } },
    });
    expect(await world.situations(webhook)).toEqual(Array.from({ length: 90 }, () => 'delivered'));
  });

  it('goes on when the store was away', async () => {
    const webhook = await failedOnes(40);
    const { guid } = await world.job({ webhook, ratePerSecond: 20 });
    await world.clock.advance(500);
    world.store.appendFault = () => 'unavailable';
    world.store.readsFail = true;
    await world.clock.advance(5_000);
    world.store.appendFault = () => undefined;
    world.store.readsFail = false;
    await world.clock.advance(HOUR_MS);
    expect(world.jobRow(guid)).toMatchObject({ done: 40, job: { situation: 'completed' } });
    expect(await requests()).toHaveLength(40);
  });
});

describe('a backfill', () => {
  it('tells a new webhook of what it would have heard, with the relations of then, and marks it', async () => {
    const event = { resource: 'event', identifier: 'e1' } as const;
    const ticket = { resource: 'ticket', identifier: 't1' } as const;
    await world.report(world.change('ticket.update', 't1', { declared: [event] }));
    const [paid = ''] = await world.report(world.change('order.paid', 'o1', { declared: [ticket] }));
    // From then on the ticket belongs to another event.
    await world.report(
      world.change('ticket.update', 't1', { declared: [{ resource: 'event', identifier: 'e2' }] }),
    );
    await world.report(world.change('order.paid', 'o2', { declared: [ticket] }));
    const webhook = await world.webhook({
      selection: {
        dialect: 'openticket',
        resource: 'event',
        trigger: 'paid',
        identifier: 'e1',
        triggeredByChildResources: true,
      },
    });
    const { guid, job } = await world.job({ kind: 'backfill', webhook });
    expect(job.facts.created.counted).toBe(1);
    await world.clock.advance(2_000);
    const told = await scheduledBy(guid);
    expect(told.map(({ event: { change } }) => change)).toEqual([paid]);
    expect(told[0]?.event).toMatchObject({
      webhook,
      identifier: 'e1',
      origin: { resource: 'order', identifier: 'o1' },
      backfill: { job: guid, webhookRevision: 0 },
    });
    expect(told[0]?.metadata).toMatchObject({ actor: 'partner', causationId: guid });
    const [seen] = world.sender.seen.slice(-1);
    expect(JSON.parse(seen?.body ?? '')).toMatchObject({ backfill: guid, identifier: 'e1' });
  });

  it('leaves what came after the webhook to the fan-out, and what another one told', async () => {
    await reportMany(5);
    await world.clock.advance(1_000);
    const fromMs = world.clock.nowMs();
    await reportMany(6);
    const webhook = await world.webhook();
    await reportMany(7);
    await world.clock.advance(1_000);
    const part = await world.job({ kind: 'backfill', webhook, fromMs });
    await world.clock.advance(2_000);
    expect(world.jobRow(part.guid)).toMatchObject({ done: 6, job: { situation: 'completed' } });
    const all = await world.job({ kind: 'backfill', webhook });
    expect(all.job.facts.created.counted).toBe(5);
    await world.clock.advance(2_000);
    expect(world.jobRow(all.guid)).toMatchObject({
      done: 5,
      job: { situation: 'completed', facts: { counts: { skipped: { already_told: 6 }, lookedAt: 11 } } },
    });
    expect(await world.situations(webhook)).toHaveLength(18);
  });

  it('does not delay the first attempt of a fresh change', async () => {
    await reportMany(200);
    await world.clock.advance(1_000);
    world.sender.at(URL_A, () => answers(200, { afterMs: 100 }));
    const webhook = await world.webhook();
    await world.job({ kind: 'backfill', webhook, ratePerSecond: 1_000 });
    await world.clock.advance(300);
    const reportedMs = world.clock.nowMs();
    const [fresh = ''] = await world.report(world.change());
    await world.clock.advance(60_000);
    const invocations = await world.invocations(webhook);
    expect(invocations.every(({ situation }) => situation === 'delivered')).toBe(true);
    const first = invocations.find(({ facts }) => facts.scheduled.change === fresh)?.facts.attempts[0];
    expect((first?.startedAtMs ?? Infinity) - reportedMs).toBeLessThan(500);
    const last = Math.max(...invocations.map(({ facts }) => facts.attempts[0]?.startedAtMs ?? 0));
    expect(last - reportedMs).toBeGreaterThan(1_000);
  });

  it('in order, where the webhook asks for that, and never in the place of something newer', async () => {
    for (let n = 0; n < 6; n += 1) await world.report(world.change('event.update', '7', { data: { n } }));
    await world.clock.advance(1_000);
    const webhook = await world.webhook({ ordering: 'per_resource', coalesce: true });
    await world.job({ kind: 'backfill', webhook });
    await world.clock.advance(10_000);
    const bodies = world.sender.seen.map(({ body }) => JSON.parse(body) as { data: { n: number } });
    expect(bodies.map(({ data }) => data.n)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('that was disabled and enabled again is not taken back by what is looked at again after a crash', async () => {
    await reportMany(10);
    const webhook = await world.webhook({ retries: 5 });
    await world.clock.advance(100);
    await world.process.webhooks.disable(webhook, CAUSE);
    await world.process.webhooks.enable(webhook, CAUSE);
    world.sender.at(URL_A, answers(500), answers(500), answers(200));
    await world.job({ kind: 'backfill', webhook });
    await world.clock.advance(400);
    await world.restart();
    await world.clock.advance(HOUR_MS);
    expect(await world.situations(webhook)).toEqual(Array.from({ length: 10 }, () => 'delivered'));
  });
});

describe('jobs on several nodes', () => {
  it('are run by one of them, and taken over when it is gone', async () => {
    world = new World({ leaseMs: 3_000 });
    const first = await world.start();
    await world.clock.advance(20_000);
    const second = await world.start();
    await world.clock.advance(20_000);
    const webhook = await failedOnes(120);
    const { guid } = await world.job({ webhook, ratePerSecond: 10 });
    await world.clock.advance(3_000);
    expect((await requests()).length).toBeGreaterThan(5);
    // Whichever runs it: the other one goes on, or never had it.
    first.mortal.die();
    await world.clock.advance(HOUR_MS);
    expect(await requests()).toHaveLength(120);
    expect(second.readModels.job(guid)).toMatchObject({ done: 120, job: { situation: 'completed' } });
    expect((await eventsOf(guid)).filter((type) => type === 'JobCompleted')).toHaveLength(1);
  });
});
