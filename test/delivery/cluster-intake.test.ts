import { isRight } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ReportedChange } from '../../src/commands/reported-change.ts';
import { changeGuid, streamOf } from '../../src/domain/ids.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { COMPANY, type Process, World } from '../support/engine-world.ts';
import { opaqueStore } from '../support/opaque-store.ts';
import { promisesDone } from '../support/virtual-clock.ts';

let world: World;
let first: Process;
let second: Process;
beforeEach(async () => {
  world = new World({ leaseMs: 6_000 });
  first = await world.start();
  second = await world.start();
  await world.clock.advance(3_000);
});
afterEach(() => auditWorld(world));

type Answer = ReadonlyArray<string> | string;

const give = async ({ intake }: Process, ...changes: ReadonlyArray<ReportedChange>): Promise<Answer> => {
  const answer = await intake.report(changes, 'platform', world.random.uuid());
  return isRight(answer) ? answer.right.map(({ status }) => status) : answer.left._tag;
};

/** Until all are answered, however long that takes on the virtual clock. */
const all = async (given: ReadonlyArray<Promise<Answer>>): Promise<ReadonlyArray<Answer>> => {
  const answers = Promise.all(given);
  await world.clock.advance(2_000);
  return answers;
};

const stored = async (): Promise<ReadonlyArray<string>> =>
  (await world.log()).flatMap(({ event }) =>
    'identifier' in event && 'fingerprint' in event ? [`${event.id} ${event.identifier}`] : [],
  );

const claimed = async (): Promise<boolean> => {
  const found = await world.store.readStream(streamOf.claim(changeGuid(COMPANY, '/tests', 'x')), {
    limit: 1,
  })();
  return isRight(found) && found.right.length > 0;
};

