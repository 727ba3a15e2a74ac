import { isRight, left, right } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decode, headOf, seal } from '../../src/eventstore/codec.ts';
import type { DatabaseStore } from '../../src/eventstore/eventstoredb.ts';
import { readRemovals, REMOVALS_STREAM } from '../../src/eventstore/removals.ts';
import { SealWatch } from '../../src/eventstore/seal-watch.ts';
import { readSeals } from '../../src/eventstore/seals.ts';
import { openRemovalIndex } from '../../src/eventstore/sqlite-removals.ts';
import { checkLog } from '../../src/migration/check-log.ts';
import { scavenge, type ScavengeTarget, survey } from '../../src/migration/scavenge.ts';
import { rootFault } from '../../src/audit/kept-root.ts';
import { checkProof, wrap } from '../../src/audit/proof-check.ts';
import { prove, rootAt } from '../../src/audit/prove.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { append, get, readStream } from '../contract/event-store.ts';
import { sealNow } from '../contract/seals.ts';
import { CAUSE } from '../eventstore/events.ts';
import { Double } from '../eventstoredb/double/server.ts';
import { openAt } from '../eventstoredb/stores.ts';
import { DAY_MS, invocationOf, live, LIVES, SETTLED } from './invocation-history.ts';

const NOW_MS = Date.UTC(2026, 5, 1);
const OLD_MS = NOW_MS - 100 * DAY_MS;
const OPTIONS = {
  settledBeforeMs: NOW_MS - 90 * DAY_MS,
  nowMs: NOW_MS,
  newId: () => crypto.randomUUID(),
};

let double: Double;
let store: DatabaseStore;
beforeEach(async () => {
  double = await new Double().start();
  store = await openAt(double.url);
});
afterEach(async () => {
  await store.close();
  double.stop();
});

/** One of every kind, long ago and lately. */
const everyKind = async (): Promise<ReadonlyMap<string, string>> => {
  const streams = new Map<string, string>();
  for (const [index, life] of Object.keys(LIVES).entries()) {
    streams.set(`old ${life}`, await live(store, index, life, OLD_MS));
    streams.set(`new ${life}`, await live(store, 100 + index, life, NOW_MS - 89 * DAY_MS));
  }
  return streams;
};

const revisions = async (stream: string): Promise<ReadonlyArray<number>> =>
  (await readStream(store, stream)).map(({ revision }) => revision);

/** As `callboard audit verify` does with seals. */
const verifySeals = async () => {
  const removals = openRemovalIndex();
  get(await readRemovals(store, (removal) => removals.add(removal)));
  const { seals, broken } = get(await readSeals(store));
  const watch = new SealWatch(seals, store.id, removals);
  const { breaks } = get(await checkLog(store, { breaksMax: 100, removals, watch }));
  removals.close();
  expect(broken).toBeUndefined();
  return { breaks, ...watch.counts() };
};

/** As `callboard audit verify` does. */
const verify = async () => {
  const removals = openRemovalIndex();
  const broken = get(await readRemovals(store, (removal) => removals.add(removal)));
  const { breaks, events, streams } = get(await checkLog(store, { breaksMax: 100, removals }));
  const counts = removals.counts();
  removals.close();
  return { breaks: [...(broken === undefined ? [] : [broken]), ...breaks], events, streams, ...counts };
};

const metadataOf = (stream: string): unknown => {
  const newest = double.log.all.findLast((event) => event.stream === `$$${stream}`);
  return newest === undefined ? undefined : JSON.parse(Buffer.from(newest.data).toString('utf8'));
};

