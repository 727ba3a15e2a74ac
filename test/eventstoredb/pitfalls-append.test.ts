import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DatabaseOptions, DatabaseStore } from '../../src/eventstore/eventstoredb.ts';
import { append, get, readStream } from '../contract/event-store.ts';
import { change, Writer } from '../eventstore/events.ts';
import type { AppendFault } from './double/faults.ts';
import { Double } from './double/server.ts';
import { openAt } from './stores.ts';

/** Short, so that a test of silence does not take as long as silence may. */
const TIMES = { answerMs: 400, connectionMs: 300, repeatMs: 4_000, silenceMs: 300 };

let double: Double;
const stores: DatabaseStore[] = [];
beforeEach(async () => {
  double = await new Double().start();
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  double.stop();
});
const open = async (options: Partial<DatabaseOptions> = {}): Promise<DatabaseStore> => {
  const store = await openAt(double.url, { times: TIMES, ...options });
  stores.push(store);
  return store;
};
const idsIn = async (store: DatabaseStore, stream: string): Promise<ReadonlyArray<string>> =>
  (await readStream(store, stream)).map(({ event }) => event.id);
const storedAsJson = (stream: string): ReadonlyArray<boolean> => {
  const stored = double.log.stream(stream);
  return stored === undefined || stored === 'deleted' ? [] : stored.map(({ isJson }) => isJson);
};

describe('an append whose outcome is not known', () => {
  const faults: ReadonlyArray<AppendFault> = [
    'silent',
    'silent_stored',
    'cut',
    'cut_stored',
    'end_call',
    'end_call_stored',
    'reset',
    'reset_stored',
    'timeout',
    'timeout_stored',
    'busy',
    'not_ready',
  ];
  it.each(faults)('is repeated as it is until it is known: %s', async (fault) => {
    const store = await open();
    const writer = new Writer('order-1');
    await append(store, writer.next([1]));
    double.faults.appends.push(fault);
    const batch = writer.next([2, 3]);
    expect((await append(store, batch))[0]?.revision).toBe(2);
    const tries = double.appends.seen.filter(({ ids }) => ids[0] === batch.events[0]?.id);
    expect(tries.length).toBeGreaterThan(1);
    for (const { ids, expected, stream } of tries) {
      expect({ ids, expected, stream }).toEqual({
        ids: batch.events.map(({ id }) => id),
        expected: 0,
        stream: 'order-1',
      });
    }
    expect(await readStream(store, 'order-1')).toHaveLength(3);
    // The client is of use afterwards.
    await append(store, writer.next([4]));
  });

  it('is told as unknown when it stays so, and is stored once when the caller repeats it', async () => {
    const store = await open({ times: { ...TIMES, repeatMs: 900 } });
    double.faults.everyAppend = 'silent_stored';
    const batch = new Writer('order-1').next([1]);
    expect(await store.append([batch])()).toMatchObject(left({ _tag: 'OutcomeUnknown' }));
    double.faults.everyAppend = undefined;
    expect(await append(store, batch)).toMatchObject([{ revision: 0 }]);
    expect(await readStream(store, 'order-1')).toHaveLength(1);
  });

  it('that lost against another one is told so', async () => {
    const store = await open();
    const [ours, theirs] = [new Writer('order-1'), new Writer('order-1')];
    double.faults.appends.push('silent');
    const losing = store.append([ours.next([1])])();
    await expect.poll(() => double.appends.seen.length).toBeGreaterThan(1);
    // Another process, while ours waits for its answer.
    double.log.append('order-1', 'no_stream', [
      {
        id: theirs.next([2]).events[0]?.id ?? '',
        type: 'x',
        isJson: true,
        data: Buffer.from('{}'),
        metadata: Buffer.from('{}'),
      },
    ]);
    expect(await losing).toEqual(
      left({ _tag: 'WrongExpectedRevision', stream: 'order-1', expected: -1, actual: 0 }),
    );
  });

  it('waits for its twin of another process, which the server does not answer', async () => {
    const [one, other] = [await open(), await open()];
    double.faults.indexDelayMs = 200;
    double.faults.timeoutMs = 300;
    const batch = new Writer('order-1').next([1]);
    const results = await Promise.all([append(one, batch), append(other, batch)]);
    expect(results[0]).toEqual(results[1]);
    expect(await readStream(one, 'order-1')).toHaveLength(1);
  });
});

