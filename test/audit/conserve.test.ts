import { isLeft, right } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addsUp, type Conserved, conserve } from '../../src/audit/conserve.ts';
import { couldTell } from '../../src/audit/could-tell.ts';
import { readChange } from '../../src/audit/read-change.ts';
import type { AuditedLog } from '../../src/audit/log-pages.ts';
import { hearersOf } from '../../src/delivery/fan-out.ts';
import { BUILT_IN_RULES, type Rules } from '../../src/domain/rules.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { CAUSE, World } from '../support/engine-world.ts';
import { answers } from '../support/scripted-sender.ts';

let world: World;
beforeEach(async () => {
  world = await World.started();
});
afterEach(() => world.kill());

const conserved = async (
  log: AuditedLog = world.store,
  rules: Rules = BUILT_IN_RULES,
  beginningsMayBeGone = false,
): Promise<Conserved> => {
  const models = openReadModels({ path: ':memory:', beginningsMayBeGone });
  const found = await conserve({
    log,
    models,
    hearersOf: (change) =>
      hearersOf({ routing: models, rules }, change).map(({ subscriber }) => subscriber.webhook),
    couldTell: couldTell({ log, models, rules }),
    onProgress: () => undefined,
  });
  models.close();
  if (isLeft(found)) throw new Error(found.left.message);
  return found.right;
};

/** The log without some of its events: what a store that loses things would hold. */
const without = (isLost: (stream: string, revision: number) => boolean): AuditedLog => ({
  head: world.store.head,
  readAll: (options) => async () => {
    const page = await world.store.readAll(options)();
    if (isLeft(page)) return page;
    const events = page.right.events.filter(({ stream, revision }) => !isLost(stream, revision));
    return right({ ...page.right, events });
  },
  readStream: (stream, options) => async () => {
    const read = await world.store.readStream(stream, { ...options, limit: 1_000 })();
    if (isLeft(read)) return read;
    return right(read.right.filter(({ revision }) => !isLost(stream, revision)).slice(0, options.limit));
  },
});

/** One webhook of each fate, and what they were told of. */
const story = async () => {
  const event = { resource: 'event', identifier: '7' } as const;
  const [good, bad, disabled] = [
    await world.webhook(),
    await world.webhook({ url: 'https://bad.example/hook', retries: 0 }),
    await world.webhook({ url: 'https://bad.example/later', retries: 5 }),
  ];
  for (const path of ['hook', 'later']) world.sender.at(`https://bad.example/${path}`, answers(500));
  const changes = await world.report(
    world.change('event.update'),
    world.change('ticket.update', 't', { declared: [event] }),
    world.change('event.update', '8'),
  );
  await world.clock.advance(1_000);
  return { good, bad, disabled, changes };
};

describe('what a backfill told', () => {
  it('is accounted for, and counted apart', async () => {
    await world.report(world.change(), world.change('event.update', '8'));
    const webhook = await world.webhook();
    await world.report(world.change());
    await world.job({ kind: 'backfill', webhook });
    await world.clock.advance(5_000);
    const found = await conserved();
    expect(found).toMatchObject({
      totals: { scheduled: 3, delivered: 3 },
      backfilled: 2,
      pending: 0,
      differencesInAll: 0,
    });
    expect(addsUp(found)).toBe(true);
  });

  it('is unexpected where the webhook, as it was then, would not take the change', async () => {
    await world.report(world.change());
    const webhook = await world.webhook();
    await world.job({ kind: 'backfill', webhook });
    await world.clock.advance(5_000);
    const none: Rules = { ...BUILT_IN_RULES, direct: [] };
    expect(await conserved(world.store, none)).toMatchObject({
      differences: [{ kind: 'unexpected', webhook }],
    });
  });
});

describe('the account of all invocations', () => {
  it('says what became of every one, and that nothing is missing', async () => {
    const { disabled } = await story();
    expect((await conserved()).totals).toEqual({
      scheduled: 6,
      delivered: 2,
      exhausted: 2,
      waiting: 2,
      in_flight: 0,
      cancelled: 0,
      superseded: 0,
    });
    await world.process.webhooks.disable(disabled, CAUSE);
    await world.clock.advance(1_000);
    const found = await conserved();
    expect(found.totals).toMatchObject({ scheduled: 6, waiting: 0, cancelled: 2 });
    expect(found).toMatchObject({ changes: 3, pending: 0, removed: 0, differences: [] });
    expect(addsUp(found)).toBe(true);
  });

  it('names the change and the webhook of an invocation that is missing', async () => {
    const { good, changes } = await story();
    const lost = (await world.invocations(good))[0]?.facts.scheduled.guid ?? '';
    const found = await conserved(without((stream) => stream === `invocation-${lost}`));
    expect(found.differences).toEqual([{ kind: 'missing', change: changes[0], webhook: good }]);
    expect(found.totals.scheduled).toBe(5);
    expect(addsUp(found)).toBe(false);
  });

  it('names an invocation that nothing leads to', async () => {
    const { good, bad, disabled, changes } = await story();
    const found = await conserved(world.store, { ...BUILT_IN_RULES, direct: [] });
    const pairs = [changes[0], changes[2]].flatMap((change) =>
      [good, bad, disabled].map((webhook) => ({ kind: 'unexpected', change, webhook })),
    );
    expect(found.differences.toSorted(byText)).toEqual(pairs.toSorted(byText));
    expect(addsUp(found)).toBe(false);
  });

  it('takes the changes at the end of the log for pending, whoever is told of them', async () => {
    await story();
    await world.process.engine.drain(0);
    await world.report(world.change('event.update'), world.change('event.update', '9'));
    const found = await conserved();
    expect(found).toMatchObject({ changes: 5, pending: 2, differences: [] });
    expect(addsUp(found)).toBe(true);
  });

  it('looks an older change up at its place in the log, on a store whose streams do not tell it, too', async () => {
    const { changes } = await story();
    const row = world.process.readModels.change(changes[0] ?? '');
    if (row === undefined) throw new Error('the change is not known');
    const store: Pick<AuditedLog, 'readStream'> = {
      readStream: (stream, options) => async () => {
        const read = await world.store.readStream(stream, options)();
        return isLeft(read) ? read : right(read.right.map((event) => ({ ...event, position: 0 })));
      },
    };
    expect(await readChange(store, row)).toMatchObject({
      right: { id: changes[0], position: row.position, event: { identifier: '7' } },
    });
  });

  it('does not miss what was removed by policy but for its end', async () => {
    const { good } = await story();
    const settled = (await world.invocations(good))[0]?.facts.scheduled.guid ?? '';
    const found = await conserved(
      without((stream, revision) => stream === `invocation-${settled}` && revision < 2),
      BUILT_IN_RULES,
      true,
    );
    expect(found).toMatchObject({ removed: 1, differences: [], totals: { scheduled: 5, delivered: 1 } });
    expect(addsUp(found)).toBe(true);
  });
});

const byText = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
