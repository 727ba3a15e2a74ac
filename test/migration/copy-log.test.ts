import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import { describe, expect, it } from 'vitest';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { compareLogs } from '../../src/migration/compare-logs.ts';
import { copyLog } from '../../src/migration/copy-log.ts';
import { append, get } from '../contract/event-store.ts';
import { resourceStream, Writer } from '../eventstore/events.ts';
import { contents, nameOf, plain, write } from './logs.ts';

const go = { beforeCopying: async () => right(undefined) };

const filled = async (count: number): Promise<EventStore> => {
  const store = openMemoryStore();
  await write(store, plain(count));
  return store;
};

/** Takes so many appends, then none: as after a kill. */
const failingAfter = (store: EventStore, appends: number): EventStore => {
  let left_ = appends;
  return {
    ...store,
    append: (batch) => {
      left_ -= 1;
      return left_ < 0
        ? async () => left({ _tag: 'StoreUnavailable', message: 'killed' })
        : store.append(batch);
    },
  };
};

describe('copyLog', () => {
  it('brings everything over in order, and a second time nothing', async () => {
    const [source, target] = [await filled(1_000), openMemoryStore()];
    expect(get(await copyLog(source, target, go))).toEqual({ found: 0, copied: 1_000 });
    expect(await contents(target)).toEqual(await contents(source));
    expect(get(await copyLog(source, target, go))).toEqual({ found: 1_000, copied: 0 });
    expect(get(await compareLogs(source, target, 1_000))).toMatchObject({ events: 1_000 });
  });

  it('goes on where it was cut off', async () => {
    const [source, target] = [await filled(1_000), openMemoryStore()];
    const cut = await copyLog(source, failingAfter(target, 2), go);
    expect(cut).toMatchObject(left({ _tag: 'StoreUnavailable' }));
    const { found, copied } = get(await copyLog(source, target, go));
    expect(found).toBeGreaterThan(0);
    expect(found + copied).toBe(1_000);
    expect(await contents(target)).toEqual(await contents(source));
  });

  it('goes on when the source has grown since', async () => {
    const [source, target] = [openMemoryStore(), openMemoryStore()];
    const writer = new Writer(resourceStream('event', 1));
    await append(source, writer.next([1, 2]));
    get(await copyLog(source, target, go));
    await append(source, writer.next([3]));
    expect(get(await copyLog(source, target, go))).toEqual({ found: 2, copied: 1 });
    expect(await contents(target)).toEqual(await contents(source));
  });

  it('knows a part of its batch that arrived late', async () => {
    const source = openMemoryStore();
    const writer = new Writer(resourceStream('event', 1));
    await append(source, writer.next([1, 2, 3, 4]), new Writer(resourceStream('event', 2)).next([5]));
    const target = openMemoryStore();
    const [first, second] = (await contents(source)).map(({ event }) => event);
    if (first === undefined || second === undefined) throw new Error('no events');
    // Arrives between the look at the target and the first append.
    const late = {
      beforeCopying: async () => {
        await append(target, {
          stream: resourceStream('event', 1),
          expectedRevision: -1,
          events: [first, second],
        });
        return right(undefined);
      },
    };
    get(await copyLog(source, target, late));
    expect(await contents(target)).toEqual(await contents(source));
  });

  it.each([
    [
      'another stream',
      async (target: EventStore) => append(target, new Writer(resourceStream('event', 9)).next([1])),
    ],
    [
      'another event in the same stream',
      async (target: EventStore) => append(target, new Writer(nameOf(0)).next([77])),
    ],
  ])('refuses a target with %s before it writes there, and says where', async (_, spoil) => {
    const [source, target] = [await filled(50), openMemoryStore()];
    await spoil(target);
    let asked = false;
    const refused = await copyLog(source, target, {
      beforeCopying: async () => {
        asked = true;
        return right(undefined);
      },
    });
    expect(refused).toMatchObject(left({ _tag: 'TargetDiffers' }));
    expect(isLeft(refused) ? refused.left.message : '').toMatch(/stream '.+' at revision 0/);
    expect(asked).toBe(false);
    expect(await contents(target)).toHaveLength(1);
  });

  it('refuses a target that went on by itself', async () => {
    const [source, target] = [await filled(50), await filled(50)];
    await append(target, new Writer(resourceStream('event', 'mine')).next([1]));
    const refused = await copyLog(source, target, go);
    expect(isLeft(refused) ? refused.left.message : '').toBe(
      `the target goes on where the source ends: stream '${resourceStream('event', 'mine')}' at revision 0`,
    );
  });

  it('refuses a target with an event that differs in its bytes alone', async () => {
    const source = openMemoryStore();
    await append(source, new Writer(resourceStream('event', 1)).next([1]));
    const target = openMemoryStore();
    const [recorded] = await contents(source);
    if (recorded === undefined) throw new Error('no events');
    const events = [{ ...recorded.event, data: `${recorded.event.data} ` }];
    await append(target, { stream: recorded.stream, expectedRevision: -1, events });
    expect(await copyLog(source, target, go)).toMatchObject(
      left({
        message: `the target has another event in stream '${resourceStream('event', 1)}' at revision 0: its data differs`,
      }),
    );
  });
});

describe('compareLogs', () => {
  it.each(['source', 'target'] as const)('tells that the %s was written meanwhile', async (which) => {
    const stores = { source: await filled(300), target: await filled(300) };
    await append(stores[which], new Writer(resourceStream('order', 'new')).next([1]));
    const compared = await compareLogs(stores.source, stores.target, 300);
    expect(compared).toMatchObject(left({ _tag: 'WrittenMeanwhile' }));
    expect(isLeft(compared) ? compared.left.message : '').toContain(`the ${which} was written`);
    expect(isLeft(compared) ? compared.left.message : '').toContain(
      `stream '${resourceStream('order', 'new')}' at revision 0`,
    );
  });

  it('tells what is missing in the target', async () => {
    const compared = await compareLogs(await filled(300), await filled(299), 300);
    expect(compared).toMatchObject(left({ _tag: 'TargetDiffers' }));
    expect(isLeft(compared) ? compared.left.message : '').toMatch(
      /^the target ends where the source has stream/,
    );
  });

  it('tells a stream that its own readers see shorter than the log', async () => {
    const [source, target] = [await filled(300), await filled(300)];
    const shorter: EventStore = {
      ...target,
      readStream: (stream, options) => async () => {
        const events = get(await target.readStream(stream, options)());
        return right(stream.startsWith('webhook-') && options.direction === 'backwards' ? [] : events);
      },
    };
    const compared = await compareLogs(source, shorter, 300);
    expect(isLeft(compared) ? compared.left.message : '').toMatch(
      /^stream 'webhook-.*has 0 events in the target/,
    );
  });
});