describe('an append', () => {
  it('that the server refuses for good is not repeated', async () => {
    const store = await open();
    const before = double.appends.seen.length;
    double.faults.appends.push('access_denied');
    const result = await store.append([new Writer('order-1').next([1])])();
    expect(result).toMatchObject(
      left({ _tag: 'StoreUnavailable', message: expect.stringContaining('access-denied') as string }),
    );
    expect(double.appends.seen).toHaveLength(before + 1);
  });

  it('of more than the server takes never leaves this process', async () => {
    const store = await open();
    const before = double.appends.seen.length;
    const tooLarge = new Writer('order-1').next([1], (n) => change(n, 'x'.repeat(1024 * 1024)));
    expect(await store.append([tooLarge])()).toMatchObject(
      left({ _tag: 'AppendTooLarge', bytesMax: store.appendBytesMax }),
    );
    expect(double.appends.seen).toHaveLength(before);
    // As much as the adapter lets through, the server takes.
    const most = new Writer('order-2').next([1], (n) => change(n, ''));
    const room = store.appendBytesMax - Buffer.byteLength(Object.values(most.events[0] ?? {}).join(''));
    const full = new Writer('order-2').next([1], (n) => change(n, 'x'.repeat(room)));
    await append(store, full);
    const over = new Writer('order-3').next([1], (n) => change(n, 'x'.repeat(room + 1)));
    expect(await store.append([over])()).toMatchObject(left({ _tag: 'AppendTooLarge' }));
  });

  it('that cannot be serialised fails before the call, and the client lives on', async () => {
    const store = await open();
    const before = double.appends.seen.length;
    const batch = new Writer('order-1').next([1]);
    const [event] = batch.events;
    const broken = { ...batch, events: [{ ...event, metadata: 'not JSON' }] } as typeof batch;
    await expect(store.append([broken])()).rejects.toThrow('metadata');
    expect(double.appends.seen).toHaveLength(before);
    await append(store, batch);
  });

  it('comes back byte for byte, whatever its data is', async () => {
    const store = await open();
    const batch = new Writer('order-1').next([1, 2, 3]);
    const texts = ['{"b":1, "a":2}', 'no JSON at all \u0000€', '{"1":{"__proto__":[1e400]}}'];
    const events = batch.events.map((event, index) => ({ ...event, data: texts[index] ?? '' }));
    await append(store, { ...batch, events });
    expect((await readStream(store, 'order-1')).map(({ event }) => event)).toEqual(events);
    expect(storedAsJson('order-1')).toEqual([false, false, false]);
  });

  it('is JSON to the tools of the database', async () => {
    const store = await open();
    await append(store, new Writer('order-1').next([1]));
    expect(storedAsJson('order-1')).toEqual([true]);
  });

  it('lets the server try for a minute, so that a clock may be wrong by as much', async () => {
    const store = await open();
    await append(store, new Writer('order-1').next([1]));
    const deadlineMs = double.appends.seen.at(-1)?.deadlineMs ?? 0;
    expect(deadlineMs - Date.now()).toBeGreaterThan(50_000);
  });

  it('waits its turn: the client never holds more than it may', async () => {
    const store = await open({ times: { ...TIMES, answerMs: 4_000 } });
    double.faults.everyAppend = 'late';
    double.faults.lateMs = 250;
    const COUNT = 700;
    const results = await Promise.all(
      Array.from({ length: COUNT }, (_, n) => store.append([new Writer(`order-${n}`).next([n])])()),
    );
    expect(results.filter(isLeft)).toEqual([]);
    expect(double.appends.inFlightMost).toBe(256);
    double.appends.inFlightMost = 0;
    const large = (n: number) =>
      new Writer(`order-large-${n}`).next([n], (id) => change(id, 'x'.repeat(1_000_000)));
    await Promise.all(Array.from({ length: 20 }, (_, n) => append(store, large(n))));
    expect(double.appends.inFlightMost).toBeLessThanOrEqual(8);
    expect(store.inFlight).toBe(0);
  });

  it('over several streams ends with the first failure; what is before it stays', async () => {
    const store = await open();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => new Writer(`order-${name}`));
    await append(store, ...[b?.next([1])].filter((part) => part !== undefined));
    const batch = [a, b, c].flatMap((writer) =>
      writer === undefined ? [] : [{ ...writer.next([2]), expectedRevision: -1 }],
    );
    expect(await store.append(batch)()).toMatchObject(
      left({ _tag: 'WrongExpectedRevision', stream: 'order-b' }),
    );
    expect([await idsIn(store, 'order-a'), await idsIn(store, 'order-c')].map((ids) => ids.length)).toEqual([
      1, 0,
    ]);
  });
});