describe('scavenge', () => {
  it('takes all but the last event of what was settled long ago, and nothing else', async () => {
    const streams = await everyKind();
    const before = new Map<string, number>();
    for (const stream of streams.values()) before.set(stream, (await revisions(stream)).length);
    const planned = get(await survey(store, OPTIONS));
    const done = get(await scavenge(store, OPTIONS));
    expect(done).toMatchObject({ ...planned, resumed: 0, keptWhole: 0, broken: 0, before: 0 });
    expect(done.streams).toBe(SETTLED.length);
    let events = 0;
    for (const [name, stream] of streams) {
      const count = before.get(stream) ?? 0;
      const goes = SETTLED.some((life) => name === `old ${life}`);
      if (goes) events += count - 1;
      expect([name, await revisions(stream)]).toEqual([
        name,
        goes ? [count - 1] : Array.from({ length: count }, (_, n) => n),
      ]);
    }
    expect(done.events).toBe(events);
    expect(done.bytes).toBeGreaterThan(events * 100);
  });

  it('changes nothing when it is done again, also after the database has freed the space', async () => {
    await everyKind();
    get(await scavenge(store, OPTIONS));
    const length = double.log.all.length;
    const again = { streams: 0, before: SETTLED.length, keptWhole: 0, resumed: SETTLED.length };
    expect(get(await scavenge(store, OPTIONS))).toMatchObject(again);
    expect(double.log.all).toHaveLength(length);
    expect(double.log.scavenge()).toBeGreaterThan(SETTLED.length);
    expect(get(await scavenge(store, OPTIONS))).toMatchObject(again);
    expect((await verify()).breaks).toEqual([]);
  });

  it('leaves seals that hold, though they end within what goes, and a proof of what stays', async () => {
    const streams = await everyKind();
    const sealed = await sealNow(store, 3);
    expect(sealed.length).toBeGreaterThan(10);
    const root = rootAt(sealed);
    expect(get(await scavenge(store, OPTIONS)).streams).toBe(SETTLED.length);
    const counts = { holding: sealed.length, unprovable: 0, unsealed: 0 };
    expect(await verifySeals()).toMatchObject({ breaks: [], ...counts });
    const positions = double.log.all.map(({ position }) => position);
    double.log.scavenge(positions[Math.floor(positions.length / 3)] ?? 0);
    expect(await verifySeals()).toMatchObject({ breaks: [], ...counts });
    double.log.scavenge();
    const after = await verifySeals();
    expect(after).toMatchObject({ breaks: [], ...counts });
    expect(after.thinned).toBeGreaterThan(0);
    const { seals } = get(await readSeals(store));
    expect(rootFault(root, seals)).toBeUndefined();

    const removals = openRemovalIndex();
    get(await readRemovals(store, (removal) => removals.add(removal)));
    for (const life of SETTLED) {
      const stream = streams.get(`old ${life}`) ?? '';
      const [first] = await readStream(store, stream);
      const guid = stream.slice('invocation-'.length);
      const subject = { kind: 'invocation', guid, stream, revision: first?.revision ?? 0 } as const;
      const { proof } = get(await prove({ log: store, seals, removals }, subject));
      const checked = checkProof(wrap('callboardProof', proof), wrap('callboardRoot', { root }));
      expect(checked).toMatchObject({ holds: true });
      expect(checked.holds ? checked.lines[0] : '').toContain(`from revision ${first?.revision} on`);
    }
    removals.close();
  });

  it('takes nothing that no seal covers, once there are seals', async () => {
    await live(store, 0, SETTLED[0] ?? '', OLD_MS);
    await sealNow(store);
    await live(store, 1, SETTLED[0] ?? '', OLD_MS);
    expect(get(await scavenge(store, OPTIONS)).streams).toBe(1);
    await sealNow(store);
    expect(get(await scavenge(store, OPTIONS)).streams).toBe(1);
    double.log.scavenge();
    expect(await verifySeals()).toMatchObject({ breaks: [], holding: 2 });
  });

  it('leaves a log that can be checked, wherever a scavenge of the database was stopped', async () => {
    await everyKind();
    const whole = await verify();
    expect(whole).toMatchObject({ breaks: [], gone: 0, whole: 0, streams: 2 * Object.keys(LIVES).length });
    get(await scavenge(store, OPTIONS));
    expect(await verify()).toMatchObject({
      breaks: [],
      gone: 0,
      whole: SETTLED.length,
      events: whole.events,
    });
    const positions = double.log.all.map(({ position }) => position);
    for (const position of positions) {
      double.log.scavenge(position);
      const { breaks, gone, whole: rest, streams } = await verify();
      expect([breaks, gone + rest, streams]).toEqual([[], SETTLED.length, whole.streams]);
    }
    double.log.scavenge();
    expect(await verify()).toMatchObject({ breaks: [], gone: SETTLED.length, whole: 0 });
  });

  it('is found out when what remains is not what was there, or when nothing remains', async () => {
    const stream = await live(store, 1, 'delivered', OLD_MS);
    const other = await live(store, 2, 'delivered', OLD_MS);
    get(await scavenge(store, OPTIONS));
    double.log.scavenge();
    const { all } = double.log;
    const at = all.findIndex((event) => event.stream === stream);
    const last = all[at];
    if (last === undefined) throw new Error('nothing remains');
    const text = Buffer.from(last.data).toString('utf8').replace('204', '205');
    all[at] = { ...last, data: Buffer.from(text) };
    expect((await verify()).breaks).toMatchObject([
      { stream, revision: 2, reason: expect.stringContaining('does not fit the hash recorded') as string },
    ]);
    all.splice(
      all.findIndex((event) => event.stream === other),
      1,
    );
    expect((await verify()).breaks).toMatchObject([
      { stream },
      {
        stream: other,
        revision: 2,
        reason: expect.stringContaining('the rest, which stays for ever, is gone') as string,
      },
    ]);
  });

  it('leaves a beginning that is gone without a record a break, and takes nothing of such a stream', async () => {
    const stream = await live(store, 1, 'retried', OLD_MS);
    get(await store.truncateBefore(stream, 2));
    double.log.scavenge();
    expect((await verify()).breaks).toMatchObject([{ stream, revision: 2 }]);
    expect(get(await scavenge(store, OPTIONS))).toMatchObject({ streams: 0, broken: 1 });
    expect(await revisions(stream)).toEqual([2, 3, 4, 5]);
    // A record for another revision does not help it.
    const removals = openRemovalIndex();
    removals.add({ stream, revision: 0, hash: 'f'.repeat(64) });
    expect(get(await checkLog(store, { breaksMax: 9, removals })).breaks).toMatchObject([{ revision: 2 }]);
    removals.close();
  });

  it('does not truncate what does not hang together', async () => {
    const stream = await live(store, 1, 'delivered', OLD_MS);
    const alter = (target: DatabaseStore): ScavengeTarget => ({
      ...target,
      readStream: (name, options) => async () => {
        const events = get(await target.readStream(name, options)());
        return right(
          events.map((recorded) =>
            recorded.revision === 0 && recorded.stream === stream
              ? {
                  ...recorded,
                  event: { ...recorded.event, data: recorded.event.data.replace('paid', 'sold') },
                }
              : recorded,
          ),
        );
      },
    });
    const done = get(await scavenge(alter(store), OPTIONS));
    expect(done).toMatchObject({
      streams: 0,
      broken: 1,
      examples: [expect.stringContaining(stream) as string],
    });
    expect(metadataOf(stream)).toBeUndefined();
  });

  it('never truncates lower, and keeps what else the metadata say', async () => {
    const stream = await live(store, 1, 'delivered', OLD_MS);
    const data = Buffer.from(JSON.stringify({ $tb: 1, $acl: { $r: '$all' }, ours: 'x' }));
    const event = {
      id: crypto.randomUUID(),
      type: '$metadata',
      isJson: true,
      data,
      metadata: Buffer.from('{}'),
    };
    double.log.append(`$$${stream}`, 'any', [event]);
    get(await store.truncateBefore(stream, 2));
    expect(metadataOf(stream)).toEqual({ $tb: 2, $acl: { $r: '$all' }, ours: 'x' });
    get(await store.truncateBefore(stream, 1));
    get(await store.takeBackTruncation(stream, 1));
    expect(metadataOf(stream)).toMatchObject({ $tb: 2 });
    get(await store.takeBackTruncation(stream, 2));
    expect(metadataOf(stream)).toEqual({ $acl: { $r: '$all' }, ours: 'x' });
  });

  it('gives back what a retry by hand overtakes, also when it is killed right then', async () => {
    for (const killed of [false, true]) {
      const n = killed ? 2 : 1;
      const stream = await live(store, n, 'delivered', OLD_MS);
      const events = await readStream(store, stream);
      const asked = { type: 'RetryRequested', retries: 1, retryBaseMs: 1_000, atMs: NOW_MS } as const;
      const retry = seal(stream, headOf(events, stream), [{ id: guidOf(n), event: asked }], CAUSE);
      const overtaken: ScavengeTarget = {
        ...store,
        truncateBefore: async (name, revision) => {
          await append(store, retry.append);
          const truncated = await store.truncateBefore(name, revision);
          return killed ? left('killed') : truncated;
        },
      };
      const done = await scavenge(overtaken, OPTIONS);
      if (killed) {
        expect(isRight(done)).toBe(false);
        expect(await revisions(stream)).toEqual([2, 3]);
        expect(get(await scavenge(store, OPTIONS))).toMatchObject({ keptWhole: 1, resumed: 1 });
      } else expect(get(done)).toMatchObject({ keptWhole: 1 });
      expect(await revisions(stream)).toEqual([0, 1, 2, 3]);
    }
    expect((await verify()).breaks).toEqual([]);
  });

  it('goes on after an end at any point', async () => {
    const streams = await everyKind();
    const settled = SETTLED.map((life) => streams.get(`old ${life}`) ?? '');
    const states = new Set<number>();
    /** Ends after so many writes; the last one may have come through, unheard. */
    const ending = (writes: number, through: boolean): ScavengeTarget => {
      let left_ = writes;
      const step = async <A>(work: () => Promise<A>): Promise<A> => {
        left_ -= 1;
        if (left_ >= 0) return work();
        if (left_ === -1 && through) await work();
        throw new Error('killed');
      };
      return {
        ...store,
        append: (batch) => () => step(store.append(batch)),
        truncateBefore: (...to) => step(() => store.truncateBefore(...to)),
      };
    };
    for (let writes = 0; writes < 2; writes += 1) {
      for (const through of [false, true]) {
        await expect(scavenge(ending(writes, through), OPTIONS)).rejects.toThrow('killed');
        const { breaks } = await verify();
        expect(breaks).toEqual([]);
        const truncated = settled.filter((stream) => metadataOf(stream) !== undefined).length;
        states.add(truncated);
        // Nothing is truncated that is not recorded.
        const recorded = new Set<string>();
        get(await readRemovals(store, ({ stream }) => void recorded.add(stream)));
        for (const stream of settled)
          if (metadataOf(stream) !== undefined) expect(recorded).toContain(stream);
      }
    }
    expect(states.size).toBeGreaterThan(1);
    get(await scavenge(store, OPTIONS));
    for (const stream of settled) expect(await revisions(stream)).toHaveLength(1);
    double.log.scavenge();
    expect(await verify()).toMatchObject({ breaks: [], gone: SETTLED.length });
  });

  it('of two at once one gives up', async () => {
    await everyKind();
    const stalled: ScavengeTarget = {
      ...store,
      append: (batch) => async () => {
        get(await scavenge(store, OPTIONS));
        return store.append(batch)();
      },
    };
    expect(await scavenge(stalled, OPTIONS)).toEqual(
      left("another 'callboard scavenge' is at work on this store"),
    );
    expect(await revisions(REMOVALS_STREAM)).toEqual([0]);
  });

  it('records many at once, in appends that the store takes', { timeout: 120_000 }, async () => {
    for (let n = 0; n < 1_200; n += 1) await live(store, n, 'cancelled', OLD_MS);
    expect(get(await scavenge(store, OPTIONS))).toMatchObject({ streams: 1_200, events: 1_200 });
    expect(await revisions(REMOVALS_STREAM)).toEqual([0, 1]);
    double.log.scavenge();
    expect(await verify()).toMatchObject({ breaks: [], gone: 1_200, streams: 1_200, events: 1_200 });
  });
});