describe('a change given to two nodes at once', () => {
  it('is accepted once and stored once', async () => {
    const change = world.change('event.update', '7', { id: 'x' });
    const answers = await all([give(first, change), give(second, change)]);
    expect(answers.flat().toSorted()).toEqual(['accepted', 'duplicate']);
    expect(await stored()).toEqual(['x 7']);
  });

  it('is stored once though others write to the same resource all the time', async () => {
    const twice = Array.from({ length: 20 }, (_, n) =>
      world.change('event.update', '7', { id: `twice-${n}` }),
    );
    const answers = await all([
      ...twice.map((change) => give(first, change)),
      ...Array.from({ length: 20 }, () => give(second, world.change('event.update', '7'))),
      ...twice.map((change) => give(second, change)),
    ]);
    const ids = await stored();
    expect(new Set(ids).size).toBe(ids.length);
    // Where so many meet, some are told to come again.
    const again = await all(twice.map((change) => give(first, change)));
    expect(answers.flat().filter((status) => status === 'accepted').length).toBeLessThanOrEqual(40);
    expect(new Set(again.flat())).toEqual(new Set(['duplicate']));
    expect(new Set((await stored()).filter((id) => id.startsWith('twice'))).size).toBe(20);
  });

  it('conflicts with itself under another subject: one is stored, the other refused', async () => {
    const [one, other] = ['7', '8'].map((identifier) =>
      world.change('event.update', identifier, { id: 'x' }),
    );
    if (one === undefined || other === undefined) throw new Error('two were made');
    const answers = await all([give(first, one), give(second, other)]);
    expect(answers.map(String).toSorted()).toEqual(['ChangeConflict', 'accepted']);
    expect(await stored()).toHaveLength(1);
  });

  it('is a duplicate on the other node a moment later, too, before its read models show it', async () => {
    const change = world.change('event.update', '7', { id: 'x' });
    expect(await give(first, change)).toEqual(['accepted']);
    expect(await all([give(second, change)])).toEqual([['duplicate']]);
    expect(await all([give(second, { ...change, identifier: '9' })])).toEqual(['ChangeConflict']);
    expect(await stored()).toEqual(['x 7']);
  });

  it('is completed by the next report where the node that claimed it has gone', async () => {
    const change = world.change('event.update', '7', { id: 'x' });
    world.store.appendFault = (batch) =>
      batch.some(({ stream }) => stream.startsWith('event-')) ? 'unavailable' : undefined;
    expect(await all([give(first, change)])).toEqual(['StoreUnavailable']);
    first.mortal.die();
    world.store.appendFault = () => undefined;
    expect(await all([give(second, change)])).toEqual([['duplicate']]);
    expect(await stored()).toEqual(['x 7']);
  });

  it('is not taken for the same event as that of a node that completes it at the same moment', async () => {
    const change = world.change('event.update', '7', { id: 'x' });
    let answered = false;
    // Both have looked, both are about to store it: the store confirms what has a known id at a known revision.
    world.store.beforeAppend = async (batch) => {
      if (answered || !batch.some(({ stream }) => stream.startsWith('event-'))) return;
      answered = true;
      expect(await all([give(second, change)])).toEqual([['duplicate']]);
    };
    expect(await all([give(first, change)])).toEqual([['accepted']]);
    expect(answered).toBe(true);
    const next = [first, second].map((node) => give(node, world.change('event.update', '7')));
    expect(await all(next)).toEqual([['accepted'], ['accepted']]);
    expect((await stored()).filter((id) => id === 'x 7' || id.endsWith(' 7'))).toHaveLength(3);
  });

  it('keeps the hash chain when it is stored by the other node after the first one claimed it', async () => {
    await all([give(first, world.change())]);
    const change = world.change('event.update', '7', { id: 'x' });
    world.store.beforeAnswer = () => new Promise((resolve) => void world.clock.setTimer(50, resolve));
    const given = give(first, change);
    // Stopped as soon as the claim is in the store, before its answer.
    while (!(await claimed())) await promisesDone();
    first.mortal.pause();
    world.store.beforeAnswer = async () => {};
    expect(await all([give(second, change)])).toEqual([['duplicate']]);
    first.mortal.resume();
    expect(await all([given])).toEqual([['accepted']]);
    expect(await all([give(first, world.change()), give(first, world.change())])).toEqual([
      ['accepted'],
      ['accepted'],
    ]);
    expect(await all([give(second, world.change())])).toEqual([['accepted']]);
    expect((await stored()).filter((one) => one === 'x 7')).toHaveLength(1);
  });

  it('keeps the hash chain in a batch that comes back to a resource, on a store that takes one stream after the other', async () => {
    world = new World({ leaseMs: 6_000, store: opaqueStore(openMemoryStore()) });
    [first, second] = [await world.start(), await world.start()];
    await world.clock.advance(3_000);
    const batch = ['7', '8', '8', '7', '8', '7'].map((identifier) =>
      world.change('event.update', identifier),
    );
    const [repeated] = batch;
    if (repeated === undefined) throw new Error('six were made');
    const given = give(first, ...batch, repeated);
    await world.clock.advance(1);
    const answers = await all([give(second, ...batch), given]);
    expect(answers[1]).toEqual([...batch.map(() => 'accepted'), 'duplicate']);
    expect(answers[0]).toEqual(batch.map(() => 'duplicate'));
    expect((await stored()).map((one) => one.split(' ')[1])).toEqual(['7', '8', '8', '7', '8', '7']);
    for (let round = 0; round < 30; round += 1) {
      const changes = ['7', '8', '7', '8'].map((identifier) => world.change('event.update', identifier));
      await all([give(first, ...changes), give(second, ...changes)]);
    }
    expect(await stored()).toHaveLength(6 + 30 * 4);
  });
});

