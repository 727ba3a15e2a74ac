import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Shadowed, shadow, type ShadowScope } from '../../src/audit/shadow.ts';
import { diffBodies } from '../../src/audit/shadow-diff.ts';
import { type RecordedAttempt, roundOf, shadowRound } from '../../src/audit/shadow-retries.ts';
import { dataReader, hearersOf, invocationOf } from '../../src/delivery/fan-out.ts';
import { BUILT_IN_RULES, type Rules } from '../../src/domain/rules.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { BASE_MS, CAUSE, COMPANY, World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => world.kill());

const shadowed = async (
  asked: Partial<ShadowScope> = {},
  rules: Rules = BUILT_IN_RULES,
): Promise<Shadowed> => {
  const models = openReadModels({ path: ':memory:' });
  const head = (await world.log()).length;
  const found = await shadow(
    {
      log: world.store,
      models,
      hearersOf: (routing, change) => hearersOf({ routing, rules }, change),
      render: async (change, match) => {
        const dataJson = await dataReader({ store: world.store, routing: models }, change)(match);
        const invocation = invocationOf({ defaultRetryBaseMs: BASE_MS }, change, dataJson, match);
        return 'unsendable' in invocation ? undefined : invocation;
      },
      onProgress: () => undefined,
    },
    {
      companyId: undefined,
      webhook: undefined,
      fromMs: 0,
      toMs: Number.POSITIVE_INFINITY,
      settings: {},
      examplesMax: 3,
      ...asked,
    },
  );
  models.close();
  expect((await world.log()).length, 'nothing is stored').toBe(head);
  if (isLeft(found)) throw new Error(found.left._tag);
  return found.right;
};

const COUNTS = { equal: 0, differs: 0, only_before: 0, only_after: 0 };
const HOUR_MS = 3_600_000;

describe('a shadow replay', () => {
  it('of what was, as it was, sends the very same bytes', async () => {
    await world.webhook();
    await world.webhook({ on: 'order.create', url: 'https://other.example/x' });
    await world.report(world.change(), world.change('order.sold', 'o1'), world.change('event.update', '8'));
    await world.clock.advance(1_000);
    expect(await shadowed()).toMatchObject({ changes: 3, counts: { ...COUNTS, equal: 3 } });
  });

  it('says who would have been told by other rules, and who would not', async () => {
    const event = { resource: 'event', identifier: 'e1' } as const;
    const on = (trigger: 'paid' | 'delete') =>
      world.webhook({
        selection: {
          dialect: 'openticket',
          resource: 'event',
          trigger,
          identifier: '',
          triggeredByChildResources: true,
        },
      });
    const paid = await on('paid');
    await world.report(world.change('order.paid', 'o1', { declared: [event] }));
    await world.clock.advance(1_000);
    const none: Rules = { ...BUILT_IN_RULES, propagation: [] };
    expect(await shadowed({}, none)).toMatchObject({
      counts: { ...COUNTS, only_before: 1 },
      webhooks: [{ webhook: paid, examples: [{ compared: 'only_before', changeType: 'order.paid' }] }],
    });
  });

  it('tries another selection of one webhook, while it was there and enabled', async () => {
    const webhook = await world.webhook({ on: 'event.update' });
    const [before = ''] = await world.report(world.change('event.create', '1'));
    await world.report(world.change('event.update', '1'));
    await world.clock.advance(1_000);
    await world.process.webhooks.disable(webhook, CAUSE);
    await world.report(world.change('event.create', '2'));
    await world.clock.advance(1_000);
    const tried = { webhook, settings: { selection: { trigger: 'create' as const } } };
    expect(await shadowed(tried)).toMatchObject({
      changes: 3,
      counts: { ...COUNTS, only_before: 1, only_after: 1 },
      webhooks: [
        { examples: [{ change: expect.any(String) as string }, { change: expect.any(String) as string }] },
      ],
    });
    const only = (await shadowed(tried)).webhooks[0]?.examples.find(
      ({ compared }) => compared === 'only_after',
    );
    expect(only).toMatchObject({ change: before, path: [{ resource: 'event', identifier: '1' }] });
  });

  it('tries a webhook as if it had been there all along', async () => {
    await world.report(world.change(), world.change('event.create'), world.change('event.update', '8'));
    const webhook = await world.webhook({ on: 'event.update' });
    await world.report(world.change());
    await world.clock.advance(1_000);
    expect(await shadowed({ webhook, settings: { always: true } })).toMatchObject({
      counts: { ...COUNTS, equal: 1, only_after: 2 },
    });
  });

  it('compares the body of another template, and shows where it differs', async () => {
    const webhook = await world.webhook({
      selection: {
        dialect: 'moshtix',
        id: 1,
        clientId: 7,
        systemEvents: [{ id: 2, systemEvent: 'EVENT_SAVED' }],
      },
      request: { headers: [], body: '{"id": @contextId, "kind": "@eventType"}' },
    });
    await world.report(world.change('event.update', '7'));
    await world.clock.advance(1_000);
    const template = '{"id": "@contextId", "kind": "@eventType"}';
    const found = await shadowed({ webhook, settings: { template } });
    expect(found.counts).toEqual({ ...COUNTS, differs: 1 });
    expect(found.webhooks[0]?.examples[0]?.differences).toEqual([{ path: 'id', before: '7', after: '"7"' }]);
    expect(await shadowed({ webhook })).toMatchObject({ counts: { ...COUNTS, equal: 1 } });
  });

  it('keeps to a period and a company', async () => {
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(5_000);
    const fromMs = world.clock.nowMs();
    await world.report(world.change(), world.change());
    await world.clock.advance(1_000);
    expect(await shadowed({ fromMs })).toMatchObject({ changes: 2, counts: { equal: 2 } });
    expect(await shadowed({ toMs: fromMs, companyId: COMPANY })).toMatchObject({ changes: 1 });
    expect(await shadowed({ companyId: '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3aff' })).toMatchObject({
      changes: 0,
    });
  });

  it('leaves alone what a backfill told', async () => {
    await world.report(world.change());
    const webhook = await world.webhook();
    await world.job({ kind: 'backfill', webhook });
    await world.clock.advance(2_000);
    expect(await world.situations()).toEqual(['delivered']);
    expect(await shadowed()).toMatchObject({ changes: 1, counts: COUNTS });
  });

  it('with the same retries has the same attempts; with fewer, some would not have arrived', async () => {
    const url = 'https://receiver.example/hook';
    world.sender.at(url, (seen) => answers(seen.count <= 2 ? 500 : 200));
    await world.webhook({ retries: 3 });
    await world.report(world.change(), world.change('event.update', '8'));
    await world.clock.advance(HOUR_MS);
    expect(await world.situations()).toEqual(['delivered', 'delivered']);
    const same = await shadowed({ settings: { retries: 3, retryBaseMs: BASE_MS } });
    expect(same.rounds).toMatchObject({
      compared: 2,
      attemptsBefore: 6,
      attemptsAfter: 6,
      before: { delivered: 2 },
      after: { delivered: 2 },
    });
    expect(same.rounds.waitedMsAfter).toBe(same.rounds.waitedMsBefore);
    expect(same.webhooks[0]?.roundExamples).toEqual([]);
    const fewer = await shadowed({ settings: { retries: 1 } });
    expect(fewer.rounds).toMatchObject({ attemptsAfter: 4, after: { delivered: 0, exhausted: 2 } });
    const slower = await shadowed({ settings: { retryBaseMs: 10 * BASE_MS } });
    // The receiver had recovered before the second attempt that would have been.
    expect(slower.rounds).toMatchObject({ attemptsAfter: 4, after: { delivered: 2 } });
    expect(slower.rounds.waitedMsAfter).toBeGreaterThan(slower.rounds.waitedMsBefore);
  });
});