describe('what is left', () => {
  it('is passed over by new read models where it may be, and a defect where it may not', async () => {
    await live(store, 1, 'delivered', OLD_MS);
    await live(store, 2, 'delivered', NOW_MS);
    get(await scavenge(store, OPTIONS));
    double.log.scavenge();
    const page = get(
      await store.readAll({ after: 0, limit: 100, filter: { streamPrefixes: ['invocation-'] } })(),
    );
    const events = page.events.map((recorded) => get(decode(recorded)));
    expect(events.map(({ revision }) => revision)).toEqual([2, 0, 1, 2]);
    const models = openReadModels({ path: ':memory:', beginningsMayBeGone: true });
    models.apply('log', events, page.next);
    expect(models.counts()).toMatchObject({ delivered: 1, waiting: 0 });
    expect(models.invocation(invocationOf(1))).toBeUndefined();
    models.close();
    const strict = openReadModels({ path: ':memory:' });
    expect(() => strict.apply('log', events, page.next)).toThrow(/was never scheduled/);
    strict.close();
  });

  it('keeps its stream: the very same scheduling writes nothing, before the space is freed and after it', async () => {
    const stream = await live(store, 1, 'delivered', OLD_MS);
    const [scheduling] = await readStream(store, stream);
    if (scheduling === undefined) throw new Error('nothing was scheduled');
    const again = { stream, expectedRevision: -1, events: [scheduling.event] };
    get(await scavenge(store, OPTIONS));
    expect(get(await store.append([again])())).toMatchObject([{ revision: 0 }]);
    double.log.scavenge();
    double.log.forget();
    expect(await store.append([again])()).toMatchObject({
      left: { _tag: 'WrongExpectedRevision', actual: 2 },
    });
    expect(await revisions(stream)).toEqual([2]);
  });
});