describe('a batch over several streams that the server took in part', () => {
  it('is told as unknown, never as not stored, and is completed by the identical batch', async () => {
    const store = await open();
    const batch = ['a', 'b'].map((name) => new Writer(`order-${name}`).next([1]));
    double.faults.appends.push(undefined, 'access_denied');
    expect(await store.append(batch)()).toMatchObject(left({ _tag: 'OutcomeUnknown' }));
    await append(store, ...batch);
    expect([await idsIn(store, 'order-a'), await idsIn(store, 'order-b')].map((ids) => ids.length)).toEqual([
      1, 1,
    ]);
  });
});

describe('a server that is set up to take less at once', () => {
  const sized = (stream: string, bytes: number) =>
    new Writer(stream).next([1], (n) => change(n, 'x'.repeat(bytes)));

  it('is learned from: what it refused once is not sent again', async () => {
    const store = await open();
    double.log.maxAppendSize = 100_000;
    const tooLarge = left({ _tag: 'AppendTooLarge' });
    expect(await store.append([sized('order-1', 150_000)])()).toMatchObject(tooLarge);
    expect(store.appendBytesMax).toBeLessThanOrEqual(100_000);
    const before = double.appends.seen.length;
    expect(await store.append([sized('order-1', 99_000)])()).toMatchObject(tooLarge);
    expect(double.appends.seen).toHaveLength(before);
    await append(store, sized('order-1', 80_000));
  });

  it('in the middle of a batch leaves its outcome open once; then the batch is refused as a whole', async () => {
    const store = await open();
    double.log.maxAppendSize = 100_000;
    const batch = [sized('order-a', 10), sized('order-b', 150_000), sized('order-c', 10)];
    expect(await store.append(batch)()).toMatchObject(left({ _tag: 'OutcomeUnknown' }));
    expect(await store.append(batch)()).toMatchObject(left({ _tag: 'AppendTooLarge' }));
    expect(await idsIn(store, 'order-c')).toEqual([]);
    // What can be stored is, after a split.
    await append(store, sized('order-a', 10));
    await append(store, sized('order-c', 10));
    expect(await idsIn(store, 'order-a')).toHaveLength(1);
  });
});

describe('many appends when the server dies', () => {
  it('are all known in the end, none twice, and the process lives', { timeout: 60_000 }, async () => {
    const store = await open({
      times: { ...TIMES, answerMs: 2_000, connectionMs: 15_000, repeatMs: 30_000 },
    });
    const writers = Array.from({ length: 300 }, (_, n) => new Writer(`order-${n}`));
    const text = 'x'.repeat(20_000);
    const all = Promise.all(
      writers.map(async (writer) => {
        for (let n = 0; n < 4; n += 1) {
          const result = await store.append([writer.next([n], (id) => change(id, text))])();
          if (isLeft(result)) return result;
        }
        return right(undefined);
      }),
    );
    for (let kills = 0; kills < 3; kills += 1) {
      await new Promise((resolve) => setTimeout(resolve, 120));
      double.stop();
      await new Promise((resolve) => setTimeout(resolve, 60));
      await double.start();
    }
    expect((await all).filter(isLeft)).toEqual([]);
    for (const { stream } of writers) expect(double.log.stream(stream)).toHaveLength(4);
  });

  it('that share a call which is reset: all are repeated', async () => {
    const store = await open();
    double.faults.appends.push(undefined, 'reset');
    const results = await Promise.all(
      [1, 2, 3, 4].map((n) => store.append([new Writer(`order-${n}`).next([n])])()),
    );
    expect(results.filter(isLeft)).toEqual([]);
    expect(get(await store.readStream('order-3', { limit: 10 })())).toHaveLength(1);
  });
});