describe('attempts that would have been', () => {
  const at = (dueAtMs: number, succeeded = false): RecordedAttempt => ({
    dueAtMs,
    startedAtMs: dueAtMs + 3,
    endedAtMs: dueAtMs + 10,
    succeeded,
  });

  it('are not known after the last one on record', () => {
    const exhausted = [at(0), at(1_010)];
    expect(roundOf(exhausted).outcome).toBe('exhausted');
    expect(shadowRound('x', exhausted, { retries: 9, retryBaseMs: 1_000 }).outcome).toBe('unknown');
    expect(shadowRound('x', exhausted, { retries: 0, retryBaseMs: 1_000 })).toEqual({
      startedAtMs: [3],
      outcome: 'exhausted',
    });
  });

  it('come sooner with a shorter wait, and find the receiver as it was then', () => {
    const slow = [at(0), at(60_000, true)];
    const quick = shadowRound('x', slow, { retries: 2, retryBaseMs: 100 });
    expect(quick.outcome).toBe('exhausted');
    expect(quick.startedAtMs).toHaveLength(3);
    expect(quick.startedAtMs.at(-1)).toBeLessThan(1_000);
  });
});

describe('two bodies', () => {
  it.each([
    ['{"a":1}', '{"a":1}', []],
    ['{"a":1}', '{"a":2}', [{ path: 'a', before: '1', after: '2' }]],
    ['{"a":{"b":[1,2]}}', '{"a":{"b":[1]}}', [{ path: 'a.b[1]', before: '2', after: undefined }]],
    ['{"a":1}', '{"a":1,"c":"x"}', [{ path: 'c', before: undefined, after: '"x"' }]],
    ['{"a":1}', '{ "a":1}', [{ path: 'character 2', before: '{"a":1}', after: '{ "a":1}' }]],
    ['<a/>', '<b/>', [{ path: 'character 2', before: '<a/>', after: '<b/>' }]],
    ['{"__proto__":1}', '{"__proto__":2}', [{ path: '__proto__', before: '1', after: '2' }]],
  ])('%s and %s', (before, after, differences) => {
    expect(diffBodies(before, after)).toEqual(differences);
  });

  it('that differ everywhere are cut', () => {
    const many = (value: number) => JSON.stringify(Array.from({ length: 500 }, () => value));
    expect(diffBodies(many(1), many(2))).toHaveLength(20);
  });
});