describe('the stream of the nodes', () => {
  it('is limited by whoever opens the store to write, once, and not by readers', async () => {
    const cluster = (): ReadonlyArray<unknown> =>
      double.log.all.filter(({ stream }) => stream === '$$callboard-cluster');
    expect(metadataOf('callboard-cluster')).toEqual({ $maxCount: 5_000 });
    await (await openAt(double.url)).close();
    expect(cluster()).toHaveLength(1);
    const other = await new Double().start();
    await (await openAt(other.url)).close();
    const { all } = other.log;
    all.splice(
      all.findIndex(({ stream }) => stream === '$$callboard-cluster'),
      1,
    );
    const before = all.length;
    await (await openAt(other.url, { readOnly: true })).close();
    expect(all).toHaveLength(before);
    other.stop();
  });

  it('keeps a number that was set by hand, and a store without it opens all the same', async () => {
    const data = Buffer.from(JSON.stringify({ $maxCount: 50_000 }));
    const event = {
      id: crypto.randomUUID(),
      type: '$metadata',
      isJson: true,
      data,
      metadata: Buffer.from('{}'),
    };
    double.log.append('$$callboard-cluster', 'any', [event]);
    await (await openAt(double.url)).close();
    expect(metadataOf('callboard-cluster')).toEqual({ $maxCount: 50_000 });

    const denying = await new Double().start();
    // The store's name is written, its limits may not be.
    denying.faults.appends.push(undefined, 'access_denied');
    const warned: string[] = [];
    const { silentLog } = await import('../../src/ports/log.ts');
    const log = { ...silentLog, warn: (_: object, message: string) => void warned.push(message) };
    await (await openAt(denying.url, { log })).close();
    expect(warned).toEqual(['the stream callboard-cluster will go on growing']);
    denying.stop();
  });
});