describe('a batch that is refused because of one change', () => {
  const contested = (identifier: string): ReportedChange =>
    world.change('event.update', identifier, { id: 'contested' });
  const innocent = (identifier: string): ReportedChange =>
    world.change('event.update', identifier, { id: 'innocent' });

  it('leaves the ids of the others free for other content, again and again', async () => {
    for (const [round, id] of ['one', 'two', 'three'].entries()) {
      const other = world.change('event.update', '1', { id });
      const batch = [innocent(`a-${round}`), world.change('event.update', '2', { id })];
      // The other one first: it has the claim when the batch asks for it.
      expect(await all([give(first, other), give(second, ...batch)])).toEqual([
        ['accepted'],
        'ChangeConflict',
      ]);
    }
    const corrected = innocent('corrected');
    expect(await all([give(first, corrected)])).toEqual([['accepted']]);
    expect(await all([give(second, corrected)])).toEqual([['duplicate']]);
    expect(await all([give(second, innocent('a-0'))])).toEqual(['ChangeConflict']);
    expect((await stored()).filter((one) => one.startsWith('innocent'))).toEqual(['innocent corrected']);
  });

  it('does not give an id back that an equal report has joined meanwhile', async () => {
    let between = true;
    let joined: Promise<ReadonlyArray<Answer>> | undefined;
    const same = innocent('same');
    world.store.beforeAppend = async ([one]) => {
      if (
        !between ||
        one === undefined ||
        one.stream !== streamOf.claim(changeGuid(COMPANY, '/tests', 'contested'))
      )
        return;
      between = false;
      // The batch has claimed what it shares with the other node; what it is refused for comes only now.
      joined = all([give(second, same), give(second, contested('1'))]);
      await joined;
    };
    expect(await all([give(first, same, contested('2'))])).toEqual(['ChangeConflict']);
    expect(await joined).toEqual([['duplicate'], ['accepted']]);
    expect((await stored()).toSorted()).toEqual(['contested 1', 'innocent same']);
    expect(await all([give(first, innocent('other'))])).toEqual(['ChangeConflict']);
  });

  it('keeps the claims of what an earlier try has stored', async () => {
    world.store.splitBatches = true;
    let between = true;
    world.store.beforeAppend = async (batch) => {
      if (!between || !batch.some(({ stream }) => stream.endsWith('-8'))) return;
      between = false;
      expect(await all([give(second, world.change('event.update', '8'))])).toEqual([['accepted']]);
      world.store.appendFault = () => 'unavailable';
    };
    expect(await all([give(first, innocent('7'), world.change('event.update', '8'))])).toEqual([
      'StoreUnavailable',
    ]);
    world.store.appendFault = () => undefined;
    expect(await all([give(second, innocent('other'))])).toEqual(['ChangeConflict']);
    expect((await stored()).filter((one) => one.startsWith('innocent'))).toEqual(['innocent 7']);
  });
});

describe('changes of one resource that two nodes take at once', () => {
  it('are each decided on what is stored before, and keep the relations that others reported', async () => {
    const ticket = (id: string, more: Partial<ReportedChange> = {}): ReportedChange => ({
      ...world.change('ticket.update', 't', { id }),
      ...more,
    });
    const declared = [{ resource: 'event', identifier: '7' }] as const;
    let between = true;
    const overtaken = Promise.withResolvers<void>();
    world.store.beforeAppend = async ([one]) => {
      if (one?.stream.startsWith('ticket-') !== true) return;
      // One after the other to the same stream, as the adapter sends them.
      if (one.expectedRevision === 0) await overtaken.promise;
      if (!between) return;
      between = false;
      // The first node's one is about to be sent, and its next is decided on it already.
      expect(await all([give(second, ticket('other', { declared }))])).toEqual([['accepted']]);
      overtaken.resolve();
    };
    const answers = await all([give(first, ticket('one')), give(first, ticket('two'))]);
    expect(answers).toEqual([['accepted'], ['accepted']]);
    const log = await world.log();
    const newest = log.findLast(({ stream }) => stream.startsWith('ticket-'));
    expect(newest?.event).toMatchObject({ relations: { declared } });
  });

  it('are accepted though an earlier try stored a part of the batch', async () => {
    world.store.splitBatches = true;
    let between = true;
    world.store.beforeAppend = async (batch) => {
      if (!between || !batch.some(({ stream }) => stream.endsWith('-8'))) return;
      between = false;
      expect(await all([give(second, world.change('event.update', '8'))])).toEqual([['accepted']]);
    };
    const batch = ['7', '8'].map((identifier) => world.change('event.update', identifier));
    expect(await all([give(first, ...batch)])).toEqual([['accepted', 'accepted']]);
    expect(await stored()).toHaveLength(3);
  });
});
